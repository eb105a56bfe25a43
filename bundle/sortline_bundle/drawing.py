"""Charts of sortline's pages: one style, and inline SVG that takes its colours and its font from the page around it.

The page gives the colours as --ink, --mute, --line, --blue and --amber. Needs Matplotlib, which a station has not.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sortline_bundle.calibration import ReliabilityBin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Stand-ins for the page's own colours, which may differ between light and dark; charts use no other ones.
INK, MUTE, LINE, BLUE, AMBER = "#000001", "#000002", "#000003", "#000004", "#000005"
_PAGE = {INK: "var(--ink)", MUTE: "var(--mute)", LINE: "var(--line)", BLUE: "var(--blue)", AMBER: "var(--amber)"}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTE,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that the room for text is the same on every machine
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "sortline",
    "text.parse_math": False,  # a class may be called $5$
    "xtick.color": LINE,
    "xtick.labelcolor": MUTE,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTE,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib in the style of the pages while the block runs; as it was afterwards."""
    from matplotlib import style

    with style.context(["default", _STYLE]):
        yield


def draw_bins(axes: "Axes", bins: Sequence[ReliabilityBin]) -> None:
    """Share right over mean confidence, with the interval of each bin, and the line on which true scores lie."""
    confidence, accuracy = [one.mean_confidence for one in bins], [one.accuracy for one in bins]
    # An interval may end on the share itself, where rounding must not leave it a hair inside.
    below = [max(0.0, one.accuracy - one.accuracy_interval.low) for one in bins]
    above = [max(0.0, one.accuracy_interval.high - one.accuracy) for one in bins]
    axes.plot([0, 1], [0, 1], color=MUTE, linewidth=1, linestyle=(0, (4, 3)))
    axes.errorbar(confidence, accuracy, (below, above), fmt="o", color=BLUE, markersize=5, elinewidth=1.2)
    in_percent(axes)


def lowest_shown(bins: Sequence[ReliabilityBin]) -> float:
    """Where the axes of `draw_bins` may begin so that nothing is cut off; 0.8 at most."""
    return min(0.8, *(min(one.mean_confidence, one.accuracy_interval.low) for one in bins))


def in_percent(axes: "Axes") -> None:
    """Label both axes, whose values are shares, in per cent."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent)


def percent(share: float, _: float) -> str:
    """A tick's label."""
    return f"{100 * share:g}"


def svg(figure: "Figure", name: str, title: str) -> str:
    """The drawing alone, without a prolog, in the page's colours and font, its names not those of another chart.

    Args:
        figure: Drawn in `house_style`.
        name: Of the chart: one word, unlike those of the other charts of the page.
        title: For those who cannot see it.
    """
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
