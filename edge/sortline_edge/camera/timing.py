"""When a frame was taken, and how many were lost before it."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

# A stamp that is older than this when its frame arrives was not taken by the clock it is held against.
OLDEST_NS = 1_000_000_000


@runtime_checkable
class Timed(Protocol):
    """A camera that says whose time its frames carry.

    Attributes:
        times: In words.
    """

    times: str


class Stamps(NamedTuple):
    """The clock a camera stamps its frames by.

    Attributes:
        name: Of the clock.
        ahead_ns: How far it is ahead of the station's.
    """

    name: str
    ahead_ns: int


def find_clock(stamp_ns: int, station_ns: int, clocks: Mapping[str, int]) -> Stamps | None:
    """Say which clock a stamp is of: the first by which the frame is neither from the future nor over a second old.

    Args:
        stamp_ns: Of a frame that has just arrived.
        station_ns: What the station's clock says now.
        clocks: What every clock that comes into question says now, the likeliest first.
    """
    for name, now_ns in clocks.items():
        if 0 <= now_ns - stamp_ns <= OLDEST_NS:
            return Stamps(name, now_ns - station_ns)
    return None


def frames_since(elapsed_ns: int, period_ns: int) -> int:
    """How many frames a camera that keeps its period has taken in the time between two that arrived, at least one."""
    return max(1, round(elapsed_ns / period_ns))


def middle_of_exposure(stamp_ns: int, exposure_ns: int) -> int:
    """When the picture's first row was half-way through its exposure.

    Sensors mark the end of the first row's exposure. With a rolling shutter the last row is exposed later, by up to the
    sensor's readout time (some 10 to 30 ms): things near the lower edge are that much further than the stamp says.
    """
    return stamp_ns - exposure_ns // 2
