"""Is this the model that was trained, on the photographs it was trained for? Asked before anything is quantised.

A model fed with swapped channels, read with labels in another order or mixed up with another model still gives
answers. They are worse than those that training measured; what would make them as good again says what is wrong.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ChannelsSwapped, LabelsReordered, NotTheTrainedModel, OtherPhotographs, ScaledTwice

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]
Pixels = NDArray[np.uint8]

# Of the accuracy: the same file on the same pixels, measured twice, gives the same.
_SAME = 0.02
# Standard errors. Two draws of the same photographs lie closer together than this but for one in a million.
_FAR = 5.0


def check_model(logits: Logits, labels: Labels, measured: float, look_again: Callable[[], Logits]) -> None:
    """Hold a model's answers against the accuracy that training measured on the same photographs.

    Args:
        logits: `(N, C) float32` of the float file on the test part.
        labels: `(N,) int64`.
        measured: Accuracy of the run's record.
        look_again: Gives the logits to the same photographs with red and blue swapped.

    Raises:
        ChannelsSwapped, LabelsReordered, NotTheTrainedModel: by what would explain the difference.
    """
    found = _accuracy(logits, labels)
    allowed = _SAME + 1 / len(labels)
    if abs(found - measured) <= allowed:
        return
    here = f"the model is right on {found:.1%} of the test photographs, where training measured {measured:.1%}"
    if abs(_accuracy(look_again(), labels) - measured) <= allowed:
        raise ChannelsSwapped(f"{here}; with red and blue swapped it is as good again: photographs must be read as RGB")
    if abs(_best_order(logits, labels) - measured) <= allowed:
        raise LabelsReordered(
            f"{here}; with the classes in another order it is as good again: the run's list of classes was changed"
        )
    raise NotTheTrainedModel(f"{here}: it is not the model of this run; train anew")


def check_representative(representative: NDArray[np.generic], held_out: Pixels) -> None:
    """Hold the photographs that set the scales against those the model is measured on: they must be of one kind.

    Args:
        representative: `(N, H, W, 3)`; uint8 RGB, as it should be.
        held_out: `(M, H, W, 3) uint8 RGB`, not the same photographs.

    Raises:
        ScaledTwice: they are not raw pixels.
        ChannelsSwapped: with red and blue swapped they would be like the others.
        OtherPhotographs: they are otherwise unlike.
    """
    if representative.dtype != np.uint8 or representative.max(initial=0) <= 1:
        raise ScaledTwice(
            f"representative photographs hold {representative.dtype} numbers up to {representative.max(initial=0):.3g}"
            " where raw pixels are expected: the model scales them itself, so they would be scaled twice"
        )
    ours, theirs = (pixels.mean(axis=(1, 2), dtype=np.float64) for pixels in (representative, held_out))
    warmth = _distance(ours[:, 0] - ours[:, 2], theirs[:, 0] - theirs[:, 2])
    if warmth > _FAR and _distance(ours[:, 2] - ours[:, 0], theirs[:, 0] - theirs[:, 2]) < _FAR:
        raise ChannelsSwapped(
            "representative photographs are as much bluer as the others are redder: they were read as BGR;"
            " photographs must be read as RGB"
        )
    light = _distance(ours.mean(axis=1), theirs.mean(axis=1))
    if max(warmth, light) > _FAR:
        raise OtherPhotographs(
            f"representative photographs differ from the held-out ones by {max(warmth, light):.0f} standard errors in"
            " light or colour; split the photographs anew"
        )


def _accuracy(logits: Logits, labels: Labels) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def _best_order(logits: Logits, labels: Labels) -> float:
    """Accuracy if each output stood for the class that suits it best."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / len(labels))


def _distance(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Of two means, in standard errors (Welch's t)."""
    error = np.sqrt(ours.var() / len(ours) + theirs.var() / len(theirs))
    return float(abs(ours.mean() - theirs.mean()) / max(error, 1e-9))
