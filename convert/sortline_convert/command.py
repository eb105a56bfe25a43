"""`sortline convert`: a run folder in, a proven int8 bundle out."""

import argparse
import importlib.metadata
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import CARD, MODEL, Bundle, write_bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.manifest import NAME_PATTERN, Calibration, ClassSpec, Manifest, OutputSpec, Provenance
from sortline_bundle.quiet import quiet
from sortline_bundle.scores import fit_temperature
from sortline_convert.card import render_card
from sortline_convert.golden import make_golden
from sortline_convert.photographs import choose_representative, load_pixels
from sortline_convert.prove import Proof, prove, refuse_the_dead, run_model
from sortline_convert.quantise import to_float32, to_int8
from sortline_train.run import MODEL as KERAS_MODEL
from sortline_train.run import RECORD, Part, Record, load_record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline convert` takes."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="run folder made by `sortline train`")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="NAME.sortline", help="bundle to make")
    parser.add_argument("--photos", type=Path, metavar="PHOTOS", help="where the run's photographs are, if they moved")
    parser.add_argument("--name", help="name of the bundle (default: that of the file)")
    parser.add_argument("--version", type=int, default=1, metavar="N", help="growing number of the bundle (default 1)")
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.7,
        metavar="SCORE",
        help="score below which an item is rejected (default 0.7)",
    )
    parser.add_argument(
        "--representative",
        type=int,
        default=300,
        metavar="N",
        help="training photographs that set the scales (default 300)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Convert, print the proof, and say where the bundle is."""
    label = _label(arguments)
    record = load_record(arguments.run_folder)
    folder = arguments.photos or Path(record.photographs)
    converted = convert(arguments.run_folder, record, folder, arguments.representative)
    bundle = pack(arguments.out, converted, record, folder, label)
    proof = converted.proof
    if arguments.json:
        figures = {**proof._asdict(), "temperature": converted.temperature, "model_bytes": len(converted.model)}
        figures.update(bundle=str(arguments.out), digest=bundle.digest)
        sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")
        return 0
    sys.stdout.write(f"on {proof.photographs} photographs not trained on, run by LiteRT\n")
    sys.stdout.write(
        f"  accuracy, float   {proof.accuracy_float:8.1%}\n  accuracy, int8    {proof.accuracy_int8:8.1%}\n"
    )
    sys.stdout.write(f"  same answer       {proof.agreement:8.1%}\n")
    sys.stdout.write(f"int8 model: {len(converted.model) / 1e6:.2f} MB, temperature {converted.temperature:.3f}\n")
    sys.stdout.write(f"bundle: {arguments.out} ({bundle.digest[:12]})\n")
    return 0


def _label(arguments: argparse.Namespace) -> "_Label":
    """Name, version and threshold, refused before the long work begins."""
    name = arguments.name or re.sub(r"[^a-z0-9._-]+", "-", arguments.out.stem.lower()).strip("-._")
    if not re.fullmatch(NAME_PATTERN, name):
        raise ConfigError(f"--name must be lower-case letters, digits, dots and dashes, received {name!r}")
    if not 1 <= arguments.version < 1 << 53:
        raise ConfigError(f"--version must be at least 1, received {arguments.version}")
    if not 0 <= arguments.threshold <= 1:
        raise ConfigError(f"--threshold must be from 0 to 1, received {arguments.threshold}")
    if arguments.representative < 1:
        raise ConfigError(f"--representative must be at least 1, received {arguments.representative}")
    return _Label(name, arguments.version, arguments.threshold)


class Converted(NamedTuple):
    """An int8 model and what is known about it."""

    model: bytes
    temperature: float
    proof: Proof
    confusion: list[list[int]]


class _Label(NamedTuple):
    name: str
    version: int
    threshold: float


def convert(run_folder: Path, record: Record, folder: Path, representative: int) -> Converted:
    """Quantise a run's model and prove the result on photographs it was not trained on.

    Args:
        run_folder: Holds the Keras model.
        record: Of the run.
        folder: The run's photographs.
        representative: How many training photographs set the scales.

    Raises:
        PhotographError: the run's photographs are gone or changed.
        ReleaseError: the converted file is dead.
    """
    model = _load_model(run_folder, len(record.classes))
    held_out, labels = _part(folder, record, "test")
    choices, choice_labels = _part(folder, record, "calibration")
    chosen = choose_representative(record.part("train"), representative)
    pixels = load_pixels(folder, chosen, record.input, "representative photographs")
    sys.stderr.write(f"converting with {len(chosen)} representative photographs\n")
    files = {"float32": to_float32(model), "int8": to_int8(model, pixels)}
    logits = {title: run_model(file, held_out, f"measuring {title}") for title, file in files.items()}
    for title, file in files.items():
        refuse_the_dead(file, logits[title], model.count_params(), title)
    confusion = np.zeros((len(record.classes),) * 2, np.int64)
    np.add.at(confusion, (labels, logits["int8"].argmax(axis=1)), 1)
    return Converted(
        model=files["int8"],
        temperature=fit_temperature(run_model(files["int8"], choices, "calibrating"), choice_labels),
        proof=prove(logits["float32"], logits["int8"], labels),
        confusion=confusion.tolist(),
    )


def pack(out: Path, converted: Converted, record: Record, folder: Path, label: _Label) -> Bundle:
    """Write the bundle with golden images and card."""
    golden, members = make_golden(folder, record.part("test"), record.input, converted.model, converted.temperature)
    manifest = Manifest(
        name=label.name,
        version=label.version,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        classes=tuple(ClassSpec(name=name, threshold=label.threshold) for name in record.classes),
        input=record.input,
        output=OutputSpec(),
        calibration=Calibration(method="temperature", temperature=converted.temperature),
        golden=tuple(golden),
        provenance=Provenance(
            tool=f"sortline {importlib.metadata.version('sortline')}",
            photographs_sha256=record.photographs_sha256,
            photographs=len(record.files),
            held_out=converted.proof.photographs,
            accuracy_float=converted.proof.accuracy_float,
            accuracy_int8=converted.proof.accuracy_int8,
            agreement=converted.proof.agreement,
        ),
        members={},
    )
    card = render_card(manifest, converted.confusion)
    return write_bundle(out, manifest, {MODEL: converted.model, CARD: card, **members})


def _part(folder: Path, record: Record, part: Part) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    files = record.part(part)
    labels = np.array([record.classes.index(file.class_name) for file in files], dtype=np.int64)
    return load_pixels(folder, files, record.input, f"reading {part} photographs"), labels


def _load_model(run_folder: Path, classes: int) -> Any:
    path = run_folder / KERAS_MODEL
    with quiet():
        import keras

        try:
            model = keras.models.load_model(path, compile=False)
        except (OSError, ValueError) as cause:
            raise ConfigError(f"{path} cannot be loaded: {cause}; train anew") from None
    if model.output_shape[-1] != classes:
        raise ConfigError(
            f"{path} gives {model.output_shape[-1]} scores for the {classes} classes of {RECORD}; train anew"
        )
    return model
