"""Codes for a PLC: which one stands on the lines when."""

import heapq
from itertools import count

from sortline_edge.config.wiring import CodeSignal
from sortline_edge.outputs.handshake import Handshake, code_levels
from sortline_edge.outputs.step import NOTHING, Step
from sortline_edge.ports import Code, Coded, Suppressed


class Codes:
    """Codes in, due changes out.

    Without a strobe a code stands until the next one's time. One that comes more than `late_ns` after its time is
    suppressed, and the lines say `reject_code`, since what they said is not meant for its item; one that comes so late
    that a later item's code already stands changes nothing.

    With a strobe the codes are handed over one after the other (see `handshake`). A code whose turn does not come
    within `late_ns` is suppressed: as `busy` when the one before was not finished at its time, else as `late`.

    Args:
        signal: The wires and times of the code.
        late_ns: The most that a code may begin after its time.
    """

    def __init__(self, signal: CodeSignal, late_ns: int) -> None:
        self._signal = signal
        self._late_ns = late_ns
        self._order = count()
        self._pending: list[tuple[int, int, Code]] = []
        self._handshake = None if signal.strobe is None else Handshake(signal)
        self._free_ns: int | None = None  # since when the next code may begin, after a handshake
        self._standing_ns: int | None = None  # of the code that stands: when it was due

    @property
    def next_ns(self) -> int | None:
        """When something is due next, as far as is known."""
        due = []
        if self._pending:
            due.append(self._pending[0][0] + (0 if self._free else self._late_ns + 1))
        if self._handshake is not None and self._handshake.next_ns is not None:
            due.append(self._handshake.next_ns)
        return min(due, default=None)

    def accept(self, code: Code) -> None:
        """Take a code in, to be carried out by `advance`, however late it is."""
        heapq.heappush(self._pending, (code.at_ns, next(self._order), code))

    def recall(self, item: int | None) -> None:
        """Forget what has not begun, of one item or of all."""
        self._pending = [entry for entry in self._pending if item is not None and entry[2].item != item]
        heapq.heapify(self._pending)

    def advance(self, now_ns: int) -> Step:
        """Do what is due at `now_ns`."""
        step = self._go_on(now_ns)
        while self._pending and self._pending[0][0] <= now_ns:
            waits = not self._free and now_ns - self._pending[0][0] <= self._late_ns
            if waits:
                break
            step = step.then(self._take(heapq.heappop(self._pending)[2], now_ns))
        return step

    def acknowledge(self, at_ns: int, *, active: bool) -> Step:
        """The PLC's line became active or inactive at `at_ns`."""
        return NOTHING if self._handshake is None else self._handshake.acknowledge(at_ns, active=active)

    def carried_out(self, now_ns: int) -> None:
        """The levels of the last step were on the lines at `now_ns`."""
        if self._handshake is not None:
            self._handshake.carried_out(now_ns)

    def clear(self, at_ns: int) -> list[Code]:
        """Forget everything; every line is inactive. Returns the codes that had not begun, in their order."""
        pending = [code for _, _, code in sorted(self._pending)]
        self._pending.clear()
        self._standing_ns = None
        if self._handshake is not None:
            self._handshake.cut(at_ns)
        return pending

    @property
    def _free(self) -> bool:
        return self._handshake is None or self._handshake.free

    def _go_on(self, now_ns: int) -> Step:
        if self._handshake is None:
            return NOTHING
        was_free = self._handshake.free
        step = self._handshake.advance(now_ns)
        if self._handshake.free and not was_free:
            self._free_ns = now_ns
        return step

    def _take(self, code: Code, now_ns: int) -> Step:
        late_ns = now_ns - code.at_ns
        superseded = self._standing_ns is not None and code.at_ns < self._standing_ns
        if not self._free or (late_ns > self._late_ns and self._was_busy(code)):
            return Step(reports=(Suppressed(item=code.item, late_ns=late_ns, reason="busy"),))
        if superseded:
            return Step(reports=(Suppressed(item=code.item, late_ns=late_ns),))
        if late_ns > self._late_ns:
            return Step(self._reject(code), (Suppressed(item=code.item, late_ns=late_ns),))
        told = Step(reports=(Coded(value=code.value, at_ns=now_ns, late_ns=late_ns, item=code.item),))
        if self._handshake is not None:
            return self._handshake.begin(code, now_ns).then(told)
        self._standing_ns = code.at_ns
        return Step(code_levels(self._signal.lines, code.value)).then(told)

    def _was_busy(self, code: Code) -> bool:
        return self._free_ns is not None and code.at_ns < self._free_ns

    def _reject(self, code: Code) -> dict[int, bool]:
        """What the lines say instead of a code that is late; with a strobe the PLC hears nothing of the item."""
        if self._handshake is not None:
            return {}
        self._standing_ns = code.at_ns
        return code_levels(self._signal.lines, self._signal.reject_code)
