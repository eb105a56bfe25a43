"""What each choice in the recipe of fine-tuning is worth: `sortline train` as it is, and with one thing changed.

    python benchmarks/recipe.py PHOTOS --out build/recipe [--weights FILE] [--epochs 16] [--seeds 0 1] [--only adam]

Every variant is a whole training in a process of its own, on the same photographs and split. Printed for each: the test
part as it was photographed; the same items cut out, on drawn grounds that training has not seen and in other light; and
the processor time. With some hundred test photographs a difference below two points is none: add seeds.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from sortline_train import augment, training, tune
from sortline_train.grounds import draw_grounds
from sortline_train.run import RECORD, Settings, load_record

OTHER_SEED = 1 << 20  # of the grounds that only the test sees


def main() -> int:
    """Train all variants, one after the other."""
    parser = argparse.ArgumentParser(description="What each choice in the recipe of fine-tuning is worth.")
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/recipe"))
    parser.add_argument("--weights", help="Keras file of MobileNetV2's ImageNet weights, no top")
    parser.add_argument("--epochs", type=int, default=Settings().epochs)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)  # one variant, in a process of its own
    arguments = parser.parse_args()
    if arguments.run:
        settings = Settings(epochs=arguments.epochs, seed=arguments.seeds[0])
        sys.stdout.write(json.dumps(_run(arguments, settings)) + "\n")
        return 0
    head = ("variant", "seed", "test", "loss", "other grounds", "loss", "processor time")
    sys.stdout.write("{:<18}{:>6}{:>8}{:>8}{:>15}{:>8}{:>16}\n".format(*head))
    for seed in arguments.seeds:
        for variant in arguments.only:
            command = [sys.executable, __file__, str(arguments.photographs), "--epochs", str(arguments.epochs)]
            command += ["--run", str(arguments.out / f"{variant}-{seed}"), "--only", variant, "--seeds", str(seed)]
            command += ["--weights", arguments.weights] if arguments.weights else []
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            home, away, cpu_s = json.loads(done.stdout.splitlines()[-1])
            row = (
                f"{variant:<18}{seed:>6}{home[0]:>8.1%}{home[1]:>8.3f}{away[0]:>15.1%}{away[1]:>8.3f}{cpu_s:>14.0f} s\n"
            )
            sys.stdout.write(row)
            sys.stdout.flush()
    return 0


def _adam(highest: float, steps: int) -> Any:
    """AdamW at its best rate of 0.5, 1, 1.5 and 3 times 1e-4, under the same schedule."""
    import keras

    warm_up = max(1, steps // 20)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=highest / 2, warmup_steps=warm_up
    )
    return keras.optimizers.AdamW(rate, weight_decay=0.02)


VARIANTS: dict[str, tuple[tuple[Any, str, Any], ...]] = {
    "as it is": (),
    "adam": ((tune, "make_optimizer", _adam),),
    "large views only": ((tune, "_SMALL_EPOCHS", 0.0),),
    "all the way": ((tune, "_WAY", 1.0),),
    "own light": ((augment, "_EXPOSED", 0.0),),
    "other light": ((augment, "_EXPOSED", 1.0),),
    "own ground": (),  # a setting of the run
}


def _run(arguments: argparse.Namespace, settings: Settings) -> list[Any]:
    import msgspec

    [variant] = arguments.only
    if variant == "own ground":
        settings = msgspec.structs.replace(settings, grounds=0.0)
    began = time.process_time()
    patches = [patch.object(*change) for change in VARIANTS[variant]]
    for change in patches:
        change.start()
    if not (arguments.run / RECORD).exists():
        training.train(arguments.photographs, arguments.run, settings, arguments.weights)
    spent = time.process_time() - began
    for change in patches:
        change.stop()
    return [*_judge(arguments.run), spent]


def _judge(run: Path) -> list[tuple[float, float]]:
    """Accuracy and loss on the test part, and on its items on other grounds."""
    import keras

    from sortline_train.examples import measure

    record = load_record(run)
    model = keras.models.load_model(run / "model.keras")
    pixels, masks, labels = _test_part(record)
    grounds, frame = draw_grounds(OTHER_SEED), augment.Frame(record.settings.size, record.settings.size)
    shown = [nth for nth in range(len(labels)) if not masks[nth].all()]  # an outline is known
    elsewhere = [
        augment.augment(augment.Shot(pixels[nth], masks[nth]), grounds, 1.0, frame, np.random.default_rng((9, nth)))
        for nth in shown
    ]
    figures = []
    for views, answers in ((pixels[list(range(len(labels)))], labels), (np.stack(elsewhere), labels[shown])):
        found = measure(model.predict(views.astype(np.float32), verbose=0), answers)
        figures.append((found.accuracy, found.loss))
    return figures


def _test_part(record: Any) -> tuple[Any, Any, Any]:
    from sortline_train.masks import open_masks
    from sortline_train.pixels import find_cache, open_pixels

    files = [file for file in record.files if file.part == "test"]
    paths, digests = [Path(record.photographs) / file.path for file in files], [file.sha256 for file in files]
    cache = find_cache(Path(), lambda _: None, None)
    labels = np.array([record.classes.index(file.class_name) for file in files])
    return open_pixels(paths, digests, record.input, cache), open_masks(paths, digests, record.input, cache), labels


if __name__ == "__main__":
    sys.exit(main())
