"""Finds items on the belt: whatever does not look like the belt of its row.

The belt moves along the rows of the picture, so that over time every pixel of a row shows the same stretch of belt: one
colour and one spread describe a row, whatever the texture. They are learnt from the first picture on and follow light
and dirt slowly. Works as long as items cover less than half of a row.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import Box

REDUCTION = 4
_LEAST_DIFFERENCE = 22.0
_SPREADS = 4.0
# How far a row's belt is moved towards the median of the row in one picture: where little of the row is strange, and
# where much is. There it may be items, or the light has changed suddenly; that is learnt within a quarter of a minute.
_FOLLOW, _CREEP = 0.05, 0.005
_CLOSING = np.ones((5, 5), np.uint8)


class Blob(NamedTuple):
    """What stands out from the belt in one picture.

    Attributes:
        box: Around it.
        several: Whether it looks like several items that touch.
    """

    box: Box
    several: bool = False


class Detector:
    """Turns pictures of the belt into blobs, one an item if all is well. Its only state is what the belt looks like."""

    def __init__(self) -> None:
        self._colour = self._spread = np.empty((0, 1, 3), np.float32)

    def blobs(self, image: NDArray[np.uint8], smallest_px: int) -> list[Blob]:
        """The items in one picture, from the belt's exit to its entry.

        Args:
            image: `(H, W, 3) uint8`, any fixed channel order.
            smallest_px: What is smaller than this in both directions is dirt.
        """
        height, width = image.shape[:2]
        small_size = (max(1, width // REDUCTION), max(1, height // REDUCTION))
        small = np.asarray(cv2.resize(image, small_size, interpolation=cv2.INTER_AREA), np.float32)
        foreground = self._foreground(small)
        self._follow(small, foreground)
        _, _, stats, _ = cv2.connectedComponentsWithStats(_close(foreground))
        scale_x, scale_y = width / small_size[0], height / small_size[1]
        found = [_grow(row, scale_x, scale_y) for row in stats[1:]]
        whole = [box for box in join(found, smallest_px) if max(box.width, box.height) >= smallest_px]
        return [Blob(box) for box in sorted(whole, key=lambda box: -box.right)]

    def _foreground(self, small: NDArray[np.float32]) -> NDArray[np.bool_]:
        if len(self._colour) != len(small):
            self._colour = np.median(small, axis=1, keepdims=True).astype(np.float32)
            self._spread = _spread(small, self._colour)
        limit = np.maximum(_LEAST_DIFFERENCE, _SPREADS * self._spread)
        return np.asarray((np.abs(small - self._colour) > limit).any(axis=2))

    def _follow(self, small: NDArray[np.float32], foreground: NDArray[np.bool_]) -> None:
        """Move towards the median of each row, which is belt as long as items cover less than half of it."""
        share = foreground.mean(axis=1, keepdims=True)[..., None]
        rate = np.where(share < 0.3, np.float32(_FOLLOW), np.float32(_CREEP))
        colour = np.median(small, axis=1, keepdims=True)
        self._spread += rate * (_spread(small, colour) - self._spread)
        self._colour += rate * (colour - self._colour)


def _spread(rows: NDArray[np.float32], colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Robust standard deviation of each row and channel: 1.48 times the median deviation."""
    return np.asarray(1.48 * np.median(np.abs(rows - colour), axis=1, keepdims=True), np.float32)


def _close(foreground: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fill small gaps, `(h, w) uint8`. Without room around it, that up to the picture's edge would be filled too."""
    room = len(_CLOSING) - 1
    roomy = cv2.copyMakeBorder(foreground.astype(np.uint8), room, room, room, room, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.morphologyEx(roomy, cv2.MORPH_CLOSE, _CLOSING)[room:-room, room:-room], np.uint8)


def _grow(stats: NDArray[np.int32], scale_x: float, scale_y: float) -> Box:
    left, top, width, height = (int(number) for number in stats[:4])
    return Box(
        round(left * scale_x), round(top * scale_y), round((left + width) * scale_x), round((top + height) * scale_y)
    )


def join(boxes: Iterable[Box], apart_px: int) -> list[Box]:
    """Make one of boxes that are nearer than `apart_px` to each other: parts of one item with belt-coloured places."""
    waiting: list[Box] = list(boxes)
    joined: list[Box] = []
    while waiting:
        box = waiting.pop()
        near = [other for other in waiting if _distance_px(box, other) < apart_px]
        if near:
            # The larger box may be near to what none of its parts was near to.
            waiting = [*joined, *(other for other in waiting if other not in near), surround([box, *near])]
            joined = []
        else:
            joined.append(box)
    return joined


def surround(boxes: Sequence[Box]) -> Box:
    """The smallest box around some boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def _distance_px(box: Box, other: Box) -> int:
    """How far apart two boxes are along the axis where they are farther; at most 0 when they touch."""
    return max(
        max(box.left, other.left) - min(box.right, other.right), max(box.top, other.top) - min(box.bottom, other.bottom)
    )


def overlap(box: Box, other: Box) -> float:
    """Share of `box` that lies inside `other`."""
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(0, width) * max(0, height) / (box.width * box.height)
