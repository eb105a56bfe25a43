"""What the empty belt looks like, learnt from pictures in which items lie on it.

The belt moves along the rows of the picture, so over time every pixel of a row shows the same stretch of belt: at first
one colour for each row is known, the median of its pixels, which is belt as long as items cover less than half of it.
From then on each pixel learns what it shows while the belt goes by: the shade of the lens and the lamp, a rail, dirt.

Three things happen faster than that:
- the light changes: all rows by the same factor, at once;
- the belt stands: then nothing new is learnt of pixels that look strange, or an item would become belt;
- a seam or a print goes by: it reaches from edge to edge across the belt, and is short along it.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAST_DIFFERENCE = 22
_SPREADS = 4.0
_FOLLOW = 0.05  # how far a pixel's belt is moved towards what the pixel shows, in one picture
_CREEP, _FEW = 0.002, 0.25  # and the spread of a row that is strange in more than this share of it
_MOST_PER_WIDTH = 16.0  # by how many grey levels at most while one picture's width of belt goes by
_EVERY = 4  # every fourth pixel of a row is enough to know its median
_WEAK = 0.5  # of the limit: beside what is clearly not belt, this is enough
_NEAR = np.ones((5, 5), np.uint8)  # and no farther away, or it were the belt's own clouds
# A change of light is at most so large, and so many rows agree on it: where items fill half of the rows, they do not.
_MOST_GAIN, _AGREED = 2.0, 0.6
# A shadow leaves at least so much of the light, of all colours alike up to so many levels. A patch of which more is
# shadow is an item.
_DARKEST, _SHADE_OFF, _ALL_SHADOW = 0.4, 8.0, 0.7
_PRINT = 12.0  # a print's ends, at the belt's edges, are as its middle is, up to so many levels


class Ground:
    """The belt without items."""

    def __init__(self) -> None:
        self._belt = np.empty((0, 0, 3), np.float32)
        self._row = self._spread = np.empty((0, 1, 3), np.float32)
        self._gone: float | None = None
        self._nth = 0

    def strange(self, picture: NDArray[np.uint8], gone_px: float, short_px: int) -> NDArray[np.bool_]:
        """Where a picture does not look like belt, `(h, w) bool`; learns from it.

        Args:
            picture: `(h, w, 3) uint8`.
            gone_px: How far the belt has gone, in pixels of this picture; only differences matter.
            short_px: What reaches across the belt and is shorter than this along it is part of the belt.
        """
        self._nth += 1
        lines = picture[:, self._nth % _EVERY :: _EVERY]
        row = _medians(lines)
        if self._belt.shape != picture.shape:
            self._belt = row * _shade(picture, row)
            self._row, self._gone = row, None
            self._spread = _medians(_distance(picture, self._belt)[:, ::_EVERY])
        else:
            self._light(row)
        difference = picture - self._belt
        distance = np.asarray(cv2.convertScaleAbs(difference), np.uint8)
        limit = np.clip(_SPREADS * 1.48 * self._spread.max(axis=2), _LEAST_DIFFERENCE, 255).astype(np.uint8)
        level = _most(distance)
        strange = level > limit
        self._learn(difference, strange, gone_px)
        if self._nth % _EVERY == 0:
            rate = np.where(strange.mean(axis=1) < _FEW, np.float32(_FOLLOW), np.float32(_CREEP))[:, None, None]
            self._spread += rate * (_medians(distance[:, ::_EVERY]) - self._spread)
        perhaps = level > (_WEAK * limit).astype(np.uint8)
        _pass_prints(strange, difference, limit, short_px)
        _pass_prints(perhaps, difference, _WEAK * limit, short_px)
        near = np.asarray(cv2.dilate(strange.astype(np.uint8), _NEAR), np.bool_)
        return self._grown(picture, strange, (perhaps & near) | strange)

    def _grown(
        self, picture: NDArray[np.uint8], strange: NDArray[np.bool_], perhaps: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Patches of what is perhaps not belt, with something in them that clearly is not, without their shadows.

        What looks like nothing but shadow is something grey; but where the picture's edge cuts it, the shadow may come
        first.
        """
        if not strange.any():
            return strange
        shaded = self._shaded(picture, perhaps)
        count, labels = cv2.connectedComponents(perhaps.astype(np.uint8))
        kept = np.bincount(labels[strange], minlength=count) > 0
        sizes = np.maximum(1, np.bincount(labels.ravel(), minlength=count))
        share = np.bincount(labels[shaded], minlength=count) / sizes
        share[labels[:, (0, -1)]] = 0
        return np.asarray(kept[labels] & ~(shaded & (share < _ALL_SHADOW)[labels]) & perhaps)

    def _shaded(self, picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of some pixels look like belt in a shadow: darker, all colours by the same factor."""
        seen, belt = picture[where].astype(np.float32), self._belt[where]
        shade = (seen * belt).sum(axis=1, keepdims=True) / ((belt * belt).sum(axis=1, keepdims=True) + 1)
        alike = np.abs(seen - shade * belt).max(axis=1) < _SHADE_OFF
        shaded = np.zeros_like(where)
        shaded[where] = alike & (shade[:, 0] > _DARKEST) & (shade[:, 0] < 1)
        return shaded

    def _light(self, row: NDArray[np.float32]) -> None:
        """Follow a change of light that all rows show."""
        gain = np.sort((row + 1) / (self._row + 1), axis=0)[len(row) // 2]
        agree = (np.abs(row - gain * self._row) < 0.1 * row + 2).mean(axis=0).min()
        if np.abs(gain - 1).max() > 0.02 and agree > _AGREED:
            gain = np.clip(gain, 1 / _MOST_GAIN, _MOST_GAIN).astype(np.float32)
            self._belt *= gain
            self._row = self._row * gain
        self._row += _FOLLOW * (row - self._row)

    def _learn(self, difference: NDArray[np.float32], strange: NDArray[np.bool_], gone_px: float) -> None:
        went = abs(gone_px - (gone_px if self._gone is None else self._gone)) / difference.shape[1]
        self._gone = gone_px
        most = min(1.0, went) * _MOST_PER_WIDTH
        step = _FOLLOW * difference
        step[strange] = np.clip(step[strange], -most, most)
        self._belt += step


def _medians(lines: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The median of each row and channel, `(h, 1, 3)` of `(h, n, 3)`."""
    across = np.ascontiguousarray(lines.transpose(0, 2, 1))
    middle = across.shape[2] // 2
    across.partition(middle, axis=2)
    return across[:, None, :, middle].astype(np.float32)


def _shade(picture: NDArray[np.uint8], row: NDArray[np.float32]) -> NDArray[np.float32]:
    """How the light changes along the belt, `(1, w, 1)`: a parabola through the medians of the columns."""
    columns = np.median((picture.sum(axis=2) + 3) / (row.sum(axis=2) + 3), axis=0)
    along = np.linspace(-1, 1, len(columns))
    fitted = np.ones_like(columns)
    for _ in range(3):
        sound = np.abs(columns - fitted) <= 2 * np.median(np.abs(columns - fitted)) + 0.02
        fitted = np.polynomial.Polynomial.fit(along[sound], columns[sound], 2)(along)
    return np.asarray(np.clip(fitted, 0.5, 2), np.float32)[None, :, None]


def _distance(picture: NDArray[np.uint8], belt: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(picture - belt), np.uint8)


def _most(channels: NDArray[Any]) -> NDArray[Any]:
    """The largest of the three channels; on memory laid out like this far faster than `max(axis=2)`."""
    return np.asarray(np.maximum(np.maximum(channels[..., 0], channels[..., 1]), channels[..., 2]))


def _pass_prints(
    strange: NDArray[np.bool_], difference: NDArray[np.float32], limit: NDArray[Any], short_px: int
) -> None:
    """Take from `strange` what reaches across the belt and is short along it, but not what lies on it."""
    end = len(difference) // 10 + 1
    first, last = difference[:end].mean(axis=0), difference[-end:].mean(axis=0)
    maybe = np.flatnonzero((np.minimum(np.abs(first), np.abs(last)) > _PRINT / 2).any(axis=1))
    if not len(maybe):
        return
    columns = difference[:, maybe]
    whole = np.median(columns, axis=0)
    alike = np.maximum(np.abs(first[maybe] - whole), np.abs(last[maybe] - whole)).max(axis=1) < _PRINT
    for run in np.split(np.arange(len(maybe)), np.flatnonzero(np.diff(np.where(alike, maybe, -1)) != 1) + 1):
        if alike[run[0]] and len(run) <= short_px + 1:  # the columns at its ends are only partly print
            strange[:, maybe[run]] &= _most(np.abs(columns[:, run] - whole[run])) > limit
