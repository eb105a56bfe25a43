"""`sortline simulate`: a bundle sorts items on the simulated belt, once, or at every point of a sweep."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sortline_bundle.archive import Bundle, open_bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.progress import Advance, progress
from sortline_bundle.threads import available_cores
from sortline_edge.commands.staging import SPEED_MM_S, conditions, list_faults, stage
from sortline_edge.commands.told import (
    condition_notes,
    outcome_json,
    outcome_notes,
    print_outcome,
    print_sweep,
    repeat_notes,
    sweep_json,
)
from sortline_edge.config import BeltCamera, Deciding, Station
from sortline_edge.runner import Moment
from sortline_edge.simulation import Scene, simulate
from sortline_edge.sweep import SWEPT, Sweeper, sweeping, target_of
from sortline_edge.twin.choice import choose
from sortline_edge.twin.dials import DIALS
from sortline_edge.twin.film import Film, Picture
from sortline_edge.twin.grid import parse_grid, points
from sortline_edge.twin.map import Swept, render_map
from sortline_edge.twin.report import Run, render_report
from sortline_edge.twin.stays import stays
from sortline_edge.twin.video import VideoWriter

_PICTURES = 4


class _ListFaults(argparse.Action):
    """Collects faults; asked for help, it lists what there is and ends, as --help does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,  # noqa: ARG002 argparse's own signature
    ) -> None:
        if values == "help":
            sys.stdout.write(list_faults())
            parser.exit()
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), values])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline simulate` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to sort by")
    parser.add_argument(
        "--items", type=Path, metavar="PHOTOS", help="class folders the items are cut from (default: the station's)"
    )
    parser.add_argument(
        "--station", type=Path, metavar="STATION.toml", help="bins, gates, wiring, belt (default: a gate a class)"
    )
    defaults = {"belt": {"speed_mm_s": SPEED_MM_S}, "camera": BeltCamera(items=""), "deciding": Deciding()}
    belt = parser.add_argument_group("the belt", "each is what the station file says where it is left out")
    for name, dial in DIALS.items():
        table = defaults[dial.table]
        usual = table[dial.field] if isinstance(table, dict) else getattr(table, dial.field)
        option = "--" + name.replace("_", "-")
        belt.add_argument(option, dest=name, type=dial.kind, metavar="N", help=f"{dial.about} (default {usual:g})")
    belt.add_argument("--cut", choices=("outline", "card"), help="how items are cut out (default outline)")
    belt.add_argument(
        "--fault",
        action=_ListFaults,
        default=[],
        metavar="KIND[:at_s=N,for_s=N,amount=N,bin=NAME]",
        help="something that goes wrong; may be given several times; `--fault help` lists what can",
    )
    how = parser.add_argument_group("the run")
    how.add_argument("--threshold", type=float, metavar="SCORE", help="trust every class from this score on")
    how.add_argument("--board", type=Path, metavar="PROFILE.json", help="be as slow as a board that was measured")
    how.add_argument(
        "--sketch",
        action="store_true",
        help="each photograph is classified once in six views and remembered, under a coarse camera: faster where they"
        " ride often",
    )
    how.add_argument("--realtime", action="store_true", help="on the real clock, with the real output process")
    how.add_argument(
        "--sweep",
        metavar="NAME=FROM:TO:STEPS,NAME=A/B/C",
        help=f"a sketch at every point, and which is best; what can be swept: {', '.join(SWEPT)}",
    )
    how.add_argument(
        "--target-purity", type=float, metavar="SHARE", help="for --sweep (default: the bundle's, or 0.95)"
    )
    how.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write a page with pictures, or the map of a sweep"
    )
    how.add_argument("--save-video", type=Path, metavar="FILE.mp4", help="write what the camera saw, with decisions")
    how.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and tell how it went."""
    bundle = open_bundle(arguments.bundle)
    station = stage(arguments, bundle)
    if arguments.sweep is not None:
        _sweep(arguments, bundle, station)
    elif arguments.target_purity is not None:
        raise ConfigError("--target-purity is for --sweep; leave it out, or say what to sweep")
    else:
        _run_once(arguments, bundle, station)
    return 0


def _run_once(arguments: argparse.Namespace, bundle: Bundle, station: Station) -> None:
    under = conditions(arguments)
    count = getattr(station.camera, "count", 1)
    # A sketch has none worth showing.
    pictures = _PICTURES if arguments.report and not under.sketch else 0
    with progress("belt", count) as advance, VideoWriter(arguments.save_video) as video:
        watcher = _Watcher(station, pictures, video, advance)
        outcome = simulate(bundle, station, Path(), under, watch=watcher)
    notes = [*condition_notes(under, bundle), *outcome_notes(outcome, under)]
    if arguments.report:
        told = Run(outcome.books, outcome.fates, stays(outcome.changes), outcome.restarts, notes)
        render_report(arguments.report, bundle, station, told, watcher.pictures)
    if arguments.json:
        sys.stdout.write(outcome_json(outcome, notes))
        return
    print_outcome(outcome, notes)
    for what, path in (("report", arguments.report), ("video", arguments.save_video)):
        if path:
            sys.stdout.write(f"{what}: {path}\n")


def _sweep(arguments: argparse.Namespace, bundle: Bundle, station: Station) -> None:
    target = target_of(bundle.manifest) if arguments.target_purity is None else arguments.target_purity
    if not 0 < target < 1:
        raise ConfigError(f"--target-purity: received {target:g}, may be above 0 and below 1")
    axes = parse_grid(arguments.sweep, SWEPT)
    grid, under = points(axes), conditions(arguments)._replace(sketch=True)
    sweeper = Sweeper(bundle, station, Path(), under)
    sweeper.check(grid)
    made = []
    processes = min(available_cores(), len(grid))
    with progress("sweep", len(grid)) as advance, sweeping(sweeper, processes) as run_all:
        for point in run_all(grid):
            made.append(point)
            advance(1)
    notes = [*condition_notes(under, bundle), *repeat_notes(made[0].items, made[0].photographs)]
    swept = Swept(axes, made, choose(made, target), notes)
    if arguments.report:
        render_map(arguments.report, bundle, swept)
    if arguments.json:
        sys.stdout.write(sweep_json(swept))
        return
    print_sweep(swept)
    if arguments.report:
        sys.stdout.write(f"report: {arguments.report}\n")


class _Watcher:
    """Keeps a few pictures for the report, and all of them for the video."""

    def __init__(self, station: Station, pictures: int, video: VideoWriter, advance: Advance) -> None:
        self._station, self._wanted, self._video, self._advance = station, pictures, video, advance
        self._every = max(1, getattr(station.camera, "count", 1) // (_PICTURES + 1))
        self._frames_per_s = getattr(station.camera, "frames_per_s", 25.0)
        self._film: Film | None = None
        self._done = 0
        self.pictures: list[Picture] = []

    def __call__(self, scene: Scene, moment: Moment) -> None:
        self._advance(len(moment.step.decisions))
        if moment.frame is None or not (self._wanted or self._video.wanted):
            return
        film = self._film = self._film or Film(self._station, scene.camera)
        film.note(moment.step.decisions)
        self._done += len(moment.step.decisions)
        worth_it = len(self.pictures) < self._wanted and self._done >= self._every * (len(self.pictures) + 1)
        if worth_it or self._video.wanted:
            picture = film.draw(moment.frame, scene.core.shown)
            self._video.write(picture, self._frames_per_s)
            if worth_it:
                self.pictures.append(picture)
