"""Photographs as arrays, and how well a model does on them."""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.scores import cross_entropy, fit_temperature, log_scores
from sortline_train.ahead import make_ahead
from sortline_train.rows import Rows
from sortline_train.run import Figures

Labels = NDArray[np.int64]
Logits = NDArray[np.float32]
Below = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
_BATCH = 32


class Examples(NamedTuple):
    """Photographs and their classes: `(N, H, W, 3) uint8 RGB`, mapped, and `(N,) int64`."""

    pixels: Rows
    labels: Labels


def predictor(model: Any, below: Below | None = None) -> Callable[[Examples], Logits]:
    """What runs a Keras model over photographs, a batch at a time: `(N, C) float32` logits, as its arrays are then.

    Args:
        model: Takes pixels, or what `below` makes of them.
        below: Makes of one picture `(H, W, 3) uint8 RGB` what `model` takes of it.
    """
    import tensorflow as tf

    run = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)

    def predict(examples: Examples) -> Logits:
        count = len(examples.labels)

        def batch(nth: int) -> NDArray[np.float32]:
            chosen = range(nth * _BATCH, min((nth + 1) * _BATCH, count))
            if below is None:
                return examples.pixels[list(chosen)].astype(np.float32)
            return np.stack([below(examples.pixels[one]) for one in chosen])

        batches = make_ahead(batch, math.ceil(count / _BATCH), os.cpu_count() or 1)
        return np.concatenate([np.asarray(run(tf.constant(each)), np.float32) for each in batches])

    return predict


def measure(logits: Logits, labels: Labels) -> Figures:
    """Accuracy and cross-entropy of `(N, C)` logits."""
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Figures(accuracy=accuracy, loss=cross_entropy(logits, labels))


def calibrated_losses(logits: Logits, labels: Labels) -> NDArray[np.float64]:
    """Cross-entropies `(N,)` of `(N, C)` logits at the temperature that suits them best: what choices are made by.

    Conversion fits a temperature anyhow; what is wrong with the scores beyond that is what counts.
    """
    return np.asarray(-log_scores(logits, fit_temperature(logits, labels))[np.arange(len(labels)), labels])
