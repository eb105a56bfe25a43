"""Finds items on the belt: whatever does not look like belt (`ground.py`), put together to one blob an item.

Works as long as items cover less than half of a row of the picture, which lies along the belt.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import Box
from sortline_edge.ground import Ground
from sortline_edge.touching import looks_like_several

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
        size = (width // reduction, max(1, height // reduction))
        small = _reduced(image, size)
        strange = self._ground.strange(small, gone_px / reduction, smallest_px // reduction)
        _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
            _close(strange), 8, cv2.CV_32S, cv2.CCL_GRANA
        )
        scale = (width / size[0], height / size[1])
        found = [_grow(row, *scale) for row in stats[1:]]
        whole = [box for box in join(found, smallest_px) if max(box.width, box.height) >= smallest_px]
        blobs = []
        for box in sorted(whole, key=lambda box: -box.right):
            parts = [label for label, part in enumerate(found, start=1) if overlap(part, box) == 1]
            outline = _cut(np.asarray(labels, np.int32), np.asarray(stats, np.int32), parts)
            blobs.append(Blob(box, looks_like_several(outline, smallest_px // reduction)))
        return blobs


def _reduced(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture made smaller, by halves as far as they go: OpenCV is three times faster at two than at a quarter."""
    small = image
    while small.shape[1] >= 2 * size[0] and small.shape[0] >= 2 * size[1] and not any(n % 2 for n in small.shape[:2]):
        half = (small.shape[1] // 2, small.shape[0] // 2)
        small = np.asarray(cv2.resize(small, half, interpolation=cv2.INTER_AREA), np.uint8)
    if small.shape[1::-1] != size:
        small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small


def _close(foreground: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fill small gaps, `(h, w) uint8`. Without room around it, that up to the picture's edge would be filled too."""
    room = len(_CLOSING) - 1
    roomy = cv2.copyMakeBorder(foreground.astype(np.uint8), room, room, room, room, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.morphologyEx(roomy, cv2.MORPH_CLOSE, _CLOSING)[room:-room, room:-room], np.uint8)


def _cut(labels: NDArray[np.int32], stats: NDArray[np.int32], parts: Sequence[int]) -> NDArray[np.uint8]:
    """The part of the picture that some labels fill, `(h, w) uint8`, 1 where they are."""
    left, top = stats[parts, :2].min(axis=0)
    right, bottom = (stats[parts, :2] + stats[parts, 2:4]).max(axis=0)
    window = labels[top:bottom, left:right]
    return (window == parts[0] if len(parts) == 1 else np.isin(window, parts)).astype(np.uint8)


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
