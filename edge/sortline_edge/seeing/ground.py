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
_FOLLOW = 0.18  # how far a pixel's belt is moved towards what the pixel shows, in one picture of three
_TURNS = 4  # in every fourth picture the spread of every fourth row is measured
_MOST_PER_WIDTH = 16.0  # by how many grey levels at most while one picture's width of belt goes by
_EVERY = 4  # every fourth pixel of a row is enough to know its median
# How far a row's spread is moved, and how far if it is strange in more than this share of it.
_SPREAD_FOLLOW, _CREEP, _FEW = 0.2, 0.008, 0.25
_GRID = np.s_[:, ::6, ::5]  # the pixels that tell the light
_WEAK = 0.5  # of the limit: beside what is clearly not belt, this is enough
_FEWEST = 3  # pixels that are clearly not belt, or shadow; fewer together are noise
# Farther than this from what is clearly not belt it is not enough, or it were the belt's own clouds.
_NEAR = np.ones((5, 5), np.uint8)
# A change of light is at least and at most so large, and so much of the picture agrees on it: where items fill half of
# it, that does not.
_LEAST_GAIN, _MOST_GAIN, _AGREED = 0.02, 2.0, 0.6
_DARK = 8.0  # levels; a picture that is darker on the whole shows no belt
# A shadow leaves at least so much of the light, of all colours alike up to so many levels. A patch of which more is
# shadow is an item.
_DARKEST, _SHADE_OFF, _ALL_SHADOW = 0.4, 8.0, 0.7
_PRINT = 12.0  # a print's ends, at the belt's edges, are as its middle is, up to so many levels

Mask = NDArray[np.uint8]


