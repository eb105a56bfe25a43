"""The optimiser of fine-tuning: what it does to each kind of kernel, and its rate."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_train.optimizer import make_optimizer

RATE = 1e-2


def step(shape: tuple[int, ...], gradient: Any) -> Any:
    """What one step at full rate changes of a variable."""
    variable = keras.Variable(np.zeros(shape, np.float32))
    optimizer = make_optimizer(RATE, 40)
    optimizer.build([variable])
    optimizer.iterations.assign(2)  # the warm-up is over
    optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [variable])
    return np.asarray(variable)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([(1, 1, 24, 8), (1, 1, 8, 24), (3, 3, 4, 16)]), st.integers(0, 2**31), st.floats(-3, 3))
def test_a_kernel_moves_equally_far_in_every_direction(shape: tuple[int, ...], seed: int, scale: float) -> None:
    gradient = np.random.default_rng(seed).standard_normal(shape) * 10**scale
    gradient += 10 * 10**scale  # one direction is many times steeper than the others
    change = step(shape, gradient)
    assert float((change * gradient).sum()) < 0
    lengths = np.linalg.svd(change.reshape(-1, shape[-1]), compute_uv=False)
    assert lengths.max() / lengths.min() < 4
    steep = np.linalg.svd(gradient.reshape(-1, shape[-1]), compute_uv=False)
    assert steep[0] / steep[-1] > 10
    # As large as Adam's steps are after a while: a fifth of the rate.
    assert np.sqrt((change**2).mean()) == pytest.approx(0.2 * RATE, rel=0.4)


@pytest.mark.parametrize("shape", [(3, 3, 16, 1), (16, 5), (16,)], ids=["depthwise", "head", "bias"])
def test_what_is_no_kernel_of_mixed_channels_is_moved_by_adam(shape: tuple[int, ...]) -> None:
    gradient = np.random.default_rng(0).standard_normal(shape)
    change = step(shape, gradient)
    assert np.array_equal(np.sign(change), -np.sign(gradient))
    assert np.abs(change).max() / np.abs(change).min() < 1.1  # Adam's first steps are equally long in every number


def test_the_rate_rises_then_falls_to_nothing() -> None:
    optimizer = make_optimizer(RATE, 100)
    rates = []
    for now in range(101):
        optimizer.iterations.assign(now)
        rates.append(float(optimizer.learning_rate))
    assert rates[0] == 0
    assert rates[5] == pytest.approx(RATE)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-8)
