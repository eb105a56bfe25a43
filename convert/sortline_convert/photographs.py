"""The run's photographs, found again and made into pixels the way the run says."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import InputSpec, preprocess
from sortline_bundle.progress import progress
from sortline_train.run import File


def load_checked(folder: Path, file: File) -> NDArray[np.uint8]:
    """Read one photograph of the run as `(H, W, 3) uint8 RGB`.

    Raises:
        PhotographError: it is not there, or not the one that was trained on.
    """
    path = folder / file.path
    try:
        data = path.read_bytes()
    except OSError:
        raise PhotographError(f"{path} of the run is not there; say where the photographs are with --photos") from None
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise PhotographError(f"{path} has changed since training; bring the old one back or train anew")
    return decode_image(data)


def load_pixels(folder: Path, files: Sequence[File], spec: InputSpec, title: str) -> NDArray[np.uint8]:
    """Photographs as model inputs, `(N, spec.height, spec.width, 3) uint8 RGB`; errors as in `load_checked`."""
    pixels = np.empty((len(files), spec.height, spec.width, 3), np.uint8)
    with progress(title, len(files)) as advance:
        for nth, file in enumerate(files):
            preprocess(load_checked(folder, file), spec, pixels[nth])
            advance(1)
    return pixels


def choose_representative(files: Sequence[File], count: int) -> list[File]:
    """At most `count` photographs with every class in equal number, chosen by digest."""
    by_class: dict[str, list[File]] = {}
    for file in sorted(files, key=lambda file: file.sha256):
        by_class.setdefault(file.class_name, []).append(file)
    ranked = [(nth, file) for members in by_class.values() for nth, file in enumerate(members)]
    return [file for _, file in sorted(ranked, key=lambda pair: pair[0])[:count]]
