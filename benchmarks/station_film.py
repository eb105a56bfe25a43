"""What a station's frames cost on a belt on which one item after the other rides past, for `station.py`."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from station_scenes import SPEED_MM_S, WIDTH_MM, Image, make_film, make_station

from sortline_bundle.archive import Bundle
from sortline_bundle.preprocess import Box
from sortline_edge.classify import TfliteClassifier
from sortline_edge.collector import collector_on_call
from sortline_edge.ports import ChannelOrder, Frame
from sortline_edge.station import Brain, Core

FRAMES_PER_S, LOOKS = 25, 2


class Film(NamedTuple):
    """Processor time of the frames of one film, from a frame in hand to the end of `act`.

    Attributes:
        empty_ms: Median of the frames without anything in them.
        item_ms: Median of the frames with an item and without a look.
        look_ms: Median of the frames with a look.
        mean_ms: Of all frames.
        frames: How many there were.
        looks: In how many of them a look was taken.
        items: How many items were decided on.
    """

    empty_ms: float
    item_ms: float
    look_ms: float
    mean_ms: float
    frames: int
    looks: int
    items: int


class Counted:
    """A classifier that counts its looks."""

    def __init__(self, classifier: TfliteClassifier) -> None:
        self._classifier = classifier
        self.looks = 0

    def logits(self, image: Image, box: Box | None = None, order: ChannelOrder = "RGB") -> NDArray[np.float32]:
        """As the classifier's."""
        self.looks += 1
        return self._classifier.logits(image, box, order)


def measure_film(
    bundle: Bundle, classifier: TfliteClassifier, photographs: Sequence[Image], width: int, height: int
) -> Film:
    """Let each photograph ride past at 25 frames a second, two looks at each."""
    counted = Counted(classifier)
    station = make_station(bundle.manifest.class_names, width, looks=LOOKS)
    core = Core(station, Brain(bundle.manifest, counted, bundle.digest))
    px_per_frame = round(width * SPEED_MM_S / WIDTH_MM / FRAMES_PER_S)
    # The belt goes by whole pixels.
    frame_ns = round(1e9 * px_per_frame * station.belt.mm_per_px / SPEED_MM_S)
    spent_ms: dict[str, list[float]] = {"empty": [], "item": [], "look": []}
    items = 0
    with collector_on_call():
        for nth, image in enumerate(make_film(photographs, width, height, px_per_frame), start=1):
            frame, before = Frame(image, "BGR", nth * frame_ns, nth), counted.looks
            started = time.thread_time_ns()
            core.see(frame)
            items += len(core.act(frame.captured_ns).decisions)
            spent = (time.thread_time_ns() - started) / 1e6
            kind = "look" if counted.looks > before else "item" if core.items else "empty"
            spent_ms[kind].append(spent)
    empty_ms, item_ms, look_ms = (float(np.median(some)) for some in spent_ms.values())
    every = [one for some in spent_ms.values() for one in some]
    return Film(empty_ms, item_ms, look_ms, float(np.mean(every)), len(every), len(spent_ms["look"]), items)
