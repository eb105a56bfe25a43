"""What each choice in the recipe of fine-tuning is worth: `sortline train` as it is, and with one thing changed.

    python benchmarks/recipe.py PHOTOS --out build/recipe [--weights FILE] [--epochs 20] [--seeds 0 1] [--only adam]

Every variant is a whole training in a process of its own, on the same photographs and split. Printed for each: the test
part as it was photographed; the same items cut out, on drawn grounds that training has not seen and in other light; and
the processor time. With some hundred test photographs a difference below two points is none: add seeds.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from sortline_train import augment, training, tune
from sortline_train.grounds import draw_grounds
from sortline_train.material import Material
from sortline_train.pixels import find_cache
from sortline_train.run import Settings, load_record

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
        sys.stdout.write(json.dumps(_run(arguments)) + "\n")
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
    """AdamW at half the rate, under the same schedule: 1e-4, where it did best of 2.5e-5 to 3e-4."""
    import keras

    from sortline_train.optimizer import make_rate

    return keras.optimizers.AdamW(make_rate(highest / 2, steps), weight_decay=0.02)


class Variant(NamedTuple):
    """What is changed: settings of the run, by name, and module, name and value of what is not a setting."""

    settings: Mapping[str, Any] = {}
    changes: tuple[tuple[Any, str, Any], ...] = ()


VARIANTS = {
    "as it is": Variant(),
    "adam": Variant(changes=((tune, "make_optimizer", _adam),)),
    "all the way": Variant(changes=((tune, "WAYS", (1.0,)), (tune, "USUAL", 1.0))),
    "any way up": Variant(changes=((augment, "_UPRIGHT", 0.0),)),
    "own light": Variant(changes=((augment, "_EXPOSED", 0.0),)),
    "other light": Variant(changes=((augment, "_EXPOSED", 1.0),)),
    "own ground": Variant({"grounds": 0.0}),
}


def _run(arguments: argparse.Namespace) -> list[Any]:
    variant = VARIANTS[arguments.only[0]]
    settings = Settings(epochs=arguments.epochs, seed=arguments.seeds[0], **variant.settings)
    began = time.process_time()
    with ExitStack() as changed:
        for change in variant.changes:
            changed.enter_context(patch.object(*change))
        training.train(arguments.photographs, arguments.run, settings, arguments.weights)
    spent = time.process_time() - began
    return [*_judge(arguments.run), spent]


def _judge(run: Path) -> list[tuple[float, float]]:
    """Accuracy and loss on the test part, and on its items on other grounds."""
    import keras

    from sortline_train.examples import measure

    record = load_record(run)
    model = keras.models.load_model(run / "model.keras")
    material = Material(record, record.input, find_cache(run, lambda _: None))
    (pixels, labels), masks = material.examples("test"), material.masks("test")
    grounds, size = draw_grounds(OTHER_SEED), record.settings.size
    shown = [nth for nth in range(len(labels)) if not masks[nth].all()]  # an outline is known
    elsewhere = [
        augment.augment(augment.Shot(pixels[nth], masks[nth]), grounds, 1.0, size, np.random.default_rng((9, nth)))
        for nth in shown
    ]
    figures = []
    for views, answers in ((pixels[list(range(len(labels)))], labels), (np.stack(elsewhere), labels[shown])):
        found = measure(model.predict(views.astype(np.float32), verbose=0), answers)
        figures.append((found.accuracy, found.loss))
    return figures


if __name__ == "__main__":
    sys.exit(main())
