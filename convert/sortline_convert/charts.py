"""The pictures of a conversion: what purity costs in recovery, whether scores are true, what the file got wrong."""

import io
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.calibration import ReliabilityBin, calibration_error
from sortline_convert.promises import Solved, Thresholds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _MUTE, _LINE, _BLUE, _AMBER = "#222222", "#666666", "#dddddd", "#1f6fb5", "#c77700"
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _LINE,
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
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "sortline",
    "text.parse_math": False,  # a class may be called $5$
    "xtick.color": _LINE,
    "xtick.labelcolor": _MUTE,
    "ytick.color": _LINE,
    "ytick.labelcolor": _MUTE,
}
_COLUMNS = 4


def draw_purity_recovery(thresholds: Thresholds) -> str:
    """Purity over recovery as the threshold falls, a panel for each solved threshold.

    The band reaches down to the lower confidence bound, the dashed line is the target, the ring what was chosen.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    solved = thresholds.solved
    columns = min(_COLUMNS, len(solved))
    rows = -(-len(solved) // columns)
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(max(4.4, 3.0 * columns), 2.7 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, one in zip(panels, solved, strict=False):
            _draw_curve(axes, one, thresholds.aim.target_purity)
        for axes in panels[len(solved) :]:
            axes.set_axis_off()
        figure.supxlabel("recovery, %", color=_MUTE, fontsize=9)
        figure.supylabel("purity, %", color=_MUTE, fontsize=9)
        return _svg(figure, "Purity over recovery")


def draw_reliability(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> str:
    """Share right over mean confidence before and after the temperature, each with its calibration error."""
    from matplotlib import style
    from matplotlib.figure import Figure

    shown = [*before, *after]
    lowest = min(0.8, *(min(one.mean_confidence, one.accuracy_interval.low) for one in shown))
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(7.2, 3.7), layout="constrained")
        for axes, title, bins in zip(figure.subplots(1, 2), ("before", "after"), (before, after), strict=True):
            _draw_bins(axes, bins)
            axes.set(xlim=(lowest - 0.02, 1.02), ylim=(lowest - 0.02, 1.02), aspect="equal")
            axes.set(title=f"{title}: calibration error {calibration_error(bins):.1%}")
        figure.supxlabel("mean confidence, %", color=_MUTE, fontsize=9)
        figure.supylabel("right, %", color=_MUTE, fontsize=9)
        return _svg(figure, "Share of right answers by confidence, before and after the temperature")


def draw_disagreements(pictures: NDArray[np.uint8], captions: Sequence[str]) -> bytes:
    """A PNG of photographs, `(K, H, W, 3) uint8 RGB`, with a caption under each."""
    from matplotlib import style
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(3.2 * columns, 3.4 * rows), layout="constrained", facecolor="white")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, picture, caption in zip(panels, pictures, captions, strict=False):
            axes.imshow(picture)
            axes.set_title(textwrap.fill(caption, 34), fontsize=8)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


def _draw_curve(axes: "Axes", solved: Solved, target: float) -> None:
    recovery = [point.recovery or 0.0 for point in solved.curve]  # without photographs of the class there is none
    purity, bound = [point.purity for point in solved.curve], [point.bound for point in solved.curve]
    axes.fill_between(recovery, bound, purity, color=_BLUE, alpha=0.15, linewidth=0)
    axes.plot(recovery, purity, color=_BLUE)
    axes.axhline(target, color=_AMBER, linewidth=1.2, linestyle=(0, (4, 3)))
    name = solved.class_name or "all classes"
    if solved.chosen is None:
        axes.set_title(f"{name}: no promise")
    else:
        ring = (solved.chosen.recovery or 0.0, solved.chosen.purity)
        axes.plot(*ring, "o", color=_BLUE, markersize=8, markerfacecolor="none")
        axes.set_title(f"{name}: from {solved.chosen.threshold:.3f}")
    lowest = min(1 - 3 * (1 - target), *purity, 1.0)
    axes.set(xlim=(-0.02, 1.02), ylim=(max(0.0, lowest - 0.1 * (1 - lowest)), 1 + 0.1 * (1 - lowest)))
    _in_percent(axes)


def _draw_bins(axes: "Axes", bins: Sequence[ReliabilityBin]) -> None:
    confidence, accuracy = [one.mean_confidence for one in bins], [one.accuracy for one in bins]
    # An interval may end on the share itself, where rounding must not leave it a hair inside.
    below = [max(0.0, one.accuracy - one.accuracy_interval.low) for one in bins]
    above = [max(0.0, one.accuracy_interval.high - one.accuracy) for one in bins]
    axes.plot([0, 1], [0, 1], color=_MUTE, linewidth=1, linestyle=(0, (4, 3)))
    axes.errorbar(confidence, accuracy, (below, above), fmt="o", color=_BLUE, markersize=4.5, elinewidth=1.2)
    _in_percent(axes)


def _in_percent(axes: "Axes") -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:g}")


def _svg(figure: "Figure", title: str) -> str:
    """The drawing alone, the same whenever it is made, without what would hold for the page around it."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = stream.getvalue()
    drawing = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    return drawing.replace("<svg", f'<svg role="img" aria-label="{title}"', 1).rstrip()
