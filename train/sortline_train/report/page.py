"""The report: one page that can be mailed, and its figures beside it."""

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from sortline_bundle.files import write_whole
from sortline_bundle.photographs import data_address
from sortline_train.evaluation import ClassFigures, Evaluation, most_confused
from sortline_train.report import words
from sortline_train.report.charts import draw_curves, draw_reliability
from sortline_train.report.values import METRICS, Answer, Pixels, Report

PAGE = "report.html"
_THUMB_PX = 224
_MANY_CLASSES = 12


def write_report(out: Path, report: Report) -> None:
    """Write report.html and metrics.json into the folder `out`.

    Raises:
        OSError: the folder may not be written; what was there is as it was.
    """
    write_whole(out / PAGE, render_page(report).encode())
    write_whole(out / METRICS, msgspec.json.format(msgspec.json.encode(report.metrics), indent=1) + b"\n")


def render_page(report: Report) -> str:
    """The page as HTML that needs nothing else; the same values give the same page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for write in (words.percent, words.number, words.between, words.duration, words.name_of):
        environment.filters[write.__name__] = write
    folder = files(__package__)
    template = environment.from_string(folder.joinpath("report.html.jinja").read_text(encoding="utf-8"))
    metrics = report.metrics
    return template.render(
        style=folder.joinpath("report.css").read_text(encoding="utf-8"),
        metrics=metrics,
        input=msgspec.to_builtins(metrics.input),
        even_loss=math.log(len(metrics.classes)),
        verdict=words.verdict(metrics),
        curves=draw_curves(metrics.curves) if metrics.curves else None,
        reliability=draw_reliability(metrics.test.reliability),
        confused=most_confused(metrics.test, _MANY_CLASSES),
        many_classes=len(metrics.test.classes) > _MANY_CLASSES,
        heat=_heat(metrics.test),
        weakest_first=sorted(metrics.test.classes, key=_weakness),
        mistakes=_with_pictures(metrics.worst_mistakes, report.mistake_pictures),
        doubtful=_with_pictures(metrics.most_doubtful, report.doubtful_pictures),
    )


def _weakness(figures: ClassFigures) -> tuple[float, float]:
    """Least found first, then least F1; what cannot be told comes last."""
    return (math.inf if figures.recall is None else figures.recall, math.inf if figures.f1 is None else figures.f1)


def _heat(evaluation: Evaluation) -> list[list[float]]:
    """For each cell of the confusion table its share of the row."""
    return [[cell / max(1, sum(row)) for cell in row] for row in evaluation.confusion]


def _with_pictures(answers: Sequence[Answer], pictures: Sequence[Pixels]) -> list[tuple[Answer, str]]:
    return [(answer, data_address(picture, _THUMB_PX)) for answer, picture in zip(answers, pictures, strict=True)]
