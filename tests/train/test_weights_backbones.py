"""Weights of every backbone, from every kind of file Keras writes or wrote."""

import gc
import re
import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from sortline_bundle.errors import ConfigError, TryAgainError
from sortline_train.backbones import BACKBONES, build_backbone, prepare_arrays
from sortline_train.weights import Published, find_weights
from sortline_train.weights.hdf5 import write_hdf5
from sortline_train.weights.layout import digest, layout_of

VGG16 = BACKBONES["vgg16"]
# Keras converts its variables in a way that NumPy 2.4 announces the end of.
pytestmark = [pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]


@pytest.fixture
def folder():
    """Gone after the test: pytest keeps its own folders, and these files are large."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
    gc.collect()


def by_name(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


def load(path, row):
    return find_weights(path, backbone=row, say=lambda _: None).arrays


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


def distinct(network):
    """Numbers that tell each array, and its beginning from its end."""
    arrays = [np.resize(np.arange(7, dtype=np.float32), shape) + 9 * nth for nth, shape in enumerate(shapes(network))]
    network.set_weights(arrays)
    return arrays


def shapes(network):
    return [tuple(variable.shape) for variable in network.weights]


@pytest.fixture(scope="module", params=BACKBONES.values(), ids=lambda row: row.name)
def built(request):
    """One backbone after the other, each built once: row, network and its arrays."""
    network = build_backbone(request.param, request.param.smallest)
    yield request.param, network, distinct(network)
    gc.collect()


def test_a_weights_file_of_keras_3_comes_back_equal(built, folder):
    row, network, arrays = built
    network.save_weights(folder / "mine.weights.h5")
    assert_same(load(folder / "mine.weights.h5", row), arrays)


def test_the_layout_has_the_order_and_the_shapes_of_the_network(built):
    row, network, _ = built
    named = [(layer.name, weight.name, tuple(weight.shape)) for layer in network.layers for weight in layer.weights]
    assert [(slot.layer, slot.weight, slot.shape) for slot in layout_of(row)] == named
    assert [slot.shape for slot in layout_of(row)] == shapes(network)


@by_name([BACKBONES[name] for name in ("mobilenet", "mobilenet_v3_small", "inception_v3")])
def test_the_cache_is_a_file_that_keras_itself_reads_in_the_same_order(row, folder):
    network = build_backbone(row, row.smallest)
    arrays = distinct(network)
    write_hdf5(folder / "cache.h5", layout_of(row), arrays)
    assert_same(load(folder / "cache.h5", row), arrays)
    network.set_weights([np.zeros_like(array) for array in arrays])
    network.load_weights(folder / "cache.h5")
    assert_same(network.get_weights(), arrays)


@by_name([BACKBONES[name] for name in ("mobilenet", "mobilenet_v3_small", "inception_v3")])
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_the_backbone_is_found_in_a_whole_model_around_it(row, ending, folder):
    keras.layers.Conv2D(1, 1)  # so that Keras counts on from another number
    network = getattr(keras.applications, row.constructor)(
        weights=None, include_top=False, input_shape=(row.smallest, row.smallest, 3), **row.arguments
    )
    arrays = distinct(network)
    pixels = keras.Input(network.input_shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(network(pixels))
    keras.Model(pixels, keras.layers.Dense(3)(pooled)).save(folder / f"mine.{ending}")
    assert_same(load(folder / f"mine.{ending}", row), arrays)


@by_name([BACKBONES[name] for name in ("mobilenet_v3_small", "efficientnet_v2_b0")])
def test_the_backbone_is_found_below_the_top_of_keras_applications(row, folder):
    network = getattr(keras.applications, row.constructor)(
        weights=None, classes=2, input_shape=(row.smallest, row.smallest, 3), **row.arguments
    )
    arrays = distinct(network)
    network.save_weights(folder / "mine.weights.h5")
    assert_same(load(folder / "mine.weights.h5", row), arrays[: len(layout_of(row))])


@by_name([BACKBONES["mobilenet_v2"], BACKBONES["vgg16"]])
def test_the_backbone_of_a_run_is_found_as_keras_applications_has_it(row, folder):
    network = build_backbone(row, row.smallest)
    arrays = distinct(network)
    network.set_weights(prepare_arrays(row, arrays))
    pixels = keras.Input(network.input_shape[1:])
    keras.Model(pixels, network(row.scaling_layer()(pixels))).save(folder / "model.keras")
    assert_same(load(folder / "model.keras", row), arrays)


# Files of Keras 2 and 1, whose names were others


def write_old(path, layers, group="/"):
    """The older layout: `layers` are name and arrays by name, in the network's order."""
    with h5py.File(path, "w") as file:
        home = file.require_group(group)
        home.attrs["layer_names"] = [name.encode() for name, _ in layers]
        for name, arrays in sorted(layers, key=lambda layer: layer[0]):
            layer = home.require_group(name)
            layer.attrs["weight_names"] = [weight.encode() for weight in arrays]
            for weight, array in arrays.items():
                layer[weight] = array


