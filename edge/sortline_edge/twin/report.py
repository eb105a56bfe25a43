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

_MOST_SHOWN = 24
_THUMB_PX = 110


class Shown(NamedTuple):
    """An item in the gallery."""

    picture: str
    truth: str
    answer: str


def render_report(
    path: Path, bundle: Bundle, station: Station, books: Books, fates: Sequence[Fate], pictures: Sequence[Picture]
) -> None:
    """Write the page.

    Args:
        path: Where to; replaced as a whole.
        bundle: That sorted.
        station: Belt and bins.
        books: The sums.
        fates: Of every item.
        pictures: Of the belt, `(H, W, 3) uint8 RGB`.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8"))
    page = template.render(
        manifest=bundle.manifest,
        digest=bundle.digest,
        station=station,
        books=books,
        pictures=[data_address(picture, quality=85) for picture in pictures],
        galleries={title: [_show(fate) for fate in group[:_MOST_SHOWN]] for title, group in _groups(station, fates)},
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
