"""How much processor time a training takes for its accuracy: `sortline train` against the plain Keras recipe.

    python benchmarks/train_speed.py PHOTOS --out build/train_speed [--weights FILE] [--epochs 0 2 4 8 20]

Both learn from the same photographs and are judged on the same test part, that of the first sortline run. The plain
recipe is the well-known one: a frozen MobileNetV2 with a dense head, trained inside `fit` with flips, turns, zooms and
light for ten epochs, then from layer 55 upwards at 1e-4 for ten more; it is judged after every epoch, at no charge.
sortline is run once for each number of epochs, each time from an empty cache and with all it does: audit, outlines,
report. Processor time is that of the whole process, TensorFlow's start included, on both sides.

Prints a table and ratios, and leaves curve.svg and figures.json in OUT. The plain recipe has no way of telling which of
its epochs is good, so there are two: against its first epoch that was as good, known only afterwards, and its end.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HEAD_EPOCHS, TUNE_EPOCHS, TUNE_FROM, TUNE_RATE = 10, 10, 55, 1e-4


class Point(NamedTuple):
    """Processor time spent, in seconds, and share right on the test part then."""

    name: str
    cpu_s: float
    accuracy: float


def main() -> int:
    """Run both sides, one after the other."""
    parser = argparse.ArgumentParser(description="Processor time for accuracy: sortline train against plain Keras.")
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/train_speed"))
    parser.add_argument("--weights", type=Path, help="Keras file of MobileNetV2's ImageNet weights, no top")
    parser.add_argument("--epochs", type=int, nargs="+", default=[0, 2, 4, 8, 20])
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)  # the other side, in a process of its own
    arguments = parser.parse_args()
    if arguments.plain:
        _train_plainly(arguments.photographs, arguments.plain, arguments.weights)
        return 0
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    weights = ["--weights", str(arguments.weights)] if arguments.weights else []
    ours = [_run_sortline(arguments.photographs, arguments.out, weights, epochs) for epochs in arguments.epochs]
    first = arguments.out / f"run{arguments.epochs[0]}"
    command = [sys.executable, __file__, str(arguments.photographs), "--plain", str(first), *weights]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    plain = [Point(*json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]
    _tell(ours, plain, arguments.out)
    return 0


def _run_sortline(photographs: Path, out: Path, weights: list[str], epochs: int) -> Point:
    run = out / f"run{epochs}"
    command = [sys.executable, "-m", "sortline_bundle.command", "train", str(photographs), "-o", str(run), *weights]
    process = subprocess.Popen([*command, "--epochs", str(epochs), "--cache", str(out / f"cache{epochs}")])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    shutil.rmtree(out / f"cache{epochs}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Point(f"sortline, {epochs} epochs", cpu_s, record["after_fine_tuning"]["accuracy"])


def _train_plainly(photographs: Path, run: Path, weights: Path | None) -> None:
    """The plain recipe on the parts of a sortline run; a JSON line after each epoch."""
    import keras

    from sortline_train.weights import find_weights

    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    keras.utils.set_random_seed(record["settings"]["seed"])
    size, classes = record["settings"]["size"], record["classes"]
    train, test = (_load(photographs, record, part, size) for part in ("train", "test"))
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(size, size, 3))
    base.set_weights(_arrays(find_weights, weights))
    base.trainable = False
    layers = keras.layers
    pixels = keras.Input((size, size, 3))
    views = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal_and_vertical")(pixels))
    views = layers.RandomBrightness(0.15, value_range=(0, 255))(layers.RandomZoom(0.15)(views))
    maps = base(layers.Rescaling(1 / 127.5, -1)(views), training=False)
    hidden = layers.Dense(128, activation="relu")(layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(maps)))
    model = keras.Model(pixels, layers.Dense(len(classes))(hidden))
    judge = _Judge(test)
    for rate, epochs in ((1e-3, HEAD_EPOCHS), (TUNE_RATE, TUNE_EPOCHS)):
        for layer in base.layers if rate == TUNE_RATE else ():
            layer.trainable = base.layers.index(layer) >= TUNE_FROM
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss)
        model.fit(*train, batch_size=32, epochs=epochs, verbose=0, callbacks=[judge.callback(keras)])


def _arrays(find_weights: Any, weights: Path | None) -> Any:
    from sortline_train.backbones import find_backbone

    return find_weights(weights, backbone=find_backbone("mobilenet_v2"), say=lambda _: None).arrays


def _load(photographs: Path, record: Any, part: str, size: int) -> tuple[Any, Any]:
    """Squashed to a square, as `image_dataset_from_directory` does it."""
    import cv2

    from sortline_bundle.photographs import load_image

    files = [file for file in record["files"] if file["part"] == part]
    images = [cv2.resize(load_image(photographs / file["path"]), (size, size)) for file in files]
    labels = [record["classes"].index(file["class_name"]) for file in files]
    return np.stack(images).astype(np.float32), np.array(labels)


class _Judge:
    """Measures after every epoch, and leaves the time that takes out of the account."""

    def __init__(self, test: tuple[Any, Any]) -> None:
        self._pixels, self._labels = test
        self._free_s = 0.0
        self._epoch = 0

    def callback(self, keras: Any) -> Any:
        """For one `fit`."""
        made: Any = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, **__: self._measure(made.model))
        return made

    def _measure(self, model: Any) -> None:
        now = time.process_time()
        self._epoch += 1
        accuracy = float((model.predict(self._pixels, verbose=0).argmax(axis=1) == self._labels).mean())
        sys.stdout.write(json.dumps([f"plain, epoch {self._epoch}", now - self._free_s, accuracy]) + "\n")
        sys.stdout.flush()
        self._free_s += time.process_time() - now


def _tell(ours: list[Point], plain: list[Point], out: Path) -> None:
    for point in (*ours, *plain):
        sys.stdout.write(f"{point.name:<24}{point.cpu_s:>9.0f} s of processor time{point.accuracy:>9.1%}\n")
    best = min(max(point.accuracy for point in side) for side in (ours, plain))
    goals = {"what the plain recipe ends with": min(plain[-1].accuracy, best), "the best that both come to": best}
    whole, ratios = plain[-1].cpu_s, {}
    for what, goal in goals.items():
        here, there = (min(point.cpu_s for point in side if point.accuracy >= goal) for side in (ours, plain))
        ratios[what] = {"first": there / here, "whole": whole / here}
        sys.stdout.write(
            f"{goal:.1%}, {what}: sortline {here:.0f} s, plain {there:.0f} s to its first epoch as good and"
            f" {whole:.0f} s to its end: ratios {there / here:.1f} and {whole / here:.1f}\n"
        )
    figures = {"ours": ours, "plain": plain, "goals": goals, "ratios": ratios}
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for side, name in ((ours, "sortline train"), (plain, "plain Keras recipe")):
        axes.plot([point.cpu_s for point in side], [point.accuracy for point in side], marker="o", label=name)
    axes.set(xlabel="processor time, s", ylabel="right on the test part", title="Accuracy for processor time")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(out / "curve.svg")


if __name__ == "__main__":
    sys.exit(main())
