"""From a run to a file that may ship: made, measured on the very file, and let through or refused."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError, ReleaseError
from sortline_bundle.scores import fit_temperature, log_scores
from sortline_convert.attempts import Source, attempts
from sortline_convert.examine import examine
from sortline_convert.gate import Answers, judge, refuse, refuse_the_dead
from sortline_convert.measure import measure
from sortline_convert.outcome import Candidate, Logits, Looked, NoAttemptHeld, Released, Request, Tried
from sortline_convert.photographs import choose_representative, load_pixels
from sortline_convert.promises import Aim
from sortline_convert.recognise import Photographs, check_model, check_representative
from sortline_convert.settle import Settled, by_hand, settle
from sortline_convert.thresholds import Answered
from sortline_train.export import constant_graph, to_float32
from sortline_train.run import RECORD, File, Part, Record

_SHOWN = 12
# Training has set the scores right on its validation photographs. In each of nine runs on three sets of photographs
# this spread gave a lower loss on the test part than fitting without one.
_TEMPERATURE_SPREAD = 0.1
_NEEDED: tuple[Part, ...] = ("train", "calibration", "test")


def release(model: Any, record: Record, folder: Path, request: Request) -> Released:
    """Make a file that comes through the gate.

    Args:
        model: The run's Keras model.
        record: Of the run.
        folder: Its photographs.
        request: What is asked.

    Raises:
        ConfigError: the record's photographs do not fit its classes, or there are none of some part.
        PhotographError: photographs are gone or changed.
        ReleaseError: by a class of its own for each thing that can be wrong.
    """
    _check_record(record)
    names, parameters = record.classes, int(model.count_params())
    parts = _look(folder, record, "calibration"), _look(folder, record, "test")
    test = parts[1]
    float32 = to_float32(model)
    examine(float32, "float32", parameters)
    floats = [measure(float32, part.pixels, "measuring the float model") for part in parts]
    refuse_the_dead(floats[1], names, "float32")
    swapped = test.pixels[..., ::-1]
    measured = record.after_fine_tuning
    check_model(floats[1], test.labels, measured, lambda: measure(float32, swapped, "looking again"))

    pixels, labels = (
        np.concatenate(both) for both in zip(*((part.pixels, part.labels) for part in parts), strict=True)
    )
    held_out = Photographs(pixels, labels)

    def representative(count: int) -> NDArray[np.uint8]:
        chosen = choose_representative(record.part("train"), count)
        looked_at = load_pixels(folder, chosen, record.input, "representative photographs")
        check_representative(Photographs(looked_at, _labels(chosen, record)), held_out)
        return looked_at

    source = Source(constant_graph(model), float32, representative, request.representative)
    bench = _Bench(parts, floats, names, parameters, request)
    tried: list[Tried] = []
    refusals: list[tuple[Candidate | None, ReleaseError]] = []
    for attempt in attempts(source, request.kind, request.quantiser):
        sys.stderr.write(f"{attempt.name}\n")
        started = time.monotonic()
        file, candidate, refused = bench.judge(attempt.make)
        tried.append(_note(attempt.name, time.monotonic() - started, len(file), candidate, refused))
        if refused is not None:
            sys.stderr.write(f"  {refused}\n")
            refusals.append((candidate, refused))
            continue
        assert candidate is not None  # what is not refused has answered
        set_by = attempt.representative() if attempt.representative else None
        return Released(candidate, floats[1], test, source.pixels, set_by, tuple(tried))
    raise _give_up(refusals, tried, floats[1], test, names)


def _check_record(record: Record) -> None:
    for part in _NEEDED:
        if not record.part(part):
            raise ConfigError(f"{RECORD} has no {part} photographs; train anew")
    strange = sorted({file.class_name for file in record.files} - set(record.classes))
    if strange:
        raise ConfigError(
            f"{RECORD} has photographs of {strange[0]!r}, which is not among its classes"
            f" ({', '.join(record.classes)}); put the classes back as they were, or train anew"
        )


def _look(folder: Path, record: Record, part: Part) -> Looked:
    files = record.part(part)
    pixels = load_pixels(folder, files, record.input, f"reading {part} photographs")
    return Looked(files, pixels, _labels(files, record))


def _labels(files: Sequence[File], record: Record) -> NDArray[np.int64]:
    return np.array([record.classes.index(file.class_name) for file in files], dtype=np.int64)


class _Bench(NamedTuple):
    """What every file is held against.

    Attributes:
        parts: The calibration and the test photographs.
        floats: The float model's logits to each.
        names: The classes.
        parameters: Of the trained network.
        request: What is asked.
    """

    parts: tuple[Looked, Looked]
    floats: Sequence[Logits]
    names: Sequence[str]
    parameters: int
    request: Request

    def judge(self, make: Callable[[], bytes]) -> tuple[bytes, Candidate | None, ReleaseError | None]:
        """The file, its answers, if it gives any, and why it may not ship."""
        file, candidate = b"", None
        try:
            file = make()
            candidate = self._measure(file)
            refuse(candidate.checks)
        except ReleaseError as cause:
            return file, candidate, cause
        # Of a file that is as good as the trained network: another one would not do, the photographs do not suffice.
        candidate.settled.refuse_unpromised(must=self.request.must)
        return file, candidate, None

    def _measure(self, model: bytes) -> Candidate:
        (calibration, test), request = self.parts, self.request
        facts = examine(model, request.kind, self.parameters, request.runs_on)
        title = f"measuring the {request.kind} file"
        logits = measure(model, calibration.pixels, title), measure(model, test.pixels, title)
        together = np.concatenate(logits)
        refuse_the_dead(together, self.names, request.kind)
        temperature = fit_temperature(logits[0], calibration.labels, spread=_TEMPERATURE_SPREAD)
        settled = _settle(calibration, logits[0], temperature, self.names, request)
        answers = Answers(
            float32=np.concatenate(self.floats),
            shipped=together,
            labels=np.concatenate([calibration.labels, test.labels]),
            ends=facts.ends,
        )
        checks = judge(answers, temperature, settled.thresholds, self.names, request.limits)
        return Candidate(model, facts, *logits, temperature, settled, checks)


def _settle(part: Looked, logits: Logits, temperature: float, names: Sequence[str], request: Request) -> Settled:
    if not isinstance(request.aim, Aim):
        return by_hand(request.aim, names)
    scores = np.exp(log_scores(logits, temperature))
    answered = Answered(scores, part.labels, [file.sha256 for file in part.files], names)
    return settle(answered, request.aim)


def _note(name: str, seconds: float, size: int, candidate: Candidate | None, refused: ReleaseError | None) -> Tried:
    checks = candidate.checks if candidate else ()
    agreement = next((check.value for check in checks if check.name == "agreement"), None)
    return Tried(
        name=name,
        seconds=round(seconds, 1),
        model_bytes=size,
        agreement=agreement,
        refused=None if refused is None else str(refused),
    )


def _give_up(
    refusals: Sequence[tuple[Candidate | None, ReleaseError]],
    tried: Sequence[Tried],
    floats: Logits,
    test: Looked,
    names: Sequence[str],
) -> ReleaseError:
    """The first refusal where no file gave answers at all, else the last one of a file that did."""
    answered = [(candidate, cause) for candidate, cause in refusals if candidate is not None]
    if not answered:
        return refusals[0][1]
    last, cause = answered[-1]
    ours, theirs = np.exp(log_scores(last.test)), np.exp(log_scores(floats))
    worst = np.argsort(-np.abs(ours - theirs).max(axis=1), kind="stable")[:_SHOWN]
    captions = [
        f"{names[test.labels[nth]]}: float {names[theirs[nth].argmax()]} {theirs[nth].max():.2f},"
        f" file {names[ours[nth].argmax()]} {ours[nth].max():.2f}"
        for nth in worst
    ]
    ways = "1 way was tried" if len(tried) == 1 else f"{len(tried)} ways were tried"
    message = f"{cause}; {ways}, train a model that is surer of its answers"
    return NoAttemptHeld(message, tried, test.pixels[worst], captions)
