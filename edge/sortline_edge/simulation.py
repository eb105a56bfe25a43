"""A sorting run on the simulated belt, in virtual time or in real time, and its books."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError
from sortline_edge.camera import open_camera
from sortline_edge.classify import TfliteClassifier
from sortline_edge.clocks import MonotonicClock, VirtualClock
from sortline_edge.config import RecorderOutputs, Station
from sortline_edge.decide import Decision
from sortline_edge.outputs import open_outputs
from sortline_edge.ports import Outputs
from sortline_edge.runner import Moment, sort
from sortline_edge.station import Core
from sortline_edge.twin.books import PHANTOM, Books, Fate, balance, match
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.gates import GateLog
from sortline_edge.twin.outputs import VirtualOutputs


class Scene(NamedTuple):
    """Everything there is to look at while a simulation runs."""

    core: Core
    camera: BeltCamera
    gates: GateLog


class Outcome(NamedTuple):
    """How it went.

    Attributes:
        books: The sums.
        fates: What became of each item, in the order they came.
        worst_late_ms: The latest that any output was switched.
        left_out: Photographs that no item could be cut out of.
    """

    books: Books
    fates: list[Fate]
    worst_late_ms: float
    left_out: int


def simulate(
    bundle: Bundle,
    station: Station,
    folder: Path,
    *,
    realtime: bool = False,
    watch: Callable[[Scene, Moment], None] = lambda *_: None,
) -> Outcome:
    """Let a bundle sort the items of a station whose camera is the simulated belt.

    Args:
        bundle: To sort by.
        station: Its camera must be the `belt` driver.
        folder: The station's paths are relative to it.
        realtime: On the real clock, with the real output process and its recorder.
        watch: Called after every frame.

    Raises:
        SortlineError: as the parts do.
    """
    clock = MonotonicClock() if realtime else VirtualClock()
    core = Core(station, bundle.manifest, TfliteClassifier(bundle, station.model.runtime))
    decisions: list[Decision] = []
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as open_:
        outputs: Outputs | None = None
        if realtime:  # the belt must not wait for a process to start
            recorder = RecorderOutputs(path=str(Path(scratch) / "outputs.jsonl"))
            outputs = open_.enter_context(open_outputs(recorder, station.lines, station.timing))
        camera = open_camera(station, folder, clock)
        if not isinstance(camera, BeltCamera):
            raise ConfigError(f'a simulation needs `camera.driver = "belt"`, received {station.camera}')
        gates = camera.world.gates
        if outputs is None:
            outputs = open_.enter_context(closing(VirtualOutputs(station, clock, camera.world)))
        for moment in sort(core, camera, outputs, clock, station.guard.camera_lost_after_s):
            decisions.extend(moment.step.decisions)
            if realtime:  # the virtual ones tell the gates themselves
                gates.take(moment.reports)
            watch(Scene(core, camera, gates), moment)
    seconds = (clock.now_ns() - camera.start_ns) / 1e9
    return _settle(station, camera, decisions, gates, seconds)


def _settle(station: Station, camera: BeltCamera, decisions: list[Decision], gates: GateLog, seconds: float) -> Outcome:
    made = match(camera.riders, camera.world.motion, decisions)
    fates = [Fate(rider, tuple(made.get(rider.number, ())), camera.world.fate(rider)) for rider in camera.riders]
    books = balance(station, fates, len(made.get(PHANTOM, ())), len(gates.suppressed), seconds)
    return Outcome(books, fates, gates.worst_late_ns / 1e6, len(camera.left_out))
