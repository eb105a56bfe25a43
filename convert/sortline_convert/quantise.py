"""From the float32 file to the file that ships. Every kind takes raw uint8 pixels and gives a logit for each class."""

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.quiet import quiet
from sortline_convert.graph import Graph
from sortline_convert.observe import Observation
from sortline_convert.rounding import round_together

Kind = Literal["int8", "float16", "float32", "dynamic"]
KINDS: tuple[Kind, ...] = ("int8", "float16", "float32", "dynamic")

# Of the photographs' extremes this share lies inside a tensor's range, at each end: one odd photograph in fifty shall
# not make the steps of all others coarser. The answer itself has room for all of them: where its range ends, the surest
# answers can no longer be told apart.
_INSIDE = 0.98


def to_int8(float32: bytes, seen: Observation, *, inside: float = _INSIDE, exempt: Sequence[str] = ()) -> bytes:
    """int8 weights, a scale for each channel, and int8 activations, by ai-edge-quantizer; weights rounded together.

    Args:
        float32: From `sortline_train.export`.
        seen: What its tensors hold, on photographs of the training part.
        inside: Share of the photographs' extremes that a tensor's range covers at each end; the output's covers all.
        exempt: Operators left in float, by the names of their output tensors.
    """
    graph = Graph(float32)
    ranges = {}
    for name, lows in seen.lows.items():
        share = 1.0 if name == graph.name(graph.output) else inside
        low = np.quantile(lows, 1 - share, method="lower")
        ranges[name] = _range(float(low), float(np.quantile(seen.highs[name], share, method="higher")))
    # A raw pixel is its own quantised value.
    ranges[graph.name(graph.input)] = _range(0, 255)
    return _raw(round_together(_static_int8(float32, ranges, exempt), float32, seen.moments))


def to_other(graph: Any, kind: Kind) -> bytes:
    """`float32`; `float16`, which halves the file; or `dynamic`: int8 weights, activations quantised as they come.

    Args:
        graph: From `sortline_train.export.constant_graph`.
        kind: Any but int8.
    """
    import tensorflow as tf

    with quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
        if kind != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return _raw(converter.convert())


def to_int8_by_tensorflow(graph: Any, representative: NDArray[np.uint8]) -> bytes:
    """int8 by TensorFlow's own quantiser: each weight to its nearest step, ranges from the furthest extremes.

    Args:
        graph: From `sortline_train.export.constant_graph`.
        representative: `(N, H, W, 3) uint8 RGB` photographs of the training part, through the contract's pixels.
    """
    import tensorflow as tf

    # One black and one white pixel, so that the input's scale is exactly 1 and a raw pixel is its own quantised value.
    pinned = representative[:1].copy()
    pinned[0, 0, :2] = [[0], [255]]

    def samples() -> Iterator[list[NDArray[np.float32]]]:
        for image in (*pinned, *representative):
            yield [image[None].astype(np.float32)]

    with quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def _raw(file: bytes) -> bytes:
    graph = Graph(file)
    graph.take_raw_pixels()
    return graph.to_bytes()


def _range(low: float, high: float) -> dict[str, NDArray[np.float32]]:
    return {"min": np.array([low], np.float32), "max": np.array([high], np.float32)}


def _static_int8(float32: bytes, ranges: dict[str, dict[str, NDArray[np.float32]]], exempt: Sequence[str]) -> bytes:
    with quiet(), warnings.catch_warnings():
        # Of how it runs the model, and of switched-off channels, whose biases `round_together` puts right.
        warnings.simplefilter("ignore")
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.qtyping import TFLOperationName
        from ai_edge_quantizer.quantizer import Quantizer
        from ai_edge_quantizer.recipe_manager import RecipeManager

        recipe, every = RecipeManager(), TFLOperationName.ALL_SUPPORTED
        recipe.add_static_config(regex=".*", operation_name=every, activation_num_bits=8, weight_num_bits=8)
        for name in exempt:
            regex = f"^{re.escape(name)};*$"
            recipe.add_quantization_config(regex=regex, operation_name=every, algorithm_key=AlgorithmName.NO_QUANTIZE)
        quantizer = Quantizer(float32)
        quantizer.load_quantization_recipe(recipe.get_quantization_recipe())
        return bytes(quantizer.quantize(ranges).quantized_model)
