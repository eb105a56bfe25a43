"""Is this the model that was trained, on the photographs it was trained for? Asked before anything is quantised.

A model fed with swapped channels, read with labels in another order or mixed up with another model still gives
answers. They are worse than those that training measured; what would make them as good again says what is wrong.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ChannelsSwapped, LabelsReordered, NotTheTrainedModel, OtherPhotographs, ScaledTwice
from sortline_bundle.scores import cross_entropy
from sortline_train.run import Figures

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]
Numbers = NDArray[np.float64]

# Of the accuracy: the same file on the same pixels, measured twice, gives the same.
_SAME = 0.02
# Of the loss, in nats: likewise. Two rare classes that were swapped show in it first.
_SAME_LOSS = 0.02
# Standard errors. Two draws of the same photographs lie closer together than this but for one in a million.
_FAR = 5.0
# The least that counts as a standard error, of the spread within a class and in steps of a pixel: photographs of one
# burst are alike, so that many are worth few, and ranges do not mind less.
_LEAST_ERROR = 0.1


class Photographs(NamedTuple):
    """Photographs and their classes.

    Attributes:
        pixels: `(N, H, W, 3)`; uint8 RGB, as it should be.
        labels: `(N,) int64`.
    """

    pixels: NDArray[np.generic]
    labels: Labels


def check_model(logits: Logits, labels: Labels, measured: Figures, look_again: Callable[[], Logits]) -> None:
    """Hold a model's answers against what training measured on the same photographs.

    Args:
        logits: `(N, C) float32` of the float file on the test part.
        labels: `(N,) int64`.
        measured: By the run's record.
        look_again: Gives the logits to the same photographs with red and blue swapped.

    Raises:
        ChannelsSwapped, LabelsReordered, NotTheTrainedModel: by what would explain the difference.
    """
    if _as_measured(logits, labels, measured):
        return
    here = (
        f"the model is right on {_accuracy(logits, labels):.1%} of the test photographs, loss"
        f" {cross_entropy(logits, labels):.3f}, where training measured {measured.accuracy:.1%}, {measured.loss:.3f}"
    )
    if _as_measured(look_again(), labels, measured):
        raise ChannelsSwapped(f"{here}; with red and blue swapped it is as good again: photographs must be read as RGB")
    if _as_measured(logits[:, _best_order(logits, labels)], labels, measured):
        raise LabelsReordered(
            f"{here}; with the classes in another order it is as good again: the run's list of classes was changed"
        )
    raise NotTheTrainedModel(f"{here}: it is not the model of this run; train anew")


def check_representative(representative: Photographs, held_out: Photographs) -> None:
    """Hold the photographs that set the scales against those the model is measured on: they must be of one kind.

    Class by class: there are as many of each class among the ones as there can be, among the others as they came.

    Args:
        representative: Of the training part.
        held_out: Others, raw pixels.

    Raises:
        ScaledTwice: they are not raw pixels.
        ChannelsSwapped: with red and blue swapped they would be like the others.
        OtherPhotographs: they are otherwise unlike.
    """
    pixels, highest = representative.pixels, representative.pixels.max()
    if pixels.dtype != np.uint8 or highest <= 1:
        raise ScaledTwice(
            f"representative photographs hold {pixels.dtype} numbers up to {highest:.3g} where raw pixels are expected:"
            " the model scales them itself, so they would be scaled twice"
        )
    ours, theirs = _by_class(representative, held_out)
    if not ours:
        raise OtherPhotographs("representative and held-out photographs have no class in common; split them anew")
    warmth = _apart([one[:, 0] - one[:, 2] for one in ours], [one[:, 0] - one[:, 2] for one in theirs])
    swapped = _apart([one[:, 2] - one[:, 0] for one in ours], [one[:, 0] - one[:, 2] for one in theirs])
    if warmth > 1 >= swapped:
        raise ChannelsSwapped(
            "representative photographs are as much bluer as the others are redder: they were read as BGR;"
            " photographs must be read as RGB"
        )
    light = _apart([one.mean(axis=1) for one in ours], [one.mean(axis=1) for one in theirs])
    if max(warmth, light) > 1:
        raise OtherPhotographs(
            f"representative photographs differ from the held-out ones in {'colour' if warmth > light else 'light'},"
            f" by {max(warmth, light):.1f} times what chance explains; split the photographs anew"
        )


def _as_measured(logits: Logits, labels: Labels, measured: Figures) -> bool:
    off = abs(_accuracy(logits, labels) - measured.accuracy)
    return off <= _SAME + 1 / len(labels) and abs(cross_entropy(logits, labels) - measured.loss) <= _SAME_LOSS


def _accuracy(logits: Logits, labels: Labels) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def _best_order(logits: Logits, labels: Labels) -> NDArray[np.int64]:
    """For each class the output that suits it best, each output once."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    return np.asarray(linear_sum_assignment(counts, maximize=True)[1], np.int64)


def _by_class(*parts: Photographs) -> tuple[list[Numbers], ...]:
    """The mean colour of each photograph, `(N, 3)`, for each class of which every part has some."""
    shared = sorted(set.intersection(*(set(part.labels.tolist()) for part in parts)))
    means = [part.pixels.mean(axis=(1, 2), dtype=np.float64) for part in parts]
    return tuple([mean[part.labels == nth] for nth in shared] for part, mean in zip(parts, means, strict=True))


def _apart(ours: Sequence[Numbers], theirs: Sequence[Numbers]) -> float:
    """How far two parts' means lie apart, as a multiple of what chance explains; each class weighs as in `ours`."""
    from scipy.stats import norm, t

    counts = np.array([(len(one), len(other)) for one, other in zip(ours, theirs, strict=True)], np.float64)
    weights = counts[:, 0] / counts[:, 0].sum()
    apart = weights @ [one.mean() - other.mean() for one, other in zip(ours, theirs, strict=True)]
    freedom = max(1.0, counts.sum() - 2 * len(counts))
    spread = np.sqrt(sum(((one - one.mean()) ** 2).sum() for one in (*ours, *theirs)) / freedom)
    error = spread * np.sqrt(weights**2 @ (1 / counts).sum(axis=1))
    far = t.isf(norm.sf(_FAR), freedom)
    return float(abs(apart) / (far * max(error, _LEAST_ERROR * spread, _LEAST_ERROR)))
