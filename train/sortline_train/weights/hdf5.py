"""The arrays from and to HDF5. Only numbers are read: no model is deserialised, nothing in a file is run."""

import io
import os
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError
from sortline_train.weights.layout import LAYOUT, Arrays, Slot

_BY_STORED = {slot.stored: slot for slot in LAYOUT}
_BY_NAME = {(slot.layer, slot.weight): slot for slot in LAYOUT}
_LAYERS = {slot.layer for slot in LAYOUT}
_OLD_NAMES = {"depthwise_kernel": "kernel"}
# What h5py raises for files with flipped bits.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)


def read_hdf5(file: BinaryIO) -> Arrays:
    """Read the base layers of MobileNetV2 1.0 out of a Keras file, each found by its name.

    Understood are Keras 3's `.weights.h5` and the older layout of keras-applications (`LAYER/.../WEIGHT:0`), alone
    or inside a whole saved model. Other layers, such as a head, are left where they are.

    Args:
        file: Opened for reading in binary, seekable.

    Returns:
        The arrays in the order of `LAYOUT`.

    Raises:
        ConfigError: not HDF5, damaged, or an array is missing, of another shape, or not of finite floats.
    """
    try:
        with h5py.File(file, "r") as content:
            found = _find(content)
            return [_read(found, slot) for slot in LAYOUT]
    except ConfigError:
        raise
    except _DAMAGE as cause:
        raise ConfigError(f"no HDF5 that can be read ({cause})") from None


def _find(content: h5py.File) -> dict[Slot, h5py.Dataset]:
    found: dict[Slot, h5py.Dataset] = {}

    def keep(path: str, item: h5py.Group | h5py.Dataset) -> None:
        slot = _slot(path)
        if slot and isinstance(item, h5py.Dataset):
            found[slot] = item

    content.get("model_weights", content).visititems(keep)
    return found


def _slot(path: str) -> Slot | None:
    if path in _BY_STORED:
        return _BY_STORED[path]
    *groups, leaf = path.split("/")
    # From the right, since a base model saved inside another one lies one group deeper; and looking for a layer's
    # name, since old files may number the innermost group (`Conv1/Conv1_1/kernel:0`).
    layer = next((name for name in reversed(groups) if name in _LAYERS), "")
    weight = leaf.partition(":")[0]
    return _BY_NAME.get((layer, _OLD_NAMES.get(weight, weight)))


def _read(found: dict[Slot, h5py.Dataset], slot: Slot) -> NDArray[np.float32]:
    name = f"{slot.layer}/{slot.weight}"
    if slot not in found:
        raise ConfigError(f"there is no {name}")
    dataset = found[slot]
    if dataset.shape != slot.shape or dataset.dtype.kind != "f":
        raise ConfigError(f"{name} is {dataset.shape} {dataset.dtype}, where {slot.shape} float32 belongs")
    array = np.asarray(dataset[()], dtype=np.float32)
    if not np.isfinite(array).all():
        raise ConfigError(f"{name} contains numbers that are not finite")
    return array


def write_hdf5(path: Path, arrays: Arrays) -> None:
    """Write the arrays, in the order of `LAYOUT`, as `LAYER/WEIGHT`; the file appears whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for slot, array in zip(LAYOUT, arrays, strict=True):
            file[f"{slot.layer}/{slot.weight}"] = array
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content.getbuffer())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
