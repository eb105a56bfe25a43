"""The faults of a run on the clock: which of them goes on at a time."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sortline_edge.config.twin import KINDS, Fault, FaultKind

# From the end of a fault that a person mends until that person presses the reset button, and how long it is pressed.
RESET_AFTER_NS = 1_000_000_000
RESET_FOR_NS = 300_000_000


class Window(NamedTuple):
    """One fault on the clock: from `begin_ns` until before `end_ns`, and its amount."""

    begin_ns: int
    end_ns: int
    amount: float


class Faults:
    """Every fault of a run, by kind and bin."""

    def __init__(self, faults: Sequence[Fault], start_ns: int) -> None:
        """Put faults on the clock.

        Args:
            faults: Of the station file.
            start_ns: When the belt starts.
        """
        self._windows: dict[tuple[FaultKind, str | None], list[Window]] = {}
        for fault in sorted(faults, key=lambda fault: fault.at_s):
            begin_ns = start_ns + round(1e9 * fault.at_s)
            window = Window(begin_ns, begin_ns + round(1e9 * fault.for_s), fault.size)
            self._windows.setdefault((fault.kind, fault.bin), []).append(window)

    def windows(self, kind: FaultKind, bin_name: str | None = None) -> Sequence[Window]:
        """When this goes wrong, by its begin."""
        return self._windows.get((kind, bin_name), ())

    def at(self, kind: FaultKind, at_ns: int, bin_name: str | None = None) -> Window | None:
        """The fault of this kind that goes on at a time; of several the one that began last."""
        windows = self._windows.get((kind, bin_name))
        if windows is None:
            return None
        begun = bisect_right(windows, at_ns, key=lambda window: window.begin_ns)
        return next((window for window in reversed(windows[:begun]) if at_ns < window.end_ns), None)

    def resets(self) -> Iterator[Window]:
        """When somebody presses the reset button."""
        for (kind, _), windows in self._windows.items():
            if KINDS[kind].by_hand:
                for window in windows:
                    begin_ns = window.end_ns + RESET_AFTER_NS
                    yield Window(begin_ns, begin_ns + RESET_FOR_NS, 0.0)
