"""Outputs and inputs without wires: the output process's own logic and the world's, in virtual time."""

from collections.abc import Iterator, Sequence
from itertools import repeat

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import Clock
from sortline_edge.config import Station
from sortline_edge.outputs.pulses import Schedule
from sortline_edge.outputs.step import Step
from sortline_edge.outputs.wiring import check_command, wiring_of
from sortline_edge.ports import Command, Counted, Edge, MadeSafe, Report
from sortline_edge.twin.world import World


class VirtualOutputs:
    """`ports.Outputs` that carries commands out on time, or as late as it is told, whenever it is asked what happened.

    Every report comes in time order and at its own time; the world's gates and PLC see what was switched, and the
    inputs say what came of it. It fails as the output process does: without a beat it makes everything safe, and after
    that it only says so.
    """

    def __init__(self, station: Station, clock: Clock, world: World, late_ms: Iterator[float] | None = None) -> None:
        """Open the outputs now.

        Args:
            station: Lines and limits.
            clock: Real or virtual.
            world: The belt whose gates they move and whose inputs they read.
            late_ms: How late each switching is; None: none is.

        Raises:
            HardwareError: a fault of the belt's lets no output process start now.
        """
        now_ns = clock.now_ns()
        end = world.outputs_end(now_ns)
        if end is not None and end.begin_ns <= now_ns:
            raise HardwareError("the output process was killed by signal 9 (Killed); it was not ready yet")
        self._end_ns = end.begin_ns if end is not None else None
        self._timing, self._clock, self._world = station.timing, clock, world
        self._late_ms = repeat(0.0) if late_ms is None else late_ms
        self._late_ns = 0
        self._wiring = wiring_of(station)
        self._schedule = Schedule(
            self._wiring,
            late_ns=round(station.timing.late_ms * 1e6),
            heartbeat_ns=round(station.timing.heartbeat_ms * 1e6),
        )
        self._unread: list[Report] = []
        self._ended: str | None = None
        for edge in world.senses.open(now_ns):
            self._enter(edge, now_ns)

    def send(self, commands: Sequence[Command]) -> None:
        """Take commands; also a beat.

        Raises:
            ValueError: a pulse ends before it begins, or is for a line the station has not; none of them was taken.
            HardwareError: the outputs have failed and are safe.
        """
        self._run()
        if self._ended is not None:
            raise HardwareError(self._ended)
        for command in commands:
            check_command(command, self._wiring)
        for command in commands:
            self._schedule.accept(command)
        self._schedule.beat(self._clock.now_ns())

    def beat(self) -> None:
        """Say that the sender is alive.

        Raises:
            HardwareError: the outputs have failed and are safe.
        """
        self.send(())

    def reports(self) -> list[Report]:
        """What happened until now, each at its own time.

        Raises:
            HardwareError: the outputs have failed and are safe, with the reason; every report has been given before.
        """
        self._run()
        reports, self._unread = self._unread, []
        if not reports and self._ended is not None:
            raise HardwareError(self._ended)
        return reports

    def close(self) -> None:
        """Make everything safe."""
        self._run()
        self._make_safe(self._clock.now_ns(), "the sender closed the connection or ended")

    def _run(self) -> None:
        """Let happen, one after the other, what has become due."""
        now_ns = self._clock.now_ns()
        while self._ended is None:
            due_ns = self._schedule.next_ns
            switched_ns = None if due_ns is None else due_ns + self._late_ns
            times = (self._end_ns, switched_ns, self._world.senses.next_ns(now_ns))
            at_ns = min((time for time in times if time is not None), default=now_ns + 1)
            if at_ns > now_ns:
                return
            if at_ns == switched_ns:
                self._do(self._schedule.advance(at_ns), at_ns)
                self._late_ns = round(1e6 * next(self._late_ms))
            if at_ns == self._end_ns:
                self._make_safe(at_ns, "the output process was killed by signal 9 (Killed)")
            elif self._schedule.lost(at_ns):
                self._make_safe(at_ns, f"the sender gave no beat for {self._timing.heartbeat_ms:g} ms")
            for said in self._world.senses.advance(at_ns):
                self._enter(said, at_ns)

    def _enter(self, said: Edge | Counted, at_ns: int) -> None:
        """An input says something: the one way in for all of them."""
        if isinstance(said, Counted):
            self._unread.append(said)
        else:
            self._do(self._schedule.edge(said.line, said.active, at_ns), at_ns)

    def _make_safe(self, at_ns: int, reason: str) -> None:
        self._do(self._schedule.make_safe(at_ns, reason), at_ns)

    def _do(self, step: Step, at_ns: int) -> None:
        self._world.senses.see(step.levels, at_ns)
        self._world.gates.take(step.reports)
        self._unread += step.reports
        for report in step.reports:
            if isinstance(report, MadeSafe):
                self._ended = f"the outputs were made safe: {report.reason}"
