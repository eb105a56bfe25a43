"""Boxes out of pictures of the belt."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sortline_bundle.preprocess import Box
from sortline_edge.seeing.detect import Blob, Detector, join, overlap, surround

SMALLEST_PX = 20
GRID_PX = 4


def boxes_in(detector: Detector, picture: NDArray[np.uint8], gone_px: int = 0) -> list[Box]:
    return [blob.box for blob in detector.blobs(picture, SMALLEST_PX, gone_px)]


def used_to(picture: NDArray[np.uint8]) -> Detector:
    detector = Detector()
    boxes_in(detector, picture)
    return detector


@settings(deadline=None, max_examples=40)
@given(left=st.integers(0, 220), top=st.integers(0, 130), length=st.integers(24, 100), height=st.integers(24, 70))
def test_an_item_is_found_where_it_lies(world: Any, left: int, top: int, length: int, height: int) -> None:
    detector = used_to(world.draw([], 0))
    picture = world.draw([world.thing(-left - length, length, top, height)], 0, 1)
    (box,) = boxes_in(detector, picture)
    assert tuple(box) == pytest.approx((left, top, left + length, top + height), abs=GRID_PX)


def test_items_are_given_from_the_exit_to_the_entry(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    things = [world.thing(-60, 40), world.thing(-300, 40, top=120), world.thing(-180, 40)]
    found = boxes_in(detector, world.draw(things, 0, 1))
    assert [box.right for box in found] == pytest.approx([300, 180, 60], abs=GRID_PX)


def test_dirt_is_passed_over_and_a_thin_long_thing_is_not(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    things = [world.thing(-60, 12, height=12), world.thing(-200, 60, height=8)]
    (box,) = boxes_in(detector, world.draw(things, 0, 1))
    assert box.right == pytest.approx(200, abs=GRID_PX)


def test_an_item_that_lies_there_from_the_first_picture_on_is_found(world: Any) -> None:
    (box,) = boxes_in(Detector(), world.draw([world.thing(-200, 80)], 0))
    assert box.right == pytest.approx(200, abs=GRID_PX)


def test_the_belt_is_followed_while_the_light_changes_slowly(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    for nth in range(200):
        assert boxes_in(detector, world.draw([], 0, nth) + np.uint8(nth // 2)) == []
    bright = world.draw([world.thing(-200, 80, colour=(200, 40, 40))], 0)
    bright += np.minimum(99, 255 - bright)
    (box,) = boxes_in(detector, bright)
    assert box.right == pytest.approx(200, abs=GRID_PX)


@pytest.mark.parametrize("change", [-60, -24, 24, 60, 120])
def test_after_a_sudden_change_of_light_the_belt_is_learnt_anew(world: Any, change: int) -> None:
    detector = used_to(np.clip(world.draw([], 0).astype(int) + change, 0, 255).astype(np.uint8))
    for nth in range(400):
        boxes_in(detector, world.draw([], 0, nth), 10 * nth)
    assert boxes_in(detector, world.draw([], 0)) == []
    (box,) = boxes_in(detector, world.draw([world.thing(-200, 80)], 0, 1))
    assert box.right == pytest.approx(200, abs=GRID_PX)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a_step_of_the_light_is_followed_at_once(world: Any, factor: float) -> None:
    detector = used_to(world.draw([], 0))
    picture = np.clip(factor * world.draw([world.thing(-200, 80)], 0, 1), 0, 255).astype(np.uint8)
    (box,) = boxes_in(detector, picture)
    assert tuple(box) == pytest.approx((120, 30, 200, 80), abs=GRID_PX)


def test_the_shade_of_the_lens_is_learnt_while_the_belt_goes(world: Any) -> None:
    shade = 1 - 0.5 * np.linspace(-1, 1, 320)[None, :, None] ** 2
    detector = Detector()
    for nth in range(100):
        boxes_in(detector, (shade * world.draw([], 0, nth)).astype(np.uint8), 30 * nth)
    assert boxes_in(detector, (shade * world.draw([], 0)).astype(np.uint8), 3000) == []
    (box,) = boxes_in(detector, (shade * world.draw([world.thing(-310, 40)], 0, 1)).astype(np.uint8), 3000)
    assert tuple(box) == pytest.approx((270, 30, 310, 80), abs=GRID_PX)


def test_an_item_on_a_belt_that_stands_does_not_become_belt(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    for nth in range(1000):
        (box,) = boxes_in(detector, world.draw([world.thing(-200, 80)], 0, nth), 7)
        assert tuple(box) == pytest.approx((120, 30, 200, 80), abs=GRID_PX)
    assert boxes_in(detector, world.draw([], 0), 7) == []


@settings(deadline=None, max_examples=20)
@given(left=st.integers(0, 300), length=st.integers(2, SMALLEST_PX - 4), change=st.sampled_from([-60, -30, 30, 90]))
def test_a_print_across_the_belt_is_belt_and_what_lies_on_it_is_not(
    world: Any, left: int, length: int, change: int
) -> None:
    detector = used_to(world.draw([], 0))
    seam, item = world.thing(-left - length, length, 0, 200, (70 + change,) * 3), world.thing(-left - 40, 60)
    assert boxes_in(detector, world.draw([seam], 0, 1)) == []
    (box,) = boxes_in(detector, world.draw([seam, item], 0, 2))
    assert box.top == pytest.approx(30, abs=GRID_PX)
    assert box.bottom == pytest.approx(80, abs=GRID_PX)


def test_a_long_thin_item_across_the_belt_is_an_item(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    (box,) = boxes_in(detector, world.draw([world.thing(-200, 12, 20, 160)], 0, 1))
    assert (box.top, box.bottom) == pytest.approx((20, 180), abs=GRID_PX)


def test_a_shadow_is_not_part_of_an_item_and_something_grey_is_an_item(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    item, shadow = world.thing(-200, 80), world.thing(-224, 80, 40, 50, (40, 40, 40))
    (box,) = boxes_in(detector, world.draw([shadow, item], 0, 1))
    assert tuple(box) == pytest.approx((120, 30, 200, 80), abs=GRID_PX)
    (box,) = boxes_in(detector, world.draw([shadow], 0, 2))
    assert tuple(box) == pytest.approx((144, 40, 224, 90), abs=GRID_PX)


def test_a_faint_cloud_beside_an_item_is_not_part_of_it(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    item, cloud = world.thing(-200, 80), world.thing(-280, 80, colour=(86, 86, 86))
    (box,) = boxes_in(detector, world.draw([cloud, item], 0, 1))
    assert tuple(box) == pytest.approx((120, 30, 200, 80), abs=2 * GRID_PX)


def test_a_small_picture_is_not_made_smaller(world: Any) -> None:
    belt, item = np.full((100, 160, 3), 70, np.uint8), np.full((9, 11, 3), (210, 50, 50), np.uint8)
    detector = used_to(belt)
    belt = belt.copy()
    belt[33:42, 51:62] = item
    assert detector.blobs(belt, 8, 0) == [Blob(Box(51, 33, 62, 42))]


def test_items_do_not_become_belt_however_many_pass(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    things = [world.thing(150 * nth, 100) for nth in range(20)]
    for nth in range(100):
        boxes_in(detector, world.draw(things, 30 * nth, nth), 30 * nth)
    assert len(boxes_in(detector, world.draw([world.thing(-200, 80)], 0))) == 1


def test_parts_nearer_than_an_item_is_small_are_one_item(world: Any) -> None:
    detector = used_to(world.draw([], 0))
    near = [world.thing(-100, 40), world.thing(-154, 40)]
    apart = [world.thing(-100, 40), world.thing(-170, 40)]
    assert len(boxes_in(detector, world.draw(near, 0, 1))) == 1
    assert len(boxes_in(detector, world.draw(apart, 0, 1))) == 2


boxes = st.builds(
    lambda left, top, width, height: Box(left, top, left + width, top + height),
    *(st.integers(0, 200), st.integers(0, 200), st.integers(1, 60), st.integers(1, 60)),
)


def apart_px(box: Box, other: Box) -> int:
    across = max(box.left, other.left) - min(box.right, other.right)
    return max(across, max(box.top, other.top) - min(box.bottom, other.bottom))


@given(st.lists(boxes, max_size=8), st.integers(1, 40))
def test_joining_leaves_boxes_that_lie_apart_and_hold_all_that_there_was(found: list[Box], apart: int) -> None:
    joined = join(found, apart)
    assert all(apart_px(box, other) >= apart for nth, box in enumerate(joined) for other in joined[:nth])
    for box in found:
        assert sum(surround([box, whole]) == whole for whole in joined) == 1
    if found:
        assert surround(found) == surround(joined)


@given(boxes, boxes)
def test_overlap_is_a_share_of_the_first_box(box: Box, other: Box) -> None:
    assert 0 <= overlap(box, other) <= 1
    assert (overlap(box, other) == 0) == (apart_px(box, other) >= 0)
    assert overlap(box, box) == overlap(box, surround([box, other])) == 1
    assert overlap(Box(0, 0, 10, 10), Box(5, 0, 20, 20)) == 0.5


@pytest.mark.parametrize("gone_px", [0, 12])
def test_a_lamp_that_goes_out_and_comes_back_leaves_no_item(gone_px: int) -> None:
    """Whether the belt stands meanwhile or goes."""
    random = np.random.default_rng(3)
    belt = random.normal((40, 80, 66), 6, (120, 1200, 3))
    detector, found = Detector(), []
    for nth in range(60):
        start = 1000 - (gone_px * nth) % 900
        light = 0.0 if 20 <= nth < 32 else 1.0
        picture = np.clip(light * belt[:, start : start + 160] + random.normal(0, 1, (120, 160, 3)), 0, 255)
        found.append(detector.blobs(picture.astype(np.uint8), 12, gone_px * nth))
    assert not any(found[5:])
