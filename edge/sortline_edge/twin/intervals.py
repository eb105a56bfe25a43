"""How far a share that was counted may be from the true one."""

from statistics import NormalDist

CONFIDENCE = 0.95


def share_interval(part: int, whole: int, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The interval that holds the true share with about `confidence`, where `part` of `whole` were counted.

    Wilson's score interval: unlike the textbook one it stays within 0 and 1 and is usable for few or for all alike.
    Wilson, Probable Inference, JASA 22 (1927).

    Returns:
        Its ends; None where nothing was counted.
    """
    if not whole:
        return None
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    share = part / whole
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = (z2 * (share * (1 - share) + z2 / (4 * whole)) / whole) ** 0.5 / (1 + z2 / whole)
    # At its ends the interval is exact, and rounding shall not say otherwise.
    return middle - half if part else 0.0, middle + half if part < whole else 1.0
