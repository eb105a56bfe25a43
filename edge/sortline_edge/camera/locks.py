"""What a Raspberry Pi camera was told to keep, and whether a frame shows that it does."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sortline_edge.config import PicameraCamera


class Lock(NamedTuple):
    """Something of a frame that must be as it was asked for.

    Attributes:
        name: Of the control, and of the frame's metadata.
        values: Asked for.
        share: How far a value may be off, as a share of it.
        least: How far it may be off in any case.
    """

    name: str
    values: tuple[float, ...]
    share: float
    least: float


def locks_of(settings: PicameraCamera) -> tuple[Lock, ...]:
    """What a station file asks a camera to keep."""
    locks = []
    if settings.exposure_ms is not None:
        # The sensor counts exposure in rows, some 10 to 40 us each, and gain in the steps of its amplifier.
        locks.append(Lock("ExposureTime", (1000 * settings.exposure_ms,), 0.05, 50))
        locks.append(Lock("AnalogueGain", (settings.gain,), 0.05, 0.05))
    if settings.white_balance is not None:
        locks.append(Lock("ColourGains", settings.white_balance, 0.05, 0.05))
    if settings.roi is not None:
        locks.append(Lock("ScalerCrop", settings.roi, 0.02, 8))
    return tuple(locks)


def broken_lock(locks: Iterable[Lock], metadata: Mapping[str, float | tuple[float, ...]]) -> str | None:
    """Say what a frame's metadata has otherwise than it was asked for; None when all is as it should be.

    Raises:
        KeyError: the metadata does not say.
    """
    for lock in locks:
        said = metadata[lock.name]
        values = said if isinstance(said, tuple) else (said,)
        pairs = zip(values, lock.values, strict=True)
        if any(abs(value - asked) > max(lock.least, lock.share * asked) for value, asked in pairs):
            got, asked_for = (" ".join(f"{value:g}" for value in some) for some in (values, lock.values))
            return f"{lock.name} is {got} where {asked_for} was asked for"
    return None
