"""Tells by its outline whether a blob may be several items that touch.

Where two bodies touch there is a neck: the outline has a dent on either side of it, and the dents are deep against the
way from one to the other. Most single items have no dents, or far ones. The limit was chosen on some hundred pairs and
single items (`benchmarks/detection.py`; figures in `docs/detection.md`).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAST_DENT_PX = 1.2  # what is flatter comes from the pixels
_MOST_DENTS = 5  # the deepest are looked at
_NECK = 0.85  # depth of both dents together, as a share of the way between them
_LEAST_SHARE = 0.2  # of the blob's area on either side of the neck; less is a handle or a cap


def looks_like_several(outlines: Sequence[NDArray[np.int32]], gap_px: int) -> bool:
    """Whether a blob has a neck.

    Args:
        outlines: Of its parts, each `(n, 1, 2) int32` as `cv2.findContours` gives them, every pixel of it.
        gap_px: Parts of the blob that are nearer than this belong together.
    """
    contours = outlines if len(outlines) == 1 else _bridged(outlines, gap_px)
    outline = np.asarray(max(contours, key=len), np.int32)
    hull = np.sort(cv2.convexHull(outline, returnPoints=False), axis=0)[::-1]
    dents = cv2.convexityDefects(outline, hull) if len(hull) > 3 else None
    if dents is None:
        return False
    found = dents.reshape(-1, 4)
    found = found[np.argsort(-found[:, 3])][:_MOST_DENTS]
    places, depths = found[:, 2], found[:, 3] / 256
    return any(
        _is_neck(outline, (places[one], places[other]), depths[one] + depths[other])
        for one in range(len(found))
        for other in range(one)
        if depths[one] > _LEAST_DENT_PX  # the shallower one
    )


def _bridged(outlines: Sequence[NDArray[np.int32]], gap_px: int) -> Sequence[NDArray[np.int32]]:
    """The outlines of the parts after gaps between them were filled."""
    left, top, width, height = cv2.boundingRect(np.concatenate(outlines))
    room = gap_px + 1
    blob = np.zeros((height + 2 * room, width + 2 * room), np.uint8)
    cv2.drawContours(blob, outlines, -1, 1, cv2.FILLED, offset=(room - left, room - top))
    side = gap_px | 1  # odd: an even kernel has no middle
    bridge = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    joined = cv2.morphologyEx(blob, cv2.MORPH_CLOSE, bridge)
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, np.int32) for contour in contours]


def _is_neck(outline: NDArray[np.int32], places: tuple[int, int], depth: float) -> bool:
    start, end = sorted(places)
    width = float(np.hypot(*(outline[end, 0] - outline[start, 0]))) + 1
    if depth < _NECK * width:
        return False
    share = cv2.contourArea(outline[start : end + 1]) / max(1.0, cv2.contourArea(outline))
    return _LEAST_SHARE <= share <= 1 - _LEAST_SHARE
