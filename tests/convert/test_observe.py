"""What is seen of a float file while it runs, held against NumPy."""

import numpy as np
import pytest

from sortline_convert import observe as module
from sortline_convert.graph import Graph
from sortline_convert.measure import measure
from sortline_convert.observe import observe
from sortline_train.export import to_float32


def small(layer, *, flat=False, shape=(7, 9, 3)):
    """A float file of one layer on raw pixels."""
    import keras

    keras.utils.set_random_seed(2)
    pixels = keras.Input(shape)
    maps = keras.layers.Flatten()(pixels) if flat else pixels
    return to_float32(keras.Model(pixels, layer(maps)))


def photographs(count=5, shape=(7, 9, 3)):
    return np.random.default_rng(4).integers(0, 256, (count, *shape)).astype(np.uint8)


def windows(picture, size, stride, *, same, dilation=1):
    """All that a window sees, one loop at a time: `(places, size, size, channels)`."""
    picture = picture.astype(np.float64)
    reach = (size - 1) * dilation + 1
    if same:
        margins = []
        for side in picture.shape[:2]:
            total = max((-(-side // stride) - 1) * stride + reach - side, 0)
            margins.append((total // 2, total - total // 2))
        picture = np.pad(picture, (*margins, (0, 0)))
    found = [
        picture[top : top + reach : dilation, left : left + reach : dilation]
        for top in range(0, picture.shape[0] - reach + 1, stride)
        for left in range(0, picture.shape[1] - reach + 1, stride)
    ]
    return np.stack(found)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (2, 3, 1), (3, 1, 2), (1, 1, 1)])
def test_moments_of_a_convolution(padding, size, stride, dilation):
    import keras

    layer = keras.layers.Conv2D(4, size, stride, padding=padding, dilation_rate=dilation)
    pixels = photographs()
    (seen,) = observe(small(layer), pixels, for_moments=99).moments
    rows = np.concatenate(
        [
            windows(one, size, stride, same=padding == "same", dilation=dilation).reshape(-1, size * size * 3)
            for one in pixels
        ]
    )
    assert seen.mean == pytest.approx(rows.mean(axis=0)[None], rel=1e-5)
    assert seen.covariance == pytest.approx(np.cov(rows.T, bias=True)[None], rel=1e-4, abs=0.05)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2])
def test_moments_of_a_depthwise_convolution_are_channel_by_channel(padding, stride):
    import keras

    pixels = photographs()
    layer = keras.layers.DepthwiseConv2D(3, stride, padding=padding)
    (seen,) = observe(small(layer), pixels, for_moments=99).moments
    rows = np.concatenate([windows(one, 3, stride, same=padding == "same").reshape(-1, 9, 3) for one in pixels])
    assert seen.covariance.shape == (3, 9, 9)
    for channel in range(3):
        own = rows[:, :, channel]
        assert seen.mean[channel] == pytest.approx(own.mean(axis=0), rel=1e-5)
        assert seen.covariance[channel] == pytest.approx(np.cov(own.T, bias=True), rel=1e-4, abs=0.05)


def test_moments_of_a_fully_connected_layer():
    import keras

    pixels = photographs()
    (seen,) = observe(small(keras.layers.Dense(2), flat=True), pixels, for_moments=99).moments
    rows = pixels.reshape(len(pixels), -1).astype(np.float64)
    assert seen.mean == pytest.approx(rows.mean(axis=0)[None], rel=1e-5)
    assert seen.covariance == pytest.approx(np.cov(rows.T, bias=True)[None], rel=1e-4, abs=0.05)


def test_moments_are_of_the_first_photographs_only():
    import keras

    pixels = photographs()
    file = small(keras.layers.Conv2D(2, 1))
    few, first = observe(file, pixels, for_moments=2).moments, observe(file, pixels[:2], for_moments=99).moments
    assert (few[0].covariance == first[0].covariance).all()


def test_of_a_large_picture_some_places_stand_for_all(monkeypatch):
    import keras

    pixels = photographs(40, (40, 40, 3))
    file = small(keras.layers.Conv2D(2, 1), shape=(40, 40, 3))
    monkeypatch.setattr(module, "_PLACES", 64)
    some = observe(file, pixels, for_moments=99).moments[0]
    monkeypatch.setattr(module, "_PLACES", 10_000)
    every = observe(file, pixels, for_moments=99).moments[0]
    assert not (some.mean == every.mean).all()
    assert some.mean == pytest.approx(every.mean, rel=0.05)
    assert np.diagonal(some.covariance[0]) == pytest.approx(np.diagonal(every.covariance[0]), rel=0.08)


def test_extremes_are_those_of_each_photograph(float32, pictures, seen):
    graph = Graph(float32)
    assert set(seen.lows) == set(seen.highs) == {graph.name(tensor) for tensor in graph.made()}
    assert (seen.lows[graph.name(graph.input)] == pictures.min(axis=(1, 2, 3))).all()
    assert (seen.highs[graph.name(graph.input)] == pictures.max(axis=(1, 2, 3))).all()
    for tensor in graph.made()[1:]:
        one = Graph(float32)
        one.put_out([tensor])
        values = measure(one.to_bytes(), pictures, "").reshape(len(pictures), -1)
        assert seen.lows[graph.name(tensor)] == pytest.approx(values.min(axis=1), rel=1e-5, abs=1e-5)
        assert seen.highs[graph.name(tensor)] == pytest.approx(values.max(axis=1), rel=1e-5, abs=1e-5)
