"""The ways to quantise, best first: what is tried, one after the other, until the gate lets a file through."""

import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_convert.observe import Observation, observe
from sortline_convert.quantise import Kind, to_int8, to_int8_by_tensorflow, to_other
from sortline_convert.refit import refit_head
from sortline_convert.sensitivity import sensitive_stretches

Pixels = NDArray[np.uint8]
Quantiser = Literal["auto", "litert", "tensorflow"]
QUANTISERS: tuple[Quantiser, ...] = ("auto", "litert", "tensorflow")

# Photographs looked at for how inputs vary together: three times as many gave answers no nearer to the float model's.
_FOR_MOMENTS = 64
_MORE = 4


class Attempt(NamedTuple):
    """One way to make the file.

    Attributes:
        name: What is done, for people.
        make: Does it.
        representative: Gives the photographs that set the ranges; None where none are needed.
    """

    name: str
    make: Callable[[], bytes]
    representative: Callable[[], Pixels] | None


class Source:
    """The trained model and photographs of its training part; what is made of them is made once, when asked for."""

    def __init__(self, graph: Any, float32: bytes, photographs: Callable[[int], Pixels], count: int) -> None:
        """Take the model as `sortline_train.export.constant_graph` and as float32 file.

        Args:
            graph: For TensorFlow's quantiser.
            float32: For the other one.
            photographs: Gives so many representative photographs, `(N, H, W, 3) uint8 RGB`, or all there are.
            count: How many of them set the scales.
        """
        self.graph, self.float32, self._photographs, self._count = graph, float32, photographs, count

    @cached_property
    def pixels(self) -> Pixels:
        """The representative photographs."""
        return self._photographs(self._count)

    @cached_property
    def more_pixels(self) -> Pixels:
        """Those and more of them."""
        return self._photographs(_MORE * self._count)

    @cached_property
    def seen(self) -> Observation:
        """What the float file's tensors hold on them."""
        return observe(self.float32, self.pixels, for_moments=_FOR_MOMENTS)

    @cached_property
    def plain(self) -> bytes:
        """The int8 file of the first attempt."""
        return to_int8(self.float32, self.seen)

    def more(self) -> bytes:
        """From more photographs, and with room for the furthest of them."""
        seen = observe(self.float32, self.more_pixels, for_moments=2 * _FOR_MOMENTS)
        return to_int8(self.float32, seen, inside=1.0)

    def refitted(self) -> bytes:
        """With the last layer fitted to what the int8 network sees."""
        return to_int8(refit_head(self.float32, self.plain, self.pixels), self.seen)

    def partly_float(self, stretches: int) -> bytes:
        """With the most sensitive stretches in float."""
        for stretch in self._sensitive[:stretches]:
            first, last = (name.partition(";")[0] for name in (stretch[0], stretch[-1]))
            sys.stderr.write(f"  in float: {first} to {last}\n")
        exempt = [name for stretch in self._sensitive[:stretches] for name in stretch]
        return to_int8(self.float32, self.seen, exempt=exempt)

    @cached_property
    def _sensitive(self) -> list[list[str]]:
        return sensitive_stretches(self.float32, self.seen, self.pixels)


def attempts(source: Source, kind: Kind, quantiser: Quantiser) -> Iterator[Attempt]:
    """What to try, in order. Kinds other than int8 have but one way, and so has a quantiser asked for by name."""
    if kind != "int8":
        yield Attempt(kind, lambda: to_other(source.graph, kind), None)
        return

    def usual() -> Pixels:
        return source.pixels

    by_tensorflow = Attempt("TensorFlow's quantiser", lambda: to_int8_by_tensorflow(source.graph, usual()), usual)
    if quantiser == "tensorflow":
        yield by_tensorflow
        return
    yield Attempt("ai-edge-quantizer, weights rounded together", lambda: source.plain, usual)
    if quantiser == "litert":
        return
    yield Attempt("more photographs, room for the furthest", source.more, lambda: source.more_pixels)
    yield by_tensorflow
    yield Attempt("the last layer fitted to what int8 sees", source.refitted, usual)
    yield Attempt("the most sensitive stretch in float", lambda: source.partly_float(1), usual)
    yield Attempt("the three most sensitive stretches in float", lambda: source.partly_float(3), usual)
