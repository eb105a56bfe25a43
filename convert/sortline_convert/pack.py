"""A file that may ship becomes a bundle: golden images, fingerprint, card, manifest."""

import importlib.metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sortline_bundle.archive import CARD, MODEL, Bundle, write_bundle
from sortline_bundle.calibration import ReliabilityBin, calibration_error, error_by_chance, reliability
from sortline_bundle.digest import sha256
from sortline_bundle.fingerprint import look_at, take
from sortline_bundle.manifest import Calibration, Manifest, OutputSpec, Promise, Provenance, RunsOn
from sortline_bundle.scores import log_scores
from sortline_convert.card import Card, render_card
from sortline_convert.golden import TOLERANCES, choose_golden, make_golden
from sortline_convert.outcome import Logits, Looked, Released
from sortline_convert.promises import Thresholds
from sortline_train.run import Record


class Label(NamedTuple):
    """What is written on a bundle.

    Attributes:
        name: Of the bundle.
        version: A number that grows.
        expires: From when on no station installs it; None for never.
        stations: Models of station that it is made for; none for any.
    """

    name: str
    version: int
    expires: str | None = None
    stations: tuple[str, ...] = ()


def pack(out: Path, released: Released, record: Record, folder: Path, label: Label) -> Bundle:
    """Write the bundle. The same run, request and label give the same bytes.

    Args:
        out: Where to; replaced as a whole.
        released: The file and what is known of it.
        record: Of the run.
        folder: Its photographs.
        label: What is written on it.
    """
    file, test = released.candidate, released.test
    scores = np.exp(log_scores(file.test, file.temperature))
    chosen = [test.files[nth] for nth in choose_golden(scores, test.labels)]
    golden, members = make_golden(folder, chosen, record.input, file.model, file.temperature)
    before, after = _reliability(file.test, test, 1.0), _reliability(file.test, test, file.temperature)
    trained_on = record.part("train")
    representative = released.representative
    counts = [sum(one.class_name == name for one in trained_on) for name in record.classes]
    manifest = Manifest(
        name=label.name,
        version=label.version,
        created=record.finished,
        expires=label.expires,
        stations=label.stations,
        classes=file.settled.specs,
        input=record.input,
        output=OutputSpec(dtype="float32" if file.facts.ends is None else "int8"),
        runtimes=tuple(RunsOn(runtime=name, tolerance=TOLERANCES[name]) for name in file.facts.runtimes),
        calibration=Calibration(method="temperature", temperature=file.temperature),
        promise=_promise(file.settled.solved),
        fingerprint=take([look_at(pixels) for pixels in released.training], counts, scores),
        golden=tuple(golden),
        provenance=Provenance(
            tool=f"sortline {importlib.metadata.version('sortline')}",
            photographs_sha256=record.photographs_sha256,
            photographs=len(record.files),
            quantised_by=released.tried[-1].name,
            representative=0 if representative is None else len(representative),
            representative_sha256=None if representative is None else sha256(representative.tobytes()),
            held_out=len(test.labels),
            accuracy_float=_share_right(released.floats, test),
            accuracy=_share_right(file.test, test),
            agreement=float((released.floats.argmax(axis=1) == file.test.argmax(axis=1)).mean()),
            calibration_error=calibration_error(after),
            calibration_error_before=calibration_error(before),
            calibration_error_by_chance=error_by_chance(after),
        ),
        members={},
    )
    card = render_card(Card(manifest, released, before, after, members))
    return write_bundle(out, manifest, {MODEL: file.model, CARD: card, **members})


def _reliability(logits: Logits, test: Looked, temperature: float) -> tuple[ReliabilityBin, ...]:
    confidence = np.exp(log_scores(logits, temperature)).max(axis=1)
    return reliability(confidence, logits.argmax(axis=1) == test.labels)


def _share_right(logits: Logits, test: Looked) -> float:
    return float((logits.argmax(axis=1) == test.labels).mean())


def _promise(solved: Thresholds | None) -> Promise | None:
    if solved is None:
        return None
    aim = solved.aim
    kept = aim.target_purity if aim.scope == "overall" and solved.solved[0].chosen else None
    return Promise(
        scope=aim.scope,
        confidence=aim.confidence,
        mix=aim.mix,
        photographs=sum(one.photographs for one in solved.solved),
        overall_purity=kept,
    )
