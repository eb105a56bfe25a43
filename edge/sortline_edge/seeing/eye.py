"""Items by the photo-eye: what covers it lies where the belt was then, and is as long as the belt went meanwhile.

The eye says where an item begins and ends along the belt; where it lies across the belt, and whether others lie beside
it, only the picture can say. There is an item from when its rear is past the eye, so the eye should be before the
picture.

The way of the belt, in pixels, is counted as in `track.py`: what passes the middle of the picture at way `w` has its
place at `width_px / 2 - w`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from sortline_bundle.preprocess import Box
from sortline_edge.seeing.detect import Blob, surround
from sortline_edge.seeing.track import Item, Votes

_EDGE_PX = 3
_SAME = 0.3  # a blob belongs to an item that it shares so much of the way along the belt with, of the shorter of both


@dataclass(slots=True)
class Eye:
    """Makes items of the edges of a photo-eye; to the core it is what a `Tracker` is.

    Attributes:
        width_px: Width of the picture.
        height_px: Height of the picture.
        ahead_px: From the middle of the picture to the eye, along the belt; negative: items pass the eye before.
        smallest_px: What covers the eye for less of the belt is a glitch, and so is a gap that is shorter.
        longest_px: What covers it for more is several items.
        items: Those past the eye and not past the picture, oldest first.
    """

    width_px: int
    height_px: int
    ahead_px: float
    smallest_px: float
    longest_px: float
    items: list[Item] = field(default_factory=list)
    _new: list[Item] = field(default_factory=list)
    _votes: dict[int, Votes] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _covered: tuple[float, int] | None = None  # since which way and time
    _ending: tuple[float, int, float] | None = None  # from which way and time, to which way

    def edge(self, *, active: bool, at_ns: int, gone_px: float) -> None:
        """The eye was covered or became free.

        Args:
            active: Covered.
            at_ns: When.
            gone_px: How far the belt had gone then, in pixels.
        """
        if active and self._covered is None:
            if self._ending is not None and gone_px - self._ending[2] < self.smallest_px:
                self._covered, self._ending = self._ending[:2], None
            else:
                self._end()
                self._covered = (gone_px, at_ns)
        elif not active and self._covered is not None:
            self._ending, self._covered = (*self._covered, gone_px), None

    def follow(self, blobs: Iterable[Blob], captured_ns: int, gone_px: int) -> list[Item]:
        """Take the blobs of one frame, as `Tracker.follow` does.

        Returns:
            The items that have left the picture since the frame before. Each was in `items` for one frame at least.
        """
        left = [item for item in self.items if item.place.left + gone_px >= self.width_px - _EDGE_PX]
        for item in left:
            del self._votes[item.number]
        if self._ending is not None and gone_px - self._ending[2] >= self.smallest_px:
            self._end()
        self.items = [*(item for item in self.items if item not in left), *self._new]
        self._new = []
        seen = list(blobs)
        for item in self.items:
            self._see(item, seen, captured_ns, gone_px)
        return left

    def _end(self) -> None:
        """What covered the eye is past it for good: an item, or a glitch."""
        if self._ending is None:
            return
        (start_px, start_ns, end_px), self._ending = self._ending, None
        if end_px - start_px < self.smallest_px:
            return
        place = Box(self._place(end_px), 0, self._place(start_px), self.height_px)
        # Both its ends were seen: it counts as seen twice, even if the camera never shows it.
        item = Item(next(self._numbers), place, first_ns=start_ns, newest_ns=start_ns, frames=2)
        item.several = place.width > self.longest_px
        self._votes[item.number] = Votes()
        self._new.append(item)

    def _place(self, gone_px: float) -> int:
        """The place on the belt that was before the eye then."""
        return round(self.width_px / 2 + self.ahead_px - gone_px)

    def _see(self, item: Item, blobs: Sequence[Blob], captured_ns: int, gone_px: int) -> None:
        left, right = item.place.left + gone_px, item.place.right + gone_px
        item.whole = None
        if left <= _EDGE_PX or right >= self.width_px - _EDGE_PX:
            return
        mine = [blob for blob in blobs if _along(blob.box, left, right) > _SAME]
        around = surround([blob.box for blob in mine]) if mine else Box(left, 0, right, self.height_px)
        item.frames += 1
        item.newest_ns = captured_ns
        item.place = Box(item.place.left, around.top, item.place.right, around.bottom)
        item.whole = Box(left, around.top, right, around.bottom)
        # Beside each other they cover the eye as one.
        doubtful = self._votes[item.number].take(several=len(mine) > 1 or any(blob.several for blob in mine))
        item.several = doubtful or item.place.width > self.longest_px


def _along(box: Box, left: int, right: int) -> float:
    """How much of the way along the belt a box shares with a stretch of it, of the shorter of both."""
    return (min(box.right, right) - max(box.left, left)) / min(box.width, right - left)
