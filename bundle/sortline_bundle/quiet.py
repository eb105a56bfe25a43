"""Keeps chatty native libraries quiet, and quotes them when something went wrong."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to the process's streams while the block runs; show it only if the block fails.

    TensorFlow and the TFLite runtime log below Python, so the file descriptors themselves are turned aside.
    With `TF_CPP_MIN_LOG_LEVEL` set in the environment nothing is held back: somebody wants to see it.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    _flush()
    streams = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile() as aside:
        for number in streams:
            os.dup2(aside.fileno(), number)
        try:
            yield
        except BaseException:
            _restore(streams)
            aside.seek(0)
            sys.stderr.write(aside.read().decode(errors="replace"))
            raise
        _restore(streams)


def _restore(streams: dict[int, int]) -> None:
    _flush()
    for number, kept in streams.items():
        os.dup2(kept, number)
        os.close(kept)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
