"""Every photograph once through the contract, into one array on disk."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import load_image
from sortline_bundle.preprocess import InputSpec, preprocess
from sortline_bundle.progress import progress

_THREADS = 4
_NAMED = 5


def digest_files(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of each file."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(_digest_file, paths))


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decode_all(paths: Sequence[Path], spec: InputSpec, store: Path) -> NDArray[np.uint8]:
    """Decode photographs into `(N, spec.height, spec.width, 3) uint8 RGB`, mapped from the file `store`.

    Raises:
        PhotographError: naming the first few that cannot be used and how many there are.
        OSError: the disk has no room for them.
    """
    shape = (len(paths), spec.height, spec.width, 3)
    pixels = np.lib.format.open_memmap(store, mode="w+", dtype=np.uint8, shape=shape)
    with store.open("r+b") as file:
        # The room is taken now: a mapped file that finds the disk full later kills the process without a word.
        os.posix_fallocate(file.fileno(), 0, store.stat().st_size)

    def decode(index: int) -> str | None:
        try:
            preprocess(load_image(paths[index]), spec, pixels[index])
        except PhotographError as error:
            return str(error)
        return None

    complaints = []
    with ThreadPoolExecutor(_THREADS) as pool, progress("reading photographs", len(paths)) as advance:
        for complaint in pool.map(decode, range(len(paths))):
            advance(1)
            if complaint:
                complaints.append(complaint)
    if complaints:
        more = f", and {len(complaints) - _NAMED} more" if len(complaints) > _NAMED else ""
        raise PhotographError("; ".join(complaints[:_NAMED]) + more)
    return pixels