def layers_of(row, rename, arrays):
    """Name and arrays by name of each layer, renamed."""
    layers = {}
    for slot, array in zip(layout_of(row), arrays, strict=True):
        layer, weight = rename(slot)
        layers.setdefault(layer, {})[weight] = array
    return list(layers.items())


@pytest.fixture
def random():
    return np.random.default_rng(3)


def drawn(row, random):
    return [random.random(slot.shape, np.float32) for slot in layout_of(row)]


def as_keras_1_named_vgg16(slot):
    return slot.layer, f"{slot.layer}_{slot.weight.replace('kernel', 'W').replace('bias', 'b')}_1:0"


def as_keras_2_named_mobilenet_v3(slot):
    layer = re.sub(r"_(depthwise|expand|project|squeeze_excite)(?=_|$)", r"/\1", slot.layer)
    layer = layer.replace("_conv", "/Conv") if "excite" in layer else re.sub("_bn$", "/BatchNorm", layer)
    weight = "depthwise_kernel" if slot.layer.endswith("depthwise") else slot.weight
    return layer, f"{layer}/{weight}:0"


def as_keras_2_counted_inception_v3(slot):
    kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", slot.layer).groups("0")
    layer = f"{kind}_{int(number) + 95}"
    return layer, f"{layer}/{slot.weight}:0"


@pytest.mark.parametrize(
    ("name", "rename"),
    [
        ("vgg16", as_keras_1_named_vgg16),
        ("mobilenet_v3_small", as_keras_2_named_mobilenet_v3),
        ("inception_v3", as_keras_2_counted_inception_v3),
    ],
)
@pytest.mark.parametrize("group", ["/", "model_weights"])
def test_names_of_older_keras_are_understood(name, rename, group, random, folder):
    row = BACKBONES[name]
    arrays = drawn(row, random)
    layers = layers_of(row, rename, arrays)
    write_old(folder / "old.h5", [("input_1", {}), *layers, ("dense_1", {"dense_1/kernel:0": np.ones(3)})], group)
    assert_same(load(folder / "old.h5", row), arrays)


def test_layers_that_only_have_numbers_are_not_guessed_without_their_order(random, folder):
    row = BACKBONES["inception_v3"]
    write_hdf5(folder / "mine.h5", layout_of(row), drawn(row, random))
    with h5py.File(folder / "mine.h5", "r+") as file:
        del file.attrs["layer_names"]
    with pytest.raises(ConfigError, match="there is no conv2d/kernel"):
        load(folder / "mine.h5", row)


# Backbones whose published arrays are not known by their digest: VGG16 has the fewest arrays


@pytest.fixture(scope="module")
def vgg16():
    slots = layout_of(VGG16)
    return [np.full(slot.shape, number, np.float32) for number, slot in enumerate(slots)]


def no_connection():
    raise TryAgainError("the cable is out")


def never():
    raise AssertionError("this way should not have been tried")


def test_without_a_digest_kerass_download_is_believed_and_kept(vgg16, folder):
    said = []
    weights = find_weights(None, backbone=VGG16, say=said.append, cache=folder, published=Published(lambda: vgg16))
    assert_same(weights.arrays, vgg16)
    kept = folder / "vgg16_no_top.h5"
    assert said == [
        f"weights: cache {kept}: none there",
        f"weights: Keras's download: found: sha256 {digest(vgg16)}",
        f"weights: kept for the next run in {kept}",
    ]
    again = find_weights(None, backbone=VGG16, say=[].append, cache=folder, published=Published(never))
    assert (again.way, again.sha256) == ("cache", weights.sha256)
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    said = []
    assert (
        find_weights(None, backbone=VGG16, say=said.append, cache=folder, published=Published(lambda: vgg16)).way
        == "keras"
    )
    assert said[0].startswith(f"weights: cache {kept}: left out, ")


def test_without_a_connection_it_is_said_what_to_give(folder):
    with pytest.raises(TryAgainError) as caught:
        find_weights(None, backbone=VGG16, say=[].append, cache=folder, published=Published(no_connection))
    assert str(caught.value) == (
        f"no ImageNet weights for vgg16 (cache {folder}/vgg16_no_top.h5: none there; Keras's download: the cable is"
        " out): connect to a network and run again, or give a Keras file of them with --weights FILE, or start from"
        " random numbers with --weights none"
    )
