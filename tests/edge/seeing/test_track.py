"""Identities, from boxes alone."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.preprocess import Box
from sortline_edge.seeing.detect import Blob
from sortline_edge.seeing.track import Item, Tracker

WIDTH = 640
SPEED_PX_S = 500.0


class Belt:
    """Feeds a tracker with boxes given by their place on the belt (`right` behind the picture's left edge at zero)."""

    def __init__(self, width: int = WIDTH) -> None:
        self.tracker = Tracker(width)
        self.left: list[Item] = []

    def show(self, places: Sequence[Box], at_ms: int, told: float = 1.0, *, several: bool = False) -> list[Item]:
        """At a time, with the way told wrongly by the factor `told`."""
        gone = round(SPEED_PX_S * at_ms / 1000)
        return self.show_at(places, at_ms, gone, round(told * gone), several=several)

    def show_at(
        self, places: Sequence[Box], at_ms: int, gone: int, told_px: int, *, several: bool = False
    ) -> list[Item]:
        boxes = []
        for place in places:
            left, right = max(0, place.left + gone), min(self.tracker.width_px, place.right + gone)
            if left < right:
                boxes.append(Box(left, place.top, right, place.bottom))
        blobs = [Blob(box, several) for box in sorted(boxes, key=lambda box: -box.right)]
        self.left += self.tracker.follow(blobs, at_ms * 1_000_000, told_px)
        return self.tracker.items

    @property
    def numbers(self) -> list[int]:
        return [item.number for item in self.tracker.items]


def lie(sizes: Sequence[tuple[int, int]]) -> tuple[list[Box], int]:
    """Items one behind the other, `(gap, length)` each, and where the last one ends."""
    places, front = [], 0
    for gap, length in sizes:
        places.append(at(front + gap, length))
        front += gap + length
    return places, front


def at(front_px: int, length_px: int = 60, top: int = 100, height: int = 60) -> Box:
    return Box(-front_px - length_px, top, -front_px, top + height)


@given(
    sizes=st.lists(st.tuples(st.integers(20, 200), st.integers(20, 150)), min_size=1, max_size=6),
    pauses_ms=st.lists(st.integers(5, 120), min_size=5, max_size=20),
    lost=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 60))),
)
def test_an_item_keeps_its_identity_from_entry_to_exit(
    sizes: list[tuple[int, int]], pauses_ms: list[int], lost: set[tuple[int, int]]
) -> None:
    belt = Belt()
    places, front = lie(sizes)
    numbers: dict[int, set[int]] = {}
    at_ms, nth = 0, 0
    while at_ms * SPEED_PX_S / 1000 < front + WIDTH + 10:
        at_ms += pauses_ms[nth % len(pauses_ms)]
        shown = [place for index, place in enumerate(places) if (index, nth) not in lost]
        for item in belt.show(shown, at_ms):
            (index,) = (k for k, place in enumerate(places) if place.left - 1 <= item.middle_px <= place.right + 1)
            numbers.setdefault(index, set()).add(item.number)
        nth += 1
    assert all(len(found) == 1 for found in numbers.values())
    assert len({number for found in numbers.values() for number in found}) == len(numbers)
    assert len({item.number for item in belt.left}) == len(belt.left)
    assert belt.numbers == []


