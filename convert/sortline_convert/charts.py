"""The pictures of a conversion: what purity costs in recovery, whether scores are true, what the file got wrong."""

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.calibration import ReliabilityBin, calibration_error
from sortline_bundle.drawing import AMBER, BLUE, MUTE, draw_bins, house_style, in_percent, lowest_shown, svg
from sortline_convert.promises import Solved, Thresholds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 4


def draw_purity_recovery(thresholds: Thresholds) -> str:
    """Purity over recovery as the threshold falls, a panel for each solved threshold.

    The band reaches down to the lower confidence bound, the dashed line is the target, the ring what was chosen.
    """
    from matplotlib.figure import Figure

    solved = thresholds.solved
    columns = min(_COLUMNS, len(solved))
    rows = -(-len(solved) // columns)
    with house_style():
        figure = Figure(figsize=(max(4.4, 3.0 * columns), 2.7 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, one in zip(panels, solved, strict=False):
            _draw_curve(axes, one, thresholds.aim.target_purity)
        for axes in panels[len(solved) :]:
            axes.set_axis_off()
        figure.supxlabel("recovery, %", color=MUTE, fontsize=9)
        figure.supylabel("purity, %", color=MUTE, fontsize=9)
        return svg(figure, "purity", "Purity over recovery")


def draw_reliability(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> str:
    """Share right over mean confidence before and after the temperature, each with its calibration error."""
    from matplotlib.figure import Figure

    lowest = lowest_shown([*before, *after])
    with house_style():
        figure = Figure(figsize=(7.2, 3.7), layout="constrained")
        for axes, title, bins in zip(figure.subplots(1, 2), ("before", "after"), (before, after), strict=True):
            draw_bins(axes, bins)
            axes.set(xlim=(lowest - 0.02, 1.02), ylim=(lowest - 0.02, 1.02), aspect="equal")
            axes.set(title=f"{title}: calibration error {calibration_error(bins):.1%}")
        figure.supxlabel("mean confidence, %", color=MUTE, fontsize=9)
        figure.supylabel("right, %", color=MUTE, fontsize=9)
        return svg(figure, "reliability", "Share of right answers by confidence, before and after the temperature")


def draw_disagreements(pictures: NDArray[np.uint8], captions: Sequence[str]) -> bytes:
    """A PNG of photographs, `(K, H, W, 3) uint8 RGB`, with a caption under each."""
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    with house_style():
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
    axes.fill_between(recovery, bound, purity, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(recovery, purity, color=BLUE)
    axes.axhline(target, color=AMBER, linewidth=1.2, linestyle=(0, (4, 3)))
    name = solved.class_name or "all classes"
    if solved.chosen is None:
        axes.set_title(f"{name}: no promise")
    else:
        ring = (solved.chosen.recovery or 0.0, solved.chosen.purity)
        axes.plot(*ring, "o", color=BLUE, markersize=8, markerfacecolor="none")
        axes.set_title(f"{name}: from {solved.chosen.threshold:.3f}")
    lowest = min(1 - 3 * (1 - target), *purity, 1.0)
    axes.set(xlim=(-0.02, 1.02), ylim=(max(0.0, lowest - 0.1 * (1 - lowest)), 1 + 0.1 * (1 - lowest)))
    in_percent(axes)
