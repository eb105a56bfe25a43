"""Where the item is in each training photograph."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import sortline_bundle.outline
from sortline_bundle.errors import PhotographError
from sortline_bundle.outline import find_outline
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import Box, InputSpec, square_around
from sortline_train.pixels import digest_code, read_checked, write_recipe
from sortline_train.rows import LIMIT_BYTES, Row, Rows, Shelf, fetch

_CODE = digest_code(sortline_bundle.outline)


def open_masks(
    paths: Sequence[Path], digests: Sequence[str], spec: InputSpec, cache: Path, limit_bytes: int = LIMIT_BYTES
) -> Rows:
    """Outlines of items, each found only if no run has done so before.

    They are looked for in the photograph itself: in the model's square, the rim may be the photograph's edge repeated.

    Args:
        paths: The photographs.
        digests: SHA-256 of each file, in hexadecimal.
        spec: The model's input.
        cache: Folder that they are kept in.
        limit_bytes: Most that the folder may hold, with all that is in it.

    Returns:
        `(N, H, W) uint8`, 255 on the item; all of it where none stands out. Lies over what `open_pixels` gives.

    Raises:
        PhotographError: as `open_pixels` does.
        TryAgainError: the disk is full.
    """

    def fill(nth: int, row: Row) -> None:
        try:
            mask = find_outline(decode_image(read_checked(paths[nth], digests[nth])))
        except PhotographError as cause:
            raise PhotographError(f"{paths[nth]} {cause}; replace or remove it") from None
        row[:] = 255 if mask is None else lay_over(mask, spec)

    recipe = write_recipe(spec, _CODE)
    return fetch(Shelf(cache, "outlines", recipe, (spec.height, spec.width)), digests, fill, limit_bytes)


def lay_over(mask: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """The mask `(h, w)` of a whole photograph in the square that `preprocess` makes of it; nothing of it outside."""
    height, width = mask.shape
    _, square = square_around(Box(0, 0, width, height), spec, 0.0)
    change = np.array([[1, 0, -square.left], [0, 1, -square.top]], np.float32)
    change *= np.array([[spec.width / square.width], [spec.height / square.height]], np.float32)
    laid = cv2.warpAffine(mask, change, (spec.width, spec.height), flags=cv2.INTER_LINEAR)
    return np.asarray(np.where(laid > 127, 255, 0), np.uint8)
