"""The station's end of the output process."""

import contextlib
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import msgspec

from sortline_bundle.errors import HardwareError
from sortline_edge.config.wiring import OutputSettings, RecorderOutputs, Timing
from sortline_edge.outputs import wire
from sortline_edge.outputs.pulses import check_pulse
from sortline_edge.ports import Command, MadeSafe, Pulse, Report

# Python and three small packages: 0.1 s on a desk machine, some seconds on the smallest board while it boots.
START_TIMEOUT_S = 20.0
# A process that leaves some hundred packets unread is stuck. Waiting longer would hold up the vision loop for nothing.
SEND_TIMEOUT_S = 0.02
END_TIMEOUT_S = 1.0


def open_outputs(
    settings: OutputSettings, lines: Iterable[int], timing: Timing | None = None, folder: Path = Path()
) -> "ProcessOutputs":
    """Start the output process of a station.

    Args:
        settings: The station file's table `outputs`.
        lines: The output lines to claim.
        timing: The station file's table `timing`.
        folder: Where the station file lies; a recorder's path is relative to it.

    Raises:
        HardwareError: the lines cannot be had.
    """
    if isinstance(settings, RecorderOutputs):
        settings = msgspec.structs.replace(settings, path=str(folder / settings.path))
    return ProcessOutputs(settings, lines, timing or Timing())


class ProcessOutputs:
    """`Outputs` carried out by a child process; a context manager that makes everything safe at its end.

    The child's watch over the heartbeat begins with the first `send` or `beat`. The connection belongs to this process
    alone: a fork that holds it open hides this process's death from the child, which then notices by the heartbeat.

    Raises:
        HardwareError: the lines cannot be claimed, or the child gave no answer within 20 s; no process is left behind.
    """

    def __init__(self, settings: OutputSettings, lines: Iterable[int], timing: Timing) -> None:
        self._lines = tuple(lines)
        self._unread: list[Report] = []
        self._ended: str | None = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # -P: a file of the current folder must not pass for a package.
            command = [sys.executable, "-P", "-m", "sortline_edge.outputs"]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        self._connection = ours
        try:
            begin = wire.Begin(settings=settings, lines=self._lines, timing=timing)
            self._realtime = self._start(begin)
        except BaseException:
            self._kill()
            self._connection.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    @property
    def realtime(self) -> bool:
        """Whether the child runs with real-time priority (SCHED_FIFO); without it pulses are late more often."""
        return self._realtime

    def fileno(self) -> int:
        """File descriptor to `select` on: readable when reports wait or the child has ended."""
        return self._connection.fileno()

    def send(self, commands: Sequence[Command]) -> None:
        """Hand over pulses, any time before they are due; also a beat. Returns within 20 ms.

        Raises:
            ValueError: a pulse ends before it begins, or is for a line that is not claimed; none of them was sent.
            HardwareError: the outputs have failed and are safe.
        """
        pulses = [command for command in commands if isinstance(command, Pulse)]
        for pulse in pulses:
            check_pulse(pulse, self._lines)
        for start in range(0, max(1, len(pulses)), wire.PULSES_PER_PACKET):
            self._put(wire.encode(pulses[start : start + wire.PULSES_PER_PACKET]))

    def beat(self) -> None:
        """Say that this process is alive.

        Raises:
            HardwareError: the outputs have failed and are safe.
        """
        self.send(())

    def reports(self) -> list[Report]:
        """What happened since the last call, oldest first; never waits. The last ones can still be read after `close`.

        Raises:
            HardwareError: the outputs have failed and are safe, with the reason; every report has been given before.
        """
        self._read()
        reports, self._unread = self._unread, []
        if not reports and self._ended is not None:
            raise HardwareError(self._ended)
        return reports

    def close(self) -> None:
        """Make every output safe and end the child, within 2 s. Harmless when repeated."""
        if self._connection.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self._kill()
        self._read()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, begin: wire.Begin) -> bool:
        self._connection.settimeout(START_TIMEOUT_S)
        try:
            self._connection.send(wire.encode(begin))
            packet = self._connection.recv(wire.PACKET_BYTES)
        except TimeoutError:
            message = (
                f"the output process gave no answer within {START_TIMEOUT_S:g} s; the machine is overloaded or it hangs"
            )
            raise HardwareError(message) from None
        except ConnectionError:
            packet = b""
        if not packet:
            raise HardwareError(f"the output process {self._how_it_ended()}; it was not ready yet")
        self._connection.settimeout(0)
        match wire.decode_answer(packet):
            case wire.Ready(realtime=realtime):
                return realtime
            case wire.Failed(message=message):
                raise HardwareError(message)

    def _put(self, packet: bytes) -> None:
        # The child never waits for us to read: it would take us for stuck.
        self._read()
        if self._ended is not None:
            raise HardwareError(self._ended)
        try:
            try:
                self._connection.send(packet)
            except BlockingIOError:
                select.select([], [self._connection], [], SEND_TIMEOUT_S)
                self._connection.send(packet)
        except BlockingIOError:
            # Killed, it cannot hold a gate open: the kernel takes its lines.
            self._kill()
            self._ended = "the output process was stuck and was killed; open the outputs anew"
            raise HardwareError(self._ended) from None
        except OSError:
            raise self._failure() from None

    def _failure(self) -> HardwareError:
        self._read()
        return HardwareError(self._ended or "the connection to the output process broke; open the outputs anew")

    def _read(self) -> None:
        """Take in every report that waits, and whether the child has ended."""
        while self._ended is None:
            try:
                packet = self._connection.recv(wire.PACKET_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                # Said once when the child ended with packets of ours unread; its own last ones still wait behind.
                continue
            if packet:
                self._take(wire.decode_reports(packet))
            else:
                self._ended = f"the output process {self._how_it_ended()}; open the outputs anew"

    def _take(self, reports: list[Report]) -> None:
        self._unread += reports
        for report in reports:
            if isinstance(report, MadeSafe):
                self._ended = f"the outputs were made safe: {report.reason}"

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        if code < 0:
            return f"was killed by signal {-code} ({signal.strsignal(-code)})"
        return f"ended with exit code {code}, its standard error may say why"

    def _kill(self) -> None:
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
