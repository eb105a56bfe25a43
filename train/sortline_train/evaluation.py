"""How well a model does on photographs it was not trained on: logits and true classes in, figures out.

What cannot be told is None, never 0: the recall of a class of which there was no photograph, for one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.calibration import Interval, ReliabilityBin, calibration_error, reliability, wilson
from sortline_bundle.errors import PhotographError, ReleaseError, SortlineError
from sortline_bundle.scores import cross_entropy, log_scores
from sortline_bundle.strict import Table

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


class ClassFigures(Table, frozen=True, kw_only=True):
    """How the model does on one class.

    Attributes:
        class_name: Of the class.
        photographs: How many there are of it (the support).
        answers: How often the model gave it.
        right: How many of both.
        precision: Share right of those the model gave this class; None where it never did.
        recall: Share found of those that are of this class; None where there are none.
        recall_interval: Where the true recall lies.
        f1: Harmonic mean of the two; None where the class neither is nor was answered.
    """

    class_name: str
    photographs: int
    answers: int
    right: int
    precision: float | None
    recall: float | None
    recall_interval: Interval | None
    f1: float | None


class Evaluation(Table, frozen=True, kw_only=True):
    """How a model does on one part of the photographs.

    Attributes:
        photographs: How many.
        right: How many of them got their own class.
        accuracy: Share of those.
        accuracy_interval: Where the true share lies.
        cross_entropy_nats: Mean negative logarithm of the true classes' scores.
        macro_f1: Mean F1 of the classes that have one, each class weighing the same.
        roc_auc: For two classes: chance that of two photographs, one of each class, the second class's gets its higher
            score. None for more classes, or where a class has no photographs.
        expected_calibration_error: Mean distance of confidence from accuracy; see `reliability`.
        reliability: From the least to the most confident.
        classes: In the order of the outputs.
        confusion: Photographs by true class (rows) and answer (columns).
    """

    photographs: int
    right: int
    accuracy: float
    accuracy_interval: Interval
    cross_entropy_nats: float
    macro_f1: float
    roc_auc: float | None
    expected_calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]


class Confused(NamedTuple):
    """A mistake the model makes: photographs of one class given another's name."""

    class_name: str
    answer: str
    photographs: int
    share: float


def evaluate(logits: Logits, labels: Labels, class_names: Sequence[str]) -> Evaluation:
    """All figures of a model on one part of the photographs.

    Args:
        logits: `(N, C) float32`, what the model gave.
        labels: `(N,) int64`, the true classes.
        class_names: The C classes, in the order of the outputs.

    Raises:
        PhotographError: there are no photographs.
        ReleaseError: the model answers NaN or infinity.
        SortlineError: the three do not belong together.
    """
    _check(logits, labels, class_names)
    answers = logits.argmax(axis=1)
    counts = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(counts, (labels, answers), 1)
    right = int(np.trace(counts))
    classes = tuple(_class_figures(name, counts, nth) for nth, name in enumerate(class_names))
    bins = reliability(np.exp(log_scores(logits)).max(axis=1), answers == labels)
    return Evaluation(
        photographs=len(labels),
        right=right,
        accuracy=right / len(labels),
        accuracy_interval=wilson(right, len(labels)),
        cross_entropy_nats=cross_entropy(logits, labels),
        macro_f1=float(np.mean([figures.f1 for figures in classes if figures.f1 is not None])),
        roc_auc=roc_auc(logits[:, 1] - logits[:, 0], labels == 1) if len(class_names) == 2 else None,
        expected_calibration_error=calibration_error(bins),
        reliability=bins,
        classes=classes,
        confusion=tuple(tuple(row) for row in counts.tolist()),
    )


def roc_auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """Chance that a positive photograph scores higher than a negative one, a tie counting half; `(N,)` each.

    Mann and Whitney's U over the number of pairs: Hanley and McNeil, Radiology 143 (1982). None where one kind is
    missing.
    """
    positives = int(positive.sum())
    pairs = positives * (len(positive) - positives)
    if pairs == 0:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # those of a tie share the middle of their ranks
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / pairs)


def worst_mistakes(logits: Logits, labels: Labels, most: int) -> NDArray[np.int64]:
    """Indices of up to `most` photographs answered wrong, the most confident first."""
    wrong = np.flatnonzero(logits.argmax(axis=1) != labels)
    confidence = log_scores(logits[wrong]).max(axis=1, initial=-np.inf)
    return wrong[np.argsort(-confidence, kind="stable")][:most]


def most_doubtful(logits: Logits, most: int) -> NDArray[np.int64]:
    """Indices of up to `most` photographs, right or wrong, whose two highest scores lie closest together."""
    scores = np.sort(np.exp(log_scores(logits)), axis=1)
    return np.argsort(scores[:, -1] - scores[:, -2], kind="stable")[:most]


def most_confused(evaluation: Evaluation, most: int) -> tuple[Confused, ...]:
    """Up to `most` pairs of true class and wrong answer, the most frequent first."""
    names = [figures.class_name for figures in evaluation.classes]
    pairs = [
        Confused(names[truth], names[answer], count, count / sum(row))
        for truth, row in enumerate(evaluation.confusion)
        for answer, count in enumerate(row)
        if count and answer != truth
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.photographs, -pair.share))[:most])


def _check(logits: Logits, labels: Labels, class_names: Sequence[str]) -> None:
    if len(labels) == 0:
        raise PhotographError("there are no photographs to evaluate the model on; add some to every class")
    if logits.shape != (len(labels), len(class_names)):
        raise SortlineError(
            f"logits of shape {logits.shape} do not fit {len(labels)} photographs of {len(class_names)} classes"
        )
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise SortlineError(f"labels from {labels.min()} to {labels.max()} do not fit {len(class_names)} classes")
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise ReleaseError(
            f"the model answers NaN or infinity to {broken} of {len(labels)} photographs;"
            " train again with a lower learning rate"
        )


def _class_figures(name: str, counts: NDArray[np.int64], nth: int) -> ClassFigures:
    right, photographs, answers = int(counts[nth, nth]), int(counts[nth].sum()), int(counts[:, nth].sum())
    return ClassFigures(
        class_name=name,
        photographs=photographs,
        answers=answers,
        right=right,
        precision=_share(right, answers),
        recall=_share(right, photographs),
        recall_interval=wilson(right, photographs) if photographs else None,
        f1=_share(2 * right, photographs + answers),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
