"""The last layer fitted anew to what the int8 network below it sees, so that it says what the float model said."""

import numpy as np
from numpy.typing import NDArray

from sortline_convert.graph import Graph
from sortline_convert.measure import measure

# Against the mean square of the features: a change of the weights must be worth its size.
_RIDGE = 0.1


def refit_head(float32: bytes, quantised: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """The float file with another last layer: fitted by least squares on photographs of the training part.

    What noise in all the layers before shifts or shrinks, the last layer takes back. It is quantised afterwards like
    the rest.

    Args:
        float32: The exact file; its answers are the aim.
        quantised: Made from it; takes raw pixels.
        pixels: `(N, H, W, 3) uint8 RGB`.
    """
    exact, rough = Graph(float32), Graph(quantised)
    head, seen_at = exact.weighted()[-1], rough.weighted()[-1].input
    aim = measure(float32, pixels, "what the float model says").astype(np.float64)
    rough.put_out([seen_at])
    seen = measure(rough.to_bytes(), pixels, "what the int8 network sees").astype(np.float64).reshape(len(pixels), -1)
    assert head.bias is not None  # the head of every backbone has one
    weights, bias = exact.array(head.weights).astype(np.float64), exact.array(head.bias).astype(np.float64)
    missing = aim - (seen @ weights.T + bias)
    centred = seen - seen.mean(axis=0)
    kernel = centred @ centred.T
    damped = kernel + _RIDGE * np.trace(kernel) / len(pixels) * np.eye(len(pixels))
    change = centred.T @ np.linalg.solve(damped, missing - missing.mean(axis=0))
    shift = missing.mean(axis=0) - seen.mean(axis=0) @ change
    exact.put(head.weights, (weights + change.T).astype(np.float32))
    exact.put(head.bias, (bias + shift).astype(np.float32))
    return exact.to_bytes()
