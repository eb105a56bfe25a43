"""What the network is to say of a batch of views: its classes, not quite sure."""

import numpy as np

from sortline_train.views import Floats, Labels

SMOOTHING = 0.05


def make_targets(labels: Labels, weights: Floats) -> Floats:
    """The share of each class `(N, C) float32` that fits `labels`, times the weight of the class.

    Smoothed: the right class never has it all, since labels are not always right.
    """
    classes = len(weights)
    exact = np.eye(classes, dtype=np.float32)[labels]
    return np.asarray((exact * (1 - SMOOTHING) + SMOOTHING / classes) * weights[labels][:, None], np.float32)
