"""The table of backbones, against `keras.applications` itself."""

import gc
import importlib
import math
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError
from sortline_bundle.runtime import Model
from sortline_convert.examine import examine
from sortline_convert.measure import measure
from sortline_convert.observe import observe
from sortline_convert.quantise import to_int8
from sortline_train.backbones import (
    BACKBONES,
    build_backbone,
    check_size,
    cut_points,
    find_backbone,
    prepare_arrays,
)
from sortline_train.export import to_float32

PAGE = Path(__file__).parents[2] / "docs" / "backbones.md"
# One row of each constructor.
KINDS = list({row.constructor: row for row in BACKBONES.values()}.values())
HOMES = {
    "MobileNetV2": "mobilenet_v2",
    "MobileNet": "mobilenet",
    "MobileNetV3Small": "mobilenet_v3",
    "MobileNetV3Large": "mobilenet_v3",
    "EfficientNetV2B0": "efficientnet_v2",
    "ResNet50": "resnet50",
    "InceptionV3": "inception_v3",
    "VGG16": "vgg16",
}


def by_name(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


@pytest.fixture(autouse=True)
def light():
    """Large networks do not pile up."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def random():
    return np.random.default_rng(11)


# The table


@by_name(BACKBONES.values())
def test_fine_tuning_starts_where_one_tensor_is_all_that_crosses(row):
    with keras.StatelessScope(initialize_variables=False):
        network = build_backbone(row, row.smallest)
    assert network.name == "backbone"
    assert row.fine_tune_from in cut_points(network)


@by_name(KINDS)
def test_the_smallest_size_is_that_of_keras(row):
    check_size(row, row.smallest)
    for refuse in (check_size, build_backbone):
        with pytest.raises(ConfigError, match=f"size {row.smallest - 1} is too small for backbone {row.name}"):
            refuse(row, row.smallest - 1)
    with pytest.raises(ValueError, match="at least"):
        constructor(row)(
            weights=None, include_top=False, input_shape=(row.smallest - 1, row.smallest - 1, 3), **row.arguments
        )


def constructor(row):
    return getattr(keras.applications, row.constructor)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="backbone 'resnet9000' is not known; there are mobilenet_v2, mobilenet_v2_0"):
        find_backbone("resnet9000")


def test_layers_have_the_same_names_however_many_were_made_before():
    def names():
        with keras.StatelessScope(initialize_variables=False):
            network = build_backbone(find_backbone("inception_v3"), 75)
        return [operation.name for operation in network.operations]

    assert names() == names()


def macs(network):
    """Multiply-accumulates of the convolutions for one picture."""
    return sum(
        math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    )


@by_name(BACKBONES.values())
def test_the_page_has_its_figures(row):
    with keras.StatelessScope(initialize_variables=False):
        network = build_backbone(row, row.default_size)
    parameters = sum(math.prod(weight.shape) for weight in network.weights)
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{row.name}`")]
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert len(lines) == 1
    assert cells[1:4] == [str(row.default_size), f"{parameters / 1e6:.2f}", f"{macs(network) / 1e6:.0f}"]


# Scaling


@by_name(KINDS)
def test_raw_pixels_give_what_keras_applications_gives_with_its_own_preprocessing(row, random):
    size = row.smallest
    pixels = random.integers(0, 256, (2, size, size, 3)).astype(np.float32)
    # With the scaling in the network where keras.applications has it there, since `arguments` leave it out.
    width = {name: value for name, value in row.arguments.items() if name != "include_preprocessing"}
    theirs = constructor(row)(weights=None, include_top=False, input_shape=(size, size, 3), **width)
    preprocess = importlib.import_module(f"keras.applications.{HOMES[row.constructor]}").preprocess_input
    network = build_backbone(row, size)
    arrays = theirs.get_weights()
    network.set_weights(prepare_arrays(row, arrays))

    expected = np.asarray(theirs(preprocess(pixels.copy())))
    scaled = np.asarray(row.scaling_layer()(pixels))
    found = np.asarray(network(scaled))
    extent = np.abs(expected).max()
    assert extent > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * extent)
    # Random kernels would show neither unscaled pixels nor exchanged colours if the comparison were too lenient.
    for wrong in (pixels, scaled[..., ::-1]):
        assert np.abs(np.asarray(network(wrong)) - expected).max() > 1e-2 * extent


@by_name(KINDS)
def test_preparing_arrays_twice_changes_nothing(row, random):
    arrays = [random.random((3, 3, 3, 8), np.float32), random.random(8, np.float32)]
    once = prepare_arrays(row, arrays)
    assert np.array_equal(once[0], arrays[0]) != row.bgr
    for found, given_ in zip(prepare_arrays(row, once), arrays, strict=True):
        np.testing.assert_array_equal(found, given_)


@by_name(KINDS)
def test_a_network_for_any_size_is_the_one_for_a_multiple_of_32(row, random):
    fixed, free = build_backbone(row, 96), build_backbone(row, None)
    assert free.input_shape == (None, None, None, 3)
    free.set_weights(fixed.get_weights())
    scaled = np.asarray(row.scaling_layer()(random.integers(0, 256, (1, 96, 96, 3)).astype(np.float32)))
    expected = np.asarray(fixed(scaled))
    np.testing.assert_allclose(np.asarray(free(scaled)), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


# Cuts


def test_the_cuts_of_vgg16_are_all_its_layers():
    with keras.StatelessScope(initialize_variables=False):
        network = build_backbone(find_backbone("vgg16"), 32)
    assert cut_points(network) == [layer.name for layer in network.layers[1:]]


@pytest.mark.parametrize(
    ("name", "some", "none"),
    [
        (
            "mobilenet_v2",
            ["Conv1", "block_1_expand", "block_2_expand", "block_3_expand", "block_10_expand", "Conv_1", "out_relu"],
            ["block_2_expand_BN", "block_2_depthwise", "block_2_add", "block_15_project_BN"],
        ),
        (
            "resnet50",
            ["conv1_pad", "conv2_block1_1_conv", "conv2_block1_out", "conv4_block3_1_conv", "conv5_block3_out"],
            ["conv2_block1_0_conv", "conv2_block1_add", "conv4_block3_2_conv", "conv4_block3_3_bn"],
        ),
    ],
)
def test_a_cut_is_beside_a_shortcut_and_never_inside(name, some, none):
    with keras.StatelessScope(initialize_variables=False):
        network = build_backbone(find_backbone(name), 32)
    points = cut_points(network)
    order = [layer.name for layer in network.layers]
    assert points == sorted(points, key=order.index)
    assert set(some) <= set(points)
    assert not set(none) & set(points)


def test_the_two_parts_of_a_cut_network_are_the_network(random):
    network = build_backbone(find_backbone("mobilenet_v2_0.35"), 32)
    pixels = random.random((2, 32, 32, 3), np.float32)
    whole = np.asarray(network(pixels))
    for point in cut_points(network)[1::24]:
        crossing = network.get_layer(point).input
        below = keras.Model(network.input, crossing)(pixels)
        above = keras.Model(crossing, network.output)(below)
        np.testing.assert_allclose(above, whole, rtol=1e-5, atol=1e-6 * np.abs(whole).max())


@st.composite
def wirings(draw):
    """For each layer, in order, which of the ones before it (0 is the input) it takes; every one is used."""
    count = draw(st.integers(1, 7))
    wiring = [draw(st.sets(st.integers(0, nth), min_size=1, max_size=3)) for nth in range(count)]
    unused = set(range(count)) - set().union(*wiring)
    return [*wiring, unused | {count}]


@settings(max_examples=60, deadline=None)
@given(wirings())
def test_a_layer_is_a_cut_exactly_if_nothing_goes_round_its_input(wiring):
    made = [keras.Input((1,), name="input")]
    for nth, taken in enumerate(wiring, start=1):
        tensors = [made[one] for one in sorted(taken)]
        layer = keras.layers.Add(name=f"layer{nth}") if len(tensors) > 1 else keras.layers.Identity(name=f"layer{nth}")
        made.append(layer(tensors if len(tensors) > 1 else tensors[0]))
    model = keras.Model(made[0], made[-1])

    def reaches_the_input_without(banned):
        reached, waiting = set(), [len(wiring)]
        while waiting:
            one = waiting.pop()
            if one != banned and one not in reached:
                reached.add(one)
                waiting.extend(wiring[one - 1] if one else [])
        return 0 in reached

    order = [layer.name for layer in model.layers]
    tight = [one for one in range(len(wiring)) if not reaches_the_input_without(one)]
    names = ["input" if one == 0 else f"layer{one}" for one in tight]
    expected = sorted(order[order.index(name) + 1] for name in names)
    assert sorted(cut_points(model)) == expected


# On the station


@by_name([BACKBONES[name] for name in ("mobilenet_v2", "mobilenet_v3_small", "efficientnet_v2_b0")])
def test_it_becomes_an_int8_model_of_built_in_operations(row, random):
    keras.utils.set_random_seed(1)
    size = row.smallest
    network = build_backbone(row, size)
    pixels = keras.Input((size, size, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(network(row.scaling_layer()(pixels)))
    model = keras.Model(pixels, keras.layers.Dense(3)(pooled))
    pictures = random.integers(0, 256, (8, size, size, 3), dtype=np.uint8)
    spread(network, np.asarray(row.scaling_layer()(pictures.astype(np.float32))))

    exact = to_float32(model)
    file = to_int8(exact, observe(exact, pictures, for_moments=8))
    facts = examine(file, "int8", model.count_params(), "tflite-runtime")
    assert facts.runtimes == ("litert", "tflite-runtime")
    loaded = Model(file)  # refuses operations that are not LiteRT's own
    assert (loaded.input.dtype, loaded.input.scale, loaded.input.zero_point) == ("uint8", 1.0, 0)
    assert loaded.output.dtype == "int8"
    answers = measure(file, pictures, "test")
    assert len(np.unique(answers, axis=0)) > 4


def spread(network, batch):
    """Let BatchNorm hold the statistics of this batch: signals die away in random networks without."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(batch, training=True)
