"""How fast the belt goes, out of the pictures alone: by how much their texture has moved from one to the next.

Each of some rows of a picture is laid over the same row of the picture before, at every shift that is possible, and the
products of all rows are added up: one correlation over shifts, whose peak is the belt's. Rows are taken apart rather
than added to one profile since weave and dirt differ from row to row and would average out. What does not move with the
belt (the lamp's shade, a rail) is subtracted as the slow mean of the pictures.

Frequencies are weighted so that each counts by the square root of its power: between plain correlation, whose peak is
as broad as an item, and phase correlation (Kuglin and Hines, 1975), which takes noise for texture.
"""

from collections import deque
from functools import lru_cache
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_WIDTH_PX = 320  # texture is finer than items: pictures are made less small than to detect
_ROWS = 32
_SLOW = 0.05
# That the belt stands is believed only after so many pictures of it moving: before, what is alike in two pictures may
# be the lens, the lamp or the sensor.
_SETTLED = 20
_LEAST_RATIO = 1.25  # the peak against the highest other one, away from it
_LEAST_LIKENESS = 0.12  # the peak as a share of what two equal pictures would give
_NEAR_PX = 4
_PICTURES = 32  # whose shifts make a speed
_FINE_PX = 0.5  # a shift is not known better


class Shift(NamedTuple):
    """How far the belt has moved between two pictures.

    Attributes:
        px: In pixels of the picture as it came, to the right.
        certainty: Height of the peak as a share of what the same picture twice would give, 0 to 1.
    """

    px: float
    certainty: float


