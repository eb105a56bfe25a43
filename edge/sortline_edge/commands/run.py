"""`sortline run`: sort, live."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import cv2
import msgspec

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.golden import check_golden
from sortline_bundle.threads import Chosen
from sortline_edge.camera import open_camera
from sortline_edge.classify import TfliteClassifier
from sortline_edge.clocks import MonotonicClock
from sortline_edge.collector import collector_on_call
from sortline_edge.config import Station, load_station
from sortline_edge.interlocks import Interlocks, log_line
from sortline_edge.life.board import Board
from sortline_edge.life.notify import Notifier
from sortline_edge.live import Live
from sortline_edge.outputs import ProcessOutputs, open_outputs
from sortline_edge.reload import Reloader
from sortline_edge.runner import Runner
from sortline_edge.slots.tenant import Tenant
from sortline_edge.station import Brain, Core, check_classes

_ASK_AGAIN_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline run` takes."""
    parser.add_argument("station", type=Path, metavar="STATION.toml", help="the station file")
    parser.add_argument("--json", action="store_true", help="print everything that happens as JSON lines")
    parser.add_argument("--wait", action="store_true", help="where there is no bundle yet, wait until there is one")


def run(arguments: argparse.Namespace) -> int:
    """Sort until the camera ends or the process is told to stop; the outputs are safe afterwards either way."""
    station = load_station(arguments.station)
    # More of OpenCV's own gain nothing with pictures of this size; so the cores are left to the rest.
    cv2.setNumThreads(1)
    folder = arguments.station.resolve().parent
    signal.signal(signal.SIGTERM, _stop)
    # Until there is something to load anew, a reload is no reason to die.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Notifier() as notifier, _said(notifier), ExitStack() as opened:
        if arguments.wait:
            _await_bundle(folder / station.bundle, notifier)
        tenant = Tenant(folder / station.bundle, station.model, _say)
        opened.callback(tenant.close)
        brain, threads = tenant.load(lambda path: _load(path, station))
        clock = MonotonicClock()
        core = Core(station, brain, clock.now_ns())
        store = None
        if station.events is not None:
            from sortline_edge.events.store import EventStore

            store = opened.enter_context(
                EventStore(
                    folder / station.events.path,
                    station.events,
                    station=station.name,
                    bundle=brain.digest[:12],
                    clock=clock,
                )
            )
        camera = open_camera(station, folder, clock)
        opened.callback(camera.close)
        # Beside the sorting a measurement of threads would say little, and take the sorting's time.
        settled = msgspec.structs.replace(station.model, threads=threads)
        resettled = msgspec.structs.replace(station, model=settled)
        reloader = Reloader(lambda: tenant.load(lambda path: _load(path, resettled)).brain)
        opened.callback(reloader.close)
        signal.signal(signal.SIGHUP, lambda _number, _frame: reloader.ask())
        runner = Runner(station, core, camera, lambda: _open_outputs(station, folder), clock, reloader.take)
        live = Live(station.guard, core, runner, clock, notifier, store, Board(), as_json=arguments.json)
        opened.callback(lambda: live.end(runner.close()))
        with collector_on_call() as rest:
            for nth, moment in enumerate(runner.moments()):
                if not nth:
                    notifier.ready("sorting")
                live.take(moment)
                if moment.frame is not None:
                    tenant.saw(core.bundle, clock.now_ns())
                sys.stdout.flush()
                rest()
    landed = ", ".join(f"{bin_} {count}" for bin_, count in sorted(live.binned.items()))
    sys.stderr.write(f"camera ended after {live.binned.total()} items: {landed or 'none'}\n")
    return 0


class _Loaded(NamedTuple):
    brain: Brain
    threads: int


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _load(path: Path, station: Station) -> _Loaded:
    """Open a bundle, see that it fits the station and gives its golden answers here, and say so."""
    bundle = open_bundle(path)
    check_classes(station, bundle.manifest)
    classifier = TfliteClassifier(bundle, station.model.runtime, station.model.threads)
    check_heartbeat(station, classifier.threads)
    golden = check_golden(bundle, classifier.model)
    sys.stderr.write(
        f"{station.name}: {bundle.manifest.name} {bundle.manifest.version} ({bundle.digest[:12]}),"
        f" golden images within {golden.difference:.3f} ({golden.tolerance:g} allowed),"
        f" runtime {classifier.model.runtime}, {classifier.threads}\n"
    )
    return _Loaded(Brain(bundle.manifest, classifier, bundle.digest), classifier.threads.threads)


def check_heartbeat(station: Station, threads: Chosen) -> None:
    """See that one look leaves time to tell the outputs that the station is alive.

    Raises:
        ConfigError: it does not.
    """
    look_ms = threads.medians_ms[threads.threads - 1] if threads.medians_ms else 0.0
    if 2 * look_ms > station.timing.heartbeat_ms:
        raise ConfigError(
            f"`timing.heartbeat_ms` is {station.timing.heartbeat_ms:g}, but one look at an item takes {look_ms:.0f} ms"
            f" on this board; set it to {3 * look_ms:.0f} or more, or take a smaller model"
        )


def _open_outputs(station: Station, folder: Path) -> ProcessOutputs:
    outputs = open_outputs(station, folder)
    sys.stderr.write(f"outputs: ready, real-time priority {'granted' if outputs.realtime else 'not granted'}\n")
    return outputs


def _await_bundle(path: Path, notifier: Notifier) -> None:
    interlocks, clock = Interlocks(), MonotonicClock()

    def tell(reason: str, *, present: bool) -> None:
        change = interlocks.tell("model missing", present=present, now_ns=clock.now_ns(), reason=reason)
        if change is not None:
            sys.stderr.write(f"{log_line(change)}\n")

    tell(f"there is no {path}", present=not path.exists())
    if not interlocks.sorting:
        notifier.ready(interlocks.state)
    while not path.exists():
        notifier.alive()
        time.sleep(_ASK_AGAIN_S)
    tell("there is a bundle", present=False)


@contextmanager
def _said(notifier: Notifier) -> Iterator[None]:
    """Tell systemd why the station ends."""
    try:
        yield
    except BaseException as error:
        notifier.stopping(str(error) or "interrupted")
        raise
    notifier.stopping("the camera ended")


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
