"""Items on the simulated belt in real time, with the real output process: is any counted twice, sent astray, or late?

    python benchmarks/soak.py BUNDLE PHOTOS --minutes 10

Five items a second on a fast belt. Prints the books, the lateness of the outputs, and the memory of all processes in
ten stretches of the run. Ends with 1 when an item was decided on twice or landed in another bin than decided.
"""

import argparse
import os
import sys
from pathlib import Path
from statistics import median

import msgspec

from sortline_bundle.archive import open_bundle
from sortline_bundle.progress import progress
from sortline_edge.collector import collector_on_call
from sortline_edge.commands.staging import default_station
from sortline_edge.config import BeltCamera, Bin
from sortline_edge.runner import Moment
from sortline_edge.simulation import Conditions, Scene, simulate

SPEED_MM_S, ITEM_MM, GAP_MM, PER_S = 800.0, 55.0, 52.0, 5.0
STRETCHES = 10


def memory_mb() -> float:
    """Resident memory of this process and its children, counting shared pages in each."""
    pids = [os.getpid()]
    for task in Path("/proc/self/task").iterdir():
        pids += [int(pid) for pid in (task / "children").read_text().split()]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    """Run the belt and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    bundle = open_bundle(arguments.bundle)
    count = round(60 * PER_S * arguments.minutes)
    names = bundle.manifest.class_names
    bins = tuple(
        Bin(name=name, classes=(name,), line=nth + 1, distance_mm=700 + 200 * nth, delay_ms=10, dwell_ms=60)
        for nth, name in enumerate(names)
    )
    base = default_station(bundle)
    station = msgspec.structs.replace(
        base,
        bins=bins,
        belt=msgspec.structs.replace(base.belt, speed_mm_s=SPEED_MM_S),
        camera=BeltCamera(
            items=str(arguments.photographs.resolve()), count=count, item_mm=ITEM_MM, gap_mm=GAP_MM, frames_per_s=30
        ),
    )
    memory: list[float] = []
    with progress("items", count) as advance, collector_on_call() as rest:

        def watch(_: Scene, moment: Moment) -> None:
            advance(len(moment.step.decisions))
            if moment.frame is not None and moment.frame.sequence % 30 == 0:
                memory.append(memory_mb())
            rest()

        outcome = simulate(bundle, station, Path(), Conditions(realtime=True), watch)
    books = outcome.books
    length = max(1, len(memory) // STRETCHES)
    stretches = [median(memory[start : start + length]) for start in range(0, length * STRETCHES, length) if memory]
    late_ms = sorted(
        ending.record.late_ms
        for fate in outcome.fates
        for ending in fate.endings
        if ending.record is not None and ending.record.late_ms is not None
    )
    quantiles = [late_ms[min(len(late_ms) - 1, int(share * len(late_ms)))] for share in (0.5, 0.99, 0.999)]
    astray = sum(
        bool(fate.endings) and fate.bin not in (fate.endings[0].decision.bin, station.reject) for fate in outcome.fates
    )
    lines = [
        f"{books.items} items in {books.seconds:.0f} s: {books.items / books.seconds:.2f} a second",
        f"purity {books.purity:.2%} {books.purity_interval}, recovery {books.recovery:.2%} {books.recovery_interval}",
        f"decided on twice {books.double_counted}, not at all {books.missed}, landed in another bin {astray}",
        f"decisions for several items {books.joined}, for nothing {books.phantoms}",
        f"lost, by cause: {books.losses}",
        f"states entered: {[change.cause for change in outcome.changes if change.entered]}",
        f"the station's books: {books.station}",
        "outputs late, ms: p50 {:.3f}, p99 {:.3f}, p99.9 {:.3f}".format(*quantiles),
        "memory, MB, in stretches: " + " ".join(f"{megabytes:.0f}" for megabytes in stretches),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(books.double_counted + astray > 0)


if __name__ == "__main__":
    sys.exit(main())
