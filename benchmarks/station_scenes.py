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
from sortline_edge.ports import Classifier, Frame
from sortline_edge.station import Brain, Core, Step

ITEM_SHARE = 0.5  # longer side of an item, of the frame's height
STEP_PX = 40
SPEED_MM_S, WIDTH_MM = 250.0, 320.0
_BELT_BGR = (66, 78, 38)
Image = NDArray[np.uint8]


class Scene(NamedTuple):
    """An item in two frames, `(H, W, 3) uint8 BGR` as OpenCV gives them, and where it is in the second.

    In the first it is not wholly in the picture yet, so the only look at it is taken in the second.
    """

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
        moved = Box(STEP_PX // 2, top, STEP_PX // 2 + item.shape[1], top + item.shape[0])
        first[moved.top : moved.bottom, : moved.right - STEP_PX] = item[:, STEP_PX // 2 :]
        second[moved.top : moved.bottom, moved.left : moved.right] = item
        scenes.append(Scene(first, second, moved))
    return scenes


def make_film(photographs: Sequence[Image], width: int, height: int, px_per_frame: int) -> Iterator[Image]:
    """One item after the other rides past, left to right; the belt shows its next stretch in every frame."""
    belt, gone = bare_belt(width, height), 0
    for photograph in photographs:
        item = _scaled(photograph, height)
        top, length = (height - item.shape[0]) // 2, item.shape[1]
        for left in range(-length, width + px_per_frame, px_per_frame):
            gone += px_per_frame
            frame = np.roll(belt, gone, axis=1)
            start, end = max(0, left), min(width, left + length)
            if start < end:
                frame[top : top + item.shape[0], start:end] = item[:, start - left : end - left]
            yield frame


def make_station(classes: Sequence[str], width: int, outputs: RecorderOutputs | None = None, looks: int = 1) -> Station:
    """A gate a class, over a belt of which the camera sees 320 mm."""
    bins = tuple(
        Bin(name=name, classes=(name,), line=nth, distance_mm=400 + 100 * nth) for nth, name in enumerate(classes)
    )
    return Station(
        name="benchmark",
        bundle="-",
        camera=FolderCamera(path="-"),
        belt=Belt(speed_mm_s=SPEED_MM_S, mm_per_px=WIDTH_MM / width),
        bins=bins,
        outputs=outputs or RecorderOutputs(),
        deciding=Deciding(looks=looks, smallest_mm=10, longest_mm=WIDTH_MM),
    )


class Line:
    """Stations that a scene comes to, each with its time; one for each scene, as none has seen the items before."""

    def __init__(self, bundle: Bundle, classifier: Classifier, width: int, height: int) -> None:
        self._station = make_station(bundle.manifest.class_names, width)
        self._brain = Brain(bundle.manifest, classifier, bundle.digest)
        self._ns_per_px = 1e9 * self._station.belt.mm_per_px / self._station.belt.speed_mm_s
        self._bare, self._width = bare_belt(2 * width, height), width
        self._scenes = self._gone_px = self._sequence = 0

    def show_first(self, scene: Scene) -> None:
        """Let the belt run empty, then the item come before the camera for its first frame.

        It runs empty for another number of frames each time: so what the station does in some frames of twelve only
        falls on the measured frame as often as on any other.
        """
        self._core = Core(self._station, self._brain, round(self._gone_px * self._ns_per_px))
        self._scenes += 1
        for _ in range(3 + self._scenes % 12):
            bare = np.roll(self._bare, self._gone_px + STEP_PX, axis=1)[:, : self._width]
            self.step(self.frame(np.ascontiguousarray(bare)))
        self.step(self.frame(scene.first))

    def frame(self, image: Image) -> Frame:
        """The camera's next frame, after the belt has gone on by a step."""
        self._gone_px += STEP_PX
        self._sequence += 1
        return Frame(image, "BGR", round(self._gone_px * self._ns_per_px), self._sequence)

    def step(self, frame: Frame) -> Step:
        """What is measured: from a frame in hand to the decision on the item in it."""
        self._core.see(frame)
        return self._core.act(frame.captured_ns)


def _scaled(photograph: Image, height: int) -> Image:
    scale = ITEM_SHARE * height / max(photograph.shape[:2])
    size = (round(photograph.shape[1] * scale), round(photograph.shape[0] * scale))
    return np.asarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA), np.uint8)
