"""Pulses on lines of their own: when which gate's line changes."""

import heapq
from collections.abc import Iterable
from itertools import count

from sortline_edge.outputs.step import Step
from sortline_edge.ports import Pulse, Report, Suppressed, Switched


class Gates:
    """Pulses in, due changes out.

    Pulses that overlap on one line merge: the line stays active until the last of them ends. A pulse that could begin
    only more than `late_ns` after its time, or not before its end, is suppressed. One that begins late still ends when
    it should.

    Args:
        late_ns: The most that a pulse may begin after its time.
    """

    def __init__(self, late_ns: int) -> None:
        self._late_ns = late_ns
        self._order = count()
        self._pending: list[tuple[int, int, Pulse]] = []
        self._active: dict[int, Pulse] = {}  # by line: of the pulses that have begun, the one that ends last

    @property
    def next_ns(self) -> int | None:
        """When a line changes next, as far as is known."""
        due = [pulse.off_ns for pulse in self._active.values()]
        if self._pending:
            due.append(self._pending[0][0])
        return min(due, default=None)

    def accept(self, pulse: Pulse) -> None:
        """Take a pulse in, to be carried out by `advance`, however late it is."""
        heapq.heappush(self._pending, (pulse.on_ns, next(self._order), pulse))

    def recall(self, item: int | None) -> None:
        """Forget what has not begun, of one item or of all."""
        self._pending = [entry for entry in self._pending if item is not None and entry[2].item != item]
        heapq.heapify(self._pending)

    def advance(self, now_ns: int) -> Step:
        """Do what is due at `now_ns`."""
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

    def clear(self) -> list[Pulse]:
        """Forget everything; every line is inactive. Returns the pulses that had not begun, in their order."""
        pending = [pulse for _, _, pulse in sorted(self._pending)]
        self._pending.clear()
        self._active.clear()
        return pending

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
