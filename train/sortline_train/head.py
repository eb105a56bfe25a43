"""The head alone: a linear classifier on what the frozen backbone makes of several views of each photograph."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.scores import cross_entropy
from sortline_train.examples import Labels
from sortline_train.targets import balance

Floats = NDArray[np.float32]

# How strongly the weights are held back, tried from strong to weak.
STRENGTHS = (0.001, 0.01, 0.1)
_ITERATIONS = 200


class Head(NamedTuple):
    """Arrays of the last layer: `(F, C)` and `(C,) float32`."""

    kernel: Floats
    bias: Floats

    def apply(self, features: Floats) -> Floats:
        """Logits `(N, C) float32` of `(N, F)` features."""
        return np.asarray(features @ self.kernel + self.bias, np.float32)


def fit_head(features: Floats, labels: Labels, held: Floats, held_labels: Labels) -> Head:
    """Solve the multinomial logistic regression, with the strength that does best on held-out photographs.

    Args:
        features: `(N, F)` of the views to learn from.
        labels: Their classes, `(N,)`.
        held: `(M, F)` of the photographs to choose by.
        held_labels: Their classes, `(M,)`.
    """
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled, weights = (features - middle) / spread, balance(labels)[labels]

    def solve(strength: float) -> Head:
        from sklearn.linear_model import LogisticRegression

        solver = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=1e-3)
        solver.fit(scaled, labels, sample_weight=weights)
        # Two classes come as one logit of the second: half for it, half against the first, is the same.
        coefficients, intercept = solver.coef_, solver.intercept_
        if len(coefficients) == 1:
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        kernel = coefficients.T / spread[:, None]
        return Head(kernel.astype(np.float32), (intercept - middle @ kernel).astype(np.float32))

    heads = [solve(strength) for strength in STRENGTHS]
    return min(heads, key=lambda head: cross_entropy(head.apply(held), held_labels))
