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
from pathlib import Path

import msgspec

from sortline_bundle.errors import HardwareError
from sortline_edge.config.wiring import GpiodOutputs, OutputSettings, RecorderOutputs
from sortline_edge.outputs import wire
from sortline_edge.outputs.pulses import Schedule, Step
from sortline_edge.ports import LineDriver, MadeSafe, Report, Switched

# A sleep ends late: to the deadline its median was 132 us, with 300 us of spinning at its end 1 us (5,000 pulses, desk
# machine).
SPIN_NS = 300_000
# Above ordinary processes, below the kernel's own interrupt threads (50).
REALTIME_PRIORITY = 49
NS_PER_MS = 1_000_000


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
            driver = open_driver(begin.settings, begin.lines)
        except HardwareError as error:
            connection.send(wire.encode(wire.Failed(message=str(error))))
            return error.exit_code
        connection.send(wire.encode(wire.Ready(realtime=_ask_for_realtime())))
        return _Server(connection, stop, driver, begin).serve()


def open_driver(settings: OutputSettings, lines: Iterable[int]) -> LineDriver:
    """Claim the lines. The drivers are imported here, so that only the one in use has to be installed.

    Raises:
        HardwareError: the lines cannot be had.
    """
    match settings:
        case RecorderOutputs(path=path):
            from sortline_edge.outputs.recorder import Recorder

            return Recorder(Path(path), lines)
        case GpiodOutputs(chip=chip, active_low=active_low):
            from sortline_edge.outputs.gpio import GpioLines

            return GpioLines(chip, lines, active_low=active_low)


class _Server:
    def __init__(self, connection: socket.socket, stop: socket.socket, driver: LineDriver, begin: wire.Begin) -> None:
        self._connection = connection
        self._stop = stop
        self._driver = driver
        self._heartbeat_ms = begin.timing.heartbeat_ms
        self._schedule = Schedule(
            begin.lines,
            late_ns=round(begin.timing.late_ms * NS_PER_MS),
            heartbeat_ns=round(begin.timing.heartbeat_ms * NS_PER_MS),
        )

    def serve(self) -> int:
        self._connection.settimeout(0)
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
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

    def _turn(self) -> None:
        """Wait for whatever comes first, then do what is due before anything else."""
        before_ns = time.monotonic_ns()
        readable = self._wait()
        now_ns = time.monotonic_ns()
        self._do(self._schedule.advance(now_ns), now_ns)
        if self._schedule.safe:
            return
        if self._stop in readable:
            self._make_safe("it was asked to stop by a signal")
        elif self._connection in readable:
            self._receive()
        elif self._schedule.lost(before_ns):
            # The time was over before we looked, and no packet was there: a beat we were too slow to read still counts.
            self._make_safe(f"the sender gave no beat for {self._heartbeat_ms:g} ms")

    def _wait(self) -> list[socket.socket]:
        deadline_ns = self._schedule.next_ns
        if deadline_ns is None:
            timeout_s = None
        else:
            timeout_s = max(0.0, (deadline_ns - SPIN_NS - time.monotonic_ns()) / 1e9)
        readable, _, _ = select.select([self._connection, self._stop], [], [], timeout_s)
        if not readable and deadline_ns is not None:
            while time.monotonic_ns() < deadline_ns:
                pass
        return readable

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
            for pulse in wire.decode_pulses(packet):
                self._schedule.accept(pulse)
        except ValueError as error:
            # The client checks what it sends, so the two sides are not of one version: nothing it says can be trusted.
            self._make_safe(f"the sender sent what it may not: {error}")

    def _make_safe(self, reason: str) -> None:
        now_ns = time.monotonic_ns()
        self._do(self._schedule.make_safe(now_ns, reason), now_ns)

    def _do(self, step: Step, now_ns: int) -> None:
        if step.levels:
            self._driver.set(step.levels)
        if step.reports:
            spent_ns = time.monotonic_ns() - now_ns
            self._say([_later(report, spent_ns) for report in step.reports])

    def _say(self, reports: Sequence[Report]) -> None:
        try:
            self._connection.send(wire.encode(reports))
        except OSError as cause:
            stuck = isinstance(cause, BlockingIOError)
            reason = "the sender does not read its reports" if stuck else "the sender ended"
            step = self._schedule.make_safe(time.monotonic_ns(), reason)
            if step.levels:
                self._driver.set(step.levels)
            _write_reason((*reports, *step.reports))


def _write_reason(reports: Iterable[Report]) -> None:
    """Say on standard error what the sender cannot hear."""
    for report in reports:
        if isinstance(report, MadeSafe):
            with contextlib.suppress(OSError):
                sys.stderr.write(f"sortline: the outputs were made safe: {report.reason}\n")


def _later(report: Report, spent_ns: int) -> Report:
    """Date a switch at the time it was done, not decided: between the two this process may have been interrupted."""
    if not isinstance(report, Switched):
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
