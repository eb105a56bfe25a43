"""The report on a training: a page for people, metrics.json for programs, event files for TensorBoard."""

from sortline_train.report.page import render_page, write_report
from sortline_train.report.tensorboard import write_tensorboard
from sortline_train.report.values import (
    Answer,
    ClassCounts,
    Metrics,
    Point,
    Report,
    Stage,
    Step,
    answers,
)

__all__ = [
    "Answer",
    "ClassCounts",
    "Metrics",
    "Point",
    "Report",
    "Stage",
    "Step",
    "answers",
    "render_page",
    "write_report",
    "write_tensorboard",
]
