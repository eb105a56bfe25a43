"""The pixels: nothing squashed, nothing moved, nothing written elsewhere, the same everywhere."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sortline_bundle.digest import sha256
from sortline_bundle.preprocess import Box, InputSpec, preprocess, square_around

SPEC = InputSpec(height=32, width=32)
WIDE = InputSpec(height=32, width=64)
TALL = InputSpec(height=48, width=16)
BARE = InputSpec(height=32, width=32, margin=0.0)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def made(image, spec=SPEC, box=None, order="RGB"):
    out = np.full((spec.height, spec.width, 3), 77, np.uint8)
    preprocess(image, spec, out, box, order)
    return out


def blob(image):
    """Middle and spread, across and down, of what is bright in an image, in pixels."""
    weight = image[..., 0].astype(float)
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    middle = [(weight * place).sum() / weight.sum() for place in (columns, rows)]
    spread = [
        np.sqrt((weight * (place - centre) ** 2).sum() / weight.sum())
        for place, centre in zip((columns, rows), middle, strict=True)
    ]
    return np.array(middle), np.array(spread)


sizes = st.integers(1, 150)
specs = st.sampled_from([SPEC, WIDE, TALL, BARE])


@st.composite
def boxes(draw, height, width, beyond=300):
    """A box that overlaps an image of this size, however little."""
    left, top = draw(st.integers(-beyond, width - 1)), draw(st.integers(-beyond, height - 1))
    right = draw(st.integers(max(left, 0) + 1, width + beyond))
    bottom = draw(st.integers(max(top, 0) + 1, height + beyond))
    return Box(left, top, right, bottom)


@pytest.mark.parametrize("spec", [SPEC, WIDE, TALL])
def test_a_whole_image_of_the_inputs_size_comes_out_as_it_is(spec):
    image = noise(spec.height, spec.width)
    np.testing.assert_array_equal(made(image, spec), image)


def test_a_box_of_the_inputs_size_without_margin_is_cut_out():
    image = noise(100, 90)
    np.testing.assert_array_equal(made(image, BARE, Box(20, 30, 52, 62)), image[30:62, 20:52])


@settings(max_examples=40)
@given(sizes, sizes, specs, st.data())
def test_blue_green_red_gives_the_same_pixels(height, width, spec, data):
    image = noise(height, width)
    box = data.draw(st.none() | boxes(height, width))
    expected = made(image, spec, box)
    np.testing.assert_array_equal(made(image[..., ::-1], spec, box, "BGR"), expected)
    np.testing.assert_array_equal(made(np.ascontiguousarray(image[..., ::-1]), spec, box, "BGR"), expected)


@settings(max_examples=40)
@given(sizes, sizes, specs, st.data())
def test_how_an_image_lies_in_memory_makes_no_difference(height, width, spec, data):
    image = noise(height, width)
    box = data.draw(st.none() | boxes(height, width))
    before = image.copy()
    expected = made(image, spec, box)
    np.testing.assert_array_equal(image, before)
    inside = np.pad(image, ((3, 5), (7, 2), (0, 0)))[3 : 3 + height, 7 : 7 + width]
    np.testing.assert_array_equal(made(inside, spec, box), expected)
    np.testing.assert_array_equal(made(np.asfortranarray(image), spec, box), expected)
    image.flags.writeable = False
    np.testing.assert_array_equal(made(image, spec, box), expected)


@settings(max_examples=40)
@given(specs, st.integers(16, 300), st.sampled_from(["RGB", "BGR"]))
def test_what_needs_no_reduction_is_what_opencvs_bit_exact_kernel_makes_of_it(spec, longest, order):
    scale = longest / max(spec.height, spec.width)
    height, width = round(spec.height * scale), round(spec.width * scale)
    assume(square_around(Box(0, 0, width, height), spec, 0.0) == (1, Box(0, 0, width, height)))
    image = noise(height, width)
    expected = cv2.resize(image, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR_EXACT)
    np.testing.assert_array_equal(made(image if order == "RGB" else image[..., ::-1], spec, order=order), expected)


@given(st.lists(st.tuples(sizes, sizes, specs), min_size=2, max_size=4))
def test_an_image_comes_out_the_same_whatever_was_made_before_it(calls):
    looks = [made(noise(height, width), spec) for height, width, spec in calls]
    for (height, width, spec), look in zip(reversed(calls), reversed(looks), strict=True):
        np.testing.assert_array_equal(made(noise(height, width), spec), look)


def test_threads_do_not_disturb_each_other():
    images = [noise(side, side, side) for side in (40, 50, 60, 250)]
    expected = [made(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for look, nth in zip(pool.map(made, images * 50), itertools.cycle(range(4)), strict=False):
            np.testing.assert_array_equal(look, expected[nth])


@settings(max_examples=40)
@given(specs, st.integers(1, 100), st.integers(1, 100), st.tuples(*[st.integers(0, 200)] * 4))
def test_an_item_looks_the_same_wherever_it_lies(spec, width, height, places):
    item = noise(height, width)
    looks = []
    for across, down in (places[:2], places[2:]):
        # Room for the largest square on every side.
        image = np.full((1500, 1500, 3), 40, np.uint8)
        left, top = across + 600, down + 600
        image[top : top + height, left : left + width] = item
        looks.append(made(image, spec, Box(left, top, left + width, top + height)))
    np.testing.assert_array_equal(looks[0], looks[1])


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), specs, st.data())
def test_outside_of_the_image_its_edge_is_repeated(height, width, spec, data):
    image = noise(height, width)
    box = data.draw(boxes(height, width, beyond=40))
    room = 300  # for the largest square
    padded = np.pad(image, ((room, room), (room, room), (0, 0)), mode="edge")
    moved = Box(*(side + room for side in box))
    np.testing.assert_array_equal(made(image, spec, box), made(padded, spec, moved))


def test_a_box_that_touches_the_image_in_one_column_shows_that_column():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 0] = 200
    # Rounded to whole multiples of its factor, this square lies all outside.
    assert square_around(Box(-1000, 0, 1, 40), BARE, 0.0)[1].right <= 0
    assert (made(image, BARE, Box(-1000, 0, 1, 40)) == 200).all()
    assert (made(image.transpose(1, 0, 2), BARE, Box(0, -1000, 40, 1)) == 200).all()
    assert (made(image[:, ::-1], BARE, Box(39, 0, 1040, 40)) == 200).all()


@given(st.integers(1, 400), st.integers(1, 400), specs, st.floats(0, 1))
def test_the_square_keeps_the_inputs_aspect_and_the_boxs_middle(width, height, spec, margin):
    box = Box(10, 20, 10 + width, 20 + height)
    factor, square = square_around(box, spec, margin)
    assert square.width % factor == square.height % factor == 0
    scale = max(width / spec.width, height / spec.height) * (1 + margin)
    assert abs(square.width - scale * spec.width) <= factor / 2 + 1e-6
    assert abs(square.height - scale * spec.height) <= factor / 2 + 1e-6
    assert abs(square.left + square.right - box.left - box.right) <= 1
    assert abs(square.top + square.bottom - box.top - box.bottom) <= 1
    assert factor <= max(1, scale) < factor + 1


@pytest.mark.parametrize("spec", [SPEC, WIDE, TALL])
@pytest.mark.parametrize("radius", [30, 61, 150])
@pytest.mark.parametrize("stretch", [(0, 0), (40, 0), (0, 70)])
def test_a_circle_stays_a_circle(spec, radius, stretch):
    image = np.zeros((1200, 1200, 3), np.uint8)
    cv2.circle(image, (600, 590), radius, (255, 255, 255), cv2.FILLED, cv2.LINE_AA)
    across, down = stretch
    box = Box(600 - radius - across, 590 - radius - down, 601 + radius + across, 591 + radius + down)
    middle, spread = blob(made(image, spec, box))
    assert spread[0] == pytest.approx(spread[1], rel=0.03, abs=0.1)
    np.testing.assert_allclose(middle, (spec.width / 2, spec.height / 2), atol=0.6)
    scale = max(box.width / spec.width, box.height / spec.height) * (1 + spec.margin)
    assert spread[0] == pytest.approx(radius / 2 / scale, rel=0.06, abs=0.16)


def test_a_long_image_is_not_squashed_either():
    image = np.zeros((64, 256, 3), np.uint8)
    cv2.circle(image, (128, 32), 20, (255, 255, 255), cv2.FILLED)
    for turned in (image, image.transpose(1, 0, 2)):
        _, spread = blob(made(np.ascontiguousarray(turned)))
        assert spread[0] == pytest.approx(spread[1], rel=0.05)
        assert spread[0] == pytest.approx(10 / 8, rel=0.1)


def test_the_margin_is_for_boxes_only():
    image = noise(64, 64)
    np.testing.assert_array_equal(made(image, SPEC), made(image, BARE))
    assert (made(image, SPEC, Box(0, 0, 64, 64)) != made(image, BARE, Box(0, 0, 64, 64))).any()
    np.testing.assert_array_equal(made(image, BARE, Box(0, 0, 64, 64)), made(image, BARE))
    item = np.zeros((200, 200, 3), np.uint8)
    item[80:120, 80:120] = 255
    for margin in (0.0, 0.25, 1.0):
        spec = InputSpec(height=32, width=32, margin=margin)
        bright = made(item, spec, Box(80, 80, 120, 120)).mean() / 255
        assert bright == pytest.approx((1 / (1 + margin)) ** 2, rel=0.03)


@given(st.integers(2, 6), specs, st.integers(0, 5))
def test_blocks_of_one_colour_become_that_colour(factor, spec, seed):
    colours = noise(spec.height, spec.width, seed)
    image = colours.repeat(factor, axis=0).repeat(factor, axis=1)
    np.testing.assert_array_equal(made(image, spec), colours)


@settings(max_examples=40)
@given(st.integers(2, 6), specs, st.integers(0, 5))
def test_a_whole_factor_is_the_mean_of_each_block(factor, spec, seed):
    image = noise(spec.height * factor, spec.width * factor, seed)
    blocks = image.reshape(spec.height, factor, spec.width, factor, 3).mean(axis=(1, 3))
    assert np.abs(made(image, spec).astype(float) - blocks).max() <= 0.5 + 1e-9
    exact = cv2.resize(image, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(made(image, spec), exact)


@pytest.mark.parametrize("side", range(66, 96, 4))
def test_print_finer_than_the_pixels_becomes_grey_and_no_pattern(side):
    image = np.zeros((side, side, 3), np.uint8)
    image[:, ::2] = 255
    assert np.abs(made(image).astype(int) - 128).max() <= 1


@given(sizes, sizes, specs, st.data())
def test_one_colour_stays_that_colour(height, width, spec, data):
    image = np.full((height, width, 3), (10, 128, 250), np.uint8)
    box = data.draw(st.none() | boxes(height, width))
    assert (made(image, spec, box) == (10, 128, 250)).all()


@pytest.mark.parametrize("order", ["RGB", "BGR"])
@pytest.mark.parametrize("size", [(32, 32), (20, 20), (100, 131)])
def test_the_result_is_written_into_out_and_nowhere_else(order, size):
    image = noise(*size)
    rows = np.full((5, 32, 32, 3), 77, np.uint8)
    preprocess(image, SPEC, rows[2], order=order)
    np.testing.assert_array_equal(rows[2], made(image, order=order))
    assert (rows[[0, 1, 3, 4]] == 77).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.int8),
        np.zeros((8, 8, 3), np.uint16),
    ],
)
def test_an_image_of_another_shape_or_type_is_refused(image):
    with pytest.raises(ValueError, match=r"image must be \(H, W, 3\) uint8, received"):
        made(image)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((32, 64, 3), np.uint8),
        np.zeros((64, 32), np.uint8),
        np.zeros((1, 64, 32, 3), np.uint8),
        np.zeros((64, 32, 3), np.int8),
        np.zeros((64, 32, 3), np.float32),
        np.zeros((64, 64, 3), np.uint8)[:, ::2],
        np.zeros((64, 32, 3), np.uint8, order="F"),
    ],
)
def test_an_out_of_another_shape_or_type_is_refused(out):
    with pytest.raises(ValueError, match=r"out must be \(64, 32, 3\) uint8 contiguous, received"):
        preprocess(noise(8, 8), InputSpec(height=64, width=32), out)
    assert not out.any()


@pytest.mark.parametrize(
    "box",
    [(5, 5, 5, 9), (5, 5, 9, 5), (9, 5, 5, 9), (5, 9, 9, 5), (-5, 0, 0, 8), (0, -5, 8, 0), (8, 0, 9, 8), (0, 8, 8, 9)],
)
def test_a_box_that_is_empty_or_outside_is_refused(box):
    with pytest.raises(ValueError, match="box"):
        made(noise(8, 8), SPEC, Box(*box))


@pytest.mark.parametrize("shape", [(0, 8, 3), (8, 0, 3), (0, 0, 3)])
def test_an_empty_image_is_refused(shape):
    with pytest.raises(ValueError, match="empty"):
        made(np.zeros(shape, np.uint8))


def test_the_bilinear_pixels_are_those_of_every_other_machine():
    # Should these ever change, bundles made before would see other pixels than their models learnt from.
    image = (np.arange(47 * 61 * 3, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8).reshape(47, 61, 3)
    looks = [made(image, spec, box) for spec in (SPEC, WIDE) for box in (None, Box(-9, 5, 30, 40), Box(50, 9, 61, 29))]
    assert sha256(np.concatenate([look.ravel() for look in looks]).tobytes()) == (
        "7b9049caf157a178df45b0dca7bc10e4b1c8ea457256d2756aae49649b614dc9"
    )
