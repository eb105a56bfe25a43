"""What is tried when the first file does not hold: other ranges, another head, a stretch left in float."""

import numpy as np
import pytest

from sortline_convert import sensitivity
from sortline_convert.examine import examine
from sortline_convert.graph import Graph
from sortline_convert.measure import measure
from sortline_convert.quantise import to_int8, to_int8_by_tensorflow
from sortline_convert.refit import refit_head
from sortline_convert.sensitivity import sensitive_stretches
from sortline_train.export import constant_graph


@pytest.fixture(scope="module")
def poor(float32, seen):
    """An int8 file whose ranges are far too wide."""
    return to_int8(float32, seen._replace(highs={name: 8 * high for name, high in seen.highs.items()}))


def head_of(file):
    graph = Graph(file)
    head = graph.weighted()[-1]
    return graph.array(head.weights).astype(np.float64), graph.array(head.bias).astype(np.float64)


def test_the_head_fitted_anew_says_more_of_what_the_float_model_says(float32, poor, pictures):
    below = Graph(poor)
    below.put_out([below.weighted()[-1].input])
    features = measure(below.to_bytes(), pictures, "").reshape(len(pictures), -1)
    aim = measure(float32, pictures, "")
    before, after = (
        np.square(features @ weights.T + bias - aim).mean()
        for weights, bias in (head_of(float32), head_of(refit_head(float32, poor, pictures)))
    )
    assert after < 0.7 * before


def test_where_nothing_was_lost_the_head_stays(float32, pictures):
    same = Graph(float32)
    same.take_raw_pixels()
    for one, other in zip(head_of(refit_head(float32, same.to_bytes(), pictures)), head_of(float32), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_the_stretch_that_gains_most_by_staying_in_float_comes_first(float32, seen, pictures, monkeypatch):
    monkeypatch.setattr(sensitivity, "_STRETCH", 1)
    stretches = sensitive_stretches(float32, seen, pictures)
    assert len(stretches) == len(Graph(float32).weighted())
    aim = measure(float32, pictures[:48], "")
    errors = [
        np.square(measure(to_int8(float32, seen, exempt=one), pictures[:48], "") - aim).mean() for one in stretches
    ]
    assert errors == sorted(errors)
    assert errors[0] < errors[-1]


def test_stretches_hold_every_operator_once(float32, seen, pictures):
    graph = Graph(float32)
    names = [name for stretch in sensitive_stretches(float32, seen, pictures) for name in stretch]
    assert sorted(names) == sorted(graph.name(output) for _, output in graph.steps())


def test_tensorflows_quantiser_takes_raw_pixels_of_photographs_without_black_and_white(drawn, float32, pictures):
    soft = np.clip(pictures, 60, 180)
    file = to_int8_by_tensorflow(constant_graph(drawn.model), soft)
    examine(file, "int8", drawn.model.count_params())
    graph = Graph(file)
    assert graph.scales(graph.input).tolist() == [1.0]
    assert np.abs(measure(file, soft, "") - measure(float32, soft, "")).mean() < 0.3
