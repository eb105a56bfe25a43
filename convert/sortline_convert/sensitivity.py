"""Which stretches of a network lose most by int8: found by leaving each in float in turn."""

import numpy as np
from numpy.typing import NDArray

from sortline_convert.graph import Graph
from sortline_convert.measure import measure
from sortline_convert.observe import Observation
from sortline_convert.quantise import to_int8

_STRETCH = 4  # operators with weights, and what lies between
_ENOUGH = 48  # photographs: noise hardly depends on what is on them


def sensitive_stretches(float32: bytes, seen: Observation, pixels: NDArray[np.uint8]) -> list[list[str]]:
    """Operators by the names of their output tensors, in stretches; the one first that gains most by staying in float.

    Args:
        float32: The exact file.
        seen: As for `to_int8`.
        pixels: `(N, H, W, 3) uint8 RGB` photographs of the training part.
    """
    stretches = _stretches(Graph(float32))
    looked_at = pixels[:_ENOUGH]
    aim = measure(float32, looked_at, "the float model")
    errors = []
    for nth, stretch in enumerate(stretches):
        file = to_int8(float32, seen, exempt=stretch)
        errors.append(np.square(measure(file, looked_at, f"stretch {nth + 1} of {len(stretches)}") - aim).mean())
    return [stretches[nth] for nth in np.argsort(errors, kind="stable")]


def _stretches(graph: Graph) -> list[list[str]]:
    weighted = {one.output for one in graph.weighted()}
    stretches: list[list[str]] = [[]]
    counted = 0
    for _, output in graph.steps():
        if output in weighted:
            counted += 1
            if counted > _STRETCH:
                counted = 1
                stretches.append([])
        stretches[-1].append(graph.name(output))
    return stretches
