"""What the network is to say: smoothed, weighted, and blended as the pictures are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sortline_train.targets import SMOOTHING, blend, make_targets


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_the_right_class_has_most_and_each_example_the_weight_of_its_class(chosen: list[int]) -> None:
    labels, weights = np.array(chosen), np.array([0.5, 1, 1.5, 4], np.float32)
    targets = make_targets(labels, weights)
    assert (targets.argmax(axis=1) == labels).all()
    assert np.allclose(targets.sum(axis=1), weights[labels])
    assert np.allclose(targets.min(axis=1), SMOOTHING / 4 * weights[labels])


@given(st.integers(1, 8), st.integers(0, 2**31))
def test_maps_and_targets_are_blended_alike_and_nothing_is_lost(count: int, seed: int) -> None:
    own = np.eye(count, dtype=np.float32)
    maps = np.tile(own[:, None, None], (1, 2, 3, 1))
    mixed, targets = blend(maps, own, np.random.default_rng(seed))
    assert np.allclose(mixed, np.tile(targets[:, None, None], (1, 2, 3, 1)))
    assert np.allclose(targets.sum(axis=1), 1)
    for nth, shares in enumerate(targets):
        assert {int(other) for other in np.flatnonzero(shares)} <= {nth, count - 1 - nth}
    again = blend(maps, own, np.random.default_rng(seed))
    assert np.array_equal(mixed, again[0])


def test_most_examples_are_hardly_blended() -> None:
    own = np.eye(1000, dtype=np.float32)
    _, targets = blend(own[:, None, None], own, np.random.default_rng(0))
    largest = targets.max(axis=1)
    assert (largest > 0.9).mean() > 0.5
    assert 0.02 < (largest < 0.6).mean() < 0.2
