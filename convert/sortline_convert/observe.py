"""What passes through a float file while it looks at photographs: how far numbers go, how they vary together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.progress import progress
from sortline_bundle.quiet import quiet
from sortline_bundle.runtime import find_runtime
from sortline_convert.graph import Graph, Weighted

Matrix = NDArray[np.float64]
# Looked at in each picture, of the places where a window stands: neighbours say nearly the same.
_PLACES = 256


class Moments(NamedTuple):
    """What an operator's inputs are on average, and how they vary together.

    Attributes:
        mean: `(G, D)`: for each of G groups the mean of the D numbers that a weight vector is multiplied with. A
            depthwise convolution has a group for each channel, all others have one.
        covariance: `(G, D, D)`.
    """

    mean: Matrix
    covariance: Matrix


class Observation(NamedTuple):
    """What was seen.

    Attributes:
        lows: For each tensor by name the lowest number in each photograph, `(N,)`.
        highs: And the highest.
        moments: Of each operator with weights, in the order in which they run.
    """

    lows: dict[str, NDArray[np.float32]]
    highs: dict[str, NDArray[np.float32]]
    moments: tuple[Moments, ...]


def observe(file: bytes, pixels: NDArray[np.uint8], *, for_moments: int) -> Observation:
    """Run a float file over photographs and look at all its tensors.

    Args:
        file: float32 TFLite.
        pixels: `(N, H, W, 3) uint8 RGB`.
        for_moments: How many of the photographs, from the first, are looked at for the moments too.
    """
    graph = Graph(file)
    made, weighted = graph.made(), graph.weighted()
    graph.put_out(made)
    with quiet():
        interpreter = find_runtime("litert").interpreter(model_content=graph.to_bytes(), num_threads=1)
        interpreter.allocate_tensors()
    extremes = np.empty((2, len(made), len(pixels)), np.float32)
    sums = [_Sums(graph.array(one.weights).shape, one) for one in weighted]
    generator = np.random.default_rng(0)
    with progress("observing", len(pixels)) as advance:
        for nth, picture in enumerate(pixels):
            interpreter.set_tensor(graph.input, picture[None].astype(np.float32))
            interpreter.invoke()
            for place, tensor in enumerate(made):
                values = interpreter.tensor(tensor)()
                extremes[:, place, nth] = values.min(), values.max()
            for one, total in zip(weighted, sums, strict=True) if nth < for_moments else ():
                total.add(interpreter.tensor(one.input)(), generator)
            del values  # a view that lives on makes the runtime refuse to run
            advance(1)
    names = [graph.name(tensor) for tensor in made]
    lows, highs = (dict(zip(names, side, strict=True)) for side in extremes)
    return Observation(lows, highs, tuple(total.moments() for total in sums))


class _Sums:
    """Sums over all that an operator's weights were multiplied with."""

    def __init__(self, shape: tuple[int, ...], operator: Weighted) -> None:
        self._operator, self._window = operator, shape[1:3] if len(shape) == 4 else (1, 1)
        depthwise = operator.kind == "DEPTHWISE_CONV_2D"
        size = int(np.prod(shape[1:]))
        self._groups, self._size = (shape[3], size // shape[3]) if depthwise else (1, size)
        self._count = 0
        self._sum = np.zeros((self._groups, self._size))
        self._products = np.zeros((self._groups, self._size, self._size))

    def add(self, values: NDArray[np.float32], generator: np.random.Generator) -> None:
        rows = self._rows(values, generator).astype(np.float64)
        self._count += rows.shape[1]
        self._sum += rows.sum(axis=1)
        self._products += rows.transpose(0, 2, 1) @ rows

    def moments(self) -> Moments:
        mean = self._sum / max(1, self._count)
        return Moments(mean, self._products / max(1, self._count) - mean[:, :, None] * mean[:, None, :])

    def _rows(self, values: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
        """What the weights are multiplied with, at some places: `(G, places, D)`."""
        if self._operator.kind == "FULLY_CONNECTED":
            return values.reshape(1, -1, self._size)
        padded = values[0]
        if self._operator.same:
            padded = np.pad(padded, (*self._margins(padded.shape[:2]), (0, 0)))
        (down, across), (apart_down, apart_across) = self._operator.stride, self._operator.dilation
        reach = tuple((side - 1) * apart + 1 for side, apart in zip(self._window, self._operator.dilation, strict=True))
        windows = np.lib.stride_tricks.sliding_window_view(padded, reach, (0, 1))
        windows = windows[::down, ::across, :, ::apart_down, ::apart_across]
        places = np.arange(windows.shape[0] * windows.shape[1])
        if len(places) > _PLACES:
            places = generator.choice(places, _PLACES, replace=False)
        seen = windows[places // windows.shape[1], places % windows.shape[1]]
        if self._operator.kind == "DEPTHWISE_CONV_2D":
            seen = seen.transpose(1, 0, 2, 3)
        else:
            seen = seen.transpose(0, 2, 3, 1)[None]
        return np.asarray(seen.reshape(self._groups, len(places), -1), np.float32)

    def _margins(self, sides: tuple[int, ...]) -> list[tuple[int, int]]:
        """TensorFlow's SAME: as much as the last window needs, the odd pixel at the end."""
        steps = zip(sides, self._window, self._operator.stride, self._operator.dilation, strict=True)
        missing = [
            max((-(-side // step) - 1) * step + (window - 1) * apart + 1 - side, 0)
            for side, window, step, apart in steps
        ]
        return [(short // 2, short - short // 2) for short in missing]
