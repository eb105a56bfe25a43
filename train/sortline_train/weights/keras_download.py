"""Keras's own download of the arrays, in a process that is ended when the network swallows its packets.

A socket timeout would not do: it begins anew for each address of the server and does not cover the look-up of its name.
"""

import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sortline_bundle.errors import TryAgainError
from sortline_train.backbones import Backbone
from sortline_train.weights.hdf5 import read_own
from sortline_train.weights.layout import Arrays, layout_of

_CHILD = (sys.executable, "-m", "sortline_train.weights.keras_child")
_START_S = 120.0  # until TensorFlow is loaded, on a slow disk
_SILENCE_S = 15.0
_FAREWELL_S = 5.0


def fetch_from_keras(backbone: Backbone, child: Sequence[str] = _CHILD) -> Arrays:
    """Let Keras download its file, or take it from Keras's own cache, and return the arrays.

    Args:
        backbone: Whose arrays.
        child: The command to run; the backbone's name and the path of the HDF5 file to write are added to it.

    Raises:
        TryAgainError: no connection, or no sign of life for 15 s.
        ConfigError: the file that came does not hold the arrays.
    """
    with tempfile.TemporaryDirectory(prefix="sortline-") as folder:
        path = Path(folder, "weights.h5")
        run_watched([*child, backbone.name, str(path)])
        with path.open("rb") as file:
            return read_own(file, layout_of(backbone))


def run_watched(command: Sequence[str], *, start_s: float = _START_S, silence_s: float = _SILENCE_S) -> None:
    """Run a command to its end as long as it keeps printing.

    Args:
        command: The program and its arguments.
        start_s: The longest wait for the first output.
        silence_s: The longest wait for more.

    Raises:
        TryAgainError: it failed (with the last line of its error output), or it was silent too long and was ended.
    """
    # Small work: no graphics card, no notices of TensorFlow's.
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (
        tempfile.TemporaryFile() as complaint,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaint, env=environment
        ) as child,
    ):
        assert child.stdout is not None
        try:
            _listen(child.stdout, start_s, silence_s)
            failed = child.wait() != 0
        except BaseException:
            _end(child)
            raise
        if failed:
            raise TryAgainError(_reason(complaint))


def _listen(output: IO[bytes], patience_s: float, silence_s: float) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(output, selectors.EVENT_READ)
        while ready.select(patience_s):
            if not os.read(output.fileno(), 1 << 16):
                return
            patience_s = silence_s
    raise TryAgainError(f"no sign of life for {patience_s:.0f} s")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_FAREWELL_S)
    except subprocess.TimeoutExpired:
        child.kill()


def _reason(complaint: IO[bytes]) -> str:
    complaint.seek(0)
    lines = complaint.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")
    # Keras says "Exception: URL fetch failure on ADDRESS: CODE -- REASON".
    return last.rpartition(" -- ")[2][:200]
