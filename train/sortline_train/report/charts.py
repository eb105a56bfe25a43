"""The charts of a report, as inline SVG that takes its colours and its font from the page around it."""

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sortline_bundle.calibration import ReliabilityBin
from sortline_train.report.values import Point, running_epochs
from sortline_train.report.words import name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Stand-ins for the page's own colours, which differ between light and dark; charts use no other ones.
_INK, _MUTE, _LINE, _FIRST, _SECOND = "#000001", "#000002", "#000003", "#000004", "#000005"
_PAGE = {_INK: "var(--ink)", _MUTE: "var(--mute)", _LINE: "var(--line)", _FIRST: "var(--blue)", _SECOND: "var(--amber)"}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": _MUTE,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that the room for text is the same on every machine
    "font.size": 9,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "sortline",
    "xtick.color": _LINE,
    "xtick.labelcolor": _MUTE,
    "ytick.color": _LINE,
    "ytick.labelcolor": _MUTE,
}
_VALIDATION = ("validation", _FIRST)
_Stages = dict[str, list[tuple[int, Point]]]
# Title, lines by field, and where along the height of a panel there is room for words, whichever way training goes.
_PANELS: tuple[tuple[str, dict[str, tuple[str, str]], float], ...] = (
    ("Loss, nats", {"train_loss_nats": ("training", _SECOND), "validation_loss_nats": _VALIDATION}, 1.0),
    ("Validation accuracy, %", {"validation_accuracy": _VALIDATION}, 0.0),
    ("Learning rate", {"learning_rate": ("learning rate", _MUTE)}, 0.5),
)


def draw_curves(points: Sequence[Point]) -> str:
    """Losses, validation accuracy and learning rate over the epochs of all stages, as an `<svg>` element."""
    from matplotlib import style
    from matplotlib.figure import Figure

    stages: _Stages = {}
    for epoch, point in zip(running_epochs(points), points, strict=True):
        stages.setdefault(point.stage, []).append((epoch, point))
    with style.context(["default", _STYLE]):
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
        accuracy.yaxis.set_major_formatter(_percent)
        rate.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return _svg(figure, "curves", "Loss, validation accuracy and learning rate by epoch")


def draw_reliability(bins: Sequence[ReliabilityBin]) -> str:
    """Share right over mean confidence, with the interval of each bin, as an `<svg>` element."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(4.4, 4.0), layout="constrained")
        axes = figure.subplots()
        confidence, accuracy = [one.mean_confidence for one in bins], [one.accuracy for one in bins]
        # An interval may end on the share itself, where rounding must not leave it a hair inside.
        below = [max(0.0, one.accuracy - one.accuracy_interval.low) for one in bins]
        above = [max(0.0, one.accuracy_interval.high - one.accuracy) for one in bins]
        axes.plot([0, 1], [0, 1], color=_MUTE, linewidth=1, linestyle=(0, (4, 3)))
        axes.errorbar(confidence, accuracy, (below, above), fmt="o", color=_FIRST, markersize=5, elinewidth=1.2)
        lowest = min(*confidence, *(one.accuracy_interval.low for one in bins), 0.8)
        axes.set(xlim=(lowest - 0.02, 1.02), ylim=(lowest - 0.02, 1.02), aspect="equal")
        axes.set(xlabel="mean confidence, %", ylabel="right, %")
        axes.xaxis.set_major_formatter(_percent)
        axes.yaxis.set_major_formatter(_percent)
        return _svg(figure, "reliability", "Share of right answers by confidence")


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
        axes.axvline(border, color=_MUTE, linewidth=1, linestyle=(0, (1, 2)))
        alignment = {1.0: "top", 0.5: "center", 0.0: "bottom"}[height]
        axes.annotate(
            name_of(name),
            (border, height),
            (3, 6 - 12 * height),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            rotation="vertical",
            verticalalignment=alignment,
            color=_MUTE,
            fontsize=8,
        )


def _percent(share: float, _: float) -> str:
    return f"{100 * share:g}"


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _svg(figure: "Figure", name: str, title: str) -> str:
    """The drawing alone, without a prolog, in the page's colours and font, its names not those of another chart."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = stream.getvalue()
    box = re.search(r'viewBox="[^"]+"', text)
    assert box
    drawing = text[text.index(">", box.end()) + 1 :]
    drawing = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", drawing, count=1, flags=re.DOTALL)
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing)
    drawing = re.sub(r" *font-family: [^;]*;", "", drawing)
    for stand_in, colour in _PAGE.items():
        drawing = drawing.replace(stand_in, colour)
    return f'<svg class="{name}" role="img" aria-label="{title}" {box[0]}>{drawing}'
