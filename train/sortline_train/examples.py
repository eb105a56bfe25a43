"""Photographs as arrays, and how well a model does on them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.scores import cross_entropy
from sortline_train.rows import Rows
from sortline_train.run import Figures

Labels = NDArray[np.int64]
Logits = NDArray[np.float32]
_BATCH = 32


class Examples(NamedTuple):
    """Photographs and their classes: `(N, H, W, 3) uint8 RGB`, mapped, and `(N,) int64`."""

    pixels: Rows
    labels: Labels


def predictor(model: Any) -> Callable[[Examples], Logits]:
    """What runs a Keras model over photographs, a batch at a time: `(N, C) float32` logits, as its arrays are then."""
    import tensorflow as tf

    run = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)

    def predict(examples: Examples) -> Logits:
        starts = range(0, len(examples.labels), _BATCH)
        batches = (examples.pixels[start : start + _BATCH].astype(np.float32) for start in starts)
        return np.concatenate([np.asarray(run(tf.constant(batch)), np.float32) for batch in batches])

    return predict


def measure(logits: Logits, labels: Labels) -> Figures:
    """Accuracy and cross-entropy of `(N, C)` logits."""
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Figures(accuracy=accuracy, loss=cross_entropy(logits, labels))
