"""`sortline run`: sort, live."""

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

import cv2
import msgspec

from sortline_bundle.archive import open_bundle
from sortline_bundle.golden import check_golden
from sortline_edge.camera import open_camera
from sortline_edge.classify import TfliteClassifier
from sortline_edge.clocks import MonotonicClock
from sortline_edge.config import load_station
from sortline_edge.decide import Decision
from sortline_edge.outputs import open_outputs
from sortline_edge.ports import MadeSafe, Report, Suppressed, Switched
from sortline_edge.runner import sort
from sortline_edge.station import Core

_encode = msgspec.json.Encoder().encode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline run` takes."""
    parser.add_argument("station", type=Path, metavar="STATION.toml", help="the station file")
    parser.add_argument("--json", action="store_true", help="print every decision and output as a JSON line")


def run(arguments: argparse.Namespace) -> int:
    """Sort until the camera ends or the process is told to stop; the outputs are safe afterwards either way."""
    station = load_station(arguments.station)
    # More of OpenCV's own gain nothing with pictures of this size; so the cores are left to the rest.
    cv2.setNumThreads(1)
    folder = arguments.station.resolve().parent
    bundle = open_bundle(folder / station.bundle)
    classifier = TfliteClassifier(bundle, station.model.runtime, station.model.threads)
    golden = check_golden(bundle, classifier.model)
    core = Core(station, bundle.manifest, classifier)
    clock = MonotonicClock()
    signal.signal(signal.SIGTERM, _stop)
    name = f"{bundle.manifest.name} {bundle.manifest.version}"
    answers = f"golden images within {golden.difference:.3f} ({golden.tolerance:g} allowed)"
    sys.stderr.write(f"{station.name}: {name} ({bundle.digest[:12]}), {answers}, runtime {classifier.model.runtime}\n")
    sys.stderr.write(f"model: {classifier.threads}\n")
    counted: Counter[str] = Counter()
    with open_outputs(station.outputs, station.lines, station.timing, folder) as outputs:
        sys.stderr.write(f"outputs: ready, real-time priority {'granted' if outputs.realtime else 'not granted'}\n")
        camera = open_camera(station, folder, clock)
        try:
            for moment in sort(core, camera, outputs, clock, station.guard.camera_lost_after_s):
                counted.update(decision.bin for decision in moment.step.decisions)
                _tell([*moment.step.decisions, *moment.reports], as_json=arguments.json)
        finally:
            camera.close()
    landed = ", ".join(f"{bin_} {count}" for bin_, count in sorted(counted.items()))
    sys.stderr.write(f"camera ended after {counted.total()} items: {landed or 'none'}\n")
    return 0


def _tell(events: Iterable[Decision | Report], *, as_json: bool) -> None:
    for event in events:
        if as_json:
            sys.stdout.write(_encode(event).decode() + "\n")
        elif not isinstance(event, Switched):
            sys.stdout.write(_describe(event) + "\n")
    sys.stdout.flush()


def _describe(event: Decision | Report) -> str:
    if isinstance(event, Decision):
        seen = f"{event.class_name} {event.score:.2f}" if event.class_name else "not recognisable"
        why = "" if event.reason == "sorted" else f" ({event.reason})"
        return f"item {event.item}: {seen} -> {event.bin}{why}, {event.looks} looks"
    if isinstance(event, Suppressed):
        return f"item {event.item}: left alone, {event.reason}, {event.late_ns / 1e6:.1f} ms after its time"
    return f"outputs safe: {event.reason}" if isinstance(event, MadeSafe) else str(event)


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
