"""How fast a station is: frame in to decision out, against the bare model and against others; outputs; memory.

    python benchmarks/station.py BUNDLE PHOTOS [--with-mediapipe] [--soak SECONDS] [--profile FILE.json] [--json]

Frames of 640x480 and 1280x720 with one of the photographs on a belt, blue-green-red as OpenCV gives them. All ways
take turns on the same frames, in one run; a ratio is the median over rounds of one way's median in a round to that of
the bare `invoke()` in the same round, with its quartiles. First the station alone, then with others, whose models and
frames push each other out of the caches. Then a film of items that ride past, most frames of which need no look:
what each kind of frame costs. Then pulses of the real output process under load, and the memory of
`sortline run`. Nothing is printed that was not measured in this run.

--with-mediapipe makes a virtual environment under build/. --profile writes what the simulated belt can take as this
board's latencies.
"""

import argparse
import json
import platform
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from station_film import Film, measure_film
from station_process import SHORTEST_SOAK_S, Lateness, Memory, measure_lateness, measure_memory
from station_rivals import MediaPipe
from station_scenes import choose_photographs, make_scenes
from station_ways import Figure, Ours, compare, others

from sortline_bundle.archive import Bundle, open_bundle
from sortline_bundle.digest import sha256
from sortline_bundle.files import write_whole
from sortline_bundle.threads import available_cores
from sortline_edge.classify import TfliteClassifier
from sortline_edge.profile import MOST_SAMPLES, Profile

SIZES = ((640, 480), (1280, 720))
PHOTOGRAPHS = 12
BUILD = Path("build/station")


