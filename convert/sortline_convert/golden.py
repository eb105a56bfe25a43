"""Golden images: what every station must answer to, packed with the answers."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import GOLDEN
from sortline_bundle.manifest import Golden
from sortline_bundle.photographs import encode_png
from sortline_bundle.preprocess import InputSpec, preprocess
from sortline_bundle.scores import log_scores
from sortline_convert.photographs import load_checked
from sortline_convert.prove import run_model
from sortline_train.run import File

MOST = 8
LONGEST_SIDE = 320
# int8 kernels of another processor may round the last step the other way, in many layers; a swapped channel or another
# resize moves scores by far more than this.
TOLERANCE = 0.1


def make_golden(
    folder: Path, files: Sequence[File], spec: InputSpec, model: bytes, temperature: float
) -> tuple[list[Golden], dict[str, bytes]]:
    """Photographs as golden images, with the scores the model gives on this machine.

    Args:
        folder: Of the run's photographs.
        files: To choose from: one of each class, up to eight.
        spec: The model's input.
        model: The int8 file that ships.
        temperature: Of its calibration.

    Returns:
        Entries for the manifest, and the PNG of each by member name.
    """
    firsts = list({file.class_name: file for file in reversed(files)}.values())[:MOST]
    images = [_reduce(load_checked(folder, file)) for file in firsts]
    pixels = np.empty((len(images), spec.height, spec.width, 3), np.uint8)
    for image, out in zip(images, pixels, strict=True):
        preprocess(image, spec, out)
    scores = np.exp(log_scores(run_model(model, pixels, "golden images"), temperature))
    names = [f"{GOLDEN}{nth:02d}.png" for nth in range(len(images))]
    entries = [
        Golden(member=name, class_name=file.class_name, scores=tuple(row.tolist()), tolerance=TOLERANCE)
        for name, file, row in zip(names, firsts, scores, strict=True)
    ]
    return entries, {name: encode_png(image) for name, image in zip(names, images, strict=True)}


def _reduce(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = LONGEST_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
