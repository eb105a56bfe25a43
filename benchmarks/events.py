"""What the event store costs and keeps: bytes written, time of a `put`, what `kill -9` takes, and exports.

    python benchmarks/events.py FOLDER [--hours 1] [--kills 100] [--rows 1000000]

FOLDER must lie on a disk, not in memory. Bytes written are those of /proc/self/io (pages handed to the disk, each as
often as it is written anew), over hours of belt that are written without waiting, in the batches of a live station;
the file system's own journal is not among them. Kills are of live stations at 20 items a second, at random moments.
"""

import argparse
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sortline_edge.clocks import MonotonicClock, VirtualClock
from sortline_edge.config import Events
from sortline_edge.events import EventStore
from sortline_edge.events.file import EventFile, Session
from sortline_edge.events.read import EventReader, Wanted
from sortline_edge.records import Record

EVERY_S, AT_ONCE, LIVE_PER_S = 0.8, 10, 20
RATES = (0.2, 1.0, 5.0, 20.0)


def complain(sentence: str) -> None:
    """What the store has to say is a failure here."""
    raise RuntimeError(sentence)


def record(item: int, now_ns: int) -> Record:
    """A usual item of a bundle of six classes."""
    scores = (0.912345, 0.05, 0.03, 0.004, 0.003, 0.000655)
    return Record(
        item=item, seen_ns=now_ns - 10**9, decided_ns=now_ns - 5 * 10**8, closed_ns=now_ns, looks=5, scores=scores,
        class_name="cardboard", bin="cardboard", outcome="binned", cause="sorted", late_ms=0.0817136, confirmed=True,
        bundle="0123456789ab",
    )  # fmt: skip


def live(path: Path) -> None:
    """Put in items for ever, as a station does; killed by who started it."""
    clock, item = MonotonicClock(), 0
    store = EventStore(path, Events(), station="live", bundle="0123456789ab", clock=clock)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    while True:
        item += 1
        store.put(record(item, clock.now_ns()))
        time.sleep(1 / LIVE_PER_S)


def written_bytes() -> int:
    """What this process has handed to disks so far."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def open_file(path: Path, max_mb: int) -> EventFile:
    """A store's file without its thread, so that an hour is over in seconds."""
    session = Session("live", "0123456789ab", "")
    return EventFile(path, max_mb, session, clock=VirtualClock(), wall_ns=time.time_ns, say=complain)


def fill(file: EventFile, items: int) -> None:
    """As fast as it goes."""
    for start in range(0, items, 250):
        file.write([record(item, item * 10**8) for item in range(start, start + 250)], 0)


def measure_writes(folder: Path, hours: float) -> None:
    """Bytes to the disk by rate of items, while the file grows and when it is full."""
    sys.stdout.write("| items/s | file | written per item | written per day | of it kept | commits/s |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    seconds = 3600 * hours
    for rate, full in [*((rate, False) for rate in RATES), (1.0, True), (20.0, True)]:
        path, done, commits = folder / f"{rate}-{full}.db", 0, 0
        file = open_file(path, 16 if full else 100_000)
        if full:
            fill(file, 200_000)
        size, before = path.stat().st_size, written_bytes()
        for batch in range(round(seconds / EVERY_S)):
            due = int(rate * EVERY_S * (batch + 1))
            if due > done:
                file.write([record(item, item * round(1e9 / rate)) for item in range(done, due)], 0)
                done, commits = due, commits + 1
        file.close()
        each = (written_bytes() - before) / done
        day, kept = each * rate * 86_400 / 1e6, (path.stat().st_size - size) / done
        state = "full" if full else "grows"
        sys.stdout.write(
            f"| {rate:g} | {state} | {each:.0f} B | {day:.0f} MB | {kept:.0f} B | {commits / seconds:.2f} |\n"
        )


def measure_put(folder: Path) -> None:
    """Time of `put` while the thread writes."""
    clock, took = MonotonicClock(), []
    with EventStore(folder / "put.db", Events(), station="live", bundle="0123456789ab", clock=clock) as store:
        for item in range(5000):
            entry = record(item, clock.now_ns())
            before = time.perf_counter_ns()
            store.put(entry)
            took.append(time.perf_counter_ns() - before)
            time.sleep(0.001)
    p50, p99, p999 = np.quantile(took, (0.5, 0.99, 0.999)) / 1000
    sys.stdout.write(f"put: {p50:.2f} us (half), {p99:.2f} us (99 of 100), {p999:.2f} us (999 of 1000)\n")


def measure_kills(folder: Path, kills: int) -> None:
    """How much a killed station had not on the disk."""
    lost_ms: list[float] = []
    draw = random.Random(0)  # noqa: S311
    for round_ in range(-(-kills // AT_ONCE)):
        paths = [folder / f"kill-{round_}-{nth}.db" for nth in range(AT_ONCE)]
        command = [sys.executable, __file__, "--live"]
        stations = [subprocess.Popen([*command, path], stdout=subprocess.PIPE) for path in paths]
        for station in stations:
            assert station.stdout is not None
            station.stdout.readline()
        time.sleep(1)
        for station, path in zip(stations, paths, strict=True):
            time.sleep(draw.random() / 4)
            station.send_signal(signal.SIGKILL)
            killed_ns = time.monotonic_ns()
            station.communicate()
            with EventReader(path) as reader:
                records = [kept.record for kept in reader.items(Wanted())]
            assert [kept.item for kept in records] == list(range(1, len(records) + 1)), path
            lost_ms.append((killed_ns - records[-1].closed_ns) / 1e6)
    worst, half = max(lost_ms), np.median(lost_ms)
    sys.stdout.write(
        f"{len(lost_ms)} kills: the newest item kept was {half:.0f} ms old (half), {worst:.0f} ms at most\n"
    )


def measure_exports(folder: Path, rows: int) -> None:
    """Time and memory of exports."""
    path = folder / "many.db"
    file = open_file(path, 100_000)
    fill(file, rows)
    file.close()
    sys.stdout.write(f"{rows} items take {path.stat().st_size / 1e6:.0f} MB\n")
    exports = [[f"--{name}", str(folder / name)] for name in ("csv", "jsonl", "parquet")]
    for words in [["--limit", "20"], ["--summary"], *exports]:
        before = time.perf_counter()
        command = [sys.executable, "-m", "sortline_bundle.command", "events", str(path), *words]
        subprocess.run(command, check=True, capture_output=True)
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        sys.stdout.write(f"{words[0]}: {time.perf_counter() - before:.1f} s, at most {peak_mb:.0f} MB so far\n")


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description="what the event store costs and keeps")
    parser.add_argument("folder", type=Path, help="on a disk")
    parser.add_argument("--hours", type=float, default=1.0, help="of belt, for each rate")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--live", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.live:
        live(arguments.folder)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        measure_writes(folder, arguments.hours)
        measure_put(folder)
        measure_kills(folder, arguments.kills)
        measure_exports(folder, arguments.rows)


if __name__ == "__main__":
    main()
