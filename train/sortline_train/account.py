"""The account of a training: from what was planned, measured and taken to the report's values."""

import importlib.metadata
import platform
import resource
import shlex
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import InputSpec
from sortline_train.evaluation import evaluate, most_doubtful, worst_mistakes
from sortline_train.examples import Examples, Labels, Logits
from sortline_train.plan import Plan
from sortline_train.report import Answer, ClassCounts, Metrics, Point, Report, Stage, Step, answers

_PICTURES = 24
_LIBRARIES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "opencv-python-headless", "pillow", "scikit-learn")


class Watch:
    """Time and memory of each step; a step ends when the next is named."""

    def __init__(self) -> None:
        """Start."""
        self._steps: list[Step] = []
        self._started = time.perf_counter()

    def __call__(self, name: str) -> None:
        """End the step called `name`."""
        now = time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self._steps.append(Step(name=name, seconds=round(now - self._started, 2), peak_memory_mb=round(peak, 1)))
        self._started = now

    @property
    def steps(self) -> tuple[Step, ...]:
        """All that have ended."""
        return tuple(self._steps)


class Judged(NamedTuple):
    """A part of the photographs, what the model says of them, and where they lie."""

    examples: Examples
    logits: Logits
    paths: tuple[str, ...]


class Course(NamedTuple):
    """How the training went.

    Attributes:
        stages: Figures on the way.
        points: Every epoch.
        way: How far the model lies on the way from the pretrained network, 0, to the end of the kept epoch, 1.
        validation: The part that choices were made by.
        test: The part that was only measured.
        weights: Where the pretrained arrays came from; None: none.
        device: What computed.
        steps: Time and memory of each.
    """

    stages: tuple[Stage, ...]
    points: tuple[Point, ...]
    way: float
    validation: Judged
    test: Judged
    weights: str | None
    device: str
    steps: tuple[Step, ...]


def make_report(title: str, plan: Plan, spec: InputSpec, course: Course) -> Report:
    """Put together what the report shows.

    Args:
        title: Name of the run.
        plan: What was decided before.
        spec: How photographs became pixels.
        course: How the training went.
    """
    test, labels = course.test, course.test.examples.labels
    wrong = worst_mistakes(test.logits, labels, _PICTURES)
    doubtful = most_doubtful(test.logits, _PICTURES)
    metrics = Metrics(
        title=title,
        tool=f"sortline {importlib.metadata.version('sortline')}",
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        photographs_folder=plan.photographs,
        command=shlex.join(["sortline", *sys.argv[1:]]),
        classes=_count(plan),
        settings=msgspec.structs.asdict(plan.settings),
        input=spec,
        weights=course.weights,
        device=course.device,
        environment={"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}},
        steps=course.steps,
        stages=course.stages,
        curves=course.points,
        way=course.way,
        test=evaluate(test.logits, labels, plan.classes),
        validation=evaluate(course.validation.logits, course.validation.examples.labels, plan.classes),
        audit=plan.findings,
        worst_mistakes=_answers(wrong, course.test, labels, plan),
        most_doubtful=_answers(doubtful, course.test, labels, plan),
    )
    pixels = test.examples.pixels
    return Report(metrics, [pixels[int(nth)] for nth in wrong], [pixels[int(nth)] for nth in doubtful])


def _answers(chosen: NDArray[np.int64], judged: Judged, labels: Labels, plan: Plan) -> tuple[Answer, ...]:
    return answers(chosen, judged.logits, labels, judged.paths, plan.classes)


def _count(plan: Plan) -> tuple[ClassCounts, ...]:
    counts = Counter((file.class_name, file.part) for file in plan.files)
    return tuple(
        ClassCounts(
            class_name=name,
            train=counts[name, "train"],
            validation=counts[name, "validation"],
            calibration=counts[name, "calibration"],
            test=counts[name, "test"],
        )
        for name in plan.classes
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