class Ground:
    """The belt without items.

    Colours lie one below the other, `(3 * h, w)`: so OpenCV works on all of them in one call, and on one by itself.
    """

    def __init__(self) -> None:
        self._size = (0, 0)
        self._nth = 0
        self._gone = 0.0
        self._limit = self._weak = np.empty((0, 0), np.uint8)

    def strange(self, picture: NDArray[np.uint8], gone_px: float, short_px: int) -> Mask:
        """Where a picture does not look like belt, `(h, w) uint8`, not 0 there; learns from it.

        Args:
            picture: `(h, w, 3) uint8`.
            gone_px: How far the belt has gone, in pixels of this picture; only differences matter.
            short_px: What reaches across the belt and is shorter than this along it is part of the belt.
        """
        if max(cv2.mean(picture)[:3]) < _DARK:
            # The lamp is out, or the camera has only begun: there is nothing to see, and nothing to learn.
            return np.zeros(picture.shape[:2], np.uint8)
        self._nth += 1
        if self._size != picture.shape[:2]:
            self._begin(picture, gone_px)
        else:
            cv2.split(picture, self._seen_planes)
            self._light()
        cv2.absdiff(self._seen, self._known, dst=self._distance)
        level = _most(_planes(self._distance))
        strange = np.asarray(cv2.compare(level, self._limit, cv2.CMP_GT), np.uint8)
        went, self._gone = abs(gone_px - self._gone) / picture.shape[1], gone_px
        self._learn(self._nth % 3, strange, went)
        if self._nth % _TURNS == 0:
            self._measure_spread(strange)
        if not cv2.countNonZero(strange):
            return strange
        perhaps = np.asarray(cv2.compare(level, self._weak, cv2.CMP_GT), np.uint8)
        self._pass_prints(level, strange, perhaps, short_px)
        cv2.bitwise_and(perhaps, cv2.dilate(strange, _NEAR), dst=perhaps)
        return self._grown(strange, perhaps)

    def _begin(self, picture: NDArray[np.uint8], gone_px: float) -> None:
        height, width = self._size = picture.shape[:2]
        self._seen, self._known, self._distance = (np.empty((3 * height, width), np.uint8) for _ in range(3))
        self._seen_planes = _planes(self._seen)
        cv2.split(picture, self._seen_planes)
        row = _medians(picture[:, ::_EVERY].transpose(2, 0, 1))[..., None]
        shade = _shade(picture, row.transpose(1, 2, 0))
        self._belt = (row * shade).reshape(3 * height, width).astype(np.float32)
        cv2.convertScaleAbs(self._belt, dst=self._known)
        cv2.absdiff(self._seen, self._known, dst=self._distance)
        self._gone = gone_px
        self._spread = _medians(self._apart(self._distance)[:, :, ::_EVERY]).max(axis=0)
        self._limit, self._weak = (np.empty((height, width), np.uint8) for _ in range(2))
        self._set_limits(np.s_[:])

    def _apart(self, tall: NDArray[Any]) -> NDArray[Any]:
        """The colours by themselves, `(3, h, w)` of `(3 * h, w)`."""
        return tall.reshape(3, *self._size)

    def _set_limits(self, rows: slice) -> None:
        limit = np.clip(_SPREADS * 1.48 * self._spread[rows], _LEAST_DIFFERENCE, 255)[:, None]
        self._limit[rows] = limit
        self._weak[rows] = _WEAK * limit

    def _light(self) -> None:
        """Follow a change of light that most of the picture shows."""
        seen, belt = (self._apart(tall)[_GRID].reshape(3, -1) for tall in (self._seen, self._belt))
        gain = _medians((seen + np.float32(1)) / (belt + np.float32(1)))
        if max(abs(one - 1) for one in gain.tolist()) <= _LEAST_GAIN:
            return
        agree = (np.abs(seen - gain[:, None] * belt) < 0.1 * seen + 2).mean(axis=1).min()
        if agree > _AGREED:
            self._apart(self._belt)[:] *= np.clip(gain, 1 / _MOST_GAIN, _MOST_GAIN)[:, None, None]
            cv2.convertScaleAbs(self._belt, dst=self._known)

    def _learn(self, colour: int, strange: Mask, went: float) -> None:
        """Move one colour towards the picture; the belt went by this share of the picture's width since the last."""
        seen, known, belt = (_planes(tall)[colour] for tall in (self._seen, self._known, self._belt))
        most = min(1.0, 3 * went) * _MOST_PER_WIDTH
        step = _FOLLOW * np.asarray(cv2.subtract(seen, belt, dtype=cv2.CV_32F), np.float32)
        np.clip(step, -most, most, out=step, where=strange != 0)
        belt += step
        cv2.convertScaleAbs(belt, dst=known)

    def _measure_spread(self, strange: Mask) -> None:
        rows = np.s_[self._nth // _TURNS % _TURNS :: _TURNS]
        medians = _medians(self._apart(self._distance)[:, rows, ::_EVERY]).max(axis=0)
        many = strange[rows, ::_EVERY].mean(axis=1) >= 255 * _FEW
        rate = np.where(many, np.float32(_CREEP), np.float32(_SPREAD_FOLLOW))
        self._spread[rows] += rate * (medians - self._spread[rows])
        self._set_limits(rows)

    def _pass_prints(self, level: Mask, strange: Mask, perhaps: Mask, short_px: int) -> None:
        """Take away what reaches across the belt and is short along it, but not what lies on it."""
        end = len(level) // 10 + 1
        ends = [cv2.reduce(part, 0, cv2.REDUCE_AVG) for part in (level[:end], level[-end:])]
        maybe = np.flatnonzero(cv2.min(*ends)[0] > _PRINT / 2)
        if not len(maybe):
            return
        seen, belt = self._apart(self._seen)[:, :, maybe], self._apart(self._belt)[:, :, maybe]
        columns = seen - belt
        whole = np.median(columns, axis=1)
        off = [np.abs(part.mean(axis=1) - whole).max(axis=0) for part in (columns[:, :end], columns[:, -end:])]
        alike = np.maximum(*off) < _PRINT
        for run in np.split(np.arange(len(maybe)), np.flatnonzero(np.diff(np.where(alike, maybe, -1)) != 1) + 1):
            if alike[run[0]] and len(run) <= short_px + 1:  # the columns at its ends are only partly print
                rest = np.abs(columns[:, :, run] - whole[:, None, run]).max(axis=0)
                strange[:, maybe[run]] *= rest > self._limit[:, maybe[run]]
                perhaps[:, maybe[run]] *= rest > self._weak[:, maybe[run]]

    def _grown(self, strange: Mask, perhaps: Mask) -> Mask:
        """Patches of what is perhaps not belt, with something in them that clearly is not, without their shadows.

        What looks like nothing but shadow is something grey; but where the picture's edge cuts it, the shadow may come
        first.
        """
        count, labels = cv2.connectedComponentsWithAlgorithm(perhaps, 8, cv2.CV_32S, cv2.CCL_GRANA)
        is_kept = np.bincount(labels[strange != 0], minlength=count) >= _FEWEST
        kept = np.take(is_kept * np.uint8(255), np.asarray(labels, np.int32))
        shaded = self._shaded(kept)
        if len(shaded) >= _FEWEST:
            sizes = np.bincount(labels[kept != 0], minlength=count)
            owners = labels.ravel()[shaded]
            share = np.bincount(owners, minlength=count) / np.maximum(1, sizes)
            share[labels[:, (0, -1)]] = 0
            kept.ravel()[shaded[share[owners] < _ALL_SHADOW]] = 0
        return kept

    def _shaded(self, where: Mask) -> NDArray[np.intp]:
        """Which of some pixels look like belt in a shadow: darker, all colours by the same factor; `(n,)` indices."""
        brighter = _most(_planes(np.asarray(cv2.subtract(self._seen, self._known), np.uint8)))
        pixels = np.flatnonzero((brighter <= _SHADE_OFF) & (where != 0))
        if not len(pixels):
            return pixels
        seen, belt = (tall.reshape(3, -1).take(pixels, axis=1) for tall in (self._seen, self._belt))
        shade = (seen * belt).sum(axis=0) / ((belt * belt).sum(axis=0) + 1)
        alike = np.abs(seen - shade * belt).max(axis=0) < _SHADE_OFF
        return np.asarray(pixels[alike & (shade > _DARKEST) & (shade < 1)], np.intp)


def _planes(tall: NDArray[Any]) -> list[NDArray[Any]]:
    """Views of the three colours that lie one below the other."""
    height = len(tall) // 3
    return [tall[:height], tall[height : 2 * height], tall[2 * height :]]


def _most(colours: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The largest of the three colours of each pixel."""
    return np.asarray(cv2.max(cv2.max(colours[0], colours[1]), colours[2]), np.uint8)


def _medians(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """The medians along the last axis."""
    middle = numbers.shape[-1] // 2
    return np.asarray(np.partition(numbers, middle)[..., middle], np.float32)


def _shade(picture: NDArray[np.uint8], row: NDArray[np.float32]) -> NDArray[np.float32]:
    """How the light changes along the belt, `(w,)`: a parabola through the medians of the columns."""
    columns = np.median((picture.sum(axis=2) + 3) / (row.sum(axis=2) + 3), axis=0)
    along = np.linspace(-1, 1, len(columns))
    fitted = np.ones_like(columns)
    for _ in range(3):
        sound = np.abs(columns - fitted) <= 2 * np.median(np.abs(columns - fitted)) + 0.02
        fitted = np.polynomial.Polynomial.fit(along[sound], columns[sound], 2)(along)
    return np.asarray(np.clip(fitted, 0.5, 2), np.float32)
