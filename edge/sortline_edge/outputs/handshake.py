r"""One code at a time, handed to a PLC by a strobe that it acknowledges.

    code         ____/=========================\______________    stands from `begin` until the strobe falls
    strobe       _________/--------------------\______________    `setup_ms` after the code
    acknowledge  _________________________/------------\______    the PLC's; at most `answer_ms` after the strobe
    state        free |setup|   strobe         |   fall   | free

The strobe rises only while the acknowledgement is inactive, so an answer is never taken for that to another code. After
the strobe has fallen all lines rest for `setup_ms` at least, and until the acknowledgement has fallen.

A PLC that does not answer in time gets no more of this code: strobe and code fall. Without an acknowledging PLC the
strobe stands for `answer_ms`, and nothing is said of an answer.
"""

from typing import Literal

from sortline_edge.clocks import NS_PER_MS
from sortline_edge.config.wiring import CodeSignal
from sortline_edge.outputs.step import NOTHING, Step
from sortline_edge.ports import Answered, Code


class Handshake:
    """The way of a code over to the PLC, as a state machine.

    Args:
        signal: The code's wires and times; it has a strobe.
    """

    def __init__(self, signal: CodeSignal) -> None:
        assert signal.strobe is not None
        self._strobe = signal.strobe
        self._lines = signal.lines
        self._answers = signal.acknowledge is not None
        self._setup_ns = round(signal.setup_ms * NS_PER_MS)
        # Where there is no time to rest, the lines are still seen to fall before the next code.
        self._rest_ns = max(1, self._setup_ns)
        self._answer_ns = round(signal.answer_ms * NS_PER_MS)
        self._state: Literal["free", "setup", "strobe", "fall"] = "free"
        self._since_ns = 0
        self._fresh = False  # the state was entered, and its levels may not be on the lines yet
        self._item = 0
        self._acknowledged = False

    @property
    def free(self) -> bool:
        """Whether the next code may begin."""
        return self._state == "free"

    @property
    def next_ns(self) -> int | None:
        """When something is due next; None: nothing, or only the PLC can go on."""
        if self._state == "setup":
            return self._since_ns + self._setup_ns + (self._answer_ns if self._acknowledged else 0)
        if self._state == "strobe":
            return self._since_ns + self._answer_ns
        return self._since_ns + self._rest_ns if self._state == "fall" and not self._acknowledged else None

    def begin(self, code: Code, now_ns: int) -> Step:
        """Put a code on the lines; only when `free`."""
        self._enter("setup", now_ns)
        self._item = code.item
        return Step(code_levels(self._lines, code.value)).then(self.advance(now_ns))

    def advance(self, now_ns: int) -> Step:
        """Do what is due at `now_ns`."""
        due_ns = self.next_ns
        if due_ns is None or now_ns < due_ns:
            return NOTHING
        if self._state == "setup" and not self._acknowledged:
            self._enter("strobe", now_ns)
            return Step({self._strobe: True})
        if self._state == "fall":
            self._enter("free", now_ns)
            return NOTHING
        return self._fall(now_ns, in_time=False)

    def acknowledge(self, at_ns: int, *, active: bool) -> Step:
        """The PLC's line became active or inactive at `at_ns`."""
        self._acknowledged = active
        if not active or self._state != "strobe":
            return NOTHING
        return self._fall(at_ns, in_time=at_ns <= self._since_ns + self._answer_ns)

    def carried_out(self, now_ns: int) -> None:
        """The levels of the last step are on the lines: what stands from now on stands for its whole time."""
        if self._fresh:
            self._since_ns = max(self._since_ns, now_ns)
            self._fresh = False

    def cut(self, at_ns: int) -> None:
        """All lines were made inactive from outside; the code on them, if any, goes without an answer."""
        if self._state != "free":
            self._enter("fall", at_ns)

    def _fall(self, at_ns: int, *, in_time: bool) -> Step:
        self._enter("fall", at_ns)
        levels = {**code_levels(self._lines, 0), self._strobe: False}
        return Step(levels, (Answered(item=self._item, at_ns=at_ns, in_time=in_time),) if self._answers else ())

    def _enter(self, state: Literal["free", "setup", "strobe", "fall"], at_ns: int) -> None:
        self._state = state
        self._since_ns = at_ns
        self._fresh = True


def code_levels(lines: tuple[int, ...], value: int) -> dict[int, bool]:
    """The levels that say `value`, the lowest bit on the first line."""
    return {line: bool(value >> bit & 1) for bit, line in enumerate(lines)}
