"""`sortline train`: class folders of photographs in, a run folder out."""

import argparse
import importlib.metadata
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import whole_folder
from sortline_bundle.photographs import Photograph, list_photographs
from sortline_bundle.preprocess import InputSpec
from sortline_bundle.quiet import quiet
from sortline_bundle.strict import convert
from sortline_train.backbones import BACKBONES, Backbone, find_backbone
from sortline_train.examples import Examples, Parts, Pixels
from sortline_train.pixels import decode_all, digest_files
from sortline_train.run import MODEL, File, Record, Settings, save_record
from sortline_train.split import find_conflicts, split
from sortline_train.weights import Weights, find_weights

if TYPE_CHECKING:
    from sortline_train.fit import Outcome

NO_WEIGHTS = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline train` takes; every setting of the recipe is an option of its own."""
    parser.add_argument(
        "photographs", type=Path, metavar="PHOTOS", help="folder with one folder of photographs per class"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="RUN", help="run folder to make")
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights (.h5), or `none` to start from random ones")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON instead of a table")
    helps = {
        "backbone": f"one of {', '.join(BACKBONES)}",
        "size": "side of the model's square input, pixels",
        "head_epochs": "epochs for the new head",
        "epochs": "epochs of fine-tuning; 0 leaves it out",
        "batch": "photographs per step",
        "learning_rate": "highest rate of fine-tuning",
        "views": "views of each photograph for the head",
        "grounds": "share of views with the item on another ground",
        "seed": "of everything random",
    }
    defaults = Settings()
    for field in msgspec.structs.fields(Settings):
        default = getattr(defaults, field.name)
        option = f"--{field.name.replace('_', '-')}"
        text = f"{helps[field.name]} (default {default})"
        parser.add_argument(option, type=type(default), default=default, metavar=option[2].upper(), help=text)


def run(arguments: argparse.Namespace) -> int:
    """Train and print how it went."""
    chosen = {name: getattr(arguments, name) for name in Settings.__struct_fields__}
    settings = convert(chosen, Settings, error=ConfigError, where="settings")
    record = train(arguments.photographs, arguments.out, settings, arguments.weights)
    steps = {"before training": record.before, "after the head": record.after_head}
    steps["after fine-tuning"] = record.after_fine_tuning
    if arguments.json:
        sys.stdout.write(msgspec.json.encode({"run": str(arguments.out), **_summary(record)}).decode() + "\n")
        return 0
    sys.stdout.write(f"\non {len(record.part('test'))} photographs kept from training   accuracy    loss\n")
    for title, figures in steps.items():
        sys.stdout.write(f"  {title:<42}{figures.accuracy:>8.1%}{figures.loss:>8.3f}\n")
    sys.stdout.write(f"run folder: {arguments.out}\n")
    return 0


def train(photographs: Path, out: Path, settings: Settings, weights_from: str | None) -> Record:
    """Train on `photographs` and leave the run folder `out`, whole or not at all.

    Args:
        photographs: Folder of class folders.
        out: Must not exist, or be empty.
        settings: The recipe.
        weights_from: A file, `none`, or None to find ImageNet weights.

    Raises:
        SortlineError: as the parts do; `out` is not there then.
    """
    backbone = find_backbone(settings.backbone)
    if not backbone.pretrained and weights_from != NO_WEIGHTS:
        raise ConfigError(f"no published weights are known for {settings.backbone}; give `--weights none`")
    listed = list_photographs(photographs)
    classes = tuple(dict.fromkeys(photograph.class_name for photograph in listed))
    spec = InputSpec(height=settings.size, width=settings.size)
    with whole_folder(out) as draft:
        start = time.perf_counter()
        files = _divide(photographs, listed)
        pixels = decode_all([photographs / file.path for file in files], spec, draft / "pixels.npy")
        reading = time.perf_counter() - start
        weights = _weights(weights_from)
        outcome = _fit(_gather(pixels, files, classes), len(classes), backbone, weights, settings)
        outcome.model.save(draft / MODEL)
        (draft / "pixels.npy").unlink()
        record = Record(
            tool=f"sortline {importlib.metadata.version('sortline')}",
            settings=settings,
            input=spec,
            classes=classes,
            weights=f"{weights.way}, sha256 {weights.sha256}" if weights else None,
            photographs=str(photographs.resolve()),
            files=files,
            before=outcome.before,
            after_head=outcome.after_head,
            after_fine_tuning=outcome.after_fine_tuning,
            seconds={name: round(s, 2) for name, s in {"reading": reading, **outcome.seconds}.items()},
        )
        save_record(draft, record)
    return record


def _divide(folder: Path, listed: list[Photograph]) -> tuple[File, ...]:
    """Which photographs take part, and in which part; one under two classes teaches neither and is left out."""
    digests = digest_files([photograph.path for photograph in listed])
    by_class: dict[str, list[str]] = {}
    for photograph, digest in zip(listed, digests, strict=True):
        by_class.setdefault(photograph.class_name, []).append(digest)
    conflicts = find_conflicts(by_class)
    for digest, classes in conflicts.items():
        names = [photograph.path.name for photograph, its in zip(listed, digests, strict=True) if its == digest]
        _say(f"left out: the same photograph lies under {' and '.join(classes)}: {', '.join(names)}")
    parts = split({name: [its for its in members if its not in conflicts] for name, members in by_class.items()})
    return tuple(
        File(
            path=photograph.path.relative_to(folder).as_posix(),
            class_name=photograph.class_name,
            sha256=digest,
            part=parts[digest],
        )
        for photograph, digest in zip(listed, digests, strict=True)
        if digest in parts
    )


def _gather(pixels: Pixels, files: tuple[File, ...], classes: tuple[str, ...]) -> Parts:
    labels = np.array([classes.index(file.class_name) for file in files], dtype=np.int64)
    parts = {part: np.array([file.part == part for file in files]) for part in Parts._fields}
    for part, chosen in parts.items():
        _say(f"photographs for {part}: {chosen.sum()}")
    return Parts(**{part: Examples(pixels[chosen], labels[chosen]) for part, chosen in parts.items()})


def _weights(weights_from: str | None) -> Weights | None:
    if weights_from == NO_WEIGHTS:
        _say("weights: none, as asked; the backbone starts from random numbers")
        return None
    return find_weights(Path(weights_from) if weights_from else None, say=_say)


def _fit(parts: Parts, classes: int, backbone: Backbone, weights: Weights | None, settings: Settings) -> "Outcome":
    with quiet():
        from sortline_train.fit import train_classifier

        device = _use_devices()
    _say(f"device: {device}")
    return train_classifier(parts, classes, backbone, weights.arrays if weights else None, settings, _say)


def _use_devices() -> str:
    """Let a graphics card's memory grow as needed, and say what is there."""
    import tensorflow as tf

    cards = tf.config.list_physical_devices("GPU")
    for card in cards:
        tf.config.experimental.set_memory_growth(card, enable=True)
    return ", ".join(card.name for card in cards) or f"{os.cpu_count()} processor cores, no graphics card"


def _summary(record: Record) -> dict[str, Any]:
    return {
        "classes": record.classes,
        "photographs": len(record.files),
        "test": len(record.part("test")),
        "before": record.before,
        "after_head": record.after_head,
        "after_fine_tuning": record.after_fine_tuning,
        "weights": record.weights,
        "seconds": record.seconds,
    }


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
