"""Weights rounded together are better for the answers than each to its nearest step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_convert import quantise
from sortline_convert.graph import Graph
from sortline_convert.measure import measure
from sortline_convert.observe import observe
from sortline_convert.quantise import to_int8
from sortline_convert.rounding import _DAMPING, round_rows
from sortline_train.export import to_float32


def drawn_rows(seed, groups, vectors, size, *, outliers=0.0):
    """Weights, their steps, and the covariance of inputs that vary together."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(groups, size, size)) / 4 + random.normal(size=(groups, size, 1))
    rows = random.normal(size=(groups, vectors, size)) * (1 + outliers * (random.random((groups, vectors, size)) < 0.1))
    scales = np.abs(rows).max(axis=2, keepdims=True) / random.uniform(3, 127, (groups, vectors, 1))
    return rows, scales, mixing @ mixing.transpose(0, 2, 1)


def errors(rows, scales, covariance, chosen):
    """Variance of each vector's output error, with the damping that stands for photographs not seen."""
    spread = np.einsum("gdd->g", covariance) / rows.shape[2]
    metric = covariance + np.eye(rows.shape[2]) * (_DAMPING * spread)[:, None, None]
    off = rows - chosen * scales
    return np.einsum("grd,gde,gre->gr", off, metric, off)


shapes = st.tuples(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 5), st.integers(1, 30))


@given(shapes)
def test_never_worse_than_the_nearest(shape):
    given_rows = drawn_rows(*shape)
    rows, scales, _ = given_rows
    chosen = round_rows(*given_rows)
    nearest = np.clip(np.round(rows / scales), -127, 127)
    assert (errors(*given_rows, chosen) <= errors(*given_rows, nearest) * (1 + 1e-9) + 1e-12).all()


@given(shapes)
def test_whole_numbers_that_int8_can_hold(shape):
    rows, scales, covariance = drawn_rows(*shape)
    chosen = round_rows(rows, scales / 3, covariance)  # of which many weights lie beyond the range
    assert (chosen == np.round(chosen)).all()
    assert np.abs(chosen).max() <= 127


@given(shapes)
def test_the_order_of_vectors_and_groups_does_not_matter(shape):
    rows, scales, covariance = drawn_rows(*shape)
    chosen = round_rows(rows, scales, covariance)
    assert (round_rows(rows[:, ::-1], scales[:, ::-1], covariance)[:, ::-1] == chosen).all()
    assert (round_rows(rows[::-1], scales[::-1], covariance[::-1])[::-1] == chosen).all()


def test_inputs_that_go_together_cancel_errors():
    """Ten inputs that are all the same: only the sum of the weights counts, and it is met to half a step."""
    rows = np.full((1, 1, 10), 0.3)
    chosen = round_rows(rows, np.ones((1, 1, 1)), np.ones((1, 10, 10)))
    assert chosen.sum() == 3
    assert np.round(rows).sum() == 0


def test_inputs_of_their_own_are_rounded_to_the_nearest():
    rows, scales, _ = drawn_rows(1, 2, 4, 12)
    assert (round_rows(rows, scales, np.stack([np.eye(12)] * 2)) == np.round(rows / scales)).all()


def test_inputs_that_are_always_zero_do_no_harm():
    rows, scales, covariance = drawn_rows(1, 1, 4, 12)
    covariance[:, :6] = covariance[:, :, :6] = 0
    assert np.isfinite(round_rows(rows, scales, covariance)).all()
    assert (round_rows(rows, scales, np.zeros_like(covariance)) == np.round(rows / scales)).all()


@pytest.fixture(scope="module")
def held_out():
    """Random pictures whose neighbouring pixels are alike."""
    random = np.random.default_rng(11)
    coarse = random.normal(0, 40, (48, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    shade = random.normal((150, 110, 80), 35, (48, 1, 1, 3))
    return np.clip(shade + coarse + random.normal(0, 5, coarse.shape), 0, 255).astype(np.uint8)


def with_its_weights(float32, int8):
    """The float file with what an int8 file's weights and biases stand for: the error of those alone."""
    graph, rounded = Graph(float32), Graph(int8)
    for one, other in zip(graph.weighted(), rounded.weighted(), strict=True):
        sides = [1, 1, 1, -1] if one.kind == "DEPTHWISE_CONV_2D" else [-1] + [1] * (graph.array(one.weights).ndim - 1)
        weights = rounded.array(other.weights) * rounded.scales(other.weights).reshape(sides)
        graph.put(one.weights, weights.astype(np.float32))
        graph.put(one.bias, (rounded.array(other.bias) * rounded.scales(other.bias)).astype(np.float32))
    return graph.to_bytes()


def test_weights_err_less_than_the_nearest_on_pictures_not_seen(float32, held_out, monkeypatch):
    seen = observe(float32, held_out, for_moments=24)
    together = to_int8(float32, seen)
    monkeypatch.setattr(quantise, "round_together", lambda int8, *_: int8)
    nearest = to_int8(float32, seen)
    exact = measure(float32, held_out[24:], "")
    ours, plain = (
        np.square(measure(with_its_weights(float32, file), held_out[24:], "") - exact).mean()
        for file in (together, nearest)
    )
    assert ours < 0.5 * plain


def test_the_same_file_every_time(float32, pictures):
    one, two = (to_int8(float32, observe(float32, pictures, for_moments=9)) for _ in range(2))
    assert one == two


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # the quantiser gives up that bias
def test_a_channel_that_training_has_switched_off_keeps_its_bias(held_out):
    """All its weights are zero, or nearly, and what it says is its bias: counted in its weights' steps, too much."""
    import keras

    keras.utils.set_random_seed(1)
    pixels = keras.Input((32, 32, 3))
    maps = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    conv = keras.layers.Conv2D(4, 3, name="conv")
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(conv(maps)))
    kernel, bias = conv.get_weights()
    kernel[..., 1], kernel[..., 2] = 0, 1e-9
    bias[:] = 0.1, 2.5, -3.0, 0.2
    conv.set_weights([kernel, bias])
    float32 = to_float32(model)
    answers = measure(to_int8(float32, observe(float32, held_out, for_moments=24)), held_out, "")
    step = 7 / 255
    assert np.abs(answers[:, 1] - 2.5).max() < 2 * step
    assert np.abs(answers[:, 2] + 3.0).max() < 2 * step


def test_steps_and_shapes_of_the_file(int8, float32):
    graph, exact = Graph(int8), Graph(float32)
    for one, source in zip(graph.weighted(), exact.weighted(), strict=True):
        stored, meant = graph.array(one.weights), exact.array(source.weights)
        assert stored.dtype == np.int8
        assert stored.shape == meant.shape
        assert stored.min() >= -127
        axis = 3 if one.kind == "DEPTHWISE_CONV_2D" else 0
        sides = [1] * stored.ndim
        sides[axis] = -1
        off = np.abs(stored * graph.scales(one.weights).reshape(sides) - meant)
        assert (off.max() / graph.scales(one.weights).max()) < 12  # moved together, but not away
        assert graph.scales(one.bias) == pytest.approx(graph.scales(one.input)[0] * graph.scales(one.weights), rel=1e-5)
