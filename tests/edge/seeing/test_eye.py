"""Items by the photo-eye."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.preprocess import Box
from sortline_edge.seeing.detect import Blob
from sortline_edge.seeing.eye import Eye
from sortline_edge.seeing.track import Item

WIDTH, HEIGHT = 640, 480
SMALLEST, LONGEST = 20, 200
AHEAD = -500  # the eye is 180 px before the picture


class Belt:
    """An eye and a camera over a belt that goes 1 px at a time; things are `(front, length)` at way 0, 0 the eye."""

    def __init__(self, things: Sequence[tuple[int, int]], *, ahead: int = AHEAD) -> None:
        self.eye = Eye(WIDTH, HEIGHT, ahead, SMALLEST, LONGEST)
        self.things, self.ahead, self.gone = things, ahead, 0
        self.left: list[Item] = []
        self.covered = False

    def go(self, px: int, *, step: int = 10, blobs: bool = True, pause: int = 1) -> list[Item]:
        for _ in range(px):
            self.gone += 1
            covered = any(front < self.gone <= front + length for front, length in self.things)
            if covered != self.covered:
                self.covered = covered
                self.eye.edge(active=covered, at_ns=self.gone * 1_000_000, gone_px=self.gone)
            if self.gone % step == 0:
                for _ in range(pause):
                    shown = [Blob(self.box(thing)) for thing in self.things] if blobs else []
                    self.left += self.eye.follow(shown, self.gone * 1_000_000, self.gone)
        return self.eye.items

    def box(self, thing: tuple[int, int]) -> Box:
        front, length = thing
        right = WIDTH // 2 + self.ahead + self.gone - front
        return Box(right - length, 100, right, 160)


things = st.lists(st.tuples(st.integers(SMALLEST + 1, 300), st.integers(SMALLEST + 1, LONGEST - 1)), max_size=8)


@given(gaps=things, step=st.integers(3, 60), glitches=st.lists(st.integers(1, SMALLEST - 2), min_size=8, max_size=8))
def test_every_item_is_given_once_with_its_place_and_length(
    gaps: list[tuple[int, int]], step: int, glitches: list[int]
) -> None:
    """Short glitches lie in gaps that leave the belt free on both sides of them."""
    lying, dirt, front = [], [], 0
    for (gap, length), glitch in zip(gaps, glitches, strict=False):
        if gap > glitch + 2 * SMALLEST:
            dirt.append((front + SMALLEST, glitch))
        lying.append((front + gap, length))
        front += gap + length
    belt, seen = Belt(sorted(lying + dirt)), {}
    while belt.gone < front + WIDTH + 400:
        for item in belt.go(step, step=step, blobs=False):
            seen[item.number] = item
            if item.whole:
                assert item.whole.left == item.place.left + belt.gone
    assert [item.number for item in belt.left] == sorted(seen) == list(range(1, len(lying) + 1))
    assert belt.eye.items == []
    for item, (start, length) in zip(belt.left, lying, strict=True):
        # Covered from the way `start + 1` on: the belt here goes by whole pixels.
        assert item.place.right == pytest.approx(WIDTH / 2 + AHEAD - start, abs=1)
        assert item.place.width == pytest.approx(length, abs=1)
        assert item.first_ns == (start + 1) * 1_000_000
        assert not item.several


def test_where_it_is_in_the_picture_comes_from_its_place_and_its_height_from_the_blobs() -> None:
    belt = Belt([(0, 80)])
    (item,) = belt.go(110)
    assert (item.whole, item.frames) == (None, 2)
    (item,) = belt.go(290)
    assert item.whole == Box(139, 100, 219, 160)
    assert item.newest_ns == 400_000_000
    assert item.frames > 2


def test_without_a_blob_it_is_looked_for_over_the_whole_height() -> None:
    (item,) = Belt([(0, 80)]).go(400, blobs=False)
    assert item.whole == Box(139, 0, 219, HEIGHT)


def test_an_item_is_whole_only_wholly_in_the_picture() -> None:
    belt = Belt([(0, 80)])
    whole = [bool(item.whole) for _ in range(90) for item in belt.go(10)]
    first = whole.index(True)
    assert whole == [False] * first + [True] * whole.count(True) + [False] * (len(whole) - first - whole.count(True))
    assert (WIDTH - 80) // 10 - 1 <= whole.count(True) <= (WIDTH - 80) // 10


def test_what_covers_the_eye_for_long_is_several() -> None:
    (item,) = Belt([(0, LONGEST + 20)]).go(400)
    assert item.several


def test_two_items_beside_each_other_are_several() -> None:
    eye = Eye(WIDTH, HEIGHT, 0, SMALLEST, LONGEST)
    eye.edge(active=True, at_ns=0, gone_px=0)
    eye.edge(active=False, at_ns=0, gone_px=80)
    beside = [Blob(Box(320, 50, 420, 150)), Blob(Box(330, 200, 400, 300))]
    eye.follow(beside, 1, 100)
    (item,) = eye.items
    assert (item.several, item.whole) == (True, Box(340, 50, 420, 300))


def test_a_blob_that_looks_like_several_makes_the_item_several() -> None:
    eye = Eye(WIDTH, HEIGHT, 0, SMALLEST, LONGEST)
    eye.edge(active=True, at_ns=0, gone_px=0)
    eye.edge(active=False, at_ns=0, gone_px=80)
    eye.follow([Blob(Box(340, 50, 420, 150), several=True)], 1, 100)
    assert [item.several for item in eye.items] == [True]


def test_a_hole_in_an_item_does_not_make_it_two() -> None:
    (item,) = Belt([(0, 30), (30 + SMALLEST - 5, 40)]).go(300)
    assert item.place.width == 30 + SMALLEST - 5 + 40


def test_a_belt_that_stands_with_the_eye_covered_makes_no_item_longer() -> None:
    belt = Belt([(0, 80)])
    belt.go(40, pause=500)
    (item,) = belt.go(200)
    assert item.place.width == 80


def test_an_item_past_the_picture_when_the_eye_sees_its_end_is_still_given_once() -> None:
    belt = Belt([(0, 80)], ahead=500)
    numbers = [item.number for _ in range(30) for item in belt.go(10)]
    assert numbers == [1]
    assert [item.number for item in belt.left] == [1]
