"""Arrays made once per photograph and kept on disk, by the digest of the photograph, for later runs.

A shelf is a folder of files that are never changed once they have a name. Each holds the rows of some photographs, and
behind them the photographs' digests, 32 bytes each:

    row, row, ... row, digest, digest, ... digest

A file gets its name only when all of it is on disk, so a killed process leaves no half-written rows; two processes that
make the same rows at once do double work and no harm. A file that is deleted while another process has it mapped stays
there for that process.
"""

import hashlib
import mmap
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import PhotographError, TryAgainError
from sortline_bundle.progress import progress

LIMIT_BYTES = 20 * 10**9
FILE_ROWS = 512  # most that a killed process has made for nothing
_SUFFIX = ".rows"
_DRAFT = ".draft"
_DIGEST_BYTES = 32
_NO_DIGEST = bytes(_DIGEST_BYTES)
_NAMED = 5
_THREADS = max(4, os.cpu_count() or 1)

Row = NDArray[np.uint8]
Fill = Callable[[int, Row], None]


class Rows:
    """Rows of mapped files, in any order, read-only: as an array whose first axis is fetched only when asked for.

    `rows[3]` is a view of the mapped file; `rows[2:5]`, `rows[[4, 1]]` and `rows[mask]` are copies of those rows, in
    memory; `rows.select(...)` takes the same and copies nothing.
    """

    def __init__(self, files: Sequence[Row], where: NDArray[np.int64], row_shape: tuple[int, ...]) -> None:
        """Keep `files`, each `(n, *row_shape) uint8`, and for each row the file and the place in it, `(N, 2) int64`."""
        self._files = files
        self._where = where
        self._row_shape = row_shape

    @property
    def shape(self) -> tuple[int, ...]:
        """`(N, ...)`, as an array's."""
        return (len(self._where), *self._row_shape)

    def __len__(self) -> int:
        return len(self._where)

    def __iter__(self) -> Iterator[Row]:
        return (self._files[file][row] for file, row in self._where)

    def __getitem__(self, chosen: "int | np.integer | slice | Sequence[int] | NDArray[np.int64 | np.bool_]") -> Row:
        if isinstance(chosen, int | np.integer):
            file, place = self._where[chosen]
            row: Row = self._files[file][place]
            return row
        picked = self.select(chosen)
        rows = np.empty(picked.shape, np.uint8)
        for nth, row in enumerate(picked):
            rows[nth] = row
        return rows

    def select(self, chosen: "slice | Sequence[int] | NDArray[np.int64 | np.bool_]") -> "Rows":
        """Some of the rows, by slice, indices or mask, without reading any."""
        return Rows(self._files, self._where[chosen], self._row_shape)


@dataclass(frozen=True)
class Shelf:
    """A place for rows of one kind.

    Attributes:
        cache: Folder of all shelves, on which the limit holds.
        kind: What the rows are, in one word of the plural.
        recipe: Stands for all that a row depends on, but for the photograph.
        shape: Of one row, which is `uint8`.
    """

    cache: Path
    kind: str
    recipe: str
    shape: tuple[int, ...]

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.cache / f"{self.kind}-{self.recipe}"

    @property
    def row_bytes(self) -> int:
        """Size of a row, without its digest."""
        return int(np.prod(self.shape))


class _File(NamedTuple):
    digests: list[bytes]
    rows: Row


def fetch(shelf: Shelf, digests: Sequence[str], fill: Fill, limit_bytes: int = LIMIT_BYTES) -> Rows:
    """Take the rows of photographs from the shelf; make and keep those that are not there yet.

    Args:
        shelf: Where they are kept.
        digests: SHA-256 of each photograph, in hexadecimal; the same one may come more than once.
        fill: Writes the row of the nth photograph into an array of `shelf.shape`; called from several threads. May
            raise PhotographError: the other rows are made and kept, then the first few errors are raised as one.
        limit_bytes: Most that all shelves together may hold; the files not used for longest are deleted.

    Returns:
        One row per digest.

    Raises:
        PhotographError: as `fill` does.
        TryAgainError: the disk is full or cannot be written.
    """
    wanted = [bytes.fromhex(digest) for digest in digests]
    try:
        files = list(_open_files(shelf, set(wanted)))
        known = {digest for file in files for digest in file.digests}
        missing = {digest: nth for nth, digest in enumerate(wanted) if digest not in known}
        _make_room(shelf.cache, limit_bytes - len(missing) * (shelf.row_bytes + _DIGEST_BYTES))
        files += _make_files(shelf, missing, fill)
        _make_room(shelf.cache, limit_bytes)
    except OSError as cause:
        raise TryAgainError(
            f"{shelf.folder} cannot take the {shelf.kind} of {len(digests)} photographs: {cause.strerror}; make room"
            " there, or set XDG_CACHE_HOME to another folder, and run again"
        ) from None
    spots = {digest: (nth, row) for nth, file in enumerate(files) for row, digest in enumerate(file.digests)}
    where = np.array([spots[digest] for digest in wanted], np.int64).reshape(-1, 2)
    return Rows([file.rows for file in files], where, shelf.shape)


