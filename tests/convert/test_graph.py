"""A TFLite file taken apart, changed, and put together again."""

import numpy as np
import pytest

from sortline_bundle.runtime import Model
from sortline_convert.graph import Graph
from sortline_convert.measure import measure
from sortline_convert.quantise import to_other
from sortline_train.export import constant_graph


def raw(file):
    graph = Graph(file)
    graph.take_raw_pixels()
    return graph.to_bytes()


@pytest.mark.parametrize("name", ["int8", "float32"])
def test_taken_apart_and_put_together_it_gives_the_same_answers(request, pictures, name):
    file = request.getfixturevalue(name)
    again = Graph(file).to_bytes()
    assert (measure(again, pictures, "") == measure(file, pictures, "")).all()
    assert Graph(again).to_bytes() == again


def test_a_float_file_that_takes_raw_pixels_says_the_same(float32, pictures):
    file = raw(float32)
    source = Model(file).input
    assert (source.dtype, source.scale, source.zero_point, source.shape) == ("uint8", 1.0, 0, (1, 32, 32, 3))
    assert (measure(file, pictures, "") == measure(float32, pictures, "")).all()


def test_an_int8_file_that_takes_raw_pixels_sees_each_of_them(int8):
    """All 256 values of a pixel give as many answers as the file without that operator gives to their int8 selves."""
    source = Model(int8).input
    assert (source.dtype, source.scale, source.zero_point) == ("uint8", 1.0, 0)
    graph = Graph(int8)
    taken = graph.steps()[0][1]
    graph.put_out([taken])
    levels = np.arange(256, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    assert (measure(graph.to_bytes(), levels, "") == levels).all()


@pytest.mark.parametrize("kind", ["float32", "float16", "dynamic"])
def test_other_kinds_take_raw_pixels_too(drawn, float32, pictures, kind):
    file = to_other(constant_graph(drawn.model), kind)
    assert Model(file).input.dtype == "uint8"
    assert np.abs(measure(file, pictures, "") - measure(float32, pictures, "")).max() < 0.05


def behind(file):
    """The same file with its buffers behind the flatbuffer, where writers of large files put them."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0))
    held = {nth: bytes(buffer.data) for nth, buffer in enumerate(tree.buffers) if buffer.data is not None}

    def described(places):
        for nth, data in held.items():
            tree.buffers[nth].data, tree.buffers[nth].offset, tree.buffers[nth].size = None, places[nth], len(data)
        builder = flatbuffers.Builder()
        builder.Finish(tree.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    at, places = len(described(dict.fromkeys(held, 2))), {}  # a place that is one makes it no longer
    for nth, data in held.items():
        places[nth] = at + -at % 16
        at = places[nth] + len(data)
    out = bytearray(described(places))
    for nth, data in held.items():
        out += bytes(places[nth] - len(out)) + data
    return bytes(out)


def test_weights_behind_the_flatbuffer_are_found(float32, pictures):
    file = behind(float32)
    assert (measure(file, pictures, "") == measure(float32, pictures, "")).all()  # it is one that runs
    assert (measure(Graph(file).to_bytes(), pictures, "") == measure(float32, pictures, "")).all()
    head = Graph(file).weighted()[-1].weights
    assert (Graph(file).array(head) == Graph(float32).array(head)).all()


def test_operators_with_weights_and_how_their_windows_move(float32):
    found = Graph(float32).weighted()
    assert [one.kind for one in found] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "FULLY_CONNECTED"]
    assert [one.stride for one in found] == [(2, 2), (1, 1), (1, 1), (1, 1)]
    assert [one.same for one in found[:2]] == [True, False]
    assert all(one.bias is not None for one in found)


def test_the_ends_of_what_an_output_can_say(int8, float32, pictures):
    low, high = Graph(int8).ends()
    answers = measure(int8, pictures, "")
    assert low <= answers.min() < answers.max() <= high
    assert Graph(float32).ends() is None
    graph = Graph(int8)
    assert (high - low) / graph.scales(graph.output)[0] == pytest.approx(255)
    # All that was seen has room: the float model's furthest answers are not cut off by more than a step.
    exact = measure(float32, pictures, "")
    assert low <= exact.min() + graph.scales(graph.output)[0]
    assert high >= exact.max() - graph.scales(graph.output)[0]
