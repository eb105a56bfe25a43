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
        for box in (Box(box.left - gone, box.top, box.right - gone, box.bottom) for box in boxes):
            owners = self._merge(box, [item for item in self.items if _same(box, item.place)])
            if not owners:
                owners = [Item(number=next(self._numbers), place=box, first_ns=captured_ns)]
                self.items.extend(owners)
            if len(owners) > 1:
                shared.update(owner.number for owner in owners)
            for owner in owners:
                claims.setdefault(owner.number, []).append(box)
        for item in self.items:
            item.whole = None
            if item.number in claims and item.number not in shared:
                self._see(item, surround(claims[item.number]), gone)
        left = [item for item in self.items if item.place.left + gone >= self.width_px - _EDGE_PX]
        self.items = [item for item in self.items if item not in left]
        return left

    def _merge(self, box: Box, owners: list[Item]) -> list[Item]:
        """Make one item of several that a box shows to be parts of one: nothing on a belt grows together."""
        if len(owners) < 2 or any(overlap(owner.place, box) < _PART for owner in owners):
            return owners
        eldest, *parts = owners
        eldest.parts.extend(number for part in parts for number in (part.number, *part.parts))
        self.items = [item for item in self.items if item not in parts]
        return [eldest]

    def _see(self, item: Item, seen: Box, gone: int) -> None:
        item.frames += 1
        entering, leaving = seen.left + gone <= _EDGE_PX, seen.right + gone >= self.width_px - _EDGE_PX
        if not entering and not leaving:
            item.whole = Box(seen.left + gone, seen.top, seen.right + gone, seen.bottom)
        # What the edge of the picture hides is remembered from before.
        left = min(seen.left, item.place.left) if entering else seen.left
        right = max(seen.right, item.place.right) if leaving else seen.right
        item.place = Box(left, seen.top, right, seen.bottom)


def _same(box: Box, place: Box) -> bool:
    return overlap(box, place) > _SAME or overlap(place, box) > _SAME
