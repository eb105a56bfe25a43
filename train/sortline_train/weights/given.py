"""A weights file of the user's: of any kind Keras writes, and refused in one sentence if it is not the backbone's."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sortline_bundle.errors import ConfigError
from sortline_train.backbones import BACKBONES, Backbone, prepare_arrays
from sortline_train.weights.hdf5 import first_fitting, read_hdf5
from sortline_train.weights.layout import Arrays, layout_of

_MEMBER_BYTES = 1 << 30
_ZIP = b"PK\x03\x04"
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError)


def read_given(path: Path, backbone: Backbone) -> Arrays:
    """Read a backbone's arrays out of a `.weights.h5`, `.h5` or `.keras` file.

    Args:
        path: With or without a top; the weights alone or a whole model, that of a run folder too.
        backbone: What they should be of.

    Returns:
        In Keras's order, and as `keras.applications` has them.

    Raises:
        ConfigError: the file cannot be read, or does not hold them; the message says if they are another one's.
    """
    want = f"give a Keras file of {backbone.name} with --weights FILE, or --weights none"
    try:
        with path.open("rb") as file, _unpacked(file) as (content, of_a_run):
            arrays = _read(content, backbone)
    except (OSError, ConfigError) as cause:
        reason = (isinstance(cause, OSError) and cause.strerror) or cause
        raise ConfigError(f"weights file {path}: {reason}; {want}") from None
    # A run's network takes RGB already.
    return prepare_arrays(backbone, arrays) if of_a_run else arrays


def _read(content: BinaryIO, backbone: Backbone) -> Arrays:
    try:
        return read_hdf5(content, layout_of(backbone))
    except ConfigError as cause:
        import keras

        others = ((row.name, layout_of(row)) for row in BACKBONES.values() if row is not backbone)
        # In a stateless scope networks get names and shapes, but no numbers: a fifth of the time.
        with keras.StatelessScope(initialize_variables=False):
            fitting = first_fitting(content, others)
        hint = f", though all of {fitting} is there (--backbone {fitting})" if fitting else ""
        raise ConfigError(f"{cause}{hint}") from None


@contextmanager
def _unpacked(file: BinaryIO) -> Iterator[tuple[BinaryIO, bool]]:
    """The HDF5 in a file, which may be a Keras 3 archive, and whether the archive is the model of a run."""
    if file.read(len(_ZIP)) != _ZIP:
        yield file, False
        return
    try:
        with zipfile.ZipFile(file) as archive:
            content = _member(archive, "model.weights.h5")
            config = json.loads(_member(archive, "config.json"))
    except _DAMAGE as cause:
        raise ConfigError(f"no Keras archive that can be read ({cause})") from None
    yield io.BytesIO(content), _of_a_run(config)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > _MEMBER_BYTES:
        raise ConfigError(f"{name} in it is {size} bytes, more than {_MEMBER_BYTES}")
    return archive.read(name)


def _of_a_run(config: Any) -> bool:
    """The model begins with our own layer, see `Backbone.scaling_layer`."""
    try:
        return any(
            layer["class_name"] == "Rescaling" and layer["config"]["name"] == "scale"
            for layer in config["config"]["layers"]
        )
    except (KeyError, TypeError):
        return False