@given(
    sizes=st.lists(st.tuples(st.integers(28, 200), st.integers(20, 200)), min_size=1, max_size=6),
    told=st.floats(0.85, 1.15),
    steps=st.lists(st.tuples(st.integers(4, 60), st.integers(-3, 3)), min_size=3, max_size=12),
    stops=st.dictionaries(st.integers(1, 40), st.integers(1, 200), max_size=3),
    lost_every=st.integers(3, 9),
)
def test_a_way_told_wrongly_costs_no_identity(
    sizes: list[tuple[int, int]],
    told: float,
    steps: list[tuple[int, int]],
    stops: dict[int, int],
    lost_every: int,
) -> None:
    """Speed wrong by 15 %, stamps wrong by 3 px, every few frames nothing seen, the belt stands now and then."""
    belt = Belt()
    places, front = lie(sizes)
    numbers: dict[int, set[int]] = {}
    gone = nth = 0
    while gone < front + WIDTH + 60:
        step, error = steps[nth % len(steps)]
        gone += step
        for _ in range(1 + stops.get(nth, 0)):
            nth += 1
            shown = [] if nth % lost_every == 0 else places
            belt.show_at(shown, 40 * nth, gone, round(told * gone) + error)
            if shown:
                for item in belt.tracker.items:
                    if item.newest_ns == 40_000_000 * nth:
                        middle = item.middle_px + round(told * gone) + error - gone
                        (index,) = (k for k, at_ in enumerate(places) if at_.left - 2 <= middle <= at_.right + 2)
                        numbers.setdefault(index, set()).add(item.number)
    assert all(len(found) == 1 for found in numbers.values())
    assert len({number for found in numbers.values() for number in found}) == len(numbers) == len(places)
    assert len(belt.left) == len(places)
    assert belt.numbers == []


@given(told=st.floats(0.85, 1.15), hidden_px=st.integers(100, 400))
def test_what_is_learnt_from_some_items_holds_for_one_that_is_not_seen(told: float, hidden_px: int) -> None:
    belt = Belt()
    ahead, hidden = at(0, 40, top=20), at(0, 40, top=200)
    for gone in range(20, 80 + hidden_px, 20):
        belt.show_at([ahead, hidden] if gone <= 80 else [ahead], gone, gone, round(told * gone))
    gone = 80 + hidden_px
    belt.show_at([ahead, hidden], gone, gone, round(told * gone))
    assert belt.numbers == [1, 2]
    assert [item.place.width for item in belt.tracker.items] == [40, 40]


def test_a_belt_that_stands_for_long_and_goes_again_keeps_its_items() -> None:
    belt = Belt()
    belt.show([at(0), at(200)], 600)
    for nth in range(500):
        belt.show_at([at(0), at(200)], 600 + 40 * nth, 300, 300)
    belt.show_at([at(0), at(200)], 20_600, 320, 320)
    assert belt.numbers == [1, 2]
    assert [(item.frames, item.newest_ns) for item in belt.tracker.items] == [(502, 20_600_000_000)] * 2


def test_a_belt_that_stands_though_it_is_told_to_go_keeps_its_items_while_they_are_seen() -> None:
    belt = Belt()
    for nth in range(100):
        belt.show_at([at(0), at(200)], 40 * nth, 300, 300 + 20 * nth)
    assert belt.numbers == [1, 2]


def test_an_item_lost_for_a_while_is_still_itself() -> None:
    belt = Belt()
    (number,) = [item.number for item in belt.show([at(0)], 300)]
    for at_ms in range(320, 800, 40):
        belt.show([], at_ms)
    (item,) = belt.show([at(0)], 800)
    assert item.number == number
    assert item.frames == 2


def test_a_number_is_never_given_again() -> None:
    belt = Belt()
    for nth in range(20):
        belt.show([at(nth * 1000)], nth * 2000 + 300)
    assert [item.number for item in belt.left] + belt.numbers == list(range(1, 21))


def test_an_item_is_whole_only_when_wholly_in_the_picture() -> None:
    belt = Belt()
    seen = {at_ms: [item.whole for item in belt.show([at(0)], at_ms)] for at_ms in (60, 122, 150, 1260, 1278, 1300)}
    assert [bool(whole and whole[0]) for whole in seen.values()] == [False, False, True, True, False, False]
    assert seen[150] == [Box(15, 100, 75, 160)]


def test_the_middle_is_that_of_the_whole_item_also_while_it_leaves() -> None:
    belt = Belt()
    for at_ms in (200, 600, 1300, 1380):
        (item,) = belt.show([at(0)], at_ms)
        assert item.middle_px == -30


def test_what_leaves_is_given_once_also_when_nothing_was_seen_of_it() -> None:
    belt = Belt()
    belt.show([at(0)], 400)
    belt.show([], 1380)
    assert (belt.numbers, belt.left) == ([1], [])
    belt.show([], 1420)
    belt.show([], 1500)
    assert [item.number for item in belt.left] == [1]


