"""What conversion costs: the ways to make int8 side by side, on runs of `sortline train`.

    python benchmarks/convert.py RUN [RUN ...] [--photos PHOTOS]

For each run, on its calibration and test photographs: each way's size, the share of answers that stay as they were,
how many are right, divergence of the answers, processor time of making it, and latency as a ratio (calls of all files
in turn, in one process, one thread). Then what each kind of output can tell apart, and the whole of `sortline convert`
by its own report. Nothing is printed that was not measured in this run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.quiet import quiet
from sortline_bundle.runtime import Model, find_runtime
from sortline_bundle.scores import log_scores
from sortline_convert.attempts import Source
from sortline_convert.command import load_model
from sortline_convert.graph import Graph
from sortline_convert.measure import measure
from sortline_convert.photographs import choose_representative, load_pixels
from sortline_convert.quantise import to_int8, to_int8_by_tensorflow
from sortline_train.export import constant_graph, to_float32
from sortline_train.run import Record, load_record

REPRESENTATIVE = 300
ROUNDS, CALLS = 30, 5
SURE = 0.9


class Way(NamedTuple):
    """One way to make the file, and what it cost."""

    name: str
    file: bytes
    cpu_s: float
    logits: NDArray[np.float32]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folder made by `sortline train`")
    parser.add_argument("--photos", type=Path, help="where the runs' photographs are, if they moved")
    arguments = parser.parse_args()
    for run in arguments.runs:
        record = load_record(run)
        _say(f"\n{run.name}: {len(record.classes)} classes")
        _compare(run, record, arguments.photos or Path(record.photographs))
        _whole(run, arguments.photos)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _compare(run: Path, record: Record, folder: Path) -> None:
    keras = load_model(run, len(record.classes))
    graph, float32 = constant_graph(keras), to_float32(keras)
    files = record.part("calibration") + record.part("test")
    pixels = load_pixels(folder, files, record.input, "photographs")
    labels = np.array([record.classes.index(file.class_name) for file in files])
    chosen = choose_representative(record.part("train"), REPRESENTATIVE)
    representative = load_pixels(folder, chosen, record.input, "representative")
    source = Source(graph, float32, lambda _: representative, REPRESENTATIVE)
    head = _head(float32)
    makers: dict[str, Callable[[], bytes]] = {
        "TensorFlow": lambda: to_int8_by_tensorflow(graph, representative),
        "ai-edge-quantizer": lambda: _as_it_comes(keras, representative),
        "sortline": lambda: source.plain,
        "sortline, head in float": lambda: to_int8(float32, source.seen, exempt=head),
    }
    floats = measure(float32, pixels, "float")
    ways = [_make(name, make, pixels) for name, make in makers.items()]
    latencies = _latencies([way.file for way in ways], pixels)
    _say(f"{len(pixels)} photographs; float: {_right(floats, labels):.2%} right, {len(float32) / 1e6:.2f} MB")
    _say(f"  {'':24}{'MB':>6}{'right':>9}{'lost':>8}{'same':>9}{'nats':>9}{'CPU s':>8}{'latency':>9}")
    for way, latency in zip(ways, latencies, strict=True):
        right = _right(way.logits, labels)
        same = (way.logits.argmax(axis=1) == floats.argmax(axis=1)).mean()
        _say(
            f"  {way.name:24}{len(way.file) / 1e6:6.2f}{right:9.2%}{_right(floats, labels) - right:8.2%}{same:9.2%}"
            f"{_divergence(floats, way.logits):9.4f}{way.cpu_s:8.1f}{latency / latencies[0]:9.2f}"
        )
    _resolution({way.name: way.logits for way in ways}, floats)


def _make(name: str, make: Callable[[], bytes], pixels: NDArray[np.uint8]) -> Way:
    started = time.process_time()
    file = make()
    spent = time.process_time() - started
    return Way(name, file, spent, measure(file, pixels, name))


def _as_it_comes(keras: Any, representative: NDArray[np.uint8]) -> bytes:
    """Its own calibration and its own rounding; raw pixels let in as everywhere here."""
    import tensorflow as tf
    from ai_edge_quantizer import recipe
    from ai_edge_quantizer.quantizer import Quantizer

    with quiet():
        float32 = bytes(tf.lite.TFLiteConverter.from_keras_model(keras).convert())
        signatures = find_runtime("litert").interpreter(model_content=float32).get_signature_list()
        signature, ends = next(iter(signatures.items()))
        data = [{ends["inputs"][0]: picture[None].astype(np.float32)} for picture in representative]
        quantizer = Quantizer(float32)
        quantizer.load_quantization_recipe(recipe.static_wi8_ai8())
        ranges = quantizer.calibrate({signature: data}, num_threads=1)
        graph = Graph(bytes(quantizer.quantize(ranges).quantized_model))
    graph.take_raw_pixels()
    return graph.to_bytes()


def _head(float32: bytes) -> list[str]:
    graph = Graph(float32)
    return [graph.name(graph.weighted()[-1].output)]


def _latencies(files: list[bytes], pixels: NDArray[np.uint8]) -> list[float]:
    """Median seconds of a call, the files taking turns."""
    models = [Model(file, threads=1) for file in files]
    times: list[list[float]] = [[] for _ in files]
    for turn in range(ROUNDS):
        for model, spent in zip(models, times, strict=True):
            model.view()[...] = pixels[turn % len(pixels)]
            for _ in range(CALLS):
                started = time.perf_counter()
                model.run()
                spent.append(time.perf_counter() - started)
    return [float(np.median(spent)) for spent in times]


def _resolution(ways: dict[str, NDArray[np.float32]], floats: NDArray[np.float32]) -> None:
    """How many different scores the sure answers get: with few, a threshold near 1 takes all of them or none."""
    counts = {name: _different(np.exp(log_scores(logits)).max(axis=1)) for name, logits in ways.items()}
    softmax = np.exp(log_scores(ways["sortline"])).max(axis=1)
    counts["an int8 softmax of it"] = _different(np.round(softmax * 256).clip(max=255) / 256)
    counts["the float model"] = _different(np.exp(log_scores(floats)).max(axis=1))
    _say(f"  different scores among those of at least {SURE}:")
    for name, (different, sure) in counts.items():
        _say(f"    {name:24}{different:6} of {sure}")


def _different(scores: NDArray[np.float64]) -> tuple[int, int]:
    sure = scores[scores >= SURE]
    return len(np.unique(sure.round(9))), len(sure)


def _divergence(floats: NDArray[np.float32], ours: NDArray[np.float32]) -> float:
    """Mean Kullback-Leibler divergence of our answers from the float model's, in nats."""
    true = log_scores(floats)
    return float((np.exp(true) * (true - log_scores(ours))).sum(axis=1).mean())


def _right(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def _whole(run: Path, photos: Path | None) -> None:
    """`sortline convert` as its user starts it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sortline_bundle.command", "convert", str(run), "-o", f"{folder}/it.sortline"]
        started = time.monotonic()
        done = subprocess.run(
            [*command, "--json", *(["--photos", str(photos)] if photos else [])],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.monotonic() - started
    told: dict[str, Any] = json.loads(done.stdout)
    _say(f"  sortline convert: {seconds:.0f} s, {len(told['tried'])} way(s) tried; {told['held_out']} test photographs")
    _say(
        f"    right {told['accuracy']:.2%}, float {told['accuracy_float']:.2%}, same answer {told['agreement']:.2%};"
        f" calibration error {told['calibration_error_before']:.2%} before, {told['calibration_error']:.2%} after,"
        f" {told['calibration_error_by_chance']:.2%} of scores that are true"
    )
    for check in told["checks"]:
        value = "-" if check["value"] is None else f"{check['value']:.4f}"
        _say(f"    {check['name']:18}{value:>8} (limit {check['limit']:g}) {check['verdict']}: {check['detail']}")


if __name__ == "__main__":
    sys.exit(main())
