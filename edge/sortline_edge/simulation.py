"""A sorting run on the simulated belt, in virtual time or in real time, and its books."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError, HardwareError
from sortline_bundle.manifest import Manifest
from sortline_edge.camera import open_camera
from sortline_edge.classify import TfliteClassifier
from sortline_edge.clocks import Clock, MonotonicClock, VirtualClock
from sortline_edge.config import RecorderOutputs, Station
from sortline_edge.decide import Decision
from sortline_edge.interlocks import Change
from sortline_edge.outputs import open_outputs
from sortline_edge.ports import Camera, Classifier, Outputs
from sortline_edge.profile import Profile
from sortline_edge.records import Record
from sortline_edge.runner import Moment, Runner
from sortline_edge.station import Brain, Core
from sortline_edge.twin.belt import sketched
from sortline_edge.twin.books import PHANTOM, Books, Ending, Fate, balance, match
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.load import LoadedCamera, LoadedClassifier
from sortline_edge.twin.memory import Known, RememberedLooks
from sortline_edge.twin.outputs import VirtualOutputs
from sortline_edge.watch import Heat

# systemd starts a station anew after so long.
_RESTART_NS = 5_000_000_000
_LOOK_EVERY_NS = 1_000_000_000


class Conditions(NamedTuple):
    """What a simulation runs under.

    Attributes:
        realtime: On the real clock, with the real output process and its recorder.
        sketch: Looks are remembered for each photograph instead of taken anew, under a coarse camera: far faster.
        board: Latencies of a board, for a run in virtual time; None: the station takes no time.
        threshold: In place of every class's own.
        known: Looks remembered from runs before, to be added to.
    """

    realtime: bool = False
    sketch: bool = False
    board: Profile | None = None
    threshold: float | None = None
    known: Known | None = None


_AS_SET = Conditions()


class Scene(NamedTuple):
    """Everything there is to look at while a simulation runs."""

    core: Core
    camera: BeltCamera


class Outcome(NamedTuple):
    """How it went.

    Attributes:
        books: The sums.
        fates: What became of each item, in the order they came.
        changes: The station's states, as they came and went.
        restarts: How often the station ended with an error and was started anew.
        worst_late_ms: The latest that any output was switched.
        left_out: Photographs that no item could be cut out of.
    """

    books: Books
    fates: list[Fate]
    changes: list[Change]
    restarts: int
    worst_late_ms: float
    left_out: int

    @property
    def open(self) -> int:
        """How many decisions have no end in the station's own books; 0 where they balance."""
        decided = {id(ending.decision): ending for fate in self.fates for ending in fate.endings}
        return sum(ending.record is None for ending in decided.values())


@dataclass(slots=True)
class _Diary:
    """All that the station said; one that was started anew counts its items anew."""

    decisions: list[Decision] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    endings: dict[int, Ending] = field(default_factory=dict)
    taken_ns: dict[int, int] = field(default_factory=dict)
    restarts: int = 0
    _open: dict[int, Decision] = field(default_factory=dict)

    def take(self, moment: Moment, taken_ns: int) -> None:
        if moment.frame is not None and moment.frame.captured_ns != taken_ns:
            self.taken_ns[moment.frame.captured_ns] = taken_ns  # its stamp is false
        self.changes += moment.step.changes
        for decision in moment.step.decisions:
            self.decisions.append(decision)
            self._open[decision.item] = decision
            self.endings[id(decision)] = Ending(decision, None)
        self.close(moment.step.records)

    def close(self, records: list[Record]) -> None:
        self.records += records
        for record in records:
            decision = self._open.pop(record.item)
            self.endings[id(decision)] = Ending(decision, record)


