"""Near copies: the same photograph altered is found, another photograph is not."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sortline_train.audit.audit import find_near_copies
from sortline_train.audit.candidates import find_candidates
from sortline_train.audit.fingerprint import TURNS, take_fingerprint, turn_picture, turn_vectors
from sortline_train.catalogue import CLASSES, draw_photograph


@pytest.fixture(scope="module")
def drawn():
    return [draw_photograph(CLASSES[seed % len(CLASSES)], seed) for seed in range(30)]


@pytest.fixture(scope="module")
def fingerprints(drawn):
    return [take_fingerprint(image) for image in drawn]


def encode(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def found(first, second):
    return find_near_copies([take_fingerprint(first), take_fingerprint(second)]) == [(0, 1)]


SIDES = st.tuples(*[st.floats(0, 0.03)] * 4)


@settings(max_examples=60)
@given(
    st.integers(0, 29), st.integers(30, 95), st.floats(0.5, 1.6), st.integers(0, 3), st.booleans(), SIDES
)  # fmt: skip
def test_a_copy_saved_anew_resized_turned_mirrored_and_cropped_is_found(
    drawn, nth, quality, scale, quarters, mirrored, sides
):
    image = drawn[nth]
    height, width = image.shape[:2]
    top, bottom, left, right = (
        round(share * side) for share, side in zip(sides, [height] * 2 + [width] * 2, strict=True)
    )
    copy = np.rot90(image[top : height - bottom, left : width - right], quarters)[:, :: -1 if mirrored else 1]
    copy = cv2.resize(np.ascontiguousarray(copy), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert found(image, encode(copy, quality))


def test_photographs_of_different_items_are_no_copies(fingerprints):
    assert find_near_copies(fingerprints) == []


def test_the_same_form_in_another_colour_is_no_copy(drawn):
    assert not any(found(image, np.ascontiguousarray(image[:, :, [1, 2, 0]])) for image in drawn if _colourful(image))


def _colourful(image):
    return np.ptp(image.astype(int), axis=2).mean() > 25


@pytest.mark.parametrize("seed", range(5))
def test_small_items_on_one_white_board_are_no_copies(seed):
    """The board fills nine tenths of both pictures, with the same shadow."""
    random = np.random.default_rng(seed)
    board = np.full((240, 320, 3), 225.0) - 40 * np.linspace(0, 1, 320)[None, :, None]
    pictures = []
    for colour, corner in zip(random.integers(20, 200, (2, 3)), random.integers(60, 140, (2, 2)), strict=True):
        picture = board + random.normal(0, 2, board.shape)
        height, width = random.integers(20, 60, 2)
        picture[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = colour
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    assert not found(*pictures)


def test_one_form_with_two_prints_is_no_copy():
    """Alike as a whole, on the same spot and in the same colours: only the edges of the print tell them apart."""
    rows, columns = np.mgrid[0:240, 0:240]
    form = 90.0 * (np.hypot(rows - 120, columns - 90) < 70) + 40 * (columns > 180)
    pictures = []
    for seed in range(2):
        print_ = cv2.resize(
            np.random.default_rng(seed).normal(size=(40, 40)), (240, 240), interpolation=cv2.INTER_CUBIC
        )
        grey = (100 + form + 25 * print_ * (form == 90)).clip(0, 255).astype(np.uint8)
        pictures.append(np.repeat(grey[:, :, None], 3, axis=2))
    assert len(find_candidates(np.stack([take_fingerprint(picture).vector for picture in pictures])).first) == 1
    assert not found(*pictures)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pictures_have_nothing_to_be_known_by(level):
    blank = np.full((60, 80, 3), level, np.uint8)
    assert not found(blank, blank)


@given(st.integers(0, 29), st.integers(0, TURNS - 1))
def test_a_turned_vector_is_the_vector_of_the_turned_picture(fingerprints, nth, turn):
    one = fingerprints[nth]
    grey = np.repeat(turn_picture(one.grey, turn)[:, :, None], 3, axis=2)
    expected = turn_vectors(take_fingerprint(np.repeat(one.grey[:, :, None], 3, axis=2)).vector[None])[0, turn]
    np.testing.assert_allclose(take_fingerprint(grey).vector, expected, atol=1e-4)


def test_candidates_are_found_among_many_as_among_few():
    """Five thousand do not fit into one heap any more, so this goes through the trees."""
    random = np.random.default_rng(5)
    vectors = random.normal(size=(5000, 64)).astype(np.float32)
    copies = vectors[:200] + 0.3 * random.normal(size=(200, 64))
    vectors[4800:] = turn_vectors(copies.astype(np.float32))[np.arange(200), random.integers(TURNS, size=200)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = find_candidates(vectors)
    found = {(min(pair), max(pair)) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
    assert len({(nth, 4800 + nth) for nth in range(200)} & found) >= 198


def test_each_pair_of_candidates_comes_once_with_the_turn_that_fits(fingerprints):
    vectors = np.stack([one.vector for one in fingerprints])
    everything = np.concatenate([vectors, turn_vectors(vectors)[:, 5]])
    pairs = find_candidates(everything)
    both = {frozenset(pair) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
    assert len(both) == len(pairs.first)
    assert all(frozenset((nth, nth + len(vectors))) in both for nth in range(len(vectors)))
    turned = turn_vectors(everything)[pairs.second, pairs.turn]
    np.testing.assert_allclose((everything[pairs.first] * turned).sum(axis=1), pairs.cosine, atol=1e-4)
