"""Golden images: what every station must answer to, packed with the answers."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import GOLDEN
from sortline_bundle.manifest import Golden, RuntimeName
from sortline_bundle.photographs import encode_png
from sortline_bundle.preprocess import InputSpec, preprocess
from sortline_bundle.scores import log_scores
from sortline_convert.measure import measure
from sortline_convert.photographs import load_checked
from sortline_train.run import File

Scores = NDArray[np.float64]

MOST = 32
LONGEST_SIDE = 320
# The largest difference from the golden scores, by runtime. LiteRT gave the very same answers in versions 1.0 to 2.3 on
# x86-64 and on (emulated) aarch64; tflite-runtime 2.14 rounds otherwise, by up to twelve steps of a logit and 0.10 of a
# score on 306 photographs (docs/runtimes.md). A swapped channel or another resize moves scores by far more.
TOLERANCES: dict[RuntimeName, float] = {"litert": 0.02, "tflite-runtime": 0.2}


def choose_golden(scores: Scores, labels: NDArray[np.int64]) -> list[int]:
    """Which photographs to take: of each class, of those answered rightly, the surest and the one nearest to doubt.

    A machine that rounds a little otherwise shows it first where two classes are nearly as likely; one that sees the
    wrong colours shows it where there should be no doubt.

    Args:
        scores: `(N, C) float64`, calibrated, of the file that ships.
        labels: `(N,) int64`.

    Returns:
        Indices, class by class; with many classes only the surest of each, with very many not of each. Where a class
        has no right answer its first photograph.
    """
    ranked = np.sort(scores, axis=1)
    margins = ranked[:, -1] - ranked[:, -2]
    right = scores.argmax(axis=1) == labels
    surest, nearest = [], []
    for nth in range(scores.shape[1]):
        own = np.flatnonzero(labels == nth)
        if len(own) == 0:
            continue
        good = own[right[own]] if right[own].any() else own[:1]
        surest.append(int(good[margins[good].argmax()]))
        nearest.append(int(good[margins[good].argmin()]))
    chosen = surest + nearest if len(surest) + len(nearest) <= MOST else surest[:MOST]
    return sorted(set(chosen), key=lambda one: (labels[one], one))


def make_golden(
    folder: Path, files: Sequence[File], spec: InputSpec, model: bytes, temperature: float
) -> tuple[list[Golden], dict[str, bytes]]:
    """Photographs as golden images, with the scores the model gives on this machine.

    Args:
        folder: Of the run's photographs.
        files: The ones chosen, at most `MOST`.
        spec: The model's input.
        model: The file that ships.
        temperature: Of its calibration.

    Returns:
        Entries for the manifest, and the PNG of each by member name.
    """
    images = [_reduce(load_checked(folder, file)) for file in files]
    pixels = np.empty((len(images), spec.height, spec.width, 3), np.uint8)
    for image, out in zip(images, pixels, strict=True):
        preprocess(image, spec, out)
    scores = np.exp(log_scores(measure(model, pixels, "golden images"), temperature))
    names = [f"{GOLDEN}{nth:02d}.png" for nth in range(len(images))]
    entries = [
        Golden(member=name, class_name=file.class_name, scores=tuple(row.tolist()))
        for name, file, row in zip(names, files, scores, strict=True)
    ]
    return entries, {name: encode_png(image) for name, image in zip(names, images, strict=True)}


def _reduce(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = LONGEST_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
