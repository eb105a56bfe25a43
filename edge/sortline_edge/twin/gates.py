"""Gates without wires: the output process's own logic on a virtual clock, and when each gate stood open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sortline_edge.clocks import Clock
from sortline_edge.config import Bin, Timing
from sortline_edge.outputs.pulses import Schedule
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import Command, Pulse, Report, Suppressed, Switched


class VirtualOutputs:
    """`ports.Outputs` that carries pulses out exactly on time, whenever it is asked what happened."""

    def __init__(self, lines: Iterable[int], timing: Timing, clock: Clock) -> None:
        self._schedule = Schedule(
            Wiring(tuple(lines)), late_ns=round(timing.late_ms * 1e6), heartbeat_ns=round(timing.heartbeat_ms * 1e6)
        )
        self._clock = clock

    def send(self, commands: Sequence[Command]) -> None:
        """Take commands."""
        for command in commands:
            if isinstance(command, Pulse):
                self._schedule.accept(command)

    def beat(self) -> None:
        """Nothing: on a virtual clock the sender cannot be late."""

    def reports(self) -> list[Report]:
        """What happened until now, each at its own time."""
        happened: list[Report] = []
        now_ns = self._clock.now_ns()
        while (due_ns := self._schedule.next_ns) is not None and due_ns <= now_ns:
            happened.extend(self._schedule.advance(due_ns).reports)
        return happened

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class GateLog:
    """When each line was active, from the outputs' reports.

    Attributes:
        suppressed: Items whose pulse was left out because it would have been late.
        worst_late_ns: The latest that any line was switched.
    """

    suppressed: list[int] = field(default_factory=list)
    worst_late_ns: int = 0
    _spans: dict[int, list[list[int | None]]] = field(default_factory=dict)

    def take(self, reports: Iterable[Report]) -> None:
        """Note what the outputs say, in their order."""
        for report in reports:
            if isinstance(report, Suppressed):
                self.suppressed.append(report.item)
            elif isinstance(report, Switched):
                self.worst_late_ns = max(self.worst_late_ns, report.late_ns)
                spans = self._spans.setdefault(report.line, [])
                if report.active and (not spans or spans[-1][1] is not None):
                    spans.append([report.at_ns, None])
                elif not report.active and spans:
                    spans[-1][1] = report.at_ns

    def is_open(self, bin_: Bin, at_ns: int) -> bool:
        """Whether a bin's gate stood open at a time: its line was active one actuator delay before."""
        command_ns = at_ns - round(bin_.delay_ms * 1e6)
        return any(
            on is not None and on <= command_ns and (off is None or command_ns < off)
            for on, off in reversed(self._spans.get(-1 if bin_.line is None else bin_.line, []))
        )
