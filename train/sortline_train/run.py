"""The run folder: what training leaves behind and conversion takes up.

RUN/model.keras    the trained model: uint8 RGB pixels in, one logit per class out
RUN/run.json       settings, classes, the split by file, metrics
RUN/labels.txt     the classes, one a line, in the order of the outputs
RUN/report.html    how the training went and how the model does, for people
RUN/metrics.json   the same for programs
RUN/unfinished/    while the training is under way: what it needs to be taken up again
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sortline_bundle.digest import sha256_of_all
from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.moments import Timestamp
from sortline_bundle.preprocess import InputSpec
from sortline_bundle.strict import Table, read_json

MODEL = "model.keras"
RECORD = "run.json"
LABELS = "labels.txt"
UNFINISHED = "unfinished"
FORMAT: Final = "sortline-run-3"
_KIND = "sortline-run-"
_RECORD_BYTES = 256 << 20

Part = Literal["train", "validation", "calibration", "test"]


class Settings(Table, frozen=True, kw_only=True):
    """What the engineer chose.

    Attributes:
        backbone: Name in `backbones.BACKBONES`.
        size: Side of the model's square input, in pixels.
        epochs: Times over the training photographs for fine-tuning; 0 leaves it out.
        batch: Photographs per step.
        learning_rate: Highest rate of fine-tuning.
        views: Turned and shifted views of each photograph that the head is trained on before.
        grounds: Share of views that show the item on another ground than it was photographed on.
        seed: Of everything random.
        final: Train once more at the end, with the validation photographs too.
        keep_conflicts: Train on photographs that lie under two classes as well.
    """

    backbone: str = "mobilenet_v2"
    size: Annotated[int, Meta(ge=32, le=1024)] = 224
    epochs: Annotated[int, Meta(ge=0, le=1000)] = 20
    batch: Annotated[int, Meta(ge=1, le=4096)] = 16
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 2e-4
    views: Annotated[int, Meta(ge=1, le=100)] = 2
    grounds: Annotated[float, Meta(ge=0, le=1)] = 0.35
    seed: Annotated[int, Meta(ge=0, lt=1 << 31)] = 0
    final: bool = False
    keep_conflicts: bool = False


class File(Table, frozen=True, kw_only=True):
    """One photograph of the run: path below the photographs' folder, class, digest of the file, and its part."""

    path: str
    class_name: str
    sha256: str
    part: Part


class LeftOut(Table, frozen=True, kw_only=True):
    """One photograph of the folder that no part of the run has: path below the folder, and the reason."""

    path: str
    reason: str


class Figures(Table, frozen=True, kw_only=True):
    """How a model does on photographs it was not trained on: share right, and mean cross-entropy in nats."""

    accuracy: float
    loss: float


class Record(Table, frozen=True, kw_only=True):
    """The whole of run.json.

    Attributes:
        format: Of this file.
        tool: Name and version of what trained.
        finished: When, UTC.
        settings: What was asked for.
        input: How photographs became pixels.
        classes: In the order of the outputs.
        weights: Which way the pretrained arrays came, and their digest; null when training started from none.
        photographs: Absolute folder of the photographs at the time.
        files: Every photograph of the run.
        left_out: Every photograph of the folder that is not in the run, and why.
        before: Figures on the test part with an untrained head.
        after_head: With the trained head.
        after_fine_tuning: Of the model in the folder.
        seconds: Time taken by each step.
    """

    format: Literal["sortline-run-3"] = FORMAT
    tool: str
    finished: Timestamp
    settings: Settings
    input: InputSpec
    classes: Annotated[tuple[str, ...], Meta(min_length=2)]
    weights: str | None
    photographs: str
    files: tuple[File, ...]
    left_out: tuple[LeftOut, ...]
    before: Figures
    after_head: Figures
    after_fine_tuning: Figures
    seconds: dict[str, float]

    def part(self, part: Part) -> tuple[File, ...]:
        """The photographs of one part."""
        return tuple(file for file in self.files if file.part == part)

    @property
    def photographs_sha256(self) -> str:
        """One digest for all photographs of the run, whatever their order."""
        return sha256_of_all(sorted(file.sha256 for file in self.files))


def load_record(run: Path) -> Record:
    """Read RUN/run.json.

    Raises:
        ConfigError: the folder is no run, or its record does not hold.
    """
    try:
        data = (run / RECORD).read_bytes()
    except OSError:
        if (run / UNFINISHED).is_dir():
            raise ConfigError(f"{run} is not finished; give its `sortline train` command again with --resume") from None
        raise ConfigError(f"{run} is not a run folder: {RECORD} cannot be read; `sortline train` makes one") from None
    _check_format(data, run / RECORD)
    return read_json(data, Record, limit=_RECORD_BYTES, error=ConfigError, where=str(run / RECORD))


class _Head(msgspec.Struct):
    format: str


def _check_format(data: bytes, path: Path) -> None:
    """Tell the record of another sortline from a broken one."""
    try:
        found = msgspec.json.decode(data, type=_Head).format
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if found.startswith(_KIND) and found != FORMAT:
        raise ConfigError(f"{path} is {found}, of another version of sortline, and this one reads {FORMAT}; train anew")


def save_record(run: Path, record: Record) -> None:
    """Write RUN/labels.txt, then RUN/run.json: with it the run is finished."""
    write_whole(run / LABELS, "".join(f"{name}\n" for name in record.classes).encode())
    write_whole(run / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
