"""What a report is made of. metrics.json is a `Metrics`, field by field; these names are kept.

    format, title, tool, created, photographs_folder, command
    classes[]         class_name, train, validation, calibration, test (photographs of each part)
    settings          name to value, as given
    input             how photographs become pixels
    weights           where the pretrained arrays came from; null: none
    device            what computed
    environment       name to version
    steps[]           name, seconds, peak_memory_mb
    stages[]          name, test_accuracy, test_loss_nats, validation_accuracy, validation_loss_nats
    curves[]          stage, epoch, train_loss_nats, validation_loss_nats, validation_accuracy, learning_rate,
                      seconds, kept
    way               how far the model lies from the pretrained network, 0, to the end of the kept epoch, 1
    test, validation  of the final model: photographs, right, accuracy, accuracy_interval.low and .high,
                      cross_entropy_nats, macro_f1, roc_auc, expected_calibration_error,
                      reliability[] (photographs, mean_confidence, accuracy, accuracy_interval),
                      classes[] (class_name, photographs, answers, right, precision, recall, recall_interval, f1),
                      confusion (rows: true class; columns: answer)
    audit[]           kind, photographs, sentence, paths; null: no audit was made
    worst_mistakes[], most_doubtful[]
                      path, class_name, answer, probability, runner_up, runner_up_probability

Shares, accuracies and probabilities lie between 0 and 1. What could not be told is null.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import InputSpec
from sortline_bundle.scores import log_scores
from sortline_bundle.strict import Table
from sortline_train.audit.values import Finding
from sortline_train.evaluation import Evaluation

METRICS = "metrics.json"

Pixels = NDArray[np.uint8]
Setting = str | int | float | bool | None


class ClassCounts(Table, frozen=True, kw_only=True):
    """How many photographs of a class each part has."""

    class_name: str
    train: int
    validation: int
    calibration: int
    test: int


class Step(Table, frozen=True, kw_only=True):
    """What a step of the training took; the memory is the most the process had held by its end."""

    name: str
    seconds: float
    peak_memory_mb: float | None = None


class Stage(Table, frozen=True, kw_only=True):
    """How the model did at a point of the way: `before`, `after_head` or `after_fine_tuning`."""

    name: str
    test_accuracy: float
    test_loss_nats: float
    validation_accuracy: float
    validation_loss_nats: float


class Point(Table, frozen=True, kw_only=True):
    """One epoch of the training.

    Attributes:
        stage: Which training it belongs to, `head` or `fine_tuning`.
        epoch: Of that stage, from 1; 0 is its beginning.
        train_loss_nats: Mean over the epoch.
        validation_loss_nats: At the end of the epoch, at the temperature that suits the scores best.
        validation_accuracy: At the end of the epoch.
        learning_rate: At the end of the epoch.
        seconds: Time the epoch took.
        kept: Whether the stage ended with the model of this epoch.
    """

    stage: str
    epoch: int
    train_loss_nats: float | None
    validation_loss_nats: float | None
    validation_accuracy: float | None
    learning_rate: float | None
    seconds: float | None
    kept: bool = False


def running_epochs(points: Sequence[Point]) -> tuple[int, ...]:
    """For each point the epoch counted on from stage to stage; a stage's epoch 0 is where the one before ended."""
    ends: dict[str, int] = {}
    for point in points:
        ends[point.stage] = max(point.epoch, ends.get(point.stage, 0))
    starts = dict(zip(ends, accumulate(ends.values(), initial=0), strict=False))
    return tuple(starts[point.stage] + point.epoch for point in points)


class Answer(Table, frozen=True, kw_only=True):
    """What the model says of one photograph.

    Attributes:
        path: Below the photographs' folder.
        class_name: What it is.
        answer: What the model takes it for.
        probability: Score of that.
        runner_up: What the model would say next.
        runner_up_probability: Score of that.
    """

    path: str
    class_name: str
    answer: str
    probability: float
    runner_up: str
    runner_up_probability: float


class Metrics(Table, frozen=True, kw_only=True):
    """The whole of metrics.json; what the fields are is said at the top of this module."""

    format: Literal["sortline-metrics-1"] = "sortline-metrics-1"
    title: str
    tool: str
    created: str
    photographs_folder: str
    command: str
    classes: tuple[ClassCounts, ...]
    settings: dict[str, Setting]
    input: InputSpec
    weights: str | None
    device: str
    environment: dict[str, str]
    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]
    curves: tuple[Point, ...]
    way: float
    test: Evaluation
    validation: Evaluation
    audit: tuple[Finding, ...] | None
    worst_mistakes: tuple[Answer, ...]
    most_doubtful: tuple[Answer, ...]


class Report(NamedTuple):
    """All that the page shows.

    Attributes:
        metrics: The figures.
        mistake_pictures: Of `metrics.worst_mistakes`, in their order; `(H, W, 3) uint8 RGB` each, any size.
        doubtful_pictures: Of `metrics.most_doubtful`, likewise.
    """

    metrics: Metrics
    mistake_pictures: Sequence[Pixels]
    doubtful_pictures: Sequence[Pixels]


def answers(
    chosen: NDArray[np.int64],
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    paths: Sequence[str],
    class_names: Sequence[str],
) -> tuple[Answer, ...]:
    """What the model says of the photographs with the indices `chosen`, in that order.

    Args:
        chosen: `(K,) int64`, such as `evaluation.worst_mistakes` gives.
        logits: `(N, C) float32`, what the model gave.
        labels: `(N,) int64`, the true classes.
        paths: N paths below the photographs' folder.
        class_names: The C classes, in the order of the outputs.
    """
    scores = np.exp(log_scores(logits[chosen]))
    # The stable sort of the negated scores puts the lower class first in a tie, as argmax does.
    first, second = np.argsort(-scores, axis=1, kind="stable")[:, :2].T
    return tuple(
        Answer(
            path=paths[index],
            class_name=class_names[labels[index]],
            answer=class_names[best],
            probability=float(row[best]),
            runner_up=class_names[next_],
            runner_up_probability=float(row[next_]),
        )
        for index, row, best, next_ in zip(chosen, scores, first, second, strict=True)
    )
