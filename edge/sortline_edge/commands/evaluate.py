"""`sortline evaluate`: a bundle on class folders of photographs, through the station's own code."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import open_bundle
from sortline_bundle.manifest import Manifest
from sortline_bundle.photographs import list_photographs, load_image
from sortline_bundle.progress import progress
from sortline_bundle.scores import cross_entropy, log_scores
from sortline_edge.classify import TfliteClassifier


class ClassFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One class.

    Attributes:
        n: Photographs of it.
        recall: Share of them that were called it; None where there are none.
        precision: Share of what was called it that is it; None when nothing was.
        trusted: Share of them called it with a score that reaches its threshold; None where there are none.
    """

    n: int
    recall: float | None
    precision: float | None
    trusted: float | None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle on some photographs.

    Attributes:
        n: Photographs.
        accuracy: Share right.
        loss: Mean cross-entropy of the calibrated scores, in nats.
        accepted: Share whose score reaches the threshold of the class they were called.
        purity: Share right of those; None when there are none.
        classes: In the order of rows and columns.
        per_class: By name.
        confusion: Photographs by true class (rows) and answer (columns).
    """

    n: int
    accuracy: float
    loss: float
    accepted: float
    purity: float | None
    classes: tuple[str, ...]
    per_class: dict[str, ClassFigures]
    confusion: list[list[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline evaluate` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to measure")
    parser.add_argument(
        "photographs", type=Path, metavar="PHOTOS", help="folder with one folder of photographs per class"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Classify every photograph and print the figures."""
    bundle = open_bundle(arguments.bundle)
    manifest = bundle.manifest
    classifier = TfliteClassifier(bundle)
    photographs = list_photographs(arguments.photographs, manifest.class_names)
    logits = np.empty((len(photographs), len(manifest.classes)), np.float32)
    with progress("photographs", len(photographs)) as advance:
        for nth, photograph in enumerate(photographs):
            logits[nth] = classifier.logits(load_image(photograph.path))
            advance(1)
    evaluation = evaluate(manifest, logits, [photograph.class_name for photograph in photographs])
    if arguments.json:
        runtime = classifier.model.runtime
        ran = {"runtime": runtime.name, "runtime_version": runtime.version}
        sys.stdout.write(msgspec.json.encode({**msgspec.to_builtins(evaluation), **ran}).decode() + "\n")
    else:
        _print_table(evaluation)
    return 0


def evaluate(manifest: Manifest, logits: NDArray[np.float32], truth: Sequence[str]) -> Evaluation:
    """Compare `(N, C)` logits with the true class names."""
    names = manifest.class_names
    labels = np.array([names.index(name) for name in truth], dtype=np.int64)
    scores = np.exp(log_scores(logits, manifest.calibration.temperature))
    answers = scores.argmax(axis=1)
    thresholds = np.array([spec.threshold for spec in manifest.classes])
    accepted = scores.max(axis=1) >= thresholds[answers]
    right = answers == labels
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return Evaluation(
        n=len(labels),
        accuracy=float(right.mean()),
        loss=cross_entropy(logits, labels, manifest.calibration.temperature),
        accepted=float(accepted.mean()),
        purity=_mean(right[accepted]),
        classes=names,
        per_class={
            name: ClassFigures(
                n=int((labels == nth).sum()),
                recall=_mean(right[labels == nth]),
                precision=_mean(right[answers == nth]),
                trusted=_mean((right & accepted)[labels == nth]),
            )
            for nth, name in enumerate(names)
        },
        confusion=confusion.tolist(),
    )


def _mean(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _print_table(evaluation: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{evaluation.n} photographs; rows: what they are, columns: the answer", title_justify="left")
    for heading in ("", *evaluation.classes, "recall", "precision", "trusted"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, row in zip(evaluation.classes, evaluation.confusion, strict=True):
        figures = evaluation.per_class[name]
        shares = (figures.recall, figures.precision, figures.trusted)
        counts = [str(count) if count else "" for count in row]
        table.add_row(name, *counts, *("-" if share is None else f"{share:.1%}" for share in shares))
    console = Console()
    console.print(table)
    purity = "-" if evaluation.purity is None else f"{evaluation.purity:.1%}"
    console.print(
        f"accuracy {evaluation.accuracy:.1%}, loss {evaluation.loss:.3f};"
        f" {evaluation.accepted:.1%} reach their threshold, and {purity} of those are right"
    )
