"""The belt's report: one HTML page, pictures included, that can be mailed."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

from sortline_bundle.archive import Bundle
from sortline_bundle.files import write_whole
from sortline_bundle.photographs import data_address, load_image
from sortline_edge.config import Station
from sortline_edge.twin.books import Books, Fate, home
from sortline_edge.twin.film import Picture
from sortline_edge.twin.stays import Stay

_MOST_SHOWN = 24
_THUMB_PX = 110


class Run(NamedTuple):
    """What the page tells.

    Attributes:
        books: The sums.
        fates: Of every item.
        stays: The station's states.
        restarts: How often the station ended with an error and was started anew.
        notes: Sentences that belong to the figures.
    """

    books: Books
    fates: Sequence[Fate]
    stays: Sequence[Stay]
    restarts: int
    notes: Sequence[str]

    @property
    def most_lost(self) -> int:
        """By any one cause."""
        return max(self.books.losses.values(), default=0)


class Shown(NamedTuple):
    """An item in the gallery."""

    picture: str
    truth: str
    answer: str


def render_report(path: Path, bundle: Bundle, station: Station, run: Run, pictures: Sequence[Picture]) -> None:
    """Write the page.

    Args:
        path: Where to; replaced as a whole.
        bundle: That sorted.
        station: Belt and bins.
        run: What to tell.
        pictures: Of the belt, `(H, W, 3) uint8 RGB`.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8"))
    page = template.render(
        manifest=bundle.manifest,
        digest=bundle.digest,
        station=station,
        books=run.books,
        run=run,
        pictures=[data_address(picture, quality=85) for picture in pictures],
        galleries={
            title: [_show(fate) for fate in group[:_MOST_SHOWN]] for title, group in _groups(station, run.fates)
        },
    )
    write_whole(path, page.encode())


def _groups(station: Station, fates: Sequence[Fate]) -> list[tuple[str, list[Fate]]]:
    right = [fate for fate in fates if fate.bin == home(station, fate)]
    rejected = [fate for fate in fates if fate.bin == station.reject != home(station, fate)]
    wrong = [fate for fate in fates if fate.bin not in (home(station, fate), station.reject)]
    return [("In a wrong bin", wrong), ("Rejected", rejected), ("In the right bin", right)]


def _show(fate: Fate) -> Shown:
    image = load_image(fate.rider.photograph.path)
    if not fate.endings:
        answer = "no decision"
    else:
        decision = fate.endings[0].decision
        answer = f"{decision.class_name or '?'} {decision.score:.2f}"
        answer += "" if decision.reason == "sorted" else f", {decision.reason}"
    return Shown(data_address(image, _THUMB_PX), fate.rider.photograph.class_name, answer)
