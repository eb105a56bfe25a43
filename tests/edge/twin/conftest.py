"""What the tests of the simulated belt share: a station with every input wired, and belts of made-up items."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from sortline_bundle.photographs import Photograph
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Bin, CodeSignal, Deciding, Fault, Input, Inputs, Station
from sortline_edge.config.wiring import Encoder, Eye
from sortline_edge.ports import Frame, NoFrame, Report
from sortline_edge.twin.belt import start_belt
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.faults import Faults
from sortline_edge.twin.items import Cutting
from sortline_edge.twin.motion import Motion, belt_factors
from sortline_edge.twin.outputs import VirtualOutputs
from sortline_edge.twin.riders import Layout, Rider, Traffic
from sortline_edge.twin.sprites import lay
from sortline_edge.twin.world import World

S = 1_000_000_000
NAMES = ("red", "green", "blue")
LINES = {"encoder": 10, "eye": 11, "running": 12, "stop": 13, "reset": 14, "chute": 20, "full": 30, "acknowledge": 40}


def wired(station: Station, *, debounce_ms: float = 0.0, eye_mm: float = -250.0, code: bool = False) -> Station:
    """The station with every input there is; with `code` its bins are told to a PLC."""
    inputs = Inputs(
        emergency_stop=Input(line=LINES["stop"]),
        belt_running=Input(line=LINES["running"]),
        reset=Input(line=LINES["reset"]),
        encoder=Encoder(line=LINES["encoder"], mm_per_count=2),
        eye=Eye(line=LINES["eye"], distance_mm=eye_mm, debounce_ms=debounce_ms),
    )
    bins = tuple(
        Bin(
            name=f"{name} bin",
            classes=(name,),
            line=None if code else nth,
            code=nth + 1 if code else None,
            distance_mm=300 + 100 * nth,
            delay_ms=20,
            dwell_ms=100,
            eye=Input(line=LINES["chute"] + nth),
            full=Input(line=LINES["full"] + nth),
        )
        for nth, name in enumerate(NAMES)
    )
    changes: dict[str, Any] = {"inputs": inputs, "bins": bins}
    if code:
        changes["signal"] = CodeSignal(lines=(0, 1), strobe=2, acknowledge=Input(line=LINES["acknowledge"]))
    return msgspec.structs.replace(station, **changes)


def riders(middles_mm: Iterable[float], length_mm: float = 40.0) -> list[Rider]:
    """Items whose middles pass the middle of the picture at these ways."""
    photographs = [Photograph(Path(f"{name}.png"), name) for name in NAMES]
    return [
        Rider(number, photographs[number % 3], middle_mm, length_mm, 20) for number, middle_mm in enumerate(middles_mm)
    ]


def make_world(
    station: Station, items: Sequence[Rider] = (), faults: Sequence[Fault] = (), start_ns: int = 0, **settings: Any
) -> World:
    """A belt at 250 mm/s with made-up items."""
    settings_ = Settings(items="", faults=tuple(faults), **settings)
    known = Faults(faults, start_ns)
    motion = Motion(250, start_ns, jitter=settings_.jitter, seed=settings_.seed, factors=belt_factors(known))
    layout = Layout(speed_mm_s=250, mm_per_px=0.5, width_px=640, height_px=480, gap_mm=60)
    plain = np.full((20, 20), 255, np.uint8)
    sprite = lay(Cutting(Photograph(Path("x"), "red"), np.dstack([plain] * 3), plain), 0)
    return World(station, settings_, layout, motion, Traffic(((item, sprite) for item in items), [], {}), known)


def listen(
    station: Station,
    world: World,
    until_s: float,
    *,
    every_s: float = 0.04,
    act: Callable[[VirtualOutputs, int], None] = lambda outputs, _: outputs.beat(),
) -> list[Report]:
    """Everything that the outputs report of a belt, looked at every so often."""
    clock = VirtualClock()
    clock.wait_until_ns(world.motion.start_ns)
    outputs = VirtualOutputs(station, clock, world)
    heard: list[Report] = []
    while clock.now_ns() < world.motion.start_ns + until_s * S:
        clock.wait_until_ns(clock.now_ns() + round(every_s * S))
        act(outputs, clock.now_ns())
        heard.extend(outputs.reports())
    return heard


def start(station: Station, items: Path, clock: VirtualClock, **settings: Any) -> BeltCamera:
    """The belt with coloured items of 45 mm under its camera."""
    camera = Settings(items=str(items), item_mm=45, **settings)
    deciding = Deciding(looks=3, smallest_mm=10, longest_mm=100)
    return start_belt(msgspec.structs.replace(station, camera=camera, deciding=deciding), camera, items, clock)


def film(camera: BeltCamera, patience_s: float = 1.0, max_age_s: float = 1.0) -> list[Frame]:
    """Every frame until the belt has ended."""
    frames = []
    while (frame := camera.read(patience_s, max_age_s)) is not NoFrame.ENDED:
        if isinstance(frame, Frame):
            frames.append(frame)
    return frames


class Makings(NamedTuple):
    """The names above, for test modules, which cannot import from here."""

    wired: Callable[..., Station] = wired
    riders: Callable[..., list[Rider]] = riders
    world: Callable[..., World] = make_world
    listen: Callable[..., list[Report]] = listen
    start: Callable[..., BeltCamera] = start
    film: Callable[..., list[Frame]] = film
    lines: dict[str, int] = LINES


@pytest.fixture(scope="session")
def twin() -> Makings:
    """The makings of a simulated belt."""
    return Makings()
