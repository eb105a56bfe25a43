"""A day of belt with whatever goes wrong in a day, in virtual time: do the station's books balance at its end?

    python benchmarks/day.py BUNDLE PHOTOS --hours 10

Faults come at random, about ten an hour, of every kind but those of a PLC that takes codes, on a station with all else
wired; looks are remembered for each photograph. Ends with 1 when a book does not balance.
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from sortline_bundle.archive import open_bundle
from sortline_bundle.progress import progress
from sortline_edge.commands.staging import default_station
from sortline_edge.config import BeltCamera, Fault, Station
from sortline_edge.config.twin import KINDS, FaultKind
from sortline_edge.drill import wired_for
from sortline_edge.runner import Moment
from sortline_edge.simulation import Conditions, Outcome, Scene, simulate

PER_HOUR = 10.0
ITEM_MM, GAP_MM, SPEED_MM_S = 90.0, 70.0, 230.0  # about one item a second


def random_faults(station: Station, hours: float, seed: int) -> tuple[Fault, ...]:
    """Faults that this station can have, at random times, each over before the next of its kind begins."""
    random = np.random.default_rng(seed)
    kinds: list[FaultKind] = [kind for kind, its in KINDS.items() if its.needs != "code"]
    free_s = dict.fromkeys(kinds, 0.0)
    faults = []
    for at_s in np.sort(random.uniform(30, 3600 * hours - 60, round(PER_HOUR * hours))).tolist():
        kind = kinds[int(random.integers(len(kinds)))]
        for_s = float(random.uniform(0.5, 20))
        if at_s < free_s[kind]:
            continue
        free_s[kind] = at_s + for_s + 5
        bin_ = station.bins[int(random.integers(len(station.bins)))].name if KINDS[kind].needs[:3] == "bin" else None
        faults.append(Fault(kind=kind, at_s=at_s, for_s=for_s, bin=bin_))
    return tuple(faults)


def main() -> int:
    """Run the day and print its books."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    bundle = open_bundle(arguments.bundle)
    count = round(3600 * arguments.hours)
    station = wired_for("eye-glitches", default_station(bundle))
    deciding = msgspec.structs.replace(station.deciding, trigger="picture")
    belt = msgspec.structs.replace(station.belt, speed_mm_s=SPEED_MM_S, measured_by="encoder")
    station = msgspec.structs.replace(station, deciding=deciding, belt=belt)
    camera = BeltCamera(
        items=str(arguments.photographs.resolve()),
        count=count,
        seed=arguments.seed,
        item_mm=ITEM_MM,
        gap_mm=GAP_MM,
        jitter=0.03,
        faults=random_faults(station, arguments.hours, arguments.seed),
    )
    station = msgspec.structs.replace(station, camera=camera)
    began_s, cpu_s = time.monotonic(), time.process_time()
    with progress("items", count) as advance:

        def watch(_: Scene, moment: Moment) -> None:
            advance(len(moment.step.decisions))

        outcome = simulate(bundle, station, Path(), Conditions(sketch=True), watch)
    return tell(outcome, camera.faults, time.monotonic() - began_s, time.process_time() - cpu_s)


def tell(outcome: Outcome, faults: tuple[Fault, ...], took_s: float, cpu_s: float) -> int:
    """Print the books; 1 when they do not balance."""
    books = outcome.books
    ends = {outcome_: sum(causes.values()) for outcome_, causes in books.station.items()}
    landed = sum(book.items for book in books.bins) + books.losses.get("fell off", 0)
    speed = f"{took_s:.0f} s, {books.seconds / took_s:.0f} times real time; {cpu_s:.0f} s of processor time"
    entered = sum(change.entered for change in outcome.changes)
    lines = [
        f"{books.items} items, {books.seconds / 3600:.1f} h of belt in {speed}",
        f"{len(faults)} faults, {entered} states entered, started anew {outcome.restarts} times",
        f"purity {books.purity:.2%} {books.purity_interval}, recovery {books.recovery:.2%} {books.recovery_interval}",
        f"the station's books: {ends} = {sum(ends.values())} decisions; without an end: {outcome.open}",
        *(f"  {outcome_}: {causes}" for outcome_, causes in books.station.items()),
        f"landed or fell off {landed} of {books.items}; lost, by cause: {books.losses}",
        f"no decision {books.missed}, two {books.double_counted}, shared {books.joined}; for nothing {books.phantoms}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(outcome.open > 0 or landed != books.items)


if __name__ == "__main__":
    sys.exit(main())