def test_parts_become_one_item_when_two_frames_show_them_as_one() -> None:
    belt = Belt()
    belt.show([at(0, 30), at(60, 30)], 300)
    belt.show([at(0, 90)], 320)
    assert belt.numbers == [1, 2]
    (item,) = belt.show([at(0, 90)], 340)
    assert (item.number, item.parts, item.place) == (1, [2], at(0, 90))
    (item,) = belt.show([at(0, 30), at(60, 30)], 360)
    assert (item.number, item.place) == (1, at(0, 90))


def test_items_long_known_apart_do_not_become_one_by_running_together() -> None:
    belt = Belt()
    two = [at(0, 30), at(60, 30)]
    for at_ms in range(300, 500, 20):
        belt.show(two, at_ms)
    for at_ms in range(500, 900, 20):
        belt.show([at(0, 90)], at_ms)
    assert all(item.whole is None for item in belt.tracker.items)
    assert [item.newest_ns for item in belt.tracker.items] == [880_000_000] * 2
    belt.show(two, 900)
    assert [(item.number, item.place, item.frames) for item in belt.tracker.items] == [(1, two[0], 11), (2, two[1], 11)]


def test_an_item_is_several_when_most_frames_that_show_it_whole_say_so() -> None:
    belt = Belt()
    said = []
    for nth, several in enumerate([True, True, False, False, True, True]):
        said += [item.several for item in belt.show([at(0)], 60 + 80 * nth, several=several)]
    # The first frame shows only part of it.
    assert said == [False, True, False, False, False, True]


def test_parts_of_parts_are_remembered() -> None:
    belt = Belt()
    belt.show([at(0, 30), at(60, 30), at(120, 30)], 400)
    for at_ms in (420, 440):
        belt.show([at(0, 30), at(60, 90)], at_ms)
    for at_ms in (460, 480):
        belt.show([at(0, 150)], at_ms)
    assert [(item.number, item.parts) for item in belt.tracker.items] == [(1, [2, 3])]


def test_one_frame_that_joins_two_items_or_stretches_one_changes_nothing() -> None:
    belt = Belt()
    two = [at(0), at(200)]
    belt.show(two, 600)
    for at_ms, flash in ((620, at(0, 260)), (660, at(-100, 400)), (700, at(-200, 640))):
        belt.show([flash], at_ms)
        assert all(item.whole is None for item in belt.tracker.items)
        assert [item.place for item in belt.show(two, at_ms + 20)] == two
    belt.show([two[0]], 740)
    belt.show([at(-150, 300)], 760)
    assert [item.place for item in belt.show(two, 780)] == two
    assert [(item.number, item.parts) for item in belt.tracker.items] == [(1, []), (2, [])]


def test_one_frame_that_stretches_an_item_backwards_changes_nothing() -> None:
    belt = Belt()
    belt.show([at(0)], 600)
    assert [item.whole for item in belt.show([at(0, 200)], 620)] == [None]
    assert [item.place for item in belt.tracker.items] == [at(0)]
    assert [item.place for item in belt.show([at(0, 200)], 640)] == [at(0, 200)]


def test_items_side_by_side_are_two() -> None:
    belt = Belt()
    for at_ms in range(300, 800, 20):
        belt.show([at(0, top=50), at(10, top=200)], at_ms)
    assert belt.numbers == [1, 2]
    assert all(item.whole for item in belt.tracker.items)


def test_a_sliver_at_the_entry_is_not_taken_for_an_item_yet() -> None:
    belt = Belt()
    assert belt.show([at(0)], 16) == []
    assert [item.number for item in belt.show([at(0)], 40)] == [1]


def test_a_sliver_at_the_exit_is_not_taken_for_a_new_item() -> None:
    belt = Belt()
    assert belt.show([at(0)], 1390) == []
    assert [item.number for item in belt.show([at(0)], 1370)] == [1]
