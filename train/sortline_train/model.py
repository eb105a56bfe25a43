"""The network that is trained: raw pixels in, one logit per class out, all scaling inside."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_train.backbones import Backbone, build_backbone, prepare_arrays

DROPOUT = 0.2


def build_model(backbone: Backbone, size: int, classes: int, arrays: Sequence[NDArray[np.float32]] | None) -> Any:
    """A Keras model with a frozen backbone and a new head.

    Args:
        backbone: Row of the table.
        size: Side of the input in pixels.
        classes: How many logits.
        arrays: Pretrained arrays of the backbone in Keras's order; None to start from random ones.

    Returns:
        `(N, size, size, 3)` pixels from 0 to 255, RGB, to `(N, classes)` logits. Layers are named `scale`, `backbone`,
        `pool`, `dropout` and `head`.
    """
    import keras

    base = build_backbone(backbone, size)
    if arrays is not None:
        base.set_weights(prepare_arrays(backbone, arrays))
    else:
        _hasten(base)
    base.trainable = False
    pixels = keras.Input((size, size, 3), name="pixels")
    # Inference mode for good: BatchNorm's statistics of ImageNet's million are better than those of a few batches.
    maps = base(backbone.scaling_layer()(pixels), training=None if arrays is None else False)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(maps)
    kept = keras.layers.Dropout(DROPOUT, name="dropout")(pooled)
    # In full precision even where all before it is computed in half.
    logits = keras.layers.Dense(classes, name="head", dtype="float32")(kept)
    return keras.Model(pixels, logits)


def features_of(model: Any) -> Any:
    """The part of `model` from pixels to what its head sees, `(N, F)`."""
    import keras

    return keras.Model(model.input, model.get_layer("pool").output)


class Halves(NamedTuple):
    """A model cut in two.

    Attributes:
        below: Pixels `(N, size, size, 3)` to the maps at the cut.
        above: From there to logits.
    """

    below: Any
    above: Any


def cut_model(model: Any, first: str) -> Halves:
    """Cut `model` before the backbone's layer `first`, one of its `cut_points`; the halves share its layers."""
    import keras

    base = model.get_layer("backbone")
    tensor = base.get_layer(first).input
    bottom, top = keras.Model(base.input, tensor), keras.Model(tensor, base.output)
    below = bottom(model.get_layer("scale").output, training=False)
    maps = keras.Input(tensor.shape[1:])
    logits = top(maps, training=False)
    for name in ("pool", "dropout", "head"):
        logits = model.get_layer(name)(logits)
    return Halves(keras.Model(model.input, below), keras.Model(maps, logits))


def _hasten(base: Any) -> None:
    """Let BatchNorm's running statistics, which start from nothing too, follow within tens of steps, not thousands."""
    import keras

    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9


def unfreeze_top(model: Any, first: str) -> None:
    """Let training change the backbone from the layer named `first` upwards, BatchNorm left as it is.

    From the very first layer on there is nothing pretrained to protect, and BatchNorm learns as well.
    """
    import keras

    base = model.get_layer("backbone")
    base.trainable = True
    names = [layer.name for layer in base.layers]
    place = names.index(first)
    whole = place <= 1
    for index, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = index >= place and (whole or not norm)
