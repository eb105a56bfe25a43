"""Where the item is in each training photograph."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.outline import find_outline
from sortline_bundle.progress import progress

_THREADS = 4


def find_masks(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Outlines of `(N, H, W, 3) uint8 RGB`: `(N, H, W) uint8`, 255 on the item; all of it where none stands out."""
    masks = np.full(pixels.shape[:3], 255, np.uint8)

    def find(nth: int) -> None:
        mask = find_outline(pixels[nth])
        if mask is not None:
            masks[nth] = mask

    with ThreadPoolExecutor(_THREADS) as pool, progress("outlines", len(pixels)) as advance:
        for _ in pool.map(find, range(len(pixels))):
            advance(1)
    return masks
