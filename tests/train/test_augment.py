import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sortline_train.augment import Shot, augment
from sortline_train.grounds import SIDE, draw_grounds
from sortline_train.lens import expose

GROUNDS = draw_grounds(seed=1, count=6)
SIZE = 64
GREEN, PURPLE = (0, 255, 0), (255, 0, 255)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def item_on_green() -> Shot:
    """A purple item on a ground that no other ground is like."""
    pixels, mask = np.full((96, 96, 3), GREEN, np.uint8), np.zeros((96, 96), np.uint8)
    pixels[10:30, 10:40] = PURPLE
    mask[10:30, 10:40] = 255
    return Shot(pixels, mask)


def greenness(view: np.ndarray) -> np.ndarray:
    """How much greener than red and blue each pixel is, whatever the light."""
    red, green, blue = np.moveaxis(view.astype(int), 2, 0)
    return green - (red + blue) / 2


@given(
    arrays(np.uint8, (24, 32, 3)), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([16, 40])
)
def test_a_view_is_a_square_image_of_the_asked_size(image: np.ndarray, seed: int, share: float, side: int) -> None:
    mask = np.zeros((24, 32), np.uint8)
    mask[4:20, 8:24] = 255
    view = augment(Shot(image, mask), GROUNDS, share, side, generator(seed))
    assert view.shape == (side, side, 3)
    assert view.dtype == np.uint8


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_same_seed_gives_the_same_view_and_another_seed_another(share: float) -> None:
    first, again, other = (augment(item_on_green(), GROUNDS, share, SIZE, generator(seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_photograph_itself_is_left_alone() -> None:
    shot = item_on_green()
    for seed in range(8):
        augment(shot, GROUNDS, 0.5, SIZE, generator(seed))
    assert np.array_equal(shot.pixels, item_on_green().pixels)
    assert np.array_equal(shot.mask, item_on_green().mask)


def test_views_turn_the_item_all_the_way_round() -> None:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    pixels[28:36, 40:60] = 10  # an item right of the middle
    sides = set()
    for seed in range(60):
        view = augment(Shot(pixels, np.full((64, 64), 255, np.uint8)), GROUNDS, 1.0, SIZE, generator(seed))
        rows, columns = np.nonzero(view.mean(axis=2) < view.mean() * 0.7)
        sides.add((rows.mean() > 32, columns.mean() > 32))
    assert len(sides) == 4


def test_half_of_the_photographs_shown_whole_stay_nearly_upright() -> None:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    pixels[44:] = 10  # dark below
    upright = 0
    for seed in range(200):
        view = augment(Shot(pixels, np.full((64, 64), 255, np.uint8)), GROUNDS, 0.0, SIZE, generator(seed))
        rows, columns = np.nonzero(view.mean(axis=2) < view.mean() * 0.7)
        upright += rows.mean() - 32 > 2 * abs(columns.mean() - 32)
    assert 0.5 < upright / 200 < 0.75  # of the others some are upright by chance


def test_on_another_ground_the_item_is_near_the_middle_and_nothing_of_the_old_ground_is_left() -> None:
    views = (greenness(augment(item_on_green(), GROUNDS, 1.0, 96, generator(seed))) for seed in range(40))
    coloured = [view for view in views if view.min() < -100]  # some have next to no colour left
    assert len(coloured) > 25
    for view in coloured:
        rows, columns = np.nonzero(view < -60)
        assert (view > 80).mean() < 0.01
        assert abs(rows.mean() - 48) < 16
        assert abs(columns.mean() - 48) < 16
        assert max(np.ptp(rows), np.ptp(columns)) > 25


def test_the_share_of_views_on_other_grounds_is_as_asked() -> None:
    views = (augment(item_on_green(), GROUNDS, 0.4, 32, generator(seed)) for seed in range(200))
    elsewhere = sum((greenness(view) > 60).mean() < 0.2 for view in views)
    assert elsewhere / 200 == pytest.approx(0.4, abs=0.1)


def test_an_item_without_an_outline_stays_where_it_was_photographed() -> None:
    shot = item_on_green()._replace(mask=np.full((96, 96), 255, np.uint8))
    views = (augment(shot, GROUNDS, 1.0, SIZE, generator(seed)) for seed in range(20))
    assert all((greenness(view) > 60).mean() > 0.2 for view in views)


def test_grounds_differ_and_come_again_with_their_seed() -> None:
    assert GROUNDS.shape == (6, SIDE, SIDE, 3)
    assert np.array_equal(draw_grounds(seed=1, count=6), GROUNDS)
    assert not np.array_equal(draw_grounds(seed=2, count=6), GROUNDS)
    middles = GROUNDS.reshape(6, -1, 3).mean(axis=1)
    assert np.linalg.norm(middles[:, None] - middles[None], axis=2)[np.triu_indices(6, 1)].min() > 2


def test_a_camera_changes_light_and_colour_but_not_what_is_seen() -> None:
    edge = np.full((64, 64, 3), 60, np.uint8)
    edge[:, 32:] = 190
    means = set()
    for seed in range(40):
        view = expose(edge, generator(seed))
        assert view.shape == edge.shape
        assert view[:, 40:].mean() > view[:, :24].mean() + 50
        means.add(round(view.mean()))
    assert len(means) > 15
