"""`sortline train`: photographs in, a run folder out."""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.strict import convert
from sortline_train.backbones import BACKBONES
from sortline_train.run import Record, Settings
from sortline_train.training import train

_HELP = {
    "backbone": f"one of {', '.join(BACKBONES)}",
    "size": "side of the model's square input, pixels",
    "epochs": "epochs of fine-tuning; 0 leaves it out",
    "batch": "photographs per step",
    "learning_rate": "highest rate of fine-tuning",
    "views": "views of each photograph for the head",
    "grounds": "share of views with the item on another ground",
    "seed": "of everything random",
    "final": "train once more at the end, with the validation photographs too",
    "keep_conflicts": "train on photographs that lie under two classes as well",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline train` takes; every setting of the recipe is an option of its own."""
    parser.add_argument(
        "photographs",
        type=Path,
        metavar="PHOTOS",
        help="folder with one folder of photographs per class, or with train/, validation/, test/ of such folders",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="RUN", help="run folder to make")
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights (.h5), or `none` to start from random ones")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished training in RUN")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where pixels are kept for later runs")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="write the curves for TensorBoard as well")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON instead of a table")
    for field in msgspec.structs.fields(Settings):
        option, default = f"--{field.name.replace('_', '-')}", field.default
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true", help=_HELP[field.name])
        else:
            text = f"{_HELP[field.name]} (default {default})"
            parser.add_argument(option, type=type(default), default=default, metavar=option[2].upper(), help=text)


def run(arguments: argparse.Namespace) -> int:
    """Train and print how it went."""
    chosen = {name: getattr(arguments, name) for name in Settings.__struct_fields__}
    settings = convert(chosen, Settings, error=ConfigError, where="settings")
    record = train(
        arguments.photographs,
        arguments.out,
        settings,
        arguments.weights,
        resume=arguments.resume,
        cache=arguments.cache,
        tensorboard=arguments.tensorboard,
    )
    steps = {"before training": record.before, "after the head": record.after_head}
    steps["after fine-tuning"] = record.after_fine_tuning
    if arguments.json:
        sys.stdout.write(msgspec.json.encode({"run": str(arguments.out), **_summary(record)}).decode() + "\n")
        return 0
    sys.stdout.write(f"\non {len(record.part('test'))} photographs kept from training   accuracy    loss\n")
    for title, figures in steps.items():
        sys.stdout.write(f"  {title:<42}{figures.accuracy:>8.1%}{figures.loss:>8.3f}\n")
    sys.stdout.write(f"run folder: {arguments.out}, see report.html there\n")
    return 0


def _summary(record: Record) -> dict[str, Any]:
    return {
        "classes": record.classes,
        "photographs": len(record.files),
        "left_out": len(record.left_out),
        "test": len(record.part("test")),
        "before": record.before,
        "after_head": record.after_head,
        "after_fine_tuning": record.after_fine_tuning,
        "weights": record.weights,
        "seconds": record.seconds,
    }
