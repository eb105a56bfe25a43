"""The network, cut in two where training begins: both ways give the same."""

import keras
import numpy as np
import pytest

from sortline_train.backbones import BACKBONES, build_backbone
from sortline_train.features import Extractor
from sortline_train.model import build_model, cut_model, unfreeze_top


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    backbone = BACKBONES["mobilenet_v2_0.35"]
    arrays = build_backbone(backbone, 64).get_weights()
    made = build_model(backbone, None, 3, arrays)
    unfreeze_top(made, backbone.fine_tune_from)
    return made


@pytest.mark.parametrize("side", [64, 96])
def test_the_halves_are_the_whole(model: keras.Model, side: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
    halves = cut_model(model, "block_6_expand")
    extractor = Extractor(halves.below(side))
    maps = extractor.run(pictures.__getitem__, 3, "maps")
    assert np.array_equal(extractor.one(pictures[2]), maps[2])
    whole = np.asarray(model(pictures.astype(np.float32), training=False))
    np.testing.assert_allclose(halves.above(maps, training=False), whole, rtol=1e-4, atol=1e-5)


def test_only_what_lies_above_the_cut_learns_and_batch_norm_does_not(model: keras.Model) -> None:
    learns = {variable.path for variable in model.trainable_variables}
    assert {variable.path for variable in cut_model(model, "block_6_expand").above.trainable_variables} == learns
    layers = {path.split("/")[-2] for path in learns}
    assert {"block_6_expand", "Conv_1", "head"} <= layers
    assert not any(name.endswith("BN") or name.startswith(("Conv1", "block_5")) for name in layers)


def test_an_extractor_in_keras_says_the_same(model: keras.Model) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)
    below = cut_model(model, "block_6_expand").below(64)
    fast, slow = (Extractor(below, on_card=on_card).run(pictures.__getitem__, 5, "maps") for on_card in (False, True))
    np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-5)
