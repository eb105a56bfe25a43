"""What the network is to say of a batch of views: its classes, not quite sure, and rare ones weighing more."""

import numpy as np

from sortline_train.views import Floats, Labels

SMOOTHING = 0.05


def balance(labels: Labels) -> Floats:
    """A weight per class `(C,) float32`, so that rare classes count for more: the root of what would make all equal.

    Full balance makes a rare class the answer too often; none makes it the answer never.
    """
    counts = np.bincount(labels)
    return np.asarray(np.sqrt(counts.mean() / np.maximum(counts, 1)), np.float32)


def make_targets(labels: Labels, weights: Floats) -> Floats:
    """The share of each class `(N, C) float32` that fits `labels`, times the weight of the class.

    Smoothed: the right class never has it all, since labels are not always right.
    """
    classes = len(weights)
    exact = np.eye(classes, dtype=np.float32)[labels]
    return np.asarray((exact * (1 - SMOOTHING) + SMOOTHING / classes) * weights[labels][:, None], np.float32)
