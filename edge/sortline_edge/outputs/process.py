"""The output process: waits for the next deadline or packet, sets lines, says what it did."""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeGuard

import msgspec

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import NS_PER_MS
from sortline_edge.outputs import wire
from sortline_edge.outputs.devices import Devices, open_devices
from sortline_edge.outputs.pulses import Schedule
from sortline_edge.outputs.step import Step
from sortline_edge.ports import Coded, Counted, Edge, MadeSafe, Report, Switched

# A sleep ends late: to the deadline its median was 132 us, with 300 us of spinning at its end 1 us (5,000 pulses, desk
# machine).
SPIN_NS = 300_000
# Above ordinary processes, below the kernel's own interrupt threads (50).
REALTIME_PRIORITY = 49


def main() -> int:
    """Serve the connection on standard input until it closes. Returns the exit code."""
    try:
        connection = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    except OSError:
        sys.stderr.write("sortline: the output process is started by the station (`sortline run`), not by hand\n")
        return 2
    stop = _catch_signals()
    with connection:
        packet = connection.recv(wire.PACKET_BYTES)
        if not packet:
            return 0
        begin = wire.decode_begin(packet)
        try:
            devices = open_devices(begin.settings, begin.wiring, begin.inputs)
        except HardwareError as error:
            connection.send(wire.encode(wire.Failed(message=str(error))))
            return error.exit_code
        if begin.wiring.inputs and devices.inputs is None:
            sys.stderr.write(
                "sortline: no input is wired: all stay inactive; to play them by hand, set outputs.inputs\n"
            )
        connection.send(wire.encode(wire.Ready(realtime=_ask_for_realtime())))
        return _Server(connection, stop, devices, begin).serve()


class _HasFileno(Protocol):
    """What can be selected on."""

    def fileno(self) -> int:
        """Its file descriptor."""


