"""Files that are either whole or not there."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` under `path` so that a power cut leaves the old file or the new one, never a part.

    Raises:
        OSError: the disk is full or the folder may not be written; `path` is as it was.
    """
    with writing_whole(path) as file:
        file.write(data)


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name `path` when the block is left; when it fails `path` is as it was.

    Raises:
        OSError: the disk is full or the folder may not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` under `path`, where nothing may be yet, at no time more open to others than `mode` says.

    After a power cut it may be there in part, for its reader to refuse.

    Raises:
        FileExistsError: something is there.
        OSError: the disk is full or the folder may not be written; nothing is there.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise
    _sync(path.parent)


def read_at_most(path: Path, limit: int) -> bytes:
    """A file's bytes, or its first `limit` and one more, by which its parser sees that it is too long.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(limit + 1)


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, last beyond a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock_alone(handle: int) -> bool:
    """Lock an open file or folder for this process alone, until it is closed; False where another holds it.

    Raises:
        OSError: it lies on a file system without locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
