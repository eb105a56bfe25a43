"""The charts of a report, as inline SVG."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sortline_bundle.calibration import ReliabilityBin
from sortline_bundle.drawing import AMBER, BLUE, MUTE, draw_bins, house_style, lowest_shown, percent, svg
from sortline_train.report.values import Point, running_epochs
from sortline_train.report.words import name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VALIDATION = ("validation", BLUE)
_Stages = dict[str, list[tuple[int, Point]]]
# Title, lines by field, and where along the height of a panel there is room for words, whichever way training goes.
_PANELS: tuple[tuple[str, dict[str, tuple[str, str]], float], ...] = (
    ("Loss, nats", {"train_loss_nats": ("training", AMBER), "validation_loss_nats": _VALIDATION}, 1.0),
    ("Validation accuracy, %", {"validation_accuracy": _VALIDATION}, 0.0),
    ("Learning rate", {"learning_rate": ("learning rate", MUTE)}, 0.5),
)


def draw_curves(points: Sequence[Point]) -> str:
    """Losses, validation accuracy and learning rate over the epochs of all stages, as an `<svg>` element."""
    from matplotlib.figure import Figure

    stages: _Stages = {}
    for epoch, point in zip(running_epochs(points), points, strict=True):
        stages.setdefault(point.stage, []).append((epoch, point))
    with house_style():
        figure = Figure(figsize=(9.6, 3.1), layout="constrained")
        panels = figure.subplots(1, len(_PANELS))
        for axes, (title, lines, free) in zip(panels, _PANELS, strict=True):
            axes.set(title=title, xlabel="epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            for field, (label, colour) in lines.items():
                _draw_line(axes, stages, field, label, colour)
            _part_stages(axes, stages, free)
        losses, accuracy, rate = panels
        losses.set_ylim(bottom=0)
        rate.set_ylim(bottom=0)
        accuracy.yaxis.set_major_formatter(percent)
        rate.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return svg(figure, "curves", "Loss, validation accuracy and learning rate by epoch")


def draw_reliability(bins: Sequence[ReliabilityBin]) -> str:
    """Share right over mean confidence, with the interval of each bin, as an `<svg>` element."""
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(4.4, 4.0), layout="constrained")
        axes = figure.subplots()
        draw_bins(axes, bins)
        lowest = lowest_shown(bins)
        axes.set(xlim=(lowest - 0.02, 1.02), ylim=(lowest - 0.02, 1.02), aspect="equal")
        axes.set(xlabel="mean confidence, %", ylabel="right, %")
        return svg(figure, "reliability", "Share of right answers by confidence")


def _draw_line(axes: "Axes", stages: _Stages, field: str, label: str, colour: str) -> None:
    """A line per stage, since each trains other weights, and a ring around the epochs that were kept."""
    for nth, stage in enumerate(stages.values()):
        epochs = [epoch for epoch, _ in stage]
        values = [_or_nan(getattr(point, field)) for _, point in stage]
        marker = "o" if len(stage) == 1 else ""
        axes.plot(epochs, values, color=colour, marker=marker, markersize=4, label=label if nth == 0 else None)
    if (label, colour) == _VALIDATION:
        kept = [(epoch, point) for stage in stages.values() for epoch, point in stage if point.kept]
        values = [_or_nan(getattr(point, field)) for _, point in kept]
        ring: dict[str, Any] = {
            "color": colour,
            "marker": "o",
            "markersize": 8,
            "markerfacecolor": "none",
            "markeredgewidth": 1.6,
        }
        axes.plot([epoch for epoch, _ in kept], values, linestyle="", label="kept" if kept else None, **ring)


def _part_stages(axes: "Axes", stages: _Stages, height: float) -> None:
    """A dotted line where one stage ends and the next begins, with its name."""
    for name, stage in list(stages.items())[1:]:
        epoch, point = stage[0]
        border = epoch if point.epoch == 0 else epoch - 0.5
        axes.axvline(border, color=MUTE, linewidth=1, linestyle=(0, (1, 2)))
        alignment = {1.0: "top", 0.5: "center", 0.0: "bottom"}[height]
        axes.annotate(
            name_of(name),
            (border, height),
            (3, 6 - 12 * height),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            rotation="vertical",
            verticalalignment=alignment,
            color=MUTE,
            fontsize=8,
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
