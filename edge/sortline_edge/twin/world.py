"""The simulated conveyor: what lies where at any time, and which bin it ends in. It knows the truth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import Photograph
from sortline_edge.config import Bin
from sortline_edge.twin.items import Cutting

LEAD_IN_S = 1.0
_SHADOW_PX = 6


@dataclass(frozen=True, slots=True)
class Sprite:
    """An item as the camera sees it: `(H, W, 3) uint8 RGB`, `(H, W, 1) float32` opacity, and its shadow's opacity."""

    pixels: NDArray[np.uint8]
    opacity: NDArray[np.float32]
    shadow: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rider:
    """An item on the simulated belt.

    Attributes:
        number: Counts the items.
        photograph: What it was cut from; its class is the truth.
        middle_ns: When its middle passes the middle of the picture.
        length_mm: Along the belt.
        top_px: Of its sprite in the picture.
    """

    number: int
    photograph: Photograph
    middle_ns: int
    length_mm: float
    top_px: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Belt and camera.

    Attributes:
        speed_mm_s: Belt speed.
        mm_per_px: Belt length one pixel covers.
        width_px: Of the picture.
        height_px: Of the picture.
        gap_mm: Least free belt between items; the rest of the gap is random, of the same mean.
    """

    speed_mm_s: float
    mm_per_px: float
    width_px: int
    height_px: int
    gap_mm: float

    def left_px(self, rider: Rider, at_ns: int) -> float:
        """Left edge of a rider's item in the picture at `at_ns`."""
        ahead_mm = (at_ns - rider.middle_ns) / 1e9 * self.speed_mm_s - rider.length_mm / 2
        return self.width_px / 2 + ahead_mm / self.mm_per_px


def ride(
    photographs: Sequence[Photograph],
    count: int,
    layout: Layout,
    seed: int,
    cut: Callable[[Photograph], Cutting | None],
) -> Iterator[tuple[Rider, Sprite]]:
    """Items in the order they come, made when asked for: the same under the same seed.

    Args:
        photographs: Drawn from in shuffled rounds, so that each rides about equally often.
        count: How many items.
        layout: Belt and camera.
        seed: Of order, angles, gaps and lanes.
        cut: Makes an item of a photograph; those it makes none of do not ride.

    Raises:
        PhotographError: nothing can be cut out of any of them.
    """
    front_mm = LEAD_IN_S * layout.speed_mm_s
    cuttings = _cuttings(photographs, seed, cut)
    for number, cutting in enumerate(islice(cuttings, count)):
        random = np.random.default_rng((seed, 1, number))
        sprite = _lay(cutting, float(random.uniform(0, 360)))
        height, width = sprite.pixels.shape[:2]
        length_mm = width * layout.mm_per_px
        middle_mm = front_mm + length_mm / 2 + layout.width_px / 2 * layout.mm_per_px
        rider = Rider(
            number=number,
            photograph=cutting.photograph,
            middle_ns=round(1e9 * middle_mm / layout.speed_mm_s),
            length_mm=length_mm,
            top_px=int(random.integers(4, max(5, layout.height_px - height - 4))),
        )
        yield rider, sprite
        front_mm += length_mm + layout.gap_mm + float(random.exponential(layout.gap_mm))


def _cuttings(
    photographs: Sequence[Photograph], seed: int, cut: Callable[[Photograph], Cutting | None]
) -> Iterator[Cutting]:
    order = np.random.default_rng((seed, 0))
    while True:
        found = 0
        for index in order.permutation(len(photographs)):
            if (cutting := cut(photographs[index])) is not None:
                found += 1
                yield cutting
        if not found:
            raise PhotographError("no item stands out from its ground in any photograph; let whole ones ride: cut card")


def land(
    rider: Rider, bins: Sequence[Bin], speed_mm_s: float, start_ns: int, is_open: Callable[[Bin, int], bool]
) -> Bin | None:
    """Where an item ends: in the bin of the first gate that is open when its middle gets there, else at the belt's end.

    Args:
        rider: The item.
        bins: With their gates.
        speed_mm_s: Belt speed.
        start_ns: When the belt started.
        is_open: Whether a bin's gate is open at a time.
    """
    for bin_ in sorted(bins, key=lambda bin_: bin_.distance_mm):
        if is_open(bin_, start_ns + rider.middle_ns + round(1e9 * bin_.distance_mm / speed_mm_s)):
            return bin_
    return None


def _lay(cutting: Cutting, angle: float) -> Sprite:
    """Turn an item and give it a shadow."""
    height, width = cutting.alpha.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = (int(height * sine + width * cosine) + 1, int(height * cosine + width * sine) + 1)
    turn[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    pixels = np.asarray(cv2.warpAffine(cutting.pixels, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    alpha = np.asarray(cv2.warpAffine(cutting.alpha, turn, size), np.uint8)
    left, top, width, height = cv2.boundingRect(np.where(alpha > 127, 255, 0).astype(np.uint8))
    room = slice(top, top + height), slice(left, left + width)
    opacity = cv2.GaussianBlur(alpha[room].astype(np.float32) / 255, (3, 3), 0)
    cast = np.array([[1, 0, _SHADOW_PX], [0, 1, _SHADOW_PX // 2]], np.float32)
    shadow = 0.35 * cv2.GaussianBlur(cv2.warpAffine(opacity, cast, (width, height)), (0, 0), 3)
    return Sprite(pixels[room].copy(), np.asarray(opacity, np.float32)[..., None], shadow.astype(np.float32)[..., None])
