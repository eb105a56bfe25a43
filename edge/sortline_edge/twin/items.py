"""Items for the simulated belt, cut out of photographs."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.outline import find_outline
from sortline_bundle.photographs import Photograph, load_image


class Cutting(NamedTuple):
    """An item without its ground.

    Attributes:
        photograph: Where it comes from.
        pixels: `(H, W, 3) uint8 RGB`.
        alpha: `(H, W) uint8`, 255 where the item is.
    """

    photograph: Photograph
    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8]


def cut(photograph: Photograph, longest_px: int, *, outline: bool) -> Cutting | None:
    """Cut the item out of a photograph and scale it so that its longer side has `longest_px` pixels.

    Args:
        photograph: Of one item.
        longest_px: Longer side of the result.
        outline: Along the item's outline; otherwise the whole photograph is the item, like a printed card.

    Returns:
        The item; None where an outline was wanted and nothing stands out from the ground.

    Raises:
        PhotographError: the photograph cannot be used.
    """
    image = load_image(photograph.path)
    mask = find_outline(image) if outline else np.full(image.shape[:2], 255, np.uint8)
    if mask is None:
        return None
    mask = _in_one_piece(mask)
    left, top, width, height = cv2.boundingRect(mask)
    pixels, alpha = (array[top : top + height, left : left + width] for array in (image, mask))
    scale = longest_px / max(width, height)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels, alpha = (np.asarray(cv2.resize(array, size, interpolation=kernel), np.uint8) for array in (pixels, alpha))
    return Cutting(photograph, pixels, alpha)


def _in_one_piece(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The hull of what was found in several pieces, as label and cap of a clear bottle: an item rides as a whole."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if len(contours) < 2:
        return mask
    hull = cv2.convexHull(np.concatenate(contours))
    return np.asarray(cv2.fillConvexPoly(np.zeros_like(mask), hull, 255), np.uint8)


def shrink(cutting: Cutting, factor: int) -> Cutting:
    """The item as a camera sees it that is coarser by a whole factor."""
    size = tuple(max(2, round(side / factor)) for side in cutting.alpha.shape[::-1])
    pixels, alpha = (
        np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.uint8)
        for array in (cutting.pixels, cutting.alpha)
    )
    return Cutting(cutting.photograph, pixels, alpha)