class Flow:
    """Compares each picture with the one before."""

    def __init__(self) -> None:
        self._mean = np.empty((0, 0), np.float32)
        self._before: _Spectrum | None = None
        self._moved = 0

    def start(self, image: NDArray[np.uint8]) -> None:
        """Take a picture only to compare the next one with."""
        rows = self._rows(image)
        self._before = _spectrum(rows - self._mean)

    def shift(self, image: NDArray[np.uint8]) -> Shift | None:
        """How far the belt has gone since the picture before.

        Args:
            image: `(H, W, 3) uint8`, any fixed channel order.

        Returns:
            None where the pictures do not tell: for the first one, on a belt without texture, after more than half a
            picture's width, when the picture changed altogether, and while the belt stands before it ever moved.
        """
        rows = self._rows(image)
        spectrum = _spectrum(rows - self._mean)
        before, self._before = self._before, spectrum
        found = None if before is None else _peak(before, spectrum)
        if found is None:
            return None
        if abs(found[0]) > 1:  # on a belt that stands the texture would become part of the mean
            self._mean += _SLOW * (rows - self._mean)
            self._moved += 1
        elif self._moved < _SETTLED:
            return None
        return Shift(found[0] * image.shape[1] / rows.shape[1], found[1])

    def _rows(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Some rows of a picture, as bright on the whole as the mean is."""
        height, width = image.shape[:2]
        columns = width // max(1, width // _WIDTH_PX)
        # Linear: of the picture's rows only these are read, and the texture is not averaged away over their neighbours.
        small = cv2.resize(image, (columns, min(height, _ROWS)), interpolation=cv2.INTER_LINEAR)
        rows = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
        if self._mean.shape != rows.shape:
            self._mean, self._before = cv2.GaussianBlur(rows, (0, 0), columns / 10).astype(np.float32), None
        rows *= max(1.0, float(self._mean.mean())) / max(1.0, float(rows.mean()))
        return rows


class Speedometer:
    """Makes a speed of the shifts of the newest pictures."""

    def __init__(self) -> None:
        self._known: deque[tuple[float, float] | None] = deque(maxlen=_PICTURES)
        self._captured_ns: int | None = None

    def add(self, shift: Shift | None, captured_ns: int) -> None:
        """Take what `Flow.shift` said of the picture taken at `captured_ns`; each picture once, in their order."""
        before_ns, self._captured_ns = self._captured_ns, captured_ns
        if before_ns is None:
            return
        passed_s = (captured_ns - before_ns) / 1e9
        self._known.append((shift.px, passed_s) if shift is not None and passed_s > 0 else None)

    @property
    def speed(self) -> float | None:
        """The belt's, in pixels of the picture per second; None while too few of the newest pictures told a shift."""
        known = [pair for pair in self._known if pair is not None]
        if len(known) < _PICTURES // 4:
            return None
        middle = median(px / passed_s for px, passed_s in known)
        spread = 1.48 * median(abs(px / passed_s - middle) for px, passed_s in known)
        # Errors of the time stamps cancel out in a sum, which a single wrong shift would spoil.
        sound = [pair for pair in known if abs(pair[0] / pair[1] - middle) <= 3 * spread + _FINE_PX / pair[1]]
        return sum(px for px, _ in sound) / sum(passed_s for _, passed_s in sound)


class _Spectrum(NamedTuple):
    """Of the rows of a picture.

    Attributes:
        rows: Of each row, `(h, 2 * w) float32`, packed as OpenCV does: the real numbers at both ends stand for
            themselves, between them real and imaginary parts take turns.
        power: Of all rows together at each frequency, `(w + 1,) float32`.
    """

    rows: NDArray[np.float32]
    power: NDArray[np.float32]


def _spectrum(rows: NDArray[np.float32]) -> _Spectrum:
    """Of each row, with as much room again so that a shift does not wrap round."""
    height, width = rows.shape
    rows = rows - rows.mean(axis=1, keepdims=True)
    # An item is many times brighter than the weave: it would outweigh the belt that moves with it, and its edges, where
    # it enters or leaves the picture, do not move.
    most = 4 * 1.48 * float(np.median(np.abs(rows[:, ::4]))) + 1e-6
    roomy = np.zeros((height, 2 * width), np.float32)
    np.multiply(np.clip(rows, -most, most), _window(width), out=roomy[:, :width])
    packed = np.asarray(cv2.dft(roomy, flags=cv2.DFT_ROWS), np.float32)
    squares = _unpacked(np.einsum("ij,ij->j", packed, packed))
    return _Spectrum(packed, squares.real + squares.imag)


@lru_cache(maxsize=4)
def _window(width: int) -> NDArray[np.float32]:
    return np.hanning(width + 2)[1:-1].astype(np.float32)


def _unpacked(line: NDArray[np.float32]) -> NDArray[np.complex64]:
    """A packed row as complex numbers, `(w + 1,)` of `(2 * w,)`."""
    numbers = np.empty(len(line) // 2 + 1, np.complex64)
    numbers[0], numbers[-1] = line[0], line[-1]
    numbers[1:-1] = line[1:-1].view(np.complex64)
    return numbers


def _peak(before: _Spectrum, after: _Spectrum) -> tuple[float, float] | None:
    columns = len(before.power) - 1
    cross = np.asarray(cv2.mulSpectrums(after.rows, before.rows, cv2.DFT_ROWS, conjB=True), np.float32).sum(axis=0)
    power = np.sqrt(before.power * after.power)
    weight = 1 / np.sqrt(power + 1e-6 * float(power.max()) + 1e-9)
    most = columns // 2
    line = np.fft.irfft(_unpacked(cross) * weight, 2 * columns)
    line = np.concatenate([line[-most:], line[: most + 1]])
    top = int(line.argmax())
    likeness = float(line[top]) / float(np.fft.irfft(power * weight, 2 * columns)[0] + 1e-9)
    rest = np.delete(line, slice(max(0, top - _NEAR_PX), top + _NEAR_PX + 1))
    clear = line[top] > _LEAST_RATIO * max(float(rest.max()), 3 * float(rest.std()))
    if not clear or likeness < _LEAST_LIKENESS or not 0 < top < 2 * most:
        return None
    left, middle, right = line[top - 1], line[top], line[top + 1]
    between = 0.5 * (left - right) / min(-1e-9, float(left - 2 * middle + right))  # of the parabola through the three
    return top - most + float(between), min(1.0, likeness)
