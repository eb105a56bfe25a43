"""What is told of the input lines, and how often.

Every edge counts for what the outputs do; what is told is bounded, so that a loose wire cannot flood the station:

- An encoder's edges are counted. The count is told by the first edge that comes 10 ms or more after the last telling;
  what is left over when the belt stops is told 100 ms after it.
- Of any other line up to 20 changes are told in 100 ms. Beyond that it chatters: at the end of the 100 ms its level is
  told, if it is not the one told last. An emergency stop cannot hide in this: the first changes are among those told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sortline_edge.outputs.wiring import InputKind
from sortline_edge.ports import Counted, Edge, Report

COUNT_EVERY_NS = 10_000_000
COUNT_AT_LEAST_EVERY_NS = 100_000_000
WINDOW_NS = 100_000_000
CHANGES_PER_WINDOW = 20


@dataclass(slots=True)
class _Counter:
    """An encoder's line."""

    line: int
    count: int = 0
    at_ns: int = 0
    told: int = 0
    told_ns: int | None = None

    @property
    def next_ns(self) -> int | None:
        if self.told_ns is None or self.told == self.count:
            return None
        return self.told_ns + COUNT_AT_LEAST_EVERY_NS

    def edge(self, at_ns: int, *, active: bool, times: int) -> Iterable[Report]:
        if not active:
            return
        self.count += times
        self.at_ns = at_ns
        if self.told_ns is None or at_ns - self.told_ns >= COUNT_EVERY_NS:
            yield self.tell(at_ns)

    def tell(self, now_ns: int) -> Report:
        self.told, self.told_ns = self.count, now_ns
        return Counted(line=self.line, count=self.count, at_ns=self.at_ns)


@dataclass(slots=True)
class _Level:
    """Any other input line."""

    line: int
    active: bool | None = None
    at_ns: int = 0
    told: bool | None = None
    window_ns: int = 0
    changes: int = 0  # told since the window began

    @property
    def next_ns(self) -> int | None:
        return None if self.told == self.active else self.window_ns + WINDOW_NS

    def edge(self, at_ns: int, *, active: bool, times: int) -> Iterable[Report]:
        del times
        if active == self.active:
            return
        self.active, self.at_ns = active, at_ns
        if self.changes < CHANGES_PER_WINDOW or at_ns - self.window_ns >= WINDOW_NS:
            yield self.tell(at_ns)

    def tell(self, now_ns: int) -> Report:
        if not self.changes or now_ns - self.window_ns >= WINDOW_NS:
            self.window_ns, self.changes = now_ns, 0
        self.changes += 1
        self.told = self.active
        return Edge(line=self.line, active=bool(self.active), at_ns=self.at_ns)


class Watch:
    """Edges in, what is to be told of them out.

    Args:
        inputs: What each line is.
    """

    def __init__(self, inputs: Mapping[int, InputKind]) -> None:
        self._lines = {
            line: _Counter(line) if kind == "count" else _Level(line) for line, kind in sorted(inputs.items())
        }

    @property
    def next_ns(self) -> int | None:
        """When something held back is due to be told; None: nothing is held back."""
        return min((line.next_ns for line in self._lines.values() if line.next_ns is not None), default=None)

    def edge(self, line: int, at_ns: int, *, active: bool, times: int = 1) -> tuple[Report, ...]:
        """Note that a line became active or inactive at `at_ns`, so many times."""
        return tuple(self._lines[line].edge(at_ns, active=active, times=times))

    def advance(self, now_ns: int) -> tuple[Report, ...]:
        """Tell what was held back and is due at `now_ns`."""
        due = [line for line in self._lines.values() if line.next_ns is not None and line.next_ns <= now_ns]
        return tuple(line.tell(now_ns) for line in due)
