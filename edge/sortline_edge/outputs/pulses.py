"""When which line changes: the output process without a clock, without devices. Times in, levels and reports out."""

import heapq
from collections.abc import Collection, Iterable, Mapping
from itertools import count
from types import MappingProxyType
from typing import NamedTuple

from sortline_edge.ports import MadeSafe, Pulse, Report, Suppressed, Switched


class Step(NamedTuple):
    """What is to be done now: the lines to set, and what to say once they are set."""

    levels: Mapping[int, bool] = MappingProxyType({})
    reports: tuple[Report, ...] = ()


NOTHING = Step()


def check_pulse(pulse: Pulse, lines: Collection[int]) -> None:
    """Refuse a pulse that cannot be carried out on `lines`.

    Raises:
        ValueError: it does not end after it begins, or its line is not one of `lines`.
    """
    if pulse.off_ns <= pulse.on_ns:
        raise ValueError(
            f"the pulse for item {pulse.item} ends at {pulse.off_ns} ns, not after its begin at {pulse.on_ns} ns"
        )
    if pulse.line not in lines:
        raise ValueError(
            f"the pulse for item {pulse.item} is for line {pulse.line}, which is not one of {sorted(lines)}"
        )


class Schedule:
    """Pulses in, due changes out.

    Pulses that overlap on one line merge: the line stays active until the last of them ends. A pulse that could begin
    only more than `late_ns` after its time, or not before its end, is suppressed. One that begins late still ends when
    it should.

    The heartbeat is watched from the first beat on; before it no pulse is known and every line is inactive. Safe is
    final: after `make_safe` the schedule gives nothing more, and its owner ends.

    Args:
        lines: The lines there are, all inactive.
        late_ns: The most that a pulse may begin after its time.
        heartbeat_ns: The longest time between two beats.
    """

    def __init__(self, lines: Iterable[int], *, late_ns: int, heartbeat_ns: int) -> None:
        self._lines = frozenset(lines)
        self._late_ns = late_ns
        self._heartbeat_ns = heartbeat_ns
        self._beat_ns: int | None = None
        self._order = count()
        self._pending: list[tuple[int, int, Pulse]] = []
        self._active: dict[int, Pulse] = {}  # by line: of the pulses that have begun, the one that ends last
        self._safe = False

    @property
    def safe(self) -> bool:
        """Whether everything was made safe, which is final."""
        return self._safe

    @property
    def next_ns(self) -> int | None:
        """When something is due next, a change or the end of waiting for a beat; None: nothing is."""
        due = [pulse.off_ns for pulse in self._active.values()]
        if self._pending:
            due.append(self._pending[0][0])
        if self._beat_ns is not None and not self._safe:
            due.append(self._beat_ns + self._heartbeat_ns)
        return min(due, default=None)

    def accept(self, pulse: Pulse) -> None:
        """Take a pulse in, to be carried out by `advance`, however late it is.

        Raises:
            ValueError: it cannot be carried out (see `check_pulse`), or everything was made safe.
        """
        check_pulse(pulse, self._lines)
        if self._safe:
            raise ValueError("the outputs were made safe and take no more pulses; open them anew")
        heapq.heappush(self._pending, (pulse.on_ns, next(self._order), pulse))

    def beat(self, now_ns: int) -> None:
        """Note that the sender is alive at `now_ns`."""
        self._beat_ns = now_ns

    def lost(self, now_ns: int) -> bool:
        """Whether the sender gave no beat for longer than it may."""
        return self._beat_ns is not None and now_ns - self._beat_ns >= self._heartbeat_ns

    def advance(self, now_ns: int) -> Step:
        """Do what is due at `now_ns`."""
        if not (self._pending or self._active):
            return NOTHING
        before = frozenset(self._active)
        reports = [self._begin(pulse, now_ns) for pulse in self._take_due(now_ns)]
        for line, pulse in list(self._active.items()):
            if pulse.off_ns <= now_ns:
                del self._active[line]
                reports.append(
                    Switched(line=line, active=False, at_ns=now_ns, late_ns=now_ns - pulse.off_ns, item=pulse.item)
                )
        changed = before.symmetric_difference(self._active)
        return Step({line: line in self._active for line in sorted(changed)}, tuple(reports))

    def make_safe(self, now_ns: int, reason: str) -> Step:
        """Make every line inactive and forget every pulse, for good; nothing when that has already been done."""
        if self._safe:
            return NOTHING
        ended = [Switched(line=line, active=False, at_ns=now_ns, late_ns=0) for line in sorted(self._active)]
        self._pending.clear()
        self._active.clear()
        self._safe = True
        levels = dict.fromkeys(sorted(self._lines), False)
        return Step(levels, (*ended, MadeSafe(at_ns=now_ns, reason=reason)))

    def _take_due(self, now_ns: int) -> Iterable[Pulse]:
        while self._pending and self._pending[0][0] <= now_ns:
            yield heapq.heappop(self._pending)[2]

    def _begin(self, pulse: Pulse, now_ns: int) -> Report:
        late_ns = now_ns - pulse.on_ns
        if late_ns > self._late_ns or pulse.off_ns <= now_ns:
            return Suppressed(item=pulse.item, late_ns=late_ns)
        earlier = self._active.get(pulse.line)
        if earlier is None or earlier.off_ns < pulse.off_ns:
            self._active[pulse.line] = pulse
        return Switched(line=pulse.line, active=True, at_ns=now_ns, late_ns=late_ns, item=pulse.item)
