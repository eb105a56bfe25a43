"""What the edge tests share: a small station, a manifest without a model, a classifier that goes by colour, a belt."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from sortline_bundle.fingerprint import look_at, take
from sortline_bundle.manifest import Calibration, ClassSpec, Golden, Manifest, Member, OutputSpec, Provenance, RunsOn
from sortline_bundle.preprocess import Box, InputSpec
from sortline_edge.clocks import Clock
from sortline_edge.config import Belt, Bin, Deciding, FolderCamera, RecorderOutputs, Station
from sortline_edge.ports import Command, Frame, Pulse, Report, Switched
from sortline_edge.station import Brain

PALETTE = {"red": (210, 50, 50), "green": (60, 190, 60), "blue": (60, 70, 220), "white": (235, 235, 235)}
WIDTH, HEIGHT = 320, 200
BELT_GREY = 70


class ColourClassifier:
    """Answers by the colour in the middle of the crop; implements `ports.Classifier`."""

    def __init__(self) -> None:
        self.asked: list[Box] = []

    def logits(self, image: NDArray[np.uint8], box: Box | None = None, order: str = "RGB") -> NDArray[np.float32]:
        box = box or Box(0, 0, image.shape[1], image.shape[0])
        self.asked.append(box)
        quarter_x, quarter_y = box.width // 4, box.height // 4
        middle = image[box.top + quarter_y : box.bottom - quarter_y, box.left + quarter_x : box.right - quarter_x]
        colour = middle.reshape(-1, 3).mean(axis=0)[:: 1 if order == "RGB" else -1]
        return -np.linalg.norm(np.array(list(PALETTE.values())) - colour, axis=1).astype(np.float32) / 10


@dataclass
class Outputs:
    """Remembers what it was given; fails when told to; with a clock it does at once what is due."""

    failure: Exception | None = None
    fail_after: int = 0
    clock: Clock | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        self.packets: list[list[Command]] = []
        self._begun: set[int] = set()

    @property
    def pulses(self) -> list[Pulse]:
        return [command for packet in self.packets for command in packet if isinstance(command, Pulse)]

    def send(self, commands: Sequence[Command]) -> None:
        self.packets.append(list(commands))

    def beat(self) -> None:
        self.packets.append([])

    def reports(self) -> list[Report]:
        if self.failure is not None and len(self.packets) > self.fail_after:
            raise self.failure
        if self.clock is None:
            return []
        now_ns = self.clock.now_ns()
        due = [pulse for pulse in self.pulses if pulse.on_ns <= now_ns and pulse.item not in self._begun]
        self._begun |= {pulse.item for pulse in due}
        return [Switched(line=p.line, active=True, at_ns=now_ns, late_ns=now_ns - p.on_ns, item=p.item) for p in due]

    def close(self) -> None:
        self.closed = True


class Thing(NamedTuple):
    """A coloured rectangle that lies on the belt; `front_px` behind the picture's left edge when time is zero."""

    front_px: int
    length_px: int
    top: int = 30
    height: int = 50
    colour: tuple[int, int, int] = PALETTE["red"]

    def right(self, gone_px: float) -> int:
        return round(gone_px) - self.front_px

    def middle_ns(self, speed_px_s: float, width: int = WIDTH) -> int:
        return round(1e9 * (width / 2 + self.front_px + self.length_px / 2) / speed_px_s)

    def seconds(self, speed_px_s: float, width: int = WIDTH) -> float:
        """When it has left the picture."""
        return (self.front_px + self.length_px + width) / speed_px_s


def draw(things: Iterable[Thing], gone_px: float, nth: int = 0) -> NDArray[np.uint8]:
    """The belt, `(HEIGHT, WIDTH, 3) uint8 RGB`, with a little noise that differs from frame to frame."""
    picture = _bare_belt(nth % 7).copy()
    for thing in things:
        right = thing.right(gone_px)
        picture[thing.top : thing.top + thing.height, max(0, right - thing.length_px) : max(0, right)] = thing.colour
    return picture


