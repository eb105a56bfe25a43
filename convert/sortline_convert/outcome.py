"""What is asked of a conversion, and what comes of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import GateRefused
from sortline_bundle.manifest import RuntimeName
from sortline_bundle.strict import Table
from sortline_convert.attempts import Quantiser
from sortline_convert.examine import Facts
from sortline_convert.gate import Check, Limits
from sortline_convert.promises import Aim
from sortline_convert.quantise import Kind
from sortline_convert.settle import Settled
from sortline_train.run import File

Logits = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class Request(NamedTuple):
    """What is asked of the file.

    Attributes:
        kind: Of the file.
        quantiser: Which one makes it.
        representative: Training photographs that set the scales.
        limits: Of the gate.
        aim: What its thresholds must keep; a number: they are given by hand, the same for every class.
        must: Refuse where the purity cannot be promised.
        runs_on: The runtime that the station has.
    """

    kind: Kind = "int8"
    quantiser: Quantiser = "auto"
    representative: int = 300
    limits: Limits = Limits()
    aim: Aim | float = Aim(target_purity=0.95)
    must: bool = False
    runs_on: RuntimeName = "litert"


class Looked(NamedTuple):
    """Photographs of one part, their pixels and their true classes."""

    files: tuple[File, ...]
    pixels: Pixels
    labels: NDArray[np.int64]


class Tried(Table, frozen=True, kw_only=True):
    """One way to make the file, and what came of it.

    Attributes:
        name: What was done.
        seconds: That making and measuring it took.
        model_bytes: Of the file.
        agreement: Share of photographs with the same answer as the float model; null where it was not worth asking.
        refused: Why it was not taken; None for the one that was.
    """

    name: str
    seconds: float
    model_bytes: int
    agreement: float | None
    refused: str | None


class Candidate(NamedTuple):
    """A file and what it answers.

    Attributes:
        model: The file.
        facts: What it is made of.
        calibration: `(N, C) float32` logits to the calibration part.
        test: To the test part.
        temperature: Fitted on the calibration part.
        settled: Thresholds, from the calibration part.
        checks: Of the gate, on both parts.
    """

    model: bytes
    facts: Facts
    calibration: Logits
    test: Logits
    temperature: float
    settled: Settled
    checks: tuple[Check, ...]


class Released(NamedTuple):
    """A file that may ship, and what it was held against.

    Attributes:
        candidate: The file.
        floats: `(N, C) float32` logits of the float model to the test part.
        test: That part.
        training: `(N, H, W, 3) uint8 RGB` of the training part, every class in equal number.
        representative: Those that set the file's ranges; None where none were needed.
        tried: Every attempt, the last one the file's own.
    """

    candidate: Candidate
    floats: Logits
    test: Looked
    training: Pixels
    representative: Pixels | None
    tried: tuple[Tried, ...]


class NoAttemptHeld(GateRefused):
    """No attempt came through the gate. Carries what shows why.

    Attributes:
        tried: Every attempt.
        worst: Photographs of the last one on which it differs most from the float model, `(K, H, W, 3) uint8 RGB`.
        captions: K: what it is, what float says, what the file says.
    """

    def __init__(self, message: str, tried: Sequence[Tried], worst: Pixels, captions: Sequence[str]) -> None:
        """Keep all that."""
        super().__init__(message)
        self.tried, self.worst, self.captions = tuple(tried), worst, tuple(captions)
