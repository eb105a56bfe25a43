"""The arrays from and to HDF5. Only numbers are read: no model is deserialised, nothing in a file is run."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError
from sortline_train.weights.layout import Arrays, Layout, Slot, digest
from sortline_train.weights.names import Found, find_arrays

# What h5py raises for files with flipped bits.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)


def read_hdf5(file: BinaryIO, layout: Layout) -> Arrays:
    """Read the arrays of a backbone out of a Keras file. Other layers, such as a head, are left where they are.

    Args:
        file: Opened for reading in binary, seekable.
        layout: Of the backbone.

    Returns:
        The arrays in the order of `layout`.

    Raises:
        ConfigError: not HDF5, damaged, or an array is missing, of another shape, or not of finite floats.
    """
    try:
        with h5py.File(file, "r") as content:
            found = find_arrays(content, layout)
            return [_read(found, slot) for slot in layout]
    except ConfigError:
        raise
    except _DAMAGE as cause:
        raise ConfigError(f"no HDF5 that can be read ({cause})") from None


def _read(found: Found, slot: Slot) -> NDArray[np.float32]:
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


def first_fitting(file: BinaryIO, layouts: Iterable[tuple[str, Layout]]) -> str | None:
    """The first of the named layouts all of whose arrays a file has, each in its shape; None if it is damaged."""
    try:
        with h5py.File(file, "r") as content:
            return next((name for name, layout in layouts if _fits(find_arrays(content, layout), layout)), None)
    except _DAMAGE:
        return None


def _fits(found: Found, layout: Layout) -> bool:
    return all(slot in found and found[slot].shape == slot.shape for slot in layout)


def read_own(file: BinaryIO, layout: Layout) -> Arrays:
    """Read what `write_hdf5` wrote.

    Raises:
        ConfigError: as `read_hdf5`, or the arrays are not those that were written.
    """
    arrays = read_hdf5(file, layout)
    with h5py.File(file, "r") as content:
        written = content.attrs.get("sha256")
    if digest(arrays) != written:
        raise ConfigError("its arrays are not those that were written")
    return arrays


def write_hdf5(path: Path, layout: Layout, arrays: Arrays) -> None:
    """Write the arrays as `LAYER/WEIGHT`, in the way `load_weights` of Keras reads too.

    The file appears whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["sha256"] = digest(arrays)
        weights: dict[str, list[str]] = {}
        for slot, array in zip(layout, arrays, strict=True):
            file[f"{slot.layer}/{slot.weight}"] = array
            weights.setdefault(slot.layer, []).append(slot.weight)
        file.attrs["layer_names"] = list(weights)
        for layer, names in weights.items():
            file[layer].attrs["weight_names"] = names
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content.getbuffer())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
