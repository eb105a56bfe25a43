"""From logits to scores that mean something. The same for converter and station."""

import math

import numpy as np
from numpy.typing import NDArray


def log_scores(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Logarithms of the softmax of `(..., C)` logits divided by `temperature`."""
    cooled = logits.astype(np.float64) / temperature
    shifted = cooled - cooled.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean negative log score of the true classes, in nats, for `(N, C)` logits and `(N,)` labels."""
    return float(-log_scores(logits, temperature)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64], *, spread: float = math.inf) -> float:
    """The temperature that makes the scores of `(N, C)` logits likeliest given the truth.

    Args:
        logits: `(N, C) float32`.
        labels: `(N,) int64`.
        spread: Standard deviation of the temperature's logarithm that is expected beforehand, around 0. What few
            photographs say of scores that were set right before is mostly chance.

    Guo et al., On Calibration of Modern Neural Networks (2017), with Platt's targets (1999): N photographs, all of
    them right, are no reason to promise more than (N + 1) in (N + 2). Golden-section search over 0.05 to 20, in the
    logarithm.
    """
    photographs, classes = logits.shape
    doubt = 1 / (photographs + 2)
    targets = np.full(logits.shape, doubt / (classes - 1))
    targets[np.arange(photographs), labels] = 1 - doubt

    def loss(log_temperature: float) -> float:
        likelihood = float((targets * log_scores(logits, math.exp(log_temperature))).sum())
        return 0.5 * (log_temperature / spread) ** 2 - likelihood

    low, high = math.log(0.05), math.log(20)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        step = golden * (high - low)
        left, right = high - step, low + step
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)
