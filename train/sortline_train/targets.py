"""What the network is to say of a batch of views: its classes, not quite sure, and blended as the views are."""

import numpy as np

from sortline_train.views import Floats, Labels

SMOOTHING = 0.05
_BLEND = 0.2


def make_targets(labels: Labels, weights: Floats) -> Floats:
    """The share of each class `(N, C) float32` that fits `labels`, times the weight of the class.

    Smoothed: the right class never has it all, since labels are not always right.
    """
    classes = len(weights)
    exact = np.eye(classes, dtype=np.float32)[labels]
    return np.asarray((exact * (1 - SMOOTHING) + SMOOTHING / classes) * weights[labels][:, None], np.float32)


def blend(maps: Floats, targets: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Lay each example over the one opposite to it in the batch, more or less; targets likewise.

    A network that has seen blends learns less by heart. After Zhang et al., "mixup: Beyond Empirical Risk
    Minimization", 2018, and Verma et al., "Manifold Mixup", 2019, since the maps need not be pictures.

    Args:
        maps: `(N, H, W, C)`.
        targets: `(N, K)`.
        random: Decides how much; mostly little.
    """
    share = random.beta(_BLEND, _BLEND, len(maps)).astype(np.float32)[:, None]
    across = share[:, :, None, None]
    return across * maps + (1 - across) * maps[::-1], share * targets + (1 - share) * targets[::-1]