def simulate(
    bundle: Bundle,
    station: Station,
    folder: Path,
    conditions: Conditions = _AS_SET,
    watch: Callable[[Scene, Moment], None] = lambda *_: None,
) -> Outcome:
    """Let a bundle sort the items of a station whose camera is the simulated belt.

    Args:
        bundle: To sort by.
        station: Its camera must be the `belt` driver.
        folder: The station's paths are relative to it.
        conditions: Real time, remembered looks, a board.
        watch: Called after every frame.

    Raises:
        SortlineError: as the parts do.
    """
    clock = MonotonicClock() if conditions.realtime else VirtualClock()
    station = sketched(station) if conditions.sketch else station
    # With how many threads the model is fastest is not worth finding out for a look or two at each photograph.
    threads = 1 if conditions.sketch else station.model.threads
    tflite = TfliteClassifier(bundle, station.model.runtime, threads)
    diary = _Diary()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        recorder = msgspec.structs.replace(station, outputs=RecorderOutputs(path=str(Path(scratch) / "outputs.jsonl")))
        # The belt goes from when the camera is opened, and must not wait for a process to start.
        ready = [opened.enter_context(open_outputs(recorder))] if conditions.realtime else []
        camera = open_camera(station, folder, clock)
        if not isinstance(camera, BeltCamera):
            raise ConfigError(f'a simulation needs `camera.driver = "belt"`, received {station.camera}')
        seed = getattr(station.camera, "seed", 0)
        latencies = conditions.board.sample(np.random.default_rng(seed)) if conditions.board else None
        classifier: Classifier = RememberedLooks(tflite, camera, conditions.known) if conditions.sketch else tflite
        loaded: Camera = camera
        if not conditions.realtime:
            loaded = LoadedCamera(camera, clock, latencies.frame_ms if latencies else None)
            classifier = LoadedClassifier(classifier, camera.world, clock, latencies.look_ms if latencies else None)
        brain = Brain(_with_threshold(bundle.manifest, conditions.threshold), classifier, bundle.digest)

        def open_anew() -> Outputs:
            if conditions.realtime:
                return ready.pop() if ready else open_outputs(recorder)
            return VirtualOutputs(station, clock, camera.world, latencies.output_late_ms if latencies else None)

        while True:
            core = Core(station, brain, clock.now_ns())
            runner = Runner(station, core, loaded, open_anew, clock)
            try:
                for moment in _warmed(runner, core, camera, clock):
                    diary.take(moment, camera.taken_ns)
                    if conditions.realtime:  # the virtual outputs tell the gates themselves
                        camera.world.gates.take(moment.reports)
                    watch(Scene(core, camera), moment)
                break
            except HardwareError:
                if conditions.realtime:
                    raise
                diary.restarts += 1
            finally:
                diary.close(runner.close())
            clock.wait_until_ns(clock.now_ns() + _RESTART_NS)
    return _settle(station, camera, diary, (clock.now_ns() - camera.start_ns) / 1e9)


def _warmed(runner: Runner, core: Core, camera: BeltCamera, clock: Clock) -> Iterator[Moment]:
    """The moments of a runner on a board that is as hot as the world says."""
    heat = Heat(core.guard.hot_c, core.guard.cool_c)
    looked_ns: int | None = None
    for moment in runner.moments():
        yield moment
        now_ns = clock.now_ns()
        if looked_ns is None or now_ns - looked_ns >= _LOOK_EVERY_NS:
            looked_ns = now_ns
            temperature_c = camera.world.temperature_c(now_ns)
            core.tell("board hot", now_ns, f"{temperature_c} degrees Celsius", present=heat.read(temperature_c))


def _with_threshold(manifest: Manifest, threshold: float | None) -> Manifest:
    if threshold is None:
        return manifest
    classes = tuple(msgspec.structs.replace(spec, threshold=threshold) for spec in manifest.classes)
    return msgspec.structs.replace(manifest, classes=classes)


def _settle(station: Station, camera: BeltCamera, diary: _Diary, seconds: float) -> Outcome:
    world, riders = camera.world, camera.riders

    def way_mm(stamp_ns: int) -> float:
        return world.motion.way_mm(diary.taken_ns.get(stamp_ns, stamp_ns))

    made = match(riders, camera.layout, way_mm, diary.decisions)
    fates = [
        Fate(rider, tuple(diary.endings[id(decision)] for decision in made.get(rider.number, ())), world.fate(rider))
        for rider in riders
    ]
    books = balance(station, fates, len(made.get(PHANTOM, ())), diary.records, seconds)
    late_ms = world.gates.worst_late_ns / 1e6
    return Outcome(books, fates, diary.changes, diary.restarts, late_ms, len(camera.left_out))
