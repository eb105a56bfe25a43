"""Frames for `station.py`: photographs lying on a drawn belt, and a station core that they are put before."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import Bundle
from sortline_bundle.photographs import list_photographs, load_image
from sortline_bundle.preprocess import Box
from sortline_edge.config import Belt, Bin, Deciding, FolderCamera, RecorderOutputs, Station
from sortline_edge.ports import ChannelOrder, Classifier, Frame
from sortline_edge.station import Core, Step

ITEM_SHARE = 0.5  # longer side of an item, of the frame's height
STEP_PX = 40
SPEED_MM_S, WIDTH_MM = 250.0, 320.0
_BELT_BGR = (66, 78, 38)
Image = NDArray[np.uint8]


class Scene(NamedTuple):
    """An item in two frames, `(H, W, 3) uint8 BGR` as OpenCV gives them, and where it is in the second."""

    first: Image
    second: Image
    box: Box


def choose_photographs(folder: Path, count: int) -> list[Image]:
    """Some photographs of all classes, `(H, W, 3) uint8 BGR`; always the same ones."""
    photographs = list_photographs(folder)
    chosen = np.random.default_rng(0).choice(len(photographs), min(count, len(photographs)), replace=False)
    return [np.ascontiguousarray(load_image(photographs[nth].path)[..., ::-1]) for nth in chosen]


def bare_belt(width: int, height: int, seed: int = 0) -> Image:
    """A woven belt with camera noise."""
    random = np.random.default_rng(seed)
    weave, noise = random.normal(0, 6, (height, width, 1)), random.normal(0, 2.5, (height, width, 3))
    return np.asarray((np.array(_BELT_BGR) + weave + noise).clip(0, 255), np.uint8)


def make_scenes(photographs: Sequence[Image], width: int, height: int) -> list[Scene]:
    """One scene of each photograph, the whole of it as the item."""
    scenes = []
    for nth, photograph in enumerate(photographs):
        item = _scaled(photograph, height)
        top = (height - item.shape[0]) // 2
        first, second = (bare_belt(width, height, 2 * nth + frame) for frame in (1, 2))
        box = Box(width // 8, top, width // 8 + item.shape[1], top + item.shape[0])
        moved = Box(box.left + STEP_PX, box.top, box.right + STEP_PX, box.bottom)
        for frame, place in ((first, box), (second, moved)):
            frame[place.top : place.bottom, place.left : place.right] = item
        scenes.append(Scene(first, second, moved))
    return scenes


def make_film(photographs: Sequence[Image], width: int, height: int, px_per_frame: int) -> Iterator[Image]:
    """One item after the other rides past, left to right, in a loop without a seam."""
    belt = bare_belt(width, height)
    for photograph in photographs:
        item = _scaled(photograph, height)
        top, length = (height - item.shape[0]) // 2, item.shape[1]
        for left in range(-length, width + px_per_frame, px_per_frame):
            frame = belt.copy()
            start, end = max(0, left), min(width, left + length)
            if start < end:
                frame[top : top + item.shape[0], start:end] = item[:, start - left : end - left]
            yield frame


def make_station(bundle: Bundle, width: int, looks: int = 2) -> Station:
    """A gate a class, over a belt of which the camera sees 320 mm."""
    bins = tuple(
        Bin(name=name, classes=(name,), line=nth, distance_mm=400 + 100 * nth)
        for nth, name in enumerate(bundle.manifest.class_names)
    )
    return Station(
        name="benchmark",
        bundle="-",
        camera=FolderCamera(path="-"),
        belt=Belt(speed_mm_s=SPEED_MM_S, mm_per_px=WIDTH_MM / width),
        bins=bins,
        outputs=RecorderOutputs(),
        deciding=Deciding(looks=looks, smallest_mm=10, longest_mm=WIDTH_MM),
    )


class Line:
    """A station core with its time: scenes come to it one after the other, with bare belt between them."""

    def __init__(self, bundle: Bundle, classifier: Classifier, width: int, height: int) -> None:
        station = make_station(bundle, width)
        self._core = Core(station, bundle.manifest, classifier)
        self._ns_per_px = 1e9 * station.belt.mm_per_px / station.belt.speed_mm_s
        self._width, self._bare = width, bare_belt(width, height)
        self._gone_px = self._sequence = 0

    def show_first(self, scene: Scene) -> None:
        """Let the belt run empty, then the item lie before the camera for its first frame."""
        for image in (self._bare, self._bare, scene.first):
            frame = self.frame(image, self._width)
            self._core.step(frame, frame.captured_ns)

    def frame(self, image: Image, gone_px: int = STEP_PX, order: ChannelOrder = "BGR") -> Frame:
        """The camera's next frame, after the belt has gone on by some pixels."""
        self._gone_px += gone_px
        self._sequence += 1
        return Frame(image, order, round(self._gone_px * self._ns_per_px), self._sequence)

    def step(self, frame: Frame) -> Step:
        """What is measured: from a frame in hand to the decision on the item in it."""
        return self._core.step(frame, frame.captured_ns)


def _scaled(photograph: Image, height: int) -> Image:
    scale = ITEM_SHARE * height / max(photograph.shape[:2])
    size = (round(photograph.shape[1] * scale), round(photograph.shape[0] * scale))
    return np.asarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA), np.uint8)
