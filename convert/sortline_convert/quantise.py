"""From the trained Keras model to TFLite files: float32 for comparison and int8 to ship."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.quiet import quiet


def to_float32(model: Any) -> bytes:
    """The model as a float32 TFLite file: float pixels from 0 to 255 in, float logits out."""
    return _converter(model)()


def to_int8(model: Any, representative: NDArray[np.uint8]) -> bytes:
    """The model with int8 weights (per channel) and activations, raw uint8 pixels in and int8 logits out.

    Args:
        model: From the run folder.
        representative: `(N, H, W, 3) uint8 RGB` photographs of the training part, through the contract's pixels. Their
            ranges set the scales of all activations.
    """
    import tensorflow as tf

    # One black and one white pixel, so that the input's scale is exactly 1 and a raw pixel is its own quantised value.
    pinned = representative[:1].copy()
    pinned[0, 0, :2] = [[0], [255]]

    def samples() -> Iterator[list[NDArray[np.float32]]]:
        for image in (*pinned, *representative):
            yield [image[None].astype(np.float32)]

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8

    return _converter(model, configure)()


def _converter(model: Any, configure: Callable[[Any], None] = lambda _: None) -> Callable[[], bytes]:
    """The Keras route: conversion from concrete functions loses every weight of a Keras 3 model without a word."""
    import tensorflow as tf

    def convert() -> bytes:
        with quiet():
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            configure(converter)
            return bytes(converter.convert())

    return convert
