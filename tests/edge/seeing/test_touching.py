"""Whether an outline is that of one item or of several that touch."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sortline_edge.seeing.touching import looks_like_several

Mask = NDArray[np.uint8]


def several(mask: Mask, gap_px: int = 7) -> bool:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return looks_like_several([np.asarray(outline, np.int32) for outline in outlines], gap_px)


def blank() -> Mask:
    return np.zeros((140, 140), np.uint8)


@given(angle=st.floats(0, 180), radius=st.integers(15, 25), other=st.integers(15, 25), overlap_px=st.integers(-3, 1))
def test_two_round_things_that_touch_or_nearly_do_are_several(
    angle: float, radius: int, other: int, overlap_px: int
) -> None:
    mask, way = blank(), radius + other - overlap_px
    turn = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    for centre, size in ((70 - way / 2 * turn, radius), (70 + way / 2 * turn, other)):
        cv2.circle(mask, [round(c) for c in centre], size, 1, -1)
    assert several(mask)


def test_two_boxes_that_touch_at_a_corner_are_several() -> None:
    mask = blank()
    cv2.rectangle(mask, (20, 20), (60, 50), 1, -1)
    cv2.rectangle(mask, (55, 49), (95, 90), 1, -1)
    assert several(mask)


@given(angle=st.floats(0, 180), length=st.integers(8, 60), height=st.integers(8, 60), round_=st.booleans())
def test_a_box_or_a_round_thing_is_one(angle: float, length: int, height: int, round_: bool) -> None:
    mask = blank()
    if round_:
        cv2.ellipse(mask, (70, 70), (length, height), angle, 0, 360, 1, -1)
    else:
        corners = cv2.boxPoints(((70.0, 70.0), (float(length), float(height)), angle))
        cv2.fillConvexPoly(mask, corners.round().astype(np.int32), 1)
    assert not several(mask)


@given(angle=st.integers(0, 360))
def test_a_bottle_with_its_neck_and_cap_is_one(angle: int) -> None:
    mask = blank()
    cv2.rectangle(mask, (50, 60), (80, 110), 1, -1)
    cv2.rectangle(mask, (60, 40), (70, 60), 1, -1)
    cv2.rectangle(mask, (57, 34), (73, 42), 1, -1)
    turned = cv2.warpAffine(mask, cv2.getRotationMatrix2D((70, 70), angle, 1), (140, 140), flags=cv2.INTER_NEAREST)
    assert not several(np.asarray(turned, np.uint8))


def test_parts_with_a_gap_like_a_belt_coloured_band_are_one() -> None:
    mask = blank()
    cv2.rectangle(mask, (30, 50), (60, 80), 1, -1)
    cv2.rectangle(mask, (65, 50), (100, 80), 1, -1)
    assert not several(mask)


@given(st.integers(1, 3), st.integers(1, 3))
def test_the_smallest_blobs_are_one(width: int, height: int) -> None:
    assert not several(np.ones((height, width), np.uint8), 2)
