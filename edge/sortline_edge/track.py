"""Gives every item on the belt one identity.

An item lies still on the belt, and the belt's speed is known: so an item's place on the belt is fixed, and a box in the
picture belongs to the item whose place it covers. Items do not shift when one of them is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from sortline_bundle.preprocess import Box
from sortline_edge.detect import overlap, surround

_SAME = 0.3
_PART = 0.6
_EDGE_PX = 3
_GROWTH_PX = 16
_SLIVER_PX = 12  # of an item that enters, so little is too little to know it by again


@dataclass(slots=True)
class Item:
    """One thing on the belt.

    Attributes:
        number: Its identity; no two items of a station's life share one.
        place: Its box on the belt: as in the picture, with `left` and `right` moved back by how far the belt has gone.
        first_ns: Capture time of the first frame that showed it.
        frames: In how many frames it was seen.
        whole: Its box in the newest frame if it is wholly in the picture and apart from others there, else None.
        parts: Numbers of what was first taken for items of their own and turned out to be parts of this one.
    """

    number: int
    place: Box
    first_ns: int
    frames: int = 0
    whole: Box | None = None
    parts: list[int] = field(default_factory=list)

    @property
    def middle_px(self) -> float:
        """Where its middle lies on the belt, in pixels."""
        return (self.place.left + self.place.right) / 2


@dataclass(slots=True)
class Tracker:
    """Follows items through the picture.

    Attributes:
        speed_px_s: Belt speed in pixels of the picture per second, left to right.
        width_px: Width of the picture.
        items: Those in the picture now, oldest first.
    """

    speed_px_s: float
    width_px: int
    items: list[Item] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _sudden: set[tuple[int, ...]] = field(default_factory=set)

    def gone_px(self, captured_ns: int) -> int:
        """How far the belt has gone since the clock's zero, in pixels."""
        return round(self.speed_px_s * captured_ns / 1e9)

    def follow(self, boxes: list[Box], captured_ns: int) -> list[Item]:
        """Take the boxes of one frame.

        Returns:
            The items that have left the picture since the frame before; `items` are those still in it.
        """
        gone = self.gone_px(captured_ns)
        claims: dict[int, list[Box]] = {}
        shared: set[int] = set()
        before, self._sudden = self._sudden, set()
        for box in (Box(box.left - gone, box.top, box.right - gone, box.bottom) for box in boxes):
            owners = [item for item in self.items if _same(box, item.place)]
            numbers = tuple(owner.number for owner in owners)
            if not owners:
                if box.right + gone <= _SLIVER_PX:
                    continue
                owners = [Item(number=next(self._numbers), place=box, first_ns=captured_ns)]
                self.items.extend(owners)
            elif _is_sudden(box, owners):
                self._sudden.add(numbers)
                if numbers in before:
                    owners = [self._merge(owners)]
                else:
                    shared.update(numbers)
            elif len(owners) > 1:
                shared.update(numbers)
            for owner in owners:
                claims.setdefault(owner.number, []).append(box)
        for item in self.items:
            item.whole = None
            if item.number in claims and item.number not in shared:
                self._see(item, surround(claims[item.number]), gone)
        left = [item for item in self.items if item.place.left + gone >= self.width_px - _EDGE_PX]
        self.items = [item for item in self.items if item not in left]
        return left

    def _merge(self, owners: list[Item]) -> Item:
        eldest, *parts = owners
        eldest.parts.extend(number for part in parts for number in (part.number, *part.parts))
        self.items = [item for item in self.items if item not in parts]
        return eldest

    def _see(self, item: Item, seen: Box, gone: int) -> None:
        item.frames += 1
        entering, leaving = seen.left + gone <= _EDGE_PX, seen.right + gone >= self.width_px - _EDGE_PX
        if not entering and not leaving:
            item.whole = Box(seen.left + gone, seen.top, seen.right + gone, seen.bottom)
        # What has left the picture already is remembered from before.
        right = max(seen.right, item.place.right) if leaving else seen.right
        item.place = Box(seen.left, seen.top, right, seen.bottom)


def _same(box: Box, place: Box) -> bool:
    return overlap(box, place) > _SAME or overlap(place, box) > _SAME


def _is_sudden(box: Box, owners: list[Item]) -> bool:
    """Whether a box shows items to be parts of one, or one to be longer than it was.

    Nothing on a belt grows together. Two frames must say so: in one of them it may be a flash or a reflection.
    """
    if len(owners) > 1:
        return all(overlap(owner.place, box) >= _PART for owner in owners)
    (owner,) = owners
    behind = owner.whole is not None and box.left < owner.place.left - _GROWTH_PX
    return behind or box.right > owner.place.right + _GROWTH_PX
