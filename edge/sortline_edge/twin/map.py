"""The operating map as one HTML page, the drawing included, that can be mailed."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

from sortline_bundle.archive import Bundle
from sortline_bundle.files import write_whole
from sortline_edge.twin import chart
from sortline_edge.twin.choice import Answer, Point, keeps, say
from sortline_edge.twin.grid import Axis


class Swept(NamedTuple):
    """What a sweep came to.

    Attributes:
        axes: What was swept.
        points: Every run, in the order of `grid.points`.
        answer: To the target purity.
        notes: Sentences that belong to the figures.
    """

    axes: Sequence[Axis]
    points: Sequence[Point]
    answer: Answer
    notes: Sequence[str]

    @property
    def along(self) -> str:
        """The setting that changes along a curve: the threshold where it is swept, else the last."""
        names = [axis.name for axis in self.axes]
        return "threshold" if "threshold" in names else names[-1]


def render_map(path: Path, bundle: Bundle, swept: Swept) -> None:
    """Write the page.

    Args:
        path: Where to; replaced as a whole.
        bundle: That sorted.
        swept: What to draw.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("map.html.jinja").read_text(encoding="utf-8"))
    target = swept.answer.target_purity
    page = template.render(
        manifest=bundle.manifest,
        digest=bundle.digest,
        swept=swept,
        said=say(swept.answer),
        rows=[(point, keeps(point, target), point is swept.answer.point) for point in swept.points],
        chart=chart.lay_out(swept.points, target, swept.answer.point, swept.along),
        frame=chart,
    )
    write_whole(path, page.encode())
