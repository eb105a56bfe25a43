"""Finds items on the belt: whatever does not look like belt (`ground.py`), put together to one blob an item.

Works as long as items cover less than half of a row of the picture, which lies along the belt.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import Box
from sortline_edge.seeing.ground import Ground
from sortline_edge.seeing.touching import looks_like_several

# Pictures are looked at this wide or a little wider, made smaller by a whole factor.
_REDUCED_PX = 160
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
        self._ground = Ground()

    def blobs(self, image: NDArray[np.uint8], smallest_px: int, gone_px: int) -> list[Blob]:
        """What lies on the belt in one picture, from the belt's exit to its entry.

        Args:
            image: `(H, W, 3) uint8`, any fixed channel order.
            smallest_px: What is smaller than this in both directions is dirt.
            gone_px: How far the belt has gone, in pixels; only differences matter.
        """
        height, width = image.shape[:2]
        reduction = max(1, width // _REDUCED_PX)
        small = _reduced(image, reduction)
        strange = self._ground.strange(small, gone_px / reduction, smallest_px // reduction)
        if not cv2.countNonZero(strange):
            return []
        contours, _ = cv2.findContours(_close(strange), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outlines = [np.asarray(contour, np.int32) for contour in contours]
        scale = (width / small.shape[1], height / small.shape[0])
        found = [_grow(cv2.boundingRect(outline), *scale) for outline in outlines]
        whole = [box for box in join(found, smallest_px) if max(box.width, box.height) >= smallest_px]
        blobs = []
        for box in sorted(whole, key=lambda box: -box.right):
            parts = [outline for outline, part in zip(outlines, found, strict=True) if overlap(part, box) == 1]
            blobs.append(Blob(box, looks_like_several(parts, smallest_px // reduction)))
        return blobs


def _reduced(image: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    """A picture made smaller: of each square of pixels the middle one, or the mean of the four in the middle.

    The mean of all would have less noise, but every row would have to be read: two to seven times as long.
    """
    size = (image.shape[1] // by, max(1, image.shape[0] // by))
    return image if by == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _close(strange: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill small gaps, `(h, w) uint8`. Without room around it, that up to the picture's edge would be filled too."""
    room = len(_CLOSING) - 1
    roomy = cv2.copyMakeBorder(strange, room, room, room, room, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.morphologyEx(roomy, cv2.MORPH_CLOSE, _CLOSING)[room:-room, room:-room], np.uint8)


def _grow(rectangle: Sequence[int], scale_x: float, scale_y: float) -> Box:
    left, top, width, height = rectangle
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
