"""The bundle's card: one page that says what the model is and how far it can be trusted, for people."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.calibration import ReliabilityBin
from sortline_bundle.manifest import ClassSpec, Manifest
from sortline_bundle.photographs import data_address, decode_image
from sortline_bundle.scores import log_scores
from sortline_convert.charts import draw_purity_recovery, draw_reliability
from sortline_convert.outcome import Released

_THUMB_PX = 224  # many golden images at full size would not go into a card


class Card(NamedTuple):
    """What stands on a card.

    Attributes:
        manifest: Its members need not be known yet.
        released: The file, and what it was held against.
        before: Reliability on the test part before the temperature.
        after: And after it.
        images: Golden images, PNG by member name.
    """

    manifest: Manifest
    released: Released
    before: Sequence[ReliabilityBin]
    after: Sequence[ReliabilityBin]
    images: Mapping[str, bytes]


class Bin(NamedTuple):
    """What a class's bin gets of the test photographs, at the threshold that ships.

    Attributes:
        class_name: Of the class.
        photographs: Of it.
        sorted: Photographs of any class that go into its bin.
        right: Those of them that belong there.
    """

    class_name: str
    photographs: int
    sorted: int
    right: int


def _sort(scores: NDArray[np.float64], labels: NDArray[np.int64], specs: Sequence[ClassSpec]) -> list[Bin]:
    answers = scores.argmax(axis=1)
    accepted = scores.max(axis=1) >= np.array([spec.threshold for spec in specs])[answers]
    bins = []
    for nth, spec in enumerate(specs):
        into, own = accepted & (answers == nth), labels == nth
        bins.append(Bin(spec.name, int(own.sum()), int(into.sum()), int((into & own).sum())))
    return bins


def render_card(card: Card) -> bytes:
    """The card as an HTML page that needs nothing else; the same values give the same page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("card.html.jinja").read_text(encoding="utf-8"))
    file, test = card.released.candidate, card.released.test
    confusion = np.zeros((len(card.manifest.classes),) * 2, np.int64)
    np.add.at(confusion, (test.labels, file.test.argmax(axis=1)), 1)
    solved = file.settled.solved
    scores = np.exp(log_scores(file.test, file.temperature))
    return template.render(
        manifest=card.manifest,
        confusion=confusion.tolist(),
        checks=file.checks,
        lacking=file.settled.lacking,
        tried=card.released.tried,
        bins=_sort(scores, test.labels, file.settled.specs),
        purity=draw_purity_recovery(solved) if solved else None,
        reliability=draw_reliability(card.before, card.after),
        golden=[(one, data_address(decode_image(card.images[one.member]), _THUMB_PX)) for one in card.manifest.golden],
    ).encode()
