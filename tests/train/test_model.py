"""The network, cut in two where training begins: both ways give the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sortline_bundle.scores import cross_entropy
from sortline_train.backbones import BACKBONES, build_backbone
from sortline_train.features import Extractor
from sortline_train.model import build_model, cut_model, unfreeze_top
from sortline_train.optimizer import make_optimizer

SIDE = 64
# One of each family.
KINDS = {row.constructor: name for name, row in reversed(BACKBONES.items())}.values()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    backbone = BACKBONES["mobilenet_v2_0.35"]
    arrays = build_backbone(backbone, 64).get_weights()
    made = build_model(backbone, SIDE, 3, arrays)
    unfreeze_top(made, backbone.fine_tune_from)
    return made


def test_the_halves_are_the_whole(model: keras.Model) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    halves = cut_model(model, "block_6_expand")
    extractor = Extractor(halves.below)
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
    pictures = np.random.default_rng(1).integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)
    below = cut_model(model, "block_6_expand").below
    fast, slow = (Extractor(below, on_card=on_card).run(pictures.__getitem__, 5, "maps") for on_card in (False, True))
    np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_every_backbone_learns_above_its_cut(name: str) -> None:
    backbone = BACKBONES[name]
    keras.utils.set_random_seed(4)
    model = build_model(backbone, 96, 3, build_backbone(backbone, 96).get_weights())
    unfreeze_top(model, backbone.fine_tune_from)
    halves = cut_model(model, backbone.fine_tune_from)
    pictures = np.random.default_rng(2).integers(0, 256, (2, 96, 96, 3)).astype(np.float32)
    maps, targets = halves.below(pictures), np.eye(3, dtype=np.float32)[:2]
    before = np.asarray(model(pictures))
    np.testing.assert_allclose(halves.above(maps), before, rtol=1e-3, atol=1e-4)
    variables = halves.above.trainable_variables
    optimizer = make_optimizer(1e-3, 20)
    for _ in range(3):  # the first is at a rate of nothing
        with tf.GradientTape() as tape:
            loss = keras.losses.categorical_crossentropy(targets, halves.above(maps), from_logits=True)
        optimizer.apply(tape.gradient(loss, variables), variables)
    after = np.asarray(model(pictures))
    assert np.isfinite(after).all()
    assert cross_entropy(after, np.arange(2)) < cross_entropy(before, np.arange(2))
