"""What the converted file really does, measured with the runtime that ships, on photographs it never saw."""

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import BundleError, ReleaseError
from sortline_bundle.progress import progress
from sortline_bundle.runtime import Model, find_runtime


class Proof(NamedTuple):
    """Float and int8 side by side on the same held-out photographs.

    Attributes:
        photographs: How many.
        accuracy_float: Share right, float32 file.
        accuracy_int8: Share right, int8 file.
        agreement: Share with the same answer from both.
    """

    photographs: int
    accuracy_float: float
    accuracy_int8: float
    agreement: float


def run_model(model: bytes, pixels: NDArray[np.uint8], title: str) -> NDArray[np.float32]:
    """Logits `(N, C) float32` of a TFLite file on `(N, H, W, 3) uint8 RGB`, dequantised.

    Raises:
        ReleaseError: the file does not run at all.
    """
    try:
        loaded = Model(model, threads=os.cpu_count() or 1, runtime=find_runtime("litert"))
        logits = np.empty((len(pixels), loaded.output.shape[-1]), np.float32)
        with progress(title, len(pixels)) as advance:
            for nth, image in enumerate(pixels):
                loaded.view()[...] = image
                logits[nth] = loaded.run()
                advance(1)
    except BundleError as cause:
        raise ReleaseError(f"the converted file is no good: {cause}") from None
    return logits


def refuse_the_dead(model: bytes, logits: NDArray[np.float32], parameters: int, title: str) -> None:
    """Refuse a file that lost its weights or gives no usable answers.

    Args:
        model: The TFLite file.
        logits: `(N, C)` of it on held-out photographs.
        parameters: How many numbers the Keras model holds; a file with under half a byte for each has lost them.
        title: Which file it is.

    Raises:
        ReleaseError: saying which of these it is.
    """
    if len(model) < parameters / 2:
        raise ReleaseError(
            f"the {title} file has {len(model)} bytes for {parameters} weights: they were lost in conversion"
        )
    if not np.isfinite(logits).all():
        raise ReleaseError(
            f"the {title} file answers NaN or infinity to {(~np.isfinite(logits)).any(axis=1).sum()} photographs"
        )
    if np.ptp(logits, axis=0).max() == 0:
        raise ReleaseError(f"the {title} file gives the same answer to all {len(logits)} photographs")


def prove(float_logits: NDArray[np.float32], int8_logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Proof:
    """Compare the answers, `(N, C)` each, with the truth `(N,)` and with each other."""
    float_answers, int8_answers = float_logits.argmax(axis=1), int8_logits.argmax(axis=1)
    return Proof(
        photographs=len(labels),
        accuracy_float=float((float_answers == labels).mean()),
        accuracy_int8=float((int8_answers == labels).mean()),
        agreement=float((float_answers == int8_answers).mean()),
    )