def _open_files(shelf: Shelf, wanted: set[bytes]) -> Iterator[_File]:
    """The files of the shelf that hold some of the rows wanted; they count as used now."""
    for path in sorted(shelf.folder.glob(f"*{_SUFFIX}")):
        with suppress(FileNotFoundError), path.open("rb") as opened:  # another process may be making room
            size = os.fstat(opened.fileno()).st_size
            if not size or size % (shelf.row_bytes + _DIGEST_BYTES):
                continue
            file = _map(shelf, mmap.mmap(opened.fileno(), size, access=mmap.ACCESS_READ))
            if not wanted.isdisjoint(file.digests):
                with suppress(PermissionError):  # another user's
                    os.utime(path)
                yield file


def _map(shelf: Shelf, mapped: mmap.mmap) -> _File:
    count = len(mapped) // (shelf.row_bytes + _DIGEST_BYTES)
    rows = np.frombuffer(mapped, np.uint8, count * shelf.row_bytes).reshape(count, *shelf.shape)
    index = bytes(mapped[count * shelf.row_bytes :])
    return _File([index[at : at + _DIGEST_BYTES] for at in range(0, len(index), _DIGEST_BYTES)], rows)


def _make_files(shelf: Shelf, missing: Mapping[bytes, int], fill: Fill) -> Iterator[_File]:
    """Write the rows of the digests in `missing`, which come with their places among the photographs."""
    failures: dict[bytes, str] = {}

    def make(digest: bytes, row: Row) -> None:
        try:
            fill(missing[digest], row)
        except PhotographError as error:
            failures[digest] = str(error)

    calm = warnings.catch_warnings(action="ignore")  # Pillow's, of odd EXIF blocks; here, since threads share filters
    with calm, ThreadPoolExecutor(_THREADS) as pool, progress(shelf.kind, len(missing)) as advance:
        for start in range(0, len(missing), FILE_ROWS):
            digests = list(missing)[start : start + FILE_ROWS]
            with _new_file(shelf, digests) as mapped:
                file = _map(shelf, mapped)
                for _ in pool.map(make, digests, file.rows):
                    advance(1)
                index = [_NO_DIGEST if digest in failures else digest for digest in digests]
                mapped[file.rows.size :] = b"".join(index)
            file.rows.flags.writeable = False
            yield file._replace(digests=index)
    if failures:
        complaints = [failures[digest] for digest in missing if digest in failures]
        more = f"; and {len(complaints) - _NAMED} more" if len(complaints) > _NAMED else ""
        raise PhotographError("; ".join(complaints[:_NAMED]) + more)


@contextmanager
def _new_file(shelf: Shelf, digests: Sequence[bytes]) -> Iterator[mmap.mmap]:
    """A mapped file, large enough for the rows of `digests`, that gets its name when the block ends well."""
    shelf.folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=shelf.folder, prefix=".", suffix=_DRAFT)
    draft = Path(name)
    try:
        with os.fdopen(handle, "r+b") as file:
            size = len(digests) * (shelf.row_bytes + _DIGEST_BYTES)
            # The room is taken now: a mapped file that finds the disk full later kills the process without a word.
            os.posix_fallocate(file.fileno(), 0, size)
            mapped = mmap.mmap(file.fileno(), size)
        yield mapped
        mapped.flush()
        with suppress(FileNotFoundError):  # another process has made room meanwhile; the mapping is good all the same
            draft.replace(shelf.folder / f"{hashlib.sha256(b''.join(digests)).hexdigest()}{_SUFFIX}")
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _make_room(cache: Path, limit_bytes: int) -> None:
    """Delete the files not used for longest, drafts of killed processes among them, until `limit_bytes` are left."""
    states = []
    for path in (*cache.glob(f"*/*{_SUFFIX}"), *cache.glob(f"*/.*{_DRAFT}")):
        with suppress(FileNotFoundError):
            states.append((path.stat(), path))
    room = limit_bytes
    for state, path in sorted(states, key=lambda found: found[0].st_mtime_ns, reverse=True):
        room -= state.st_size
        if room < 0:
            path.unlink(missing_ok=True)
