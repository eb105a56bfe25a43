"""What MobileNetV2 1.0 without its top is made of: each array's name and shape, and a digest over all arrays."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]

# Output channels of the seventeen bottlenecks: Sandler et al., "MobileNetV2", CVPR 2018, table 2.
_BOTTLENECKS = (16, *[24] * 2, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320)
_EXPANSION = 6
_STEM, _LAST = 32, 1280


class Slot(NamedTuple):
    """The place of one array.

    Attributes:
        layer: Name of the layer in keras.applications.
        weight: Name of the weight in its layer.
        shape: Of the array.
        stored: Where a Keras 3 weights file has it: there a layer is called by its class and a running number.
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    stored: str


def _kernels() -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    """Yield each convolution's name, its normalisation's name, its class and its shape."""
    yield "Conv1", "bn_Conv1", "conv2d", (3, 3, 3, _STEM)
    channels = _STEM
    for number, out in enumerate(_BOTTLENECKS):
        name = f"block_{number}" if number else "expanded_conv"
        wide = channels * _EXPANSION if number else channels
        if number:
            yield f"{name}_expand", f"{name}_expand_BN", "conv2d", (1, 1, channels, wide)
        yield f"{name}_depthwise", f"{name}_depthwise_BN", "depthwise_conv2d", (3, 3, wide, 1)
        yield f"{name}_project", f"{name}_project_BN", "conv2d", (1, 1, wide, out)
        channels = out
    yield "Conv_1", "Conv_1_bn", "conv2d", (1, 1, channels, _LAST)


def _slots() -> Iterator[Slot]:
    seen: Counter[str] = Counter()

    def numbered(kind: str) -> str:
        seen[kind] += 1
        return kind if seen[kind] == 1 else f"{kind}_{seen[kind] - 1}"

    for layer, normalisation, kind, shape in _kernels():
        yield Slot(layer, "kernel", shape, f"layers/{numbered(kind)}/vars/0")
        filters = shape[2] if kind == "depthwise_conv2d" else shape[3]
        home = numbered("batch_normalization")
        for index, weight in enumerate(("gamma", "beta", "moving_mean", "moving_variance")):
            yield Slot(normalisation, weight, (filters,), f"layers/{home}/vars/{index}")


# In the order of `keras.applications.MobileNetV2(weights=None, include_top=False).get_weights()`, for any input size.
LAYOUT = tuple(_slots())


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
