"""An unfinished training on disk: all that is needed to take it up again where it stopped."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.strict import read_json
from sortline_train.head import Head
from sortline_train.report.values import Point, Stage

_ABOUT = "about"
_ABOUT_BYTES = 16 << 20

Arrays = Sequence[NDArray[Any]]


class HeadDone(NamedTuple):
    """The head, trained.

    Attributes:
        stages: How the model did before and after.
        head: Its arrays.
    """

    stages: tuple[Stage, ...]
    head: Head


class Snapshot(NamedTuple):
    """The end of an epoch of fine-tuning.

    Attributes:
        points: What was measured after each epoch so far, the first being the beginning.
        model: Every array of the model.
        optimizer: Every array of the optimiser, its count of steps among them.
        best: Every array at the best epoch so far of a model that knew nothing; of others none, since it is not kept.
    """

    points: tuple[Point, ...]
    model: Arrays
    optimizer: Arrays
    best: Arrays

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self.points[-1].epoch


def save_head(path: Path, done: HeadDone) -> None:
    """Write what `load_head` reads.

    Raises:
        OSError: the disk has no room.
    """
    _save(path, done.stages, {"head": done.head})


def load_head(path: Path) -> HeadDone | None:
    """Read what `save_head` wrote; None where there is nothing yet.

    Raises:
        ConfigError: the file is damaged.
    """
    loaded = _load(path, tuple[Stage, ...], ("head",))
    return loaded and HeadDone(loaded[0], Head(*loaded[1]["head"]))


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write the snapshot over the last one, so that one of the two is always whole.

    Raises:
        OSError: the disk has no room.
    """
    families = {"model": snapshot.model, "optimizer": snapshot.optimizer, "best": snapshot.best}
    _save(path, snapshot.points, families)


def load_snapshot(path: Path) -> Snapshot | None:
    """Read what `save_snapshot` wrote; None where there is nothing yet.

    Raises:
        ConfigError: the file is damaged.
    """
    loaded = _load(path, tuple[Point, ...], ("model", "optimizer", "best"))
    return loaded and Snapshot(loaded[0], **loaded[1])


def _save(path: Path, about: Any, families: dict[str, Arrays]) -> None:
    arrays: dict[str, NDArray[Any]] = {_ABOUT: np.frombuffer(msgspec.json.encode(about), np.uint8)}
    for name, members in families.items():
        arrays |= {f"{name}-{nth}": np.asarray(array) for nth, array in enumerate(members)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_whole(path, buffer.getvalue())


def _load(path: Path, kind: Any, names: Sequence[str]) -> tuple[Any, dict[str, Arrays]] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            text = file[_ABOUT].tobytes()
            about = read_json(text, kind, limit=_ABOUT_BYTES, error=ConfigError, where=str(path))
            return about, {name: _family(file, name) for name in names}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as cause:
        raise ConfigError(f"{path} is damaged ({cause}); remove the run folder and train again") from None


def _family(file: Any, name: str) -> Arrays:
    count = sum(key.startswith(f"{name}-") for key in file.files)
    return [file[f"{name}-{nth}"] for nth in range(count)]
