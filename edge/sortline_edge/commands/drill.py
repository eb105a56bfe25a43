"""`sortline drill`: everything that can go wrong on the simulated belt, and what the station makes of it."""

import argparse
import sys
from pathlib import Path

import msgspec

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import TryAgainError
from sortline_bundle.files import write_whole
from sortline_bundle.progress import progress
from sortline_edge.commands.staging import default_station, on_belt
from sortline_edge.config import load_station
from sortline_edge.config.twin import KINDS, FaultKind
from sortline_edge.drill import FOR_S, Row, drill
from sortline_edge.simulation import Conditions
from sortline_edge.twin.dials import turn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline drill` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to sort by")
    parser.add_argument(
        "--items", type=Path, required=True, metavar="PHOTOS", help="class folders the items are cut from"
    )
    parser.add_argument("--station", type=Path, metavar="STATION.toml", help="bins, gates and belt")
    parser.add_argument("--count", type=int, default=60, help="items in each run (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the items, their order and how they lie")
    parser.add_argument("--fault", action="append", choices=tuple(KINDS), metavar="KIND", help="only this one")
    parser.add_argument("--markdown", type=Path, metavar="FILE.md", help="write the table as Markdown")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Run every fault, and print what came of it; 7 where the books of a run do not balance."""
    bundle = open_bundle(arguments.bundle)
    station = load_station(arguments.station) if arguments.station else default_station(bundle)
    station = turn(
        on_belt(station, arguments.items.resolve()),
        {"count": arguments.count, "seed": arguments.seed},
        "the command line",
    )
    kinds: tuple[FaultKind, ...] = tuple(arguments.fault or KINDS)
    with progress("faults", len(kinds)) as advance:
        rows = list(drill(bundle, station, Path(), Conditions(sketch=True, known={}), kinds, advance))
    if arguments.json:
        sys.stdout.write(msgspec.json.encode([row._asdict() for row in rows]).decode() + "\n")
    else:
        _print(rows)
    if arguments.markdown:
        write_whole(arguments.markdown, markdown(rows).encode())
    wrong = [row.kind for row in rows if not row.balanced]
    if wrong:
        raise TryAgainError(f"the station's books do not balance after {', '.join(wrong)}; report it")
    return 0


def markdown(rows: list[Row]) -> str:
    """The table as Markdown."""
    head = "| what went wrong | states entered | back after | lost because of it | in a wrong bin | twice |\n"
    return head + "|---|---|---|---|---|---|\n" + "".join(f"| {' | '.join(_cells(row))} |\n" for row in rows)


def _cells(row: Row) -> tuple[str, ...]:
    back = "-" if not row.states else "never" if row.back_s is None else f"{row.back_s:.1f} s"
    lost = ", ".join(f"{count} {cause}" for cause, count in row.lost.items()) or "nothing"
    states = ", ".join(row.states) + (f"; started anew {row.restarts} times" if row.restarts else "")
    return f"**{row.kind}**: {row.about}", states or "none", back, lost, str(row.wrong), str(row.double_counted)


def _print(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Each fault lasts {FOR_S:g} s", title_justify="left")
    for heading in ("what went wrong", "states entered", "back after", "lost", "wrong bin", "twice"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*(cell.replace("**", "") for cell in _cells(row)))
    Console().print(table)
