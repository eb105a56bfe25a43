"""What a converted file really answers, by the runtime that ships."""

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import BundleError, ReleaseError
from sortline_bundle.many import Models
from sortline_bundle.runtime import find_runtime


def measure(file: bytes, pixels: NDArray[np.uint8], title: str) -> NDArray[np.float32]:
    """Logits `(N, C) float32` of a TFLite file on `(N, H, W, 3) uint8 RGB`, dequantised.

    Raises:
        ReleaseError: the file does not run at all.
    """
    try:
        return Models(file, find_runtime("litert")).run(pixels.__getitem__, len(pixels), title)
    except BundleError as cause:
        raise ReleaseError(f"the converted file is no good: {cause}; report it") from None
