"""The bin mix of the real line: how its classes come up, and calibration photographs chosen to stand for it.

Purity depends on it: where paper is rare, a mistaken tray weighs more among what is answered "paper". Photographs are
left out until the rest stands for the line, and the rest is counted as ever. Fixed numbers of each class vary less than
items as they come (Hoeffding, Annals of Mathematical Statistics 27, 1956), so that a binomial bound holds on; see
`benchmarks/threshold_promise.py`. Weighing photographs instead, under a bound by betting twelve fixed stakes at once
(after Waudby-Smith and Ramdas, JRSS B 86, 2024), recovered no more in any of 27 simulated settings, and up to 43 points
less.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError, PhotographError

_ROUNDED = 0.021  # shares are typed rounded: a seventh seven times is 0.98


def parse_mix(text: str, class_names: Sequence[str]) -> tuple[float, ...]:
    """The share of each class from text such as `paper=0.5,tray=0.5,glass=0`, in the order of `class_names`.

    Every class is named, so that none is forgotten and none is misspelt; 0 is one that never comes. Shares that add up
    to 1 but for rounding are made to.

    Raises:
        ConfigError: saying what is wrong with it, and what to write.
    """
    shares: dict[str, float] = {}
    for piece in text.split(","):
        name, equals, number = (part.strip() for part in piece.rpartition("="))
        if not equals:
            raise ConfigError(f"--mix: {piece.strip()!r} is not a class and its share, such as paper=0.5")
        if name not in class_names:
            raise ConfigError(f"--mix: {name!r} is not a class of this run; the classes are {', '.join(class_names)}")
        if name in shares:
            raise ConfigError(f"--mix: {name} stands there twice; give each class one share")
        shares[name] = _share(name, number)
    missing = [name for name in class_names if name not in shares]
    if missing:
        raise ConfigError(f"--mix: no share for {', '.join(missing)}; write {missing[0]}=0 for one that never comes")
    total = math.fsum(shares.values())
    if abs(total - 1) > _ROUNDED:
        raise ConfigError(f"--mix: the shares add up to {total:g}; make them add up to 1")
    if sum(share > 0 for share in shares.values()) < 2:
        raise ConfigError("--mix: only one class has a share, so there is nothing to sort; give a second one a share")
    return tuple(shares[name] / total for name in class_names)


def sample_class(
    nth: int, labels: NDArray[np.int64], digests: Sequence[str], class_names: Sequence[str], mix: Sequence[float]
) -> tuple[NDArray[np.bool_], float]:
    """Photographs for the purity of one class: all of its own, and of the others so many that they are in the mix.

    All of its own, although that may not be their share: how often right answers come up then differs by a factor that
    is known, and of the right answers, the many, none is thrown away. Numbers are rounded up, against the class.

    Args:
        nth: Of the class.
        labels: `(N,) int64`, the true classes.
        digests: N, of the photographs: within a class those with the lowest are kept, so that nothing is random.
        class_names: The C classes.
        mix: C shares that add up to 1, of more than one class.

    Returns:
        `(N,) bool`, which are kept; and how much more often, compared with wrong answers, right ones come up on the
        line than among those.

    Raises:
        PhotographError: a class that comes on the line has no calibration photographs.
    """
    weights = _weights(labels, class_names, mix)
    others = max(weight for other, weight in enumerate(weights) if other != nth)
    shares = [1.0 if other == nth else weight / others for other, weight in enumerate(weights)]
    return _lowest(labels, digests, shares), weights[nth] / others


def sample_all(
    labels: NDArray[np.int64], digests: Sequence[str], class_names: Sequence[str], mix: Sequence[float]
) -> NDArray[np.bool_]:
    """Photographs in the mix, as many as there can be; the arguments are those of `sample_class`.

    Raises:
        PhotographError: a class that comes on the line has no calibration photographs.
    """
    weights = _weights(labels, class_names, mix)
    return _lowest(labels, digests, [weight / max(weights) for weight in weights])


def _share(name: str, number: str) -> float:
    try:
        share = float(number)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ConfigError(f"--mix: the share of {name} must be from 0 to 1, received {number!r}")
    return share


def _weights(labels: NDArray[np.int64], class_names: Sequence[str], mix: Sequence[float]) -> list[float]:
    """How many items of the line each photograph of a class stands for, up to a factor."""
    counts = np.bincount(labels, minlength=len(class_names))
    for name, share, count in zip(class_names, mix, counts, strict=True):
        if share and not count:
            raise PhotographError(
                f"{name} is {share:.1%} of the mix and has no calibration photographs; add some, or give it 0"
            )
    return [share / count if share else 0.0 for share, count in zip(mix, counts.tolist(), strict=True)]


def _lowest(labels: NDArray[np.int64], digests: Sequence[str], shares: Sequence[float]) -> NDArray[np.bool_]:
    kept = np.zeros(len(labels), np.bool_)
    for nth, share in enumerate(shares):
        own = sorted(np.flatnonzero(labels == nth).tolist(), key=digests.__getitem__)
        kept[own[: math.ceil(len(own) * share - 1e-9)]] = True
    return kept
