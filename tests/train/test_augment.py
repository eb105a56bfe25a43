import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sortline_train.augment import augment
from sortline_train.masks import find_masks


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(arrays(np.uint8, (24, 32, 3)), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_view_is_an_image_of_the_same_kind(image: np.ndarray, seed: int, grounds: float) -> None:
    view = augment(image, np.full((24, 32), 255, np.uint8), generator(seed), grounds)
    assert view.shape == image.shape
    assert view.dtype == np.uint8


@pytest.mark.parametrize("grounds", [0.0, 1.0])
def test_the_same_seed_gives_the_same_view_and_another_seed_another(grounds: float) -> None:
    image, mask = generator(0).integers(0, 256, (40, 40, 3), dtype=np.uint8), np.full((40, 40), 255, np.uint8)
    first, again, other = (augment(image, mask, generator(seed), grounds) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_photograph_itself_is_left_alone() -> None:
    image, mask = np.full((16, 16, 3), 90, np.uint8), np.full((16, 16), 255, np.uint8)
    for seed in range(6):
        augment(image, mask, generator(seed), 0.5)
    assert (image == 90).all()
    assert (mask == 255).all()


def test_views_turn_the_item_all_the_way_round() -> None:
    image, mask = np.full((64, 64, 3), 200, np.uint8), np.full((64, 64), 255, np.uint8)
    image[28:36, 40:60] = 10  # an item right of the middle
    sides = set()
    for seed in range(60):
        rows, columns = np.nonzero(augment(image, mask, generator(seed), 0.0)[..., 0] < 80)
        sides.add((rows.mean() > 32, columns.mean() > 32))
    assert len(sides) == 4


def test_on_another_ground_the_item_is_close_up_in_the_middle_and_nothing_of_the_old_ground_is_left() -> None:
    image, mask = np.zeros((96, 96, 3), np.uint8), np.zeros((96, 96), np.uint8)
    image[...] = (0, 255, 0)  # a ground that no other ground is like
    image[10:30, 10:40] = (255, 0, 255)
    mask[10:30, 10:40] = 255
    for seed in range(20):
        view = augment(image, mask, generator(seed), 1.0).astype(int)
        green = (view[..., 1] - np.maximum(view[..., 0], view[..., 2])) > 100
        item = (np.minimum(view[..., 0], view[..., 2]) - view[..., 1]) > 100
        rows, columns = np.nonzero(item)
        assert green.mean() < 0.01
        assert abs(rows.mean() - 48) < 14
        assert abs(columns.mean() - 48) < 14
        assert max(np.ptp(rows), np.ptp(columns)) > 35


def test_outlines_are_found_on_plain_boards_and_the_whole_picture_is_taken_elsewhere() -> None:
    pixels = np.full((2, 96, 96, 3), 230, np.uint8)
    pixels[0, 30:60, 20:80] = (40, 60, 150)
    pixels[1] = generator(0).integers(0, 256, (96, 96, 3))
    masks = find_masks(pixels)
    expected = np.zeros((96, 96), bool)
    expected[30:60, 20:80] = True
    assert ((masks[0] > 0) == expected).mean() > 0.97
    assert (masks[1] == 255).all()