@lru_cache
def _bare_belt(seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(-3, 4, (HEIGHT, WIDTH, 1))
    return np.broadcast_to(BELT_GREY + noise, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def film(things: Sequence[Thing], speed_px_s: float = 500.0, frames_per_s: float = 50.0) -> list[Frame]:
    """Frames from time zero until the last thing has left the picture."""
    end_s = max(thing.seconds(speed_px_s) for thing in things) + 0.1
    times = [round(1e9 * nth / frames_per_s) for nth in range(int(end_s * frames_per_s) + 1)]
    return [Frame(draw(things, speed_px_s * at / 1e9, nth), "RGB", at, nth) for nth, at in enumerate(times)]


def make_station(**changes: object) -> Station:
    """A bin each for red, green and blue; none for white. 0.5 mm a pixel, 250 mm (500 px) a second."""
    bins = tuple(
        Bin(name=f"{name} bin", classes=(name,), line=nth, distance_mm=300 + 100 * nth, delay_ms=20, dwell_ms=100)
        for nth, name in enumerate(("red", "green", "blue"))
    )
    station = Station(
        name="test",
        bundle="none",
        camera=FolderCamera(path="frames"),
        belt=Belt(speed_mm_s=250, mm_per_px=0.5),
        bins=bins,
        outputs=RecorderOutputs(),
        deciding=Deciding(looks=3, smallest_mm=10, longest_mm=60),
    )
    return msgspec.structs.replace(station, **changes)


def make_manifest(threshold: float = 0.7) -> Manifest:
    """Of a bundle whose classes are the colours of the palette."""
    member = Member(size=1, sha256="0" * 64)
    return Manifest(
        name="colours",
        version=1,
        created="2025-01-01T00:00:00Z",
        classes=tuple(ClassSpec(name=name, threshold=threshold) for name in PALETTE),
        input=InputSpec(height=32, width=32),
        output=OutputSpec(),
        runtimes=(RunsOn(runtime="litert", tolerance=0.1),),
        calibration=Calibration(),
        promise=None,
        fingerprint=take([look_at(np.zeros((32, 32, 3), np.uint8))], [1] * len(PALETTE), np.eye(len(PALETTE))),
        golden=(Golden(member="golden/00.png", class_name="red", scores=(1, 0, 0, 0)),),
        provenance=Provenance(
            tool="test",
            photographs_sha256="0" * 64,
            photographs=1,
            held_out=1,
            accuracy_float=1,
            accuracy=1,
            agreement=1,
            quantised_by="test",
            representative=1,
            representative_sha256="0" * 64,
            calibration_error=0,
            calibration_error_before=0,
            calibration_error_by_chance=0,
        ),
        members={"golden/00.png": member},
    )


def make_brain(threshold: float = 0.7, classifier: ColourClassifier | None = None) -> Brain:
    """A bundle in use."""
    return Brain(make_manifest(threshold), classifier or ColourClassifier(), "c0105" * 13)


class World(NamedTuple):
    """The names above, for test modules, which cannot import from here."""

    classifier: type[ColourClassifier] = ColourClassifier
    outputs: type[Outputs] = Outputs
    thing: type[Thing] = Thing
    draw: Callable[..., NDArray[np.uint8]] = draw
    film: Callable[..., list[Frame]] = film
    station: Callable[..., Station] = make_station
    manifest: Callable[..., Manifest] = make_manifest
    brain: Callable[..., Brain] = make_brain
    palette: dict[str, tuple[int, int, int]] = PALETTE


@pytest.fixture(scope="session")
def world() -> World:
    """The makings of a belt with coloured rectangles."""
    return World()


@pytest.fixture(scope="session")
def coloured_items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of photographs: coloured ellipses and boards on a plain ground, two of each colour."""
    folder = tmp_path_factory.mktemp("items")
    for name, colour in PALETTE.items():
        (folder / name).mkdir()
        for nth in range(2):
            picture = np.full((96, 96, 3), (15, 15, 15), np.uint8)
            if nth:
                cv2.rectangle(picture, (22, 28), (74, 68), colour, -1)
            else:
                cv2.ellipse(picture, (48, 48), (30, 22), 0, 0, 360, colour, -1)
            cv2.imwrite(str(folder / name / f"{nth}.png"), picture[..., ::-1])
    return folder
