"""The items on the simulated belt: which, where, how they lie, and where they leave it. They know the truth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import Photograph
from sortline_bundle.preprocess import Box
from sortline_edge.config import Bin
from sortline_edge.twin.items import Cutting
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.sprites import Sprite, lay

LEAD_IN_S = 1.0


@dataclass(frozen=True, slots=True)
class Rider:
    """An item on the simulated belt.

    Attributes:
        number: Counts the items.
        photograph: What it was cut from; its class is the truth.
        middle_mm: How far the belt has gone when its middle passes the middle of the picture.
        length_mm: Along the belt.
        top_px: Of its sprite in the picture.
        height_px: Of its sprite.
        angle: By which the photograph is turned, degrees.
        falls: Whether it falls off the belt between camera and first gate.
    """

    number: int
    photograph: Photograph
    middle_mm: float
    length_mm: float
    top_px: int
    height_px: int = 0
    angle: float = 0.0
    falls: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Belt and camera.

    Attributes:
        speed_mm_s: Belt speed as it was set.
        mm_per_px: Belt length one pixel covers.
        width_px: Of the picture.
        height_px: Of the picture.
        gap_mm: Least free belt between items; the rest of the gap is random, of the same mean.
        reduction: How many times coarser than usual the camera is, each way.
    """

    speed_mm_s: float
    mm_per_px: float
    width_px: int
    height_px: int
    gap_mm: float
    reduction: int = 1

    def box(self, rider: Rider, way_mm: float) -> Box:
        """Where a rider's item is in the picture, or outside it, when the belt has gone `way_mm`."""
        left = round(self.left_px(rider, way_mm))
        return Box(left, rider.top_px, left + round(rider.length_mm / self.mm_per_px), rider.top_px + rider.height_px)

    def left_px(self, rider: Rider, way_mm: float) -> float:
        """Left edge of a rider's item in the picture when the belt has gone `way_mm`."""
        ahead_mm = way_mm - rider.middle_mm - rider.length_mm / 2
        return self.width_px / 2 + ahead_mm / self.mm_per_px


class Mishaps(NamedTuple):
    """What goes wrong with items, as shares of them. Those that change with time go by an item's `middle_mm`.

    Attributes:
        overlap: Of items that touch or overlap the one before.
        on_top: Of items that lie on top of the one before, which is asked for by the place of that one.
        fall: Of items that fall off the belt before the first gate.
    """

    overlap: float
    on_top: Callable[[float], float]
    fall: Callable[[float], float]


@dataclass(slots=True)
class Traffic:
    """The items in the order they come, made when they are needed.

    Attributes:
        riders: Those made so far.
        sprites: Of the riders that have not left the picture, by number; whoever shows them takes them away.
        ended: Whether the last one was made.
    """

    coming: Iterator[tuple[Rider, Sprite]]
    riders: list[Rider]
    sprites: dict[int, Sprite]
    ended: bool = False

    def until(self, way_mm: float) -> None:
        """Make every rider whose middle passes the middle of the picture before the belt has gone `way_mm`.

        Raises:
            PhotographError: as `ride`.
        """
        while not self.ended and (not self.riders or self.riders[-1].middle_mm <= way_mm):
            made = next(self.coming, None)
            if made is None:
                self.ended = True
            else:
                rider, sprite = made
                self.riders.append(rider)
                self.sprites[rider.number] = sprite


def ride(
    photographs: Sequence[Photograph],
    count: int,
    layout: Layout,
    seed: int,
    cut: Callable[[Photograph], Cutting | None],
    mishaps: Mishaps,
) -> Iterator[tuple[Rider, Sprite]]:
    """Items in the order they come, made when asked for: the same under the same seed.

    Args:
        photographs: Drawn from in shuffled rounds, so that each rides about equally often.
        count: How many items.
        layout: Belt and camera.
        seed: Of order, angles, gaps and lanes.
        cut: Makes an item of a photograph; those it makes none of do not ride.
        mishaps: What goes wrong with items.

    Raises:
        PhotographError: nothing can be cut out of any of them.
    """
    front_mm = LEAD_IN_S * layout.speed_mm_s + layout.width_px / 2 * layout.mm_per_px
    edge_px = max(1, 4 // layout.reduction)
    before: Rider | None = None
    on_top = False
    for number, cutting in enumerate(islice(_cuttings(photographs, seed, cut), count)):
        random = np.random.default_rng((seed, 1, number))
        angle = float(random.uniform(0, 360))
        sprite = lay(cutting, angle, layout.reduction)
        height, width = sprite.alpha.shape
        lowest_px = max(edge_px + 1, layout.height_px - height - edge_px)
        length_mm = width * layout.mm_per_px
        middle_mm = front_mm + length_mm / 2
        top_px = int(random.integers(edge_px, lowest_px))
        gap_mm = layout.gap_mm + float(random.exponential(layout.gap_mm))
        # One on another, and no pile: what lies on an item has nothing on it.
        touch = None if before is None else _touch(before, length_mm, mishaps, seed, free=not on_top)
        on_top = touch is not None and touch.on_top
        if before is not None and touch is not None:
            middle_mm, aside, _ = touch
            top_px = min(max(int(before.top_px + aside * height), edge_px), lowest_px)
        share = mishaps.fall(middle_mm)
        falls = share > 0 and bool(np.random.default_rng((seed, 5, number)).uniform() < share)
        before = Rider(number, cutting.photograph, middle_mm, length_mm, top_px, height, angle, falls)
        yield before, sprite
        front_mm = max(front_mm, middle_mm + length_mm / 2 + gap_mm)


class _Touch(NamedTuple):
    """Where an item's middle is that touches the one before, how far aside it lies in shares of its height, and how."""

    middle_mm: float
    aside: float
    on_top: bool


def _touch(before: Rider, length_mm: float, mishaps: Mishaps, seed: int, *, free: bool) -> _Touch | None:
    """Whether and how an item touches the one before, which may have one on it if it is `free`."""
    on_top = mishaps.on_top(before.middle_mm) if free else 0.0
    if not (on_top or mishaps.overlap):
        return None
    chance, part, aside = np.random.default_rng((seed, 3, before.number)).uniform(size=3).tolist()
    shorter_mm = min(length_mm, before.length_mm)
    if chance < on_top:
        return _Touch(before.middle_mm + 0.2 * part * shorter_mm, aside - 0.5, on_top=True)
    if chance < mishaps.overlap:
        middle_mm = before.middle_mm + (length_mm + before.length_mm) / 2 - 0.4 * part * shorter_mm
        return _Touch(middle_mm, aside - 0.5, on_top=False)
    return None


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


def land(rider: Rider, bins: Sequence[Bin], motion: Motion, is_open: Callable[[Bin, int], bool]) -> Bin | None:
    """Where an item ends: in the bin of the first gate that is open when its middle gets there, else at the belt's end.

    Args:
        rider: The item.
        bins: With their gates.
        motion: Of the belt.
        is_open: Whether a bin's gate is open at a time.
    """
    for bin_ in sorted(bins, key=lambda bin_: bin_.distance_mm):
        if is_open(bin_, motion.when_ns(rider.middle_mm + bin_.distance_mm)):
            return bin_
    return None
