"""Gives every item on the belt one identity.

An item lies still on the belt, and the belt's speed is known: so an item's place on the belt is fixed, and a box in the
picture belongs to the item whose place it covers. Items do not shift when one of them is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from sortline_bundle.preprocess import Box
from sortline_edge.detect import overlap

_SAME = 0.3
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
    """

    number: int
    place: Box
    first_ns: int
    frames: int = 0
    whole: Box | None = None

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
        on_belt = [Box(box.left - gone, box.top, box.right - gone, box.bottom) for box in boxes]
        claims: dict[int, list[Box]] = {item.number: [] for item in self.items}
        for box in on_belt:
            owners = [item for item in self.items if _same(box, item.place)]
            if not owners:
                owners = [Item(number=next(self._numbers), place=box, first_ns=captured_ns)]
                self.items.append(owners[0])
                claims[owners[0].number] = []
            for owner in owners:
                claims[owner.number].append(box)
        touching = {id(box) for box in on_belt if sum(box is other for own in claims.values() for other in own) > 1}
        for item in self.items:
            own = claims[item.number]
            item.whole = None
            if own and not any(id(box) in touching for box in own):
                self._see(item, own, gone)
        left = [item for item in self.items if item.place.left + gone >= self.width_px - _EDGE_PX]
        self.items = [item for item in self.items if item not in left]
        return left

    def _see(self, item: Item, own: list[Box], gone: int) -> None:
        seen = Box(
            min(box.left for box in own),
            min(box.top for box in own),
            max(box.right for box in own),
            max(box.bottom for box in own),
        )
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
