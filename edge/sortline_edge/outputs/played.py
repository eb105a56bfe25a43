"""Inputs without wires: edges that somebody writes into a named pipe."""

import os
import stat
import time
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from sortline_bundle.errors import HardwareError
from sortline_bundle.strict import Table
from sortline_edge.ports import Edge

_READ_BYTES = 4096


class Played(Table, frozen=True, kw_only=True):
    """One line of the pipe: the input `line` becomes active or inactive, now."""

    line: int
    active: bool


class PlayedInputs:
    """`InputLines` that follow what is written into a named pipe, and are inactive until then.

        echo '{"line": 5, "active": true}' > inputs.pipe

    Args:
        path: The pipe; made when missing.
        lines: The input lines there are.
        counting: Those that are encoders: each `true` is one edge.
        now_ns: Clock that dates what is read.

    Raises:
        HardwareError: the pipe cannot be made or opened, or the file is no pipe.
    """

    def __init__(
        self,
        path: Path,
        lines: Collection[int],
        *,
        counting: Collection[int] = (),
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._path = path
        self._lines = frozenset(lines)
        self._counting = frozenset(counting)
        self._now_ns = now_ns
        self._decoder = msgspec.json.Decoder(Played)
        self._rest = b""
        self._pipe: int | None = _open_pipe(path)

    def fileno(self) -> int:
        """Readable while something waits in the pipe."""
        assert self._pipe is not None
        return self._pipe

    def levels(self) -> list[Edge]:
        """Every line, inactive, but those that count."""
        at_ns = self._now_ns()
        return [Edge(line=line, active=False, at_ns=at_ns) for line in sorted(self._lines - self._counting)]

    def edges(self) -> list[Edge]:
        """What was written since the last call; the last line is kept until its end has come.

        Raises:
            HardwareError: a line of the pipe is not as it must be.
        """
        *rows, self._rest = (self._rest + os.read(self.fileno(), _READ_BYTES)).split(b"\n")
        if len(self._rest) > _READ_BYTES:
            raise HardwareError(f"inputs pipe {self._path} holds a line without end; end each with a line break")
        at_ns = self._now_ns()
        return [Edge(line=played.line, active=played.active, at_ns=at_ns) for played in map(self._read, rows)]

    def close(self) -> None:
        """Let go of the pipe, which stays. Harmless when repeated."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _read(self, row: bytes) -> Played:
        try:
            played = self._decoder.decode(row)
        except msgspec.DecodeError as cause:
            message = f'inputs pipe {self._path}: {cause}; write lines such as {{"line": 5, "active": true}}'
            raise HardwareError(message) from None
        if played.line not in self._lines:
            raise HardwareError(
                f"inputs pipe {self._path}: line {played.line} is not one of the inputs {sorted(self._lines)}"
                "; correct what is written into it"
            )
        return played


def _open_pipe(path: Path) -> int:
    try:
        if not path.exists():
            os.mkfifo(path, 0o600)
        # For both ways: so the pipe does not end when a writer lets go of it.
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as cause:
        raise HardwareError(
            f"inputs pipe {path} cannot be opened: {cause.strerror}; correct `outputs.inputs`"
        ) from None
    if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
        os.close(pipe)
        raise HardwareError(f"inputs pipe {path} is not a named pipe; remove the file or correct `outputs.inputs`")
    return pipe
