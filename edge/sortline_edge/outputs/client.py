"""The station's end of the output process."""

import contextlib
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from sortline_bundle.errors import HardwareError
from sortline_edge.config import Station
from sortline_edge.config.wiring import Input, OutputSettings, RecorderOutputs, Timing
from sortline_edge.outputs import wire
from sortline_edge.outputs.wiring import Wiring, check_command, inputs_of, wiring_of
from sortline_edge.ports import Command, MadeSafe, Report

# Python and three small packages: 0.1 s on a desk machine, some seconds on the smallest board while it boots.
START_TIMEOUT_S = 20.0
# A process that leaves some hundred packets unread is stuck. Waiting longer would hold up the vision loop for nothing.
SEND_TIMEOUT_S = 0.02
END_TIMEOUT_S = 1.0


def open_outputs(station: Station, folder: Path = Path()) -> "ProcessOutputs":
    """Start the output process of a station.

    Args:
        station: Its file: what is wired, and how.
        folder: Where the file lies; the paths in it are relative to it.

    Raises:
        HardwareError: the lines cannot be had.
    """
    settings = station.outputs
    if isinstance(settings, RecorderOutputs):
        inputs = None if settings.inputs is None else str(folder / settings.inputs)
        settings = msgspec.structs.replace(settings, path=str(folder / settings.path), inputs=inputs)
    return ProcessOutputs(settings, wiring_of(station), station.timing, inputs_of(station))


class ProcessOutputs:
    """`Outputs` carried out by a child process; a context manager that makes everything safe at its end.

    The child's watch over the heartbeat begins with the first `send` or `beat`. The connection belongs to this process
    alone: a fork that holds it open hides this process's death from the child, which then notices by the heartbeat.

    Raises:
        HardwareError: the lines cannot be claimed, or the child gave no answer within 20 s; no process is left behind.
    """

    def __init__(
        self, settings: OutputSettings, wiring: Wiring, timing: Timing, inputs: tuple[Input, ...] = ()
    ) -> None:
        self._wiring = wiring
        self._unread: list[Report] = []
        self._ended: str | None = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # -P: a file of the current folder must not pass for a package.
            command = [sys.executable, "-P", "-m", "sortline_edge.outputs"]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        self._connection = ours
        try:
            self._realtime = self._start(wire.Begin(settings=settings, wiring=wiring, inputs=inputs, timing=timing))
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
        """File descriptor to `select` on: readable when the child has ended, or reports that `send` did not take in."""
        return self._connection.fileno()

    def send(self, commands: Sequence[Command]) -> None:
        """Hand over commands, any time before they are due; also a beat.

        An output process that takes nothing for 20 ms is killed.

        Raises:
            ValueError: a command that cannot be carried out (see `check_command`); none of them was sent.
            HardwareError: the outputs have failed and are safe.
        """
        for command in commands:
            check_command(command, self._wiring)
        for start in range(0, max(1, len(commands)), wire.COMMANDS_PER_PACKET):
            self._put(wire.encode(commands[start : start + wire.COMMANDS_PER_PACKET]))

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
            # Killed, it cannot hold a gate open: the kernel takes its lines. A servo stays where it is until the
            # outputs are opened anew.
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
