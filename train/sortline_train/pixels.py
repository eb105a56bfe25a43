"""Every photograph once through the contract, kept on disk for all later steps and runs."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import cv2
import msgspec
import PIL
import platformdirs

import sortline_bundle.photographs
import sortline_bundle.preprocess
from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import InputSpec, preprocess
from sortline_train.rows import LIMIT_BYTES, Row, Rows, Shelf, fetch


def digest_code(module: ModuleType) -> str:
    """SHA-256 of a module's source; to be asked on import, before an upgrade may replace it."""
    return hashlib.sha256(Path(module.__file__ or "").read_bytes()).hexdigest()


_CODE = (digest_code(sortline_bundle.photographs), digest_code(sortline_bundle.preprocess))


def find_cache(fallback: Path, say: Callable[[str], None], cache: Path | None = None) -> Path:
    """The folder for rows of photographs that all runs share; `fallback`, and a line said, where it cannot be used.

    Args:
        fallback: A folder of this run alone.
        say: Takes the line.
        cache: Instead of where the system keeps caches.
    """
    place = cache or platformdirs.user_cache_path("sortline", appauthor=False) / "pixels"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place
    except OSError as cause:
        say(f"cache: {place} cannot be used ({cause.strerror}); pixels are kept for this run only")
        return fallback


def open_pixels(
    paths: Sequence[Path], digests: Sequence[str], spec: InputSpec, cache: Path, limit_bytes: int = LIMIT_BYTES
) -> Rows:
    """Photographs as the model will see them, each decoded only if no run has done so before.

    Args:
        paths: The photographs.
        digests: SHA-256 of each file, in hexadecimal.
        spec: The model's input.
        cache: Folder that the pixels are kept in, see `find_cache`.
        limit_bytes: Most that the folder may hold.

    Returns:
        `(N, spec.height, spec.width, 3) uint8 RGB`, mapped, in the order of `paths`.

    Raises:
        PhotographError: naming the first few that cannot be used, or are not what `digests` says.
        TryAgainError: the disk is full.
    """

    def fill(nth: int, row: Row) -> None:
        try:
            preprocess(decode_image(read_checked(paths[nth], digests[nth])), spec, row)
        except PhotographError as cause:
            raise PhotographError(f"{paths[nth]} {cause}; replace or remove it") from None

    shape = (spec.height, spec.width, 3)
    return fetch(Shelf(cache, "pixels", write_recipe(spec), shape), digests, fill, limit_bytes)


def read_checked(path: Path, digest: str) -> bytes:
    """The file's bytes.

    Raises:
        PhotographError: it cannot be read, or is not what `digest` says.
    """
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise PhotographError(f"cannot be read ({cause.strerror})") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise PhotographError("has changed since it was looked at")
    return data


def write_recipe(spec: InputSpec, *further: str) -> str:
    """Name what decides on pixels besides the photograph: the input, the code itself and the libraries below it.

    Args:
        spec: The model's input.
        further: Digests of what else has a hand in it.
    """
    parts = (msgspec.json.encode(spec).decode(), PIL.__version__, cv2.__version__, *_CODE, *further)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
