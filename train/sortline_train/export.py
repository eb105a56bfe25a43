"""A trained network as a float TFLite file."""

from typing import Any

import numpy as np

from sortline_bundle.quiet import quiet


def to_float32(model: Any) -> bytes:
    """A Keras model as a float32 TFLite file of batch 1: float pixels from 0 to 255 in, float numbers out.

    Its arrays go into the graph as constants, not by way of a SavedModel: the same file in a seventh of the time. A
    graph that still held variables would convert without a word, and answer NaN.
    """
    import tensorflow as tf

    with quiet():
        return bytes(tf.lite.TFLiteConverter.from_concrete_functions([constant_graph(model)]).convert())


def constant_graph(model: Any) -> Any:
    """The model as a TensorFlow graph of batch 1 without variables."""
    import tensorflow as tf

    arrays = [
        [np.asarray(array) for array in kind] for kind in (model.trainable_variables, model.non_trainable_variables)
    ]
    run = tf.function(lambda pixels: model.stateless_call(*arrays, pixels, training=False)[0])
    return run.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:]), tf.float32))