def main() -> int:
    """Measure, and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)  # as `sortline run` does
    bundle = open_bundle(arguments.bundle)
    photographs = choose_photographs(arguments.photographs, PHOTOGRAPHS)
    classifier = TfliteClassifier(bundle, threads=arguments.threads)
    tables: dict[str, dict[str, Figure]] = {}
    films: dict[str, Film] = {}
    measured: list[Ours] = []
    for width, height in SIZES:
        scenes = make_scenes(photographs, width, height)
        ours = Ours(bundle, classifier, scenes)
        measured.append(ours)
        tables[f"{width}x{height}"] = compare(scenes, ours.ways(), arguments.rounds)
        mediapipe = MediaPipe(BUILD, bundle, scenes) if arguments.with_mediapipe else nullcontext()
        with mediapipe as beside:
            ways = Ours(bundle, classifier, scenes).ways() | others(bundle, classifier, beside)
            tables[f"{width}x{height}, others beside"] = compare(scenes, ways, max(1, arguments.rounds // 2))
        films[f"{width}x{height}"] = measure_film(bundle, classifier, photographs, width, height)
    scene = make_scenes(photographs[:1], *SIZES[0])[0]
    with tempfile.TemporaryDirectory() as folder:
        late = measure_lateness(
            Path(folder), arguments.pulses, lambda: classifier.logits(scene.second, scene.box, "BGR")
        )
        memory = measure_memory(Path(folder), bundle, arguments.bundle, photographs, arguments.soak)
    if arguments.profile:
        _write_profile(arguments, bundle, classifier, measured[0], late)
    tell = _tell_json if arguments.json else _tell
    tell(_machine(classifier), tables, films, late, memory)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("photographs", type=Path, metavar="PHOTOS", help="class folders")
    parser.add_argument("--threads", default=1, type=_threads, help="of the model: a number, or auto (default 1)")
    parser.add_argument("--rounds", type=int, default=40, help="of twelve frames for each size (default 40)")
    parser.add_argument("--pulses", type=int, default=5000, help="default 5000: 25 seconds")
    parser.add_argument("--soak", type=int, default=30, metavar="SECONDS", help="of `sortline run` (default 30)")
    parser.add_argument("--with-mediapipe", action="store_true", help="install it under build/ and compare")
    parser.add_argument("--profile", type=Path, metavar="FILE.json", help="write this board's latency profile")
    parser.add_argument("--board", default="board", metavar="NAME", help="what the profile calls it")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    arguments = parser.parse_args()
    if arguments.soak < SHORTEST_SOAK_S:
        parser.error(f"--soak: at least {SHORTEST_SOAK_S} seconds, received {arguments.soak}")
    return arguments


def _threads(text: str) -> Any:
    return text if text == "auto" else int(text)


def _machine(classifier: TfliteClassifier) -> str:
    return (
        f"{platform.machine()}, {available_cores()} cores; {classifier.model.runtime}, {classifier.threads};"
        f" OpenCV {cv2.__version__}, {cv2.getNumThreads()} thread; Python {platform.python_version()}"
    )


def _write_profile(
    arguments: argparse.Namespace, bundle: Bundle, classifier: TfliteClassifier, ours: Ours, late: Lateness
) -> None:
    frame_ms, look_ms, late_ms = (
        tuple(round(sample, 4) for sample in samples[:MOST_SAMPLES])
        for samples in (ours.frame_ms, ours.look_ms, late.late_ms)
    )
    profile = Profile(
        board=arguments.board,
        machine=platform.machine(),
        cores=available_cores(),
        runtime=str(classifier.model.runtime),
        threads=classifier.threads.threads,
        model_sha256=sha256(bundle.model),
        frame_ms=frame_ms,
        look_ms=look_ms,
        output_late_ms=late_ms,
    )
    write_whole(arguments.profile, profile.to_json())


def _tell(
    machine: str, tables: dict[str, dict[str, Figure]], films: dict[str, Film], late: Lateness, memory: Memory
) -> None:
    lines = [machine]
    for title, table in tables.items():
        lines += ["", f"{title:34}{'median ms':>10}{'ratio':>8}{'quartiles':>15}{'of minima':>11}"]
        for name, one in table.items():
            quartiles = f"{one.low:.3f}-{one.high:.3f}"
            lines.append(f"  {name:32}{one.median_ms:10.2f}{one.ratio:8.3f}{quartiles:>15}{one.of_minima:11.3f}")
    for title, film in films.items():
        lines += [
            "",
            f"film, {title}: {film.frames} frames, {film.looks} of them with a look; {film.items} items decided on",
            f"  median ms: empty {film.empty_ms:.2f}, with an item {film.item_ms:.2f}, with a look {film.look_ms:.2f}",
            f"  mean of all {film.mean_ms:.2f} ms",
        ]
    p50, p99, p999 = np.percentile(late.late_ms, (50, 99, 99.9))
    priority = f"real-time priority {'granted' if late.realtime else 'not granted'}"
    lines += [
        "",
        f"outputs: {len(late.late_ms)} pulses in {late.seconds:.0f} s beside {late.looks} looks and a busy core",
        f"  {priority}",
        f"  late: p50 {p50:.3f} ms, p99 {p99:.3f} ms, p99.9 {p999:.3f} ms, most {max(late.late_ms):.3f} ms",
        f"  suppressed {late.suppressed}, fired more than {late.limit_ms:g} ms late {late.fired_late}",
        f"memory: {memory.processes} processes, resident {memory.rss_mb:.0f} MB, shared once {memory.pss_mb:.0f} MB",
        f"  {memory.growth_mb:+.2f} MB in {memory.seconds:.0f} s",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _tell_json(
    machine: str, tables: dict[str, dict[str, Figure]], films: dict[str, Film], late: Lateness, memory: Memory
) -> None:
    p50, p99, p999 = np.percentile(late.late_ms, (50, 99, 99.9))
    lateness = {
        "p50_ms": p50,
        "p99_ms": p99,
        "p99_9_ms": p999,
        "most_ms": max(late.late_ms),
        "pulses": len(late.late_ms),
    }
    told = {
        "machine": machine,
        "ways": {title: {name: one._asdict() for name, one in table.items()} for title, table in tables.items()},
        "films": {title: film._asdict() for title, film in films.items()},
        "outputs": lateness | {key: value for key, value in late._asdict().items() if key != "late_ms"},
        "memory": memory._asdict(),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    sys.exit(main())
