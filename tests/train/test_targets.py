"""What the network is to say: smoothed and weighted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sortline_train.targets import SMOOTHING, make_targets


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_the_right_class_has_most_and_each_example_the_weight_of_its_class(chosen: list[int]) -> None:
    labels, weights = np.array(chosen), np.array([0.5, 1, 1.5, 4], np.float32)
    targets = make_targets(labels, weights)
    assert (targets.argmax(axis=1) == labels).all()
    assert np.allclose(targets.sum(axis=1), weights[labels])
    assert np.allclose(targets.min(axis=1), SMOOTHING / 4 * weights[labels])