class _Server:
    def __init__(self, connection: socket.socket, stop: socket.socket, devices: Devices, begin: wire.Begin) -> None:
        self._connection = connection
        self._stop = stop
        self._driver = devices.lines
        self._inputs = devices.inputs
        self._servos = devices.servos
        self._wiring = begin.wiring
        self._heartbeat_ms = begin.timing.heartbeat_ms
        self._held: dict[int, Edge | Counted] = {}
        self._schedule = Schedule(
            begin.wiring,
            late_ns=round(begin.timing.late_ms * NS_PER_MS),
            heartbeat_ns=round(begin.timing.heartbeat_ms * NS_PER_MS),
        )

    def serve(self) -> int:
        self._connection.settimeout(0)
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            self._note(self._levels())
            while not self._schedule.safe:
                self._turn()
        except HardwareError as error:
            # Releasing the lines is all that is left to try.
            self._release()
            self._say(self._schedule.make_safe(time.monotonic_ns(), str(error)).reports)
            return error.exit_code
        finally:
            self._release()
        return 0

    def _release(self) -> None:
        # Where this fails the reason has been said before, and the kernel takes the lines when the process ends.
        with contextlib.suppress(HardwareError):
            self._driver.close()
        if self._inputs is not None:
            self._inputs.close()

    def _levels(self) -> list[Edge]:
        if self._inputs is not None:
            return self._inputs.levels()
        lines = sorted(self._wiring.inputs.keys() - self._wiring.encoders)
        return [Edge(line=line, active=False, at_ns=time.monotonic_ns()) for line in lines]

    def _turn(self) -> None:
        """Wait for whatever comes first. A stop goes before what is due, and that before anything else."""
        before_ns = time.monotonic_ns()
        ready = self._wait()
        self._spin()
        # Asked again, since a stop may have come in the meantime.
        if self._inputs is not None and select.select([self._inputs], [], [], 0)[0]:
            self._note(self._inputs.edges())
        now_ns = time.monotonic_ns()
        self._say(self._carry_out(self._schedule.advance(now_ns), now_ns))
        if self._servos is not None:
            self._servos.tick(now_ns)
        if self._schedule.safe:
            return
        if self._stop in ready:
            self._make_safe("it was asked to stop by a signal")
        elif self._connection in ready:
            self._receive()
        elif self._schedule.lost(before_ns):
            # The time was over before we looked, and no packet was there: a beat we were too slow to read still counts.
            self._make_safe(f"the sender gave no beat for {self._heartbeat_ms:g} ms")

    def _wait(self) -> list[_HasFileno]:
        """Wait until something is nearly due, or ready, and return what can be read."""
        deadline_ns = self._deadline_ns()
        timeout_s = None if deadline_ns is None else max(0.0, (deadline_ns - SPIN_NS - time.monotonic_ns()) / 1e9)
        watched: list[_HasFileno] = [self._connection, self._stop]
        if self._inputs is not None:
            watched.append(self._inputs)
        ready, _, _ = select.select(watched, [self._connection] if self._held else [], [], timeout_s)
        return ready

    def _spin(self) -> None:
        """Wait for what is due in a moment. What is ready waits too: to look at it may take longer than is left."""
        deadline_ns = self._deadline_ns()
        if deadline_ns is not None and deadline_ns - time.monotonic_ns() <= SPIN_NS:
            while time.monotonic_ns() < deadline_ns:
                pass

    def _deadline_ns(self) -> int | None:
        servos_ns = None if self._servos is None else self._servos.next_ns
        return min((at_ns for at_ns in (self._schedule.next_ns, servos_ns) if at_ns is not None), default=None)

    def _receive(self) -> None:
        try:
            packet = self._connection.recv(wire.PACKET_BYTES)
        except OSError:
            packet = b""
        if not packet:
            self._make_safe("the sender closed the connection or ended")
            return
        self._schedule.beat(time.monotonic_ns())
        try:
            for command in wire.decode_commands(packet):
                self._schedule.accept(command)
        except ValueError as error:
            # The client checks what it sends, so the two sides are not of one version: nothing it says can be trusted.
            self._make_safe(f"the sender sent what it may not: {error}")

    def _note(self, edges: Iterable[Edge]) -> None:
        """Do at once what follows from each edge, then say all of it."""
        reports: list[Report] = []
        for edge in edges:
            reports += self._carry_out(self._schedule.edge(edge.line, edge.active, edge.at_ns, edge.times), edge.at_ns)
        self._say(reports)

    def _make_safe(self, reason: str) -> None:
        now_ns = time.monotonic_ns()
        self._say(self._carry_out(self._schedule.make_safe(now_ns, reason), now_ns))

    def _carry_out(self, step: Step, now_ns: int) -> list[Report]:
        if step.levels:
            self._driver.set(step.levels)
        done_ns = time.monotonic_ns()
        self._schedule.carried_out(done_ns)
        spent_ns = done_ns - now_ns
        return [_later(report, spent_ns) for report in step.reports]

    def _say(self, reports: Sequence[Report]) -> None:
        """Send reports. While the sender is slow to read, what inputs say is held back, of each line the newest.

        The kernel calls a connection writable while at most a quarter of it is full, so that what became of commands,
        and an emergency stop, finds room.
        """
        if not (reports or self._held):
            return
        if select.select([], [self._connection], [], 0)[1]:
            reports = [*self._held.values(), *reports]
            self._held.clear()
        else:
            self._held |= {report.line: report for report in reports if self._can_wait(report)}
            reports = [report for report in reports if not self._can_wait(report)]
        try:
            for start in range(0, len(reports), wire.REPORTS_PER_PACKET):
                self._connection.send(wire.encode(reports[start : start + wire.REPORTS_PER_PACKET]))
        except OSError as cause:
            stuck = isinstance(cause, BlockingIOError)
            reason = "the sender does not read its reports" if stuck else "the sender ended"
            step = self._schedule.make_safe(time.monotonic_ns(), reason)
            if step.levels:
                self._driver.set(step.levels)
            _write_reason((*reports, *step.reports))

    def _can_wait(self, report: Report) -> TypeGuard[Edge | Counted]:
        return isinstance(report, Edge | Counted) and self._wiring.inputs[report.line] != "stop"


def _write_reason(reports: Iterable[Report]) -> None:
    """Say on standard error what the sender cannot hear."""
    for report in reports:
        if isinstance(report, MadeSafe):
            with contextlib.suppress(OSError):
                sys.stderr.write(f"sortline: the outputs were made safe: {report.reason}\n")


def _later(report: Report, spent_ns: int) -> Report:
    """Date a change at the time it was done, not decided: between the two this process may have been interrupted."""
    if not isinstance(report, Switched | Coded):
        return report
    return msgspec.structs.replace(report, at_ns=report.at_ns + spent_ns, late_ns=report.late_ns + spent_ns)


def _catch_signals() -> socket.socket:
    """Ignore Ctrl-C, which the terminal sends to the station too; give a socket that is readable once asked to stop."""
    reader, writer = socket.socketpair()
    writer.settimeout(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer.detach())
    return reader


def _ask_for_realtime() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
    except (OSError, AttributeError):
        return False
    return True
