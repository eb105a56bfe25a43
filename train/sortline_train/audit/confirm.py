"""Whether two photographs are one: laid over each other as well as they go, and compared in fine detail and colour.

The limits were set by looking at the pairs of two public collections of waste photographs that came out near them:
what lies above is one photograph, or two taken in one go; below come two lids of one size, or a bottle laid anew.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_train.audit.candidates import Candidates
from sortline_train.audit.fingerprint import SIDE, Fingerprint, Grey, normalise, sharpen, turn_picture

_DETAIL = 0.94  # correlation of the edges; copies cropped by 3 % or saved at quality 30 mostly have over 0.96
_COLOUR_MEAN = 8.0  # levels that a channel lies off the grey, on average; copies differ by less than 5
_COLOUR_SPOT = 40.0  # the same at the 95th percentile: the item in another colour on the same ground
_CHANGE = 0.15  # of size, slant or place, as a share: 5 % off each side makes 0.11
_OVERLAP = 0.6  # share of the picture that both must show
_RIM = 3  # pixels next to the edge, where one lacks surroundings that the other has
_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 1e-3)
_EVERYWHERE = np.ones((SIDE, SIDE), dtype=np.uint8)


def confirm(fingerprints: Sequence[Fingerprint], pairs: Candidates) -> list[tuple[int, int]]:
    """The pairs that are near copies, as places in `fingerprints`."""

    def check(pair: tuple[int, int, int]) -> bool:
        first, second, turn = pair
        return is_near_copy(fingerprints[first], fingerprints[second], turn)

    every = list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.turn.tolist(), strict=True))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [(first, second) for (first, second, _), same in zip(every, pool.map(check, every), strict=True) if same]


def is_near_copy(first: Fingerprint, second: Fingerprint, turn: int) -> bool:
    """Whether `second`, turned by `turn`, shows the same picture as `first`, up to a small crop."""
    other = np.asarray(turn_picture(second.grey, turn), dtype=np.uint8)
    move = _align(normalise(first.grey), normalise(other))
    if move is None:
        return False
    colours = np.asarray(turn_picture(second.colour, turn), dtype=np.uint8)
    return _same_colours(first.colour, _lay(colours, move)) and _same_detail(first.grey, other, move)


def _align(first: Grey, second: Grey) -> Grey | None:
    """The affine move, `(2, 3)`, that lays the second over the first; None when it would take more than a small one."""
    try:
        # Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient", 2008.
        _, found = cv2.findTransformECC(
            first, second, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, _STEPS, _EVERYWHERE, 5
        )
    except cv2.error:
        return None  # it wandered off: these two have nothing in common to be laid together by
    move = np.asarray(found, dtype=np.float32)
    middle = np.array([(SIDE - 1) / 2, (SIDE - 1) / 2, 1], dtype=np.float32)
    change = float(np.abs(move[:, :2] - np.eye(2)).max())
    shift = float(np.abs(move @ middle - middle[:2]).max()) / SIDE
    return move if max(change, shift) <= _CHANGE else None


def _lay(picture: NDArray[np.uint8], move: Grey) -> NDArray[np.uint8]:
    """A square picture of any side after a move that was found at 48 pixels."""
    side = picture.shape[0]
    scale = side / SIDE
    scaled = move.copy()
    # The middle of the first pixel lies half a pixel from the edge, whatever a pixel's size.
    scaled[:, 2] = scale * move[:, 2] + (scale - 1) / 2 * (1 - move[:, :2].sum(axis=1))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(picture, scaled, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, dtype=np.uint8)


def _same_colours(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    off = np.abs(_tint(first) - _tint(second)).max(axis=2)
    return bool(off.mean() <= _COLOUR_MEAN and np.percentile(off, 95) <= _COLOUR_SPOT)


def _tint(colour: NDArray[np.uint8]) -> Grey:
    """How far each channel lies off the grey; the light may differ."""
    levels = colour.astype(np.float32)
    return np.asarray(levels - levels.mean(axis=2, keepdims=True), dtype=np.float32)


def _same_detail(first: NDArray[np.uint8], second: NDArray[np.uint8], move: Grey) -> bool:
    inner = np.zeros((SIDE, SIDE), dtype=np.uint8)
    inner[_RIM:-_RIM, _RIM:-_RIM] = 1
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    both = np.asarray(cv2.warpAffine(inner, move, (SIDE, SIDE), flags=flags)) * inner > 0
    return bool(
        both.mean() >= _OVERLAP and _correlate(sharpen(first)[both], sharpen(_lay(second, move))[both]) >= _DETAIL
    )


def _correlate(first: Grey, second: Grey) -> float:
    first, second = first - first.mean(), second - second.mean()
    strength = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / strength if strength else 0.0
