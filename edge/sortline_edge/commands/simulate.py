"""`sortline simulate`: a bundle sorts items on the simulated belt."""

import argparse
import sys
from pathlib import Path

import msgspec

from sortline_bundle.archive import Bundle, open_bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.progress import Advance, progress
from sortline_bundle.strict import convert
from sortline_edge.config import (
    Belt,
    BeltCamera,
    Bin,
    RecorderOutputs,
    Station,
    load_station,
)
from sortline_edge.runner import Moment
from sortline_edge.simulation import Conditions, Outcome, Scene, simulate
from sortline_edge.twin.books import Books
from sortline_edge.twin.film import Film, Picture
from sortline_edge.twin.report import render_report
from sortline_edge.twin.video import VideoWriter

FIRST_GATE_MM, GATE_MM = 450.0, 150.0
_PICTURES = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline simulate` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to sort by")
    parser.add_argument(
        "--items", type=Path, required=True, metavar="PHOTOS", help="class folders the items are cut from"
    )
    parser.add_argument(
        "--station", type=Path, metavar="STATION.toml", help="bins, gates and belt (default: a gate a class)"
    )
    defaults = BeltCamera(items="")
    parser.add_argument("--count", type=int, default=defaults.count, help=f"items (default {defaults.count})")
    parser.add_argument("--speed", type=float, metavar="MM_S", help="belt speed (default 250, or the station's)")
    parser.add_argument("--gap", type=float, default=defaults.gap_mm, metavar="MM", help="shortest gap between items")
    parser.add_argument("--cut", choices=("outline", "card"), default=defaults.cut, help="how items are cut out")
    parser.add_argument("--seed", type=int, default=0, help="of the items, their order and how they lie")
    parser.add_argument("--realtime", action="store_true", help="on the real clock, with the real output process")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a page with pictures")
    parser.add_argument("--save-video", type=Path, metavar="FILE.mp4", help="write what the camera saw, with decisions")
    parser.add_argument("--json", action="store_true", help="print the books as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and print the books."""
    bundle = open_bundle(arguments.bundle)
    station = _station(arguments, bundle)
    with progress("belt", arguments.count) as advance, VideoWriter(arguments.save_video) as video:
        watcher = _Watcher(station, arguments.count, video, advance)
        outcome = simulate(bundle, station, Path(), Conditions(realtime=arguments.realtime), watch=watcher)
    if arguments.report:
        render_report(arguments.report, bundle, station, outcome.books, outcome.fates, watcher.pictures)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(_figures(outcome)).decode() + "\n")
    else:
        _print_books(outcome, realtime=arguments.realtime)
        for what, path in (("report", arguments.report), ("video", arguments.save_video)):
            if path:
                sys.stdout.write(f"{what}: {path}\n")
    return 0


def default_station(bundle: Bundle) -> Station:
    """A station with a gate for each class."""
    bins = [
        Bin(name=name, classes=(name,), line=nth + 1, distance_mm=FIRST_GATE_MM + nth * GATE_MM, delay_ms=20)
        for nth, name in enumerate(bundle.manifest.class_names)
    ]
    return Station(
        name="simulated",
        bundle="-",
        camera=BeltCamera(items=""),
        belt=Belt(speed_mm_s=250, mm_per_px=0.5),
        bins=tuple(bins),
        outputs=RecorderOutputs(),
    )


def _station(arguments: argparse.Namespace, bundle: Bundle) -> Station:
    base = load_station(arguments.station) if arguments.station else default_station(bundle)
    camera = BeltCamera(
        items=str(arguments.items.resolve()),
        count=arguments.count,
        gap_mm=arguments.gap,
        cut=arguments.cut,
        seed=arguments.seed,
    )
    belt = msgspec.structs.replace(base.belt, speed_mm_s=arguments.speed or base.belt.speed_mm_s)
    return convert(
        msgspec.to_builtins(msgspec.structs.replace(base, camera=camera, belt=belt)),
        Station,
        error=ConfigError,
        where="the command line",
    )


class _Watcher:
    """Keeps a few pictures for the report, and all of them for the video."""

    def __init__(self, station: Station, count: int, video: VideoWriter, advance: Advance) -> None:
        self._every = max(1, count // (_PICTURES + 1))
        self._station, self._video, self._advance = station, video, advance
        self._film: Film | None = None
        self._done = 0
        self.pictures: list[Picture] = []

    def __call__(self, scene: Scene, moment: Moment) -> None:
        self._advance(len(moment.step.decisions))
        if moment.frame is None:
            return
        film = self._film = self._film or Film(self._station, scene.camera)
        film.note(moment.step.decisions)
        self._done += len(moment.step.decisions)
        worth_it = len(self.pictures) < _PICTURES and self._done >= self._every * (len(self.pictures) + 1)
        if worth_it or self._video.wanted:
            picture = film.draw(moment.frame, scene.core.shown)
            self._video.write(picture, 25.0)
            if worth_it:
                self.pictures.append(picture)


def _figures(outcome: Outcome) -> dict[str, object]:
    return {
        **msgspec.to_builtins(outcome.books),
        "worst_late_ms": outcome.worst_late_ms,
        "left_out": outcome.left_out,
    }


def _print_books(outcome: Outcome, *, realtime: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    books: Books = outcome.books
    table = Table(title=f"{books.items} items in {books.seconds:.0f} s of belt", title_justify="left")
    for heading in ("bin", "items", "right", "belong", "purity", "recovery", "items/min"):
        table.add_column(heading, justify="left" if heading == "bin" else "right")
    for book in books.bins:
        shares = [_percent(book.purity), _percent(book.recovery), f"{book.throughput_per_min:.1f}"]
        table.add_row(book.bin, str(book.items), str(book.right), str(book.belong), *shares)
    console = Console()
    console.print(table)
    console.print(
        f"overall purity {_percent(books.purity)}, recovery {_percent(books.recovery)},"
        f" {books.throughput_per_min:.0f} items/min"
    )
    console.print(
        f"missed {books.missed}, double-counted {books.double_counted}, phantoms {books.phantoms}, late {books.late},"
        f" doubtful {books.doubtful}, misdirected {books.misdirected}"
    )
    if outcome.left_out:
        console.print(f"{outcome.left_out} photographs left out: no item stands out from their ground (--cut card)")
    if realtime:
        console.print(f"worst lateness of an output: {outcome.worst_late_ms:.2f} ms")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
