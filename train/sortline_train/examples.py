"""Photographs as arrays, and how well a model does on them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.scores import cross_entropy
from sortline_train.run import Figures

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


class Examples(NamedTuple):
    """Photographs and their classes: `(N, H, W, 3) uint8 RGB` and `(N,) int64`."""

    pixels: Pixels
    labels: Labels


class Parts(NamedTuple):
    """All photographs of a run: to learn from, to choose by, and to be judged by."""

    train: Examples
    validation: Examples
    test: Examples


def measure(logits: NDArray[np.float32], labels: Labels) -> Figures:
    """Accuracy and cross-entropy of `(N, C)` logits."""
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Figures(accuracy=accuracy, loss=cross_entropy(logits, labels))
