"""Gives every item on the belt one identity.

An item lies still on the belt, and how far the belt has gone is told: so an item's place on the belt is fixed, and a
blob in the picture belongs to the item whose place it covers. Items do not shift when one of them is lost.

What is told may be wrong by some share (a speed set wrongly) and by a few pixels (a frame stamped early or late). Both
show in how far the items seen lie from their places, for all of them alike, since nothing moves on the belt: places are
set right by every frame, those of unseen items too, and the share is learnt and allowed for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import median

from sortline_bundle.preprocess import Box
from sortline_edge.seeing.detect import Blob, overlap, surround

_SAME = 0.3
_PART = 0.6
_EDGE_PX = 3
_GROWTH_PX = 16
_SLIVER_PX = 12  # of an item that enters or leaves, so little is too little to know it by
_KNOWN_FRAMES = 5  # items that were whole and apart so often are items, whatever runs together later
# The share by which the way is wrong: what was seen over about the last `1 / (1 - _MEMORY)` frames says it, with the
# weight of `_BELIEF_PX` of belt for that it is none.
_MEMORY, _BELIEF_PX, _MOST_WRONG = 0.9, 60.0, 0.3


@dataclass(slots=True)
class Item:
    """One thing on the belt.

    Attributes:
        number: Its identity; no two items of a station's life share one.
        place: Its box on the belt: as in the picture, with `left` and `right` moved back by how far the belt has gone.
        first_ns: Capture time of the first frame that showed it.
        newest_ns: Capture time of the newest frame that showed it.
        frames: In how many frames it was seen.
        whole: Its box in the newest frame if it is wholly in the picture and apart from others there, else None.
        several: Whether it looks like several items that cannot be told apart.
        parts: Numbers of what was first taken for items of their own and turned out to be parts of this one.
    """

    number: int
    place: Box
    first_ns: int
    newest_ns: int
    frames: int = 0
    whole: Box | None = None
    several: bool = False
    parts: list[int] = field(default_factory=list)

    @property
    def middle_px(self) -> float:
        """Where its middle lies on the belt, in pixels."""
        return (self.place.left + self.place.right) / 2


@dataclass(slots=True)
class Votes:
    """In how many frames an item was whole, and in how many of these it looked like several."""

    whole: int = 0
    several: int = 0

    def take(self, *, several: bool) -> bool:
        """Take what one frame says; whether most of them say `several`."""
        self.whole += 1
        self.several += several
        return 2 * self.several > self.whole


@dataclass(slots=True)
class Tracker:
    """Follows items through the picture.

    Attributes:
        width_px: Width of the picture.
        items: Those in the picture now, oldest first.
    """

    width_px: int
    items: list[Item] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _votes: dict[int, Votes] = field(default_factory=dict)
    _sudden: set[tuple[int, ...]] = field(default_factory=set)
    _gone_px: int | None = None
    _gone_by_far: float = 0.0
    _wrong_by_far: float = 0.0

    def follow(self, blobs: Iterable[Blob], captured_ns: int, gone_px: int) -> list[Item]:
        """Take the blobs of one frame.

        Args:
            blobs: What the frame shows.
            captured_ns: When it was taken.
            gone_px: How far the belt had gone then, in pixels of the picture; only differences matter.

        Returns:
            The items that have left the picture since the frame before; `items` are those still in it.
        """
        went = gone_px - (gone_px if self._gone_px is None else self._gone_px)
        self._gone_px = gone_px
        expected = round(self._wrong_share * went)
        for item in self.items:
            item.whole = None
            item.place = _moved(item.place, expected)
        seen, unclear = self._claim([Blob(_moved(box, -gone_px), several) for box, several in blobs], captured_ns)
        slips = [
            slip for number, blob in seen.items() if (slip := self._slip(self._item(number), blob.box)) is not None
        ]
        slip = round(median(slips)) if slips else 0
        self._learn(went, expected + slip if slips else None)
        for item in self.items:
            if item.number in seen:
                self._see(item, seen[item.number])
            else:
                item.place = _moved(item.place, slip)
            if item.number in seen or item.number in unclear:
                item.newest_ns = captured_ns
        left = [item for item in self.items if item.place.left + gone_px >= self.width_px - _EDGE_PX]
        for item in left:
            self._forget(item.number)
        return left

    @property
    def _wrong_share(self) -> float:
        share = self._wrong_by_far / (self._gone_by_far + _BELIEF_PX)
        return max(-_MOST_WRONG, min(_MOST_WRONG, share))

    def _learn(self, went_px: int, wrong_px: int | None) -> None:
        if went_px > 0 and wrong_px is not None:
            self._gone_by_far = _MEMORY * self._gone_by_far + went_px
            self._wrong_by_far = _MEMORY * self._wrong_by_far + wrong_px

    def _claim(self, blobs: Sequence[Blob], captured_ns: int) -> tuple[dict[int, Blob], set[int]]:
        """Whose each blob is: what was seen of each item, and the items that cannot be told apart in this frame."""
        claims: dict[int, list[Blob]] = {}
        unclear: set[int] = set()
        before, self._sudden = self._sudden, set()
        for blob in blobs:
            owners = [item for item in self.items if _same(blob.box, item.place)]
            numbers = tuple(owner.number for owner in owners)
            if not owners:
                if self._is_sliver(blob.box):
                    continue
                owners = [Item(next(self._numbers), blob.box, first_ns=captured_ns, newest_ns=captured_ns)]
                self.items.extend(owners)
                self._votes[owners[0].number] = Votes()
            elif self._is_sudden(blob.box, owners):
                self._sudden.add(numbers)
                if numbers in before:
                    owners = [self._merge(owners)]
                else:
                    unclear.update(numbers)
            elif len(owners) > 1:
                unclear.update(numbers)
            for owner in owners:
                claims.setdefault(owner.number, []).append(blob)
        seen = {
            item.number: Blob(surround([blob.box for blob in mine]), any(blob.several for blob in mine))
            for item in self.items
            if (mine := claims.get(item.number)) and item.number not in unclear
        }
        return seen, unclear

    def _is_sliver(self, box: Box) -> bool:
        left, right = self._in_picture(box)
        return right <= _SLIVER_PX or left >= self.width_px - _SLIVER_PX

    def _in_picture(self, box: Box) -> tuple[int, int]:
        gone = self._gone_px or 0
        return box.left + gone, box.right + gone

    def _at_edges(self, box: Box) -> tuple[bool, bool]:
        """Whether a box is cut by the picture's left edge, where items enter, and by its right."""
        left, right = self._in_picture(box)
        return left <= _EDGE_PX, right >= self.width_px - _EDGE_PX

    def _slip(self, item: Item, seen: Box) -> int | None:
        """How far an item lies from its place: of an edge that is in the picture. None where that cannot be said."""
        entering, leaving = self._at_edges(seen)
        if item.frames == 0 or (entering and leaving):
            return None
        if entering:
            return seen.right - item.place.right
        if leaving:
            return seen.left - item.place.left
        slips = (seen.left - item.place.left, seen.right - item.place.right)
        return min(slips, key=abs)  # the edge that the item did not grow at

    def _is_sudden(self, box: Box, owners: Sequence[Item]) -> bool:
        """Whether a box shows items to be parts of one, or one to be longer than it was.

        Nothing on a belt grows together. Two frames must say so: in one of them it may be a flash or a reflection. And
        items that were long known to be apart stay so.
        """
        if len(owners) > 1:
            known = all(self._votes[owner.number].whole >= _KNOWN_FRAMES for owner in owners)
            return not known and all(overlap(owner.place, box) >= _PART for owner in owners)
        (owner,) = owners
        behind = self._votes[owner.number].whole > 0 and box.left < owner.place.left - _GROWTH_PX
        return behind or box.right > owner.place.right + _GROWTH_PX

    def _merge(self, owners: Sequence[Item]) -> Item:
        eldest, *parts = owners
        eldest.parts.extend(number for part in parts for number in (part.number, *part.parts))
        for part in parts:
            self._forget(part.number)
        return eldest

    def _forget(self, number: int) -> None:
        self.items = [item for item in self.items if item.number != number]
        del self._votes[number]

    def _item(self, number: int) -> Item:
        return next(item for item in self.items if item.number == number)

    def _see(self, item: Item, blob: Blob) -> None:
        entering, leaving = self._at_edges(blob.box)
        left, top, right, bottom = blob.box
        if item.frames and leaving:
            # What has left the picture already is remembered from before.
            right = max(right, item.place.right + (0 if entering else left - item.place.left))
        item.frames += 1
        item.place = Box(left, top, right, bottom)
        if not entering and not leaving:
            item.whole = _moved(blob.box, self._gone_px or 0)
            item.several = self._votes[item.number].take(several=blob.several)


def _moved(box: Box, by_px: int) -> Box:
    return Box(box.left + by_px, box.top, box.right + by_px, box.bottom)


def _same(box: Box, place: Box) -> bool:
    return overlap(box, place) > _SAME or overlap(place, box) > _SAME
