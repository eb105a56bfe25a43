"""From logits to scores that mean something. The same for converter and station."""

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
