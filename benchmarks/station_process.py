"""What can only be measured on whole processes, for `station.py`: lateness of the outputs, and memory."""

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import cv2
from station_scenes import SPEED_MM_S, WIDTH_MM, Image, make_film, make_station

from sortline_bundle.archive import Bundle
from sortline_edge.collector import collector_on_call
from sortline_edge.config import RecorderOutputs
from sortline_edge.outputs import open_outputs
from sortline_edge.ports import Pulse, Suppressed, Switched

LINES = 8
_PULSE_NS, _DWELL_NS = 5_000_000, 20_000_000
_AHEAD_NS, _LEAD_NS = 200_000_000, 300_000_000
_FRAMES_PER_S = 25
_WARM_S, _MARGIN_S = 5, 2
SHORTEST_SOAK_S = 10


class Lateness(NamedTuple):
    """How late outputs were switched on.

    Attributes:
        late_ms: Of every pulse that was carried out, in order.
        suppressed: Pulses left out since they would have been late.
        fired_late: Pulses carried out later than the station file allows.
        limit_ms: That limit.
        realtime: Whether the output process had real-time priority.
        looks: Looks taken meanwhile.
        seconds: How long it took.
    """

    late_ms: list[float]
    suppressed: int
    fired_late: int
    limit_ms: float
    realtime: bool
    looks: int
    seconds: float


def measure_lateness(folder: Path, pulses: int, look: Callable[[], object]) -> Lateness:
    """A pulse every 5 ms from the real output process, while this one looks without a pause and another eats a core."""
    recorder = RecorderOutputs(path=str(folder / "outputs.jsonl"))
    station = make_station([f"class {line}" for line in range(LINES)], 640, recorder)
    late_ms: list[float] = []
    suppressed = looks = sent = 0
    with _busy_core(), open_outputs(station) as outputs, collector_on_call() as rest:
        outputs.beat()
        start_ns = time.monotonic_ns() + _LEAD_NS
        while len(late_ms) + suppressed < pulses:
            due = range(sent, min(pulses, (time.monotonic_ns() + _AHEAD_NS - start_ns) // _PULSE_NS + 1))
            outputs.send([_pulse(nth, start_ns) for nth in due])
            sent += len(due)
            for report in outputs.reports():
                if isinstance(report, Switched) and report.active:
                    late_ms.append(report.late_ns / 1e6)
                suppressed += isinstance(report, Suppressed)
            look()
            looks += 1
            rest()
        seconds = (time.monotonic_ns() - start_ns) / 1e9
        realtime = outputs.realtime
    fired_late = sum(late > station.timing.late_ms for late in late_ms)
    return Lateness(late_ms, suppressed, fired_late, station.timing.late_ms, realtime, looks, seconds)


def _pulse(nth: int, start_ns: int) -> Pulse:
    on_ns = start_ns + nth * _PULSE_NS
    return Pulse(line=nth % LINES, on_ns=on_ns, off_ns=on_ns + _DWELL_NS, item=nth + 1)


@contextlib.contextmanager
def _busy_core() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Memory(NamedTuple):
    """Memory of a station, all its processes together, in MB (1e6 bytes).

    Attributes:
        processes: How many.
        rss_mb: Resident memory at the end, where each process counts what they share.
        pss_mb: At the end, what is shared counted once.
        growth_mb: Proportional memory at the end less that after five seconds.
        seconds: Between the two.
    """

    processes: int
    rss_mb: float
    pss_mb: float
    growth_mb: float
    seconds: float


def measure_memory(
    folder: Path, bundle: Bundle, bundle_path: Path, photographs: Sequence[Image], soak_s: int
) -> Memory:
    """Let `sortline run` sort a folder of frames, 640x480, 25 a second, for `soak_s` seconds."""
    station = _write_station(folder, bundle, bundle_path, photographs, soak_s)
    command = [sys.executable, "-m", "sortline_bundle.command", "run", str(station)]
    samples: list[tuple[int, float, float]] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(_WARM_S)
        end_s = time.monotonic() + soak_s - _WARM_S - _MARGIN_S
        while time.monotonic() < end_s and process.poll() is None:
            samples.append(_memory_of(process.pid))
            time.sleep(0.5)
        if process.poll() is not None:
            raise SystemExit(f"sortline run ended: {first}{process.stderr.read()}")
        process.terminate()
    part = max(1, len(samples) // 5)
    start, end = (statistics.median(pss for _, _, pss in some) for some in (samples[:part], samples[-part:]))
    processes, rss, _ = samples[-1]
    return Memory(processes, rss, end, end - start, soak_s - _WARM_S - _MARGIN_S)


def _write_station(folder: Path, bundle: Bundle, bundle_path: Path, photographs: Sequence[Image], soak_s: int) -> Path:
    film, frames = folder / "film", folder / "frames"
    for made in (film, frames):
        made.mkdir(parents=True)
    px_per_frame = round(640 * SPEED_MM_S / WIDTH_MM / _FRAMES_PER_S)
    for nth, image in enumerate(make_film(photographs, 640, 480, px_per_frame)):
        cv2.imwrite(str(film / f"{nth:06}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    for nth, source in zip(range(soak_s * _FRAMES_PER_S), cycle(sorted(film.iterdir())), strict=False):
        (frames / f"{nth:06}.jpg").symlink_to(source.resolve())
    bins = "".join(
        f'[[bins]]\nname = "bin {nth}"\nclasses = [{json.dumps(name)}]\nline = {nth}\ndistance_mm = {400 + 100 * nth}\n'
        for nth, name in enumerate(bundle.manifest.class_names)
    )
    station = folder / "station.toml"
    station.write_text(
        f'name = "soak"\nbundle = "{bundle_path.resolve()}"\n{bins}'
        f'[camera]\ndriver = "folder"\npath = "{frames.resolve()}"\nframes_per_s = {_FRAMES_PER_S}\n'
        f"[belt]\nspeed_mm_s = {px_per_frame * _FRAMES_PER_S * WIDTH_MM / 640}\nmm_per_px = {WIDTH_MM / 640}\n"
        f'[outputs]\ndriver = "recorder"\npath = "{(folder / "soak.jsonl").resolve()}"\n',
        encoding="utf-8",
    )
    return station


def _memory_of(pid: int) -> tuple[int, float, float]:
    """Processes, resident and proportional memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    rolled = [Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii") for one in (pid, *children)]
    return len(rolled), _sum_mb(rolled, "Rss:"), _sum_mb(rolled, "Pss:")


def _sum_mb(rolled: Sequence[str], field: str) -> float:
    lines = (line.split() for text in rolled for line in text.splitlines())
    return sum(int(words[1]) * 1024 / 1e6 for words in lines if words[0] == field)
