"""Output lines without wires: every change as a JSON line in a file."""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from sortline_bundle.errors import HardwareError
from sortline_bundle.files import lock_alone


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file: at `at_ns` (monotonic) the output `line` was set."""

    at_ns: int
    line: int
    active: bool


class Recorder:
    """A `LineDriver` that appends to a file what the lines would have done.

    It is as strict as wires: the file belongs to one recorder at a time, only claimed lines can be set, nothing can be
    set after `close`. Each `set` is one unbuffered write, so that nothing is lost when the process is killed. Claiming
    and closing write every line as inactive.

    Args:
        path: File to append to; made when missing.
        lines: The lines to claim.

    Raises:
        HardwareError: the file cannot be written, or another recorder holds it.
    """

    def __init__(self, path: Path, lines: Iterable[int]) -> None:
        self._path = path
        self._lines = tuple(sorted(set(lines)))
        self._encoder = msgspec.json.Encoder()
        self._file: int | None = _open_alone(path)
        self.set(dict.fromkeys(self._lines, False))

    def set(self, levels: Mapping[int, bool]) -> None:
        """Write each named line as active (True) or inactive, all at one time.

        Raises:
            HardwareError: a line was not claimed, the recorder is closed, or the file cannot be written.
        """
        if self._file is None:
            raise HardwareError(f"outputs file {self._path} was used after it was closed; open the outputs anew")
        for line in levels:
            if line not in self._lines:
                raise HardwareError(
                    f"line {line} of {self._path} is not claimed, only {list(self._lines)}; claim it first"
                )
        at_ns = time.monotonic_ns()
        rows = [Change(at_ns=at_ns, line=line, active=active) for line, active in levels.items()]
        data = self._encoder.encode_lines(rows)
        try:
            written = os.write(self._file, data)
        except OSError as cause:
            raise HardwareError(f"outputs file {self._path} cannot be written: {cause.strerror}; make room") from None
        if written != len(data):
            raise HardwareError(f"outputs file {self._path} took only a part of a change: the disk is full; make room")

    def close(self) -> None:
        """Write every line as inactive and release the file. Harmless when repeated."""
        if self._file is None:
            return
        try:
            self.set(dict.fromkeys(self._lines, False))
        finally:
            os.close(self._file)
            self._file = None


def _open_alone(path: Path) -> int:
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        alone = lock_alone(file)
    except OSError as cause:
        message = f"outputs file {path} cannot be opened: {cause.strerror}; correct `outputs.path`"
        raise HardwareError(message) from None
    if not alone:
        os.close(file)
        raise HardwareError(f"outputs file {path} is held by another station; stop it or give this one its own file")
    return file
