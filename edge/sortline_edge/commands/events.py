"""`sortline events`: what a station has sorted, as a table, as sums, and as files for other programs."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.progress import Advance, progress
from sortline_edge.config import load_station
from sortline_edge.events.asked import asked_ns
from sortline_edge.events.export import Export, to_csv, to_jsonl, to_parquet
from sortline_edge.events.read import EventReader, Kept, Noted, Wanted
from sortline_edge.events.summary import Summary, sum_up
from sortline_edge.records import Outcome

_SHOWN = 20
_STEP = 1000
_FORMATS: dict[str, Export] = {"csv": to_csv, "jsonl": to_jsonl, "parquet": to_parquet}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline events` takes."""
    helped = "the station file, or the database that it names"
    parser.add_argument("file", type=Path, metavar="STATION.toml|events.db", help=helped)
    when = "2h, 3d, or 2026-11-24T06:30"
    parser.add_argument("--since", metavar="TIME", help=f"only items seen since then: {when}")
    parser.add_argument("--until", metavar="TIME", help="only items seen before then")
    parser.add_argument("--bin", metavar="NAME", help="only items that were meant for this bin")
    parser.add_argument("--outcome", choices=get_args(Outcome), help="only items that ended so")
    parser.add_argument("--limit", type=int, metavar="N", help=f"only the newest (a table: {_SHOWN}; a file: all)")
    parser.add_argument("--summary", action="store_true", help="add up by bin, outcome and cause")
    for name, what in (("csv", "a table for spreadsheets"), ("jsonl", "a JSON object a line"), ("parquet", "columns")):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write the items to a file: {what}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Read, and print or write what is asked for."""
    path = _database(arguments.file)
    targets = {name: target for name in _FORMATS if (target := getattr(arguments, name)) is not None}
    _check(arguments.limit, path, targets)
    now_ns = time.time_ns()
    since_ns, until_ns = (
        None if text is None else asked_ns(text, now_ns) for text in (arguments.since, arguments.until)
    )
    wanted = Wanted(since_ns=since_ns, until_ns=until_ns, bin=arguments.bin, outcome=arguments.outcome)
    with EventReader(path) as reader:
        for name, target in targets.items():
            _export(reader, wanted, arguments.limit, name, target)
        if arguments.summary:
            _show_summary(sum_up(reader, wanted), as_json=arguments.json)
        elif not targets:
            _show_newest(reader, wanted, arguments.limit or _SHOWN, as_json=arguments.json)
    return 0


def _database(file: Path) -> Path:
    if file.suffix != ".toml":
        return file
    events = load_station(file).events
    if events is None:
        raise ConfigError(f"{file} has no table `[events]`, so nothing is kept; add one, and start the station anew")
    return file.resolve().parent / events.path


def _check(limit: int | None, path: Path, targets: dict[str, Path]) -> None:
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit {limit} shows nothing; say 1 or more")
    for name, target in targets.items():
        if target.exists() and path.exists() and target.samefile(path):
            raise ConfigError(f"--{name} {target} would overwrite the events themselves; name another file")


def _export(reader: EventReader, wanted: Wanted, limit: int | None, name: str, target: Path) -> None:
    count = reader.count(wanted)
    with progress(name, count if limit is None else min(limit, count)) as advance:
        _FORMATS[name](target, _counted(reader.items(wanted, limit), advance))
    sys.stderr.write(f"{name}: {target}\n")


def _counted(items: Iterator[Kept], advance: Advance) -> Iterator[Kept]:
    for nth, item in enumerate(items, 1):
        yield item
        if not nth % _STEP:
            advance(_STEP)


def _show_newest(reader: EventReader, wanted: Wanted, limit: int, *, as_json: bool) -> None:
    count, items = reader.count(wanted), list(reader.items(wanted, limit))
    occurrences = reader.occurrences(wanted, limit)
    if as_json:
        shown = [{"session": kept.session, "unix_ns": kept.unix_ns, **_fields(kept)} for kept in items]
        noted = [happened._asdict() for happened in occurrences]
        document = {"count": count, "dropped": reader.dropped(), "items": shown, "occurrences": noted}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
        return
    _print_items(items)
    if occurrences:
        _print_occurrences(occurrences)
    dropped = reader.dropped()
    lost = f"; {dropped} entries were lost, the disk could not follow" if dropped else ""
    sys.stdout.write(f"{len(items)} of {count} items{lost}\n")


def _show_summary(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    seen = ""
    if summary.first_ns is not None and summary.last_ns is not None:
        seen = f", {_at(summary.first_ns)[:-4]} to {_at(summary.last_ns)[:-4]}"
    bins = Table(title=f"{summary.items} items{seen}", title_justify="left")
    for heading in ("bin", "binned", "rejected", "missed", "arrived"):
        bins.add_column(heading, justify="left" if heading == "bin" else "right")
    for book in summary.bins:
        arrived = f"{_share(book.confirmed_share)} of {book.watched}" if book.watched else "-"
        bins.add_row(book.bin, str(book.binned), str(book.rejected), str(book.missed), arrived)
    causes = Table("outcome", "cause", "items")
    for cause in summary.causes:
        causes.add_row(cause.outcome, cause.cause, str(cause.items))
    console = Console(markup=False, highlight=False)
    console.print(bins, causes)
    late = f"outputs late by {_ms(summary.late_p50_ms)} ms (half), {_ms(summary.late_p99_ms)} ms (99 of 100)"
    console.print(f"{late}; arrived {_share(summary.confirmed_share)}; entries lost {summary.dropped}")


def _print_items(items: Sequence[Kept]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in ("seen", "item", "class", "score", "looks", "bin", "outcome", "late ms", "arrived"):
        right = heading in {"item", "score", "looks", "late ms"}
        table.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=heading == "seen")
    for _, unix_ns, record in items:
        score = f"{max(record.scores):.2f}" if record.scores else "-"
        outcome = record.outcome if record.outcome == "binned" else f"{record.outcome}: {record.cause}"
        arrived = {None: "-", True: "yes", False: "no"}[record.confirmed]
        named = (str(record.item), record.class_name or "-", score, str(record.looks), record.bin)
        table.add_row(_at(unix_ns)[5:-2], *named, outcome, _ms(record.late_ms), arrived)
    Console(markup=False, highlight=False).print(table)


def _print_occurrences(occurrences: Sequence[Noted]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("at", "kind", "what happened")
    for happened in occurrences:
        table.add_row(_at(happened.unix_ns), happened.kind, happened.message)
    Console(markup=False, highlight=False).print(table)


def _fields(kept: Kept) -> dict[str, object]:
    return {name: getattr(kept.record, name) for name in kept.record.__struct_fields__}


def _at(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns // 1_000_000 / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
