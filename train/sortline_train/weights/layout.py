"""What a backbone without its top is made of: each array's name and shape, and a digest over all arrays."""

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.quiet import quiet
from sortline_train.backbones import Backbone, build_backbone, kind_of

Arrays = list[NDArray[np.float32]]


class Slot(NamedTuple):
    """The place of one array.

    Attributes:
        layer: Name of the layer, as `build_backbone` names it.
        weight: Name of the weight in its layer.
        shape: Of the array.
        stored: Where a Keras 3 weights file has it: there a layer is called by its class and a running number.
        counted: The layer has no name of its own, only its class and a running number.
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    stored: str
    counted: bool


Layout = tuple[Slot, ...]


@functools.cache
def layout_of(backbone: Backbone) -> Layout:
    """The arrays of a backbone, in the order of its network's `get_weights()`, for any input size."""
    with quiet():
        return tuple(_slots(build_backbone(backbone, backbone.smallest)))


def _slots(network: Any) -> Iterator[Slot]:
    seen: Counter[str] = Counter()
    for layer in network.layers:
        kind = kind_of(layer)
        home = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        counted = re.fullmatch(rf"{kind}(_\d+)?", layer.name) is not None
        for index, weight in enumerate(layer.weights):
            yield Slot(layer.name, weight.name, tuple(weight.shape), f"{home}/vars/{index}", counted)


def digest(arrays: Sequence[NDArray[np.float32]]) -> str:
    """Return the sha256 over arrays, as hex digits, independent of their names and of the file they came in.

    Hashed is, for one array after the other in the order given: its shape as decimal numbers joined by commas and
    ended by a line feed, in ASCII (`3,3,3,32` + LF), then its elements as little-endian float32 in C order.
    """
    hashed = hashlib.sha256()
    for array in arrays:
        hashed.update((",".join(map(str, array.shape)) + "\n").encode("ascii"))
        hashed.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return hashed.hexdigest()
