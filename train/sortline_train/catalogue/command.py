"""`sortline catalogue`: draw a folder of item photographs to try things with."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sortline_train.catalogue import CLASSES, draw_catalogue, mean_colour_accuracy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sortline catalogue`."""
    parser.add_argument("out", type=Path, metavar="OUT", help="new or empty folder for the class folders")
    parser.add_argument("--per-class", type=int, default=100, metavar="N", help="photographs of each class (100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed draws other items (0)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Draw the catalogue and say what was drawn; returns the exit code.

    Raises:
        ConfigError: the folder is not empty, or a number is out of range.
    """
    images = arguments.per_class * len(CLASSES)
    columns = TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("drawing", total=max(images, 0))
        draw_catalogue(
            arguments.out, arguments.per_class, arguments.seed, lambda done: bar.update(task, completed=done)
        )
    # A class of one photograph cannot be halved, so its baseline is unknown.
    accuracy = mean_colour_accuracy(arguments.out) if arguments.per_class > 1 else None
    summary = {
        "folder": str(arguments.out),
        "images": images,
        "classes": list(CLASSES),
        "mean_colour_accuracy": accuracy,
    }
    sys.stdout.write(json.dumps(summary) + "\n" if arguments.json else _sentence(arguments.out, images, accuracy))
    return 0


def _sentence(folder: Path, images: int, accuracy: float | None) -> str:
    known = (
        ""
        if accuracy is None
        else f"; mean colour alone tells {accuracy:.0%} of them apart (chance {1 / len(CLASSES):.0%})"
    )
    return f"{images} photographs of {len(CLASSES)} classes in {folder}{known}\n"
