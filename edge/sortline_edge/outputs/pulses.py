"""When which line changes: the output process without a clock, without devices. Times in, levels and reports out."""

from collections.abc import Iterable

from sortline_edge.outputs.codes import Codes
from sortline_edge.outputs.gates import Gates
from sortline_edge.outputs.step import NOTHING, Step
from sortline_edge.outputs.watch import Watch
from sortline_edge.outputs.wiring import Wiring, check_command
from sortline_edge.ports import Code, Command, MadeSafe, Pulse, Recall, Report, Suppressed, Switched


class Schedule:
    """Commands and edges in, due changes and reports out: of pulses by `gates`, codes by `codes`, inputs by `watch`.

    While an emergency stop is active every output is inactive, and whatever was pending or comes is suppressed as
    `stopped`. Its release moves nothing: that takes new commands. A code that it cuts off goes without an answer.

    The heartbeat is watched from the first beat on; before it no command is known and every line is inactive. Safe is
    final: after `make_safe` the schedule gives nothing more, and its owner ends.

    Args:
        wiring: The lines there are, all inactive.
        late_ns: The most that a pulse or a code may begin after its time.
        heartbeat_ns: The longest time between two beats.
    """

    def __init__(self, wiring: Wiring, *, late_ns: int, heartbeat_ns: int) -> None:
        self._wiring = wiring
        self._heartbeat_ns = heartbeat_ns
        self._gates = Gates(late_ns)
        self._codes = None if wiring.code is None else Codes(wiring.code, late_ns)
        self._watch = Watch(wiring.inputs)
        acknowledge = None if wiring.code is None else wiring.code.acknowledge
        self._acknowledge = None if acknowledge is None else acknowledge.line
        self._active: set[int] = set()
        self._stopped_by: set[int] = set()
        self._refused: list[Pulse | Code] = []  # came during a stop, and that has not been said yet
        self._seen_ns = 0  # the latest time there has been
        self._beat_ns: int | None = None
        self._safe = False

    @property
    def safe(self) -> bool:
        """Whether everything was made safe, which is final."""
        return self._safe

    @property
    def next_ns(self) -> int | None:
        """When `advance` has something to do next, or the waiting for a beat ends; None: only a call brings more.

        A time that has passed means at once.
        """
        if self._safe:
            return None
        due = [self._gates.next_ns, self._watch.next_ns]
        if self._codes is not None:
            due.append(self._codes.next_ns)
        if self._refused:
            due.append(self._seen_ns)
        if self._beat_ns is not None:
            due.append(self._beat_ns + self._heartbeat_ns)
        return min((at_ns for at_ns in due if at_ns is not None), default=None)

    def accept(self, command: Command) -> None:
        """Take a command in, to be carried out by `advance`, however late it is; a recall is carried out here.

        Raises:
            ValueError: it cannot be carried out (see `check_command`), or everything was made safe.
        """
        check_command(command, self._wiring)
        if self._safe:
            raise ValueError("the outputs were made safe and take no more commands; open them anew")
        if isinstance(command, Recall):
            self._gates.recall(command.item)
            if self._codes is not None:
                self._codes.recall(command.item)
        elif self._stopped_by:
            self._refused.append(command)
        elif isinstance(command, Pulse):
            self._gates.accept(command)
        elif self._codes is not None:
            self._codes.accept(command)

    def beat(self, now_ns: int) -> None:
        """Note that the sender is alive at `now_ns`."""
        self._see(now_ns)
        self._beat_ns = now_ns

    def lost(self, now_ns: int) -> bool:
        """Whether the sender gave no beat for longer than it may."""
        return self._beat_ns is not None and now_ns - self._beat_ns >= self._heartbeat_ns

    def edge(self, line: int, active: bool, at_ns: int, times: int = 1) -> Step:  # noqa: FBT001 a level, as in `Edge`
        """Note that an input became active or inactive at `at_ns`, and do what follows from it.

        What was due before `at_ns` is for `advance`, called first. Edges that change nothing count for an encoder only.

        Raises:
            ValueError: the line is no input.
        """
        kind = self._wiring.inputs.get(line)
        if kind is None:
            raise ValueError(f"there is an edge of line {line}, which is none of the inputs {[*self._wiring.inputs]}")
        if self._safe:
            return NOTHING
        self._see(at_ns)
        step = Step(reports=self._watch.edge(line, at_ns, active=active, times=times))
        if kind == "stop":
            step = step.then(self._stop(at_ns) if active and not self._stopped_by else NOTHING)
            (self._stopped_by.add if active else self._stopped_by.discard)(line)
        elif line == self._acknowledge and self._codes is not None:
            step = step.then(self._codes.acknowledge(at_ns, active=active))
        return self._apply(step)

    def advance(self, now_ns: int) -> Step:
        """Do what is due at `now_ns`."""
        if self._safe:
            return NOTHING
        self._see(now_ns)
        step = Step(reports=(*self._watch.advance(now_ns), *_stopped(self._refused, now_ns)))
        self._refused.clear()
        step = step.then(self._gates.advance(now_ns))
        if self._codes is not None:
            step = step.then(self._codes.advance(now_ns))
        return self._apply(step)

    def carried_out(self, now_ns: int) -> None:
        """Note that the levels of the last step were on the lines only at `now_ns`: a code's setup begins then.

        Who sets them in no time, as on a virtual clock, need not say so.
        """
        if self._codes is not None:
            self._codes.carried_out(now_ns)

    def make_safe(self, now_ns: int, reason: str) -> Step:
        """Make every line inactive and forget every command, for good; nothing when that has already been done."""
        if self._safe:
            return NOTHING
        self._forget(now_ns)
        ended = self._end(now_ns)
        self._active.clear()
        self._safe = True
        levels = dict.fromkeys(sorted(self._wiring.lines), False)
        return Step(levels, (*ended, MadeSafe(at_ns=now_ns, reason=reason)))

    def _stop(self, at_ns: int) -> Step:
        forgotten = [*self._refused, *self._forget(at_ns)]
        self._refused.clear()
        return Step(dict.fromkeys(sorted(self._active), False), (*self._end(at_ns), *_stopped(forgotten, at_ns)))

    def _forget(self, at_ns: int) -> list[Pulse | Code]:
        """Forget every command. Returns those that had not begun."""
        return [*self._gates.clear(), *([] if self._codes is None else self._codes.clear(at_ns))]

    def _end(self, at_ns: int) -> list[Switched]:
        return [Switched(line=line, active=False, at_ns=at_ns, late_ns=0) for line in sorted(self._active)]

    def _apply(self, step: Step) -> Step:
        """Leave out the levels that are there already."""
        levels = {line: active for line, active in step.levels.items() if active != (line in self._active)}
        for line, active in levels.items():
            (self._active.add if active else self._active.discard)(line)
        return Step(levels, step.reports)

    def _see(self, now_ns: int) -> None:
        self._seen_ns = max(self._seen_ns, now_ns)


def _stopped(commands: Iterable[Pulse | Code], now_ns: int) -> list[Report]:
    return [Suppressed(item=command.item, late_ns=now_ns - _due_ns(command), reason="stopped") for command in commands]


def _due_ns(command: Pulse | Code) -> int:
    return command.on_ns if isinstance(command, Pulse) else command.at_ns
