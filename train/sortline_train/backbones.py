"""The networks that can be transferred, in one table.

All come from `keras.applications`, where each wants its pixels scaled in its own way; here every one takes raw RGB, and
the scaling is a layer of the model.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError

PerChannel = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backbone:
    """A network without its top.

    Attributes:
        name: As in `--backbone`.
        constructor: Its name in `keras.applications`.
        arguments: What the constructor is told besides the input's shape.
        scale: Raw RGB pixels times this …
        offset: … plus this is what its published weights were trained on; one number, or one for each of R, G and B.
        bgr: The first convolution of the published weights takes blue first; see `prepare_arrays`.
        smallest: Side in pixels of the smallest input `keras.applications` allows.
        default_size: Side in pixels of the input it was published with.
        fine_tune_from: Name of the first layer that fine-tuning usually changes; one of its `cut_points`.
    """

    name: str
    constructor: str
    fine_tune_from: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    scale: float | PerChannel = 1 / 127.5
    offset: float | PerChannel = -1.0
    bgr: bool = False
    smallest: int = 32
    default_size: int = 224

    def scaling_layer(self) -> Any:
        """A Keras layer named `scale`: raw pixels from 0 to 255, RGB, to what `build_backbone`'s network takes."""
        import keras

        scale, offset = (list(value) if isinstance(value, tuple) else value for value in (self.scale, self.offset))
        return keras.layers.Rescaling(scale, offset, name="scale")


# Mean and deviation of ImageNet's R, G and B, of pixels from 0 to 1, as keras.applications.efficientnet_v2 has them.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Mean of ImageNet's R, G and B, of pixels from 0 to 255, as keras.applications.imagenet_utils has it for what came from
# Caffe.
_CAFFE: Mapping[str, Any] = {"scale": 1.0, "offset": (-123.68, -116.779, -103.939), "bgr": True}
# Leaves their own scaling out; ours takes its place.
_BARE = {"include_preprocessing": False}


def _mobilenet_v2(width: float, fine_tune_from: str, name: str = "") -> Backbone:
    return Backbone(
        name=name or f"mobilenet_v2_{width}",
        constructor="MobileNetV2",
        arguments={"alpha": width},
        fine_tune_from=fine_tune_from,
    )


# Fine-tuning starts where the maps of a 224 pixel input become 14 wide, or in the large networks, at their last stage.
_ROWS = (
    _mobilenet_v2(1.0, "block_6_expand", name="mobilenet_v2"),
    _mobilenet_v2(0.35, "block_6_expand"),
    _mobilenet_v2(0.5, "block_6_expand"),
    _mobilenet_v2(0.75, "block_6_expand"),
    _mobilenet_v2(1.3, "block_6_expand"),
    _mobilenet_v2(1.4, "block_6_expand"),
    Backbone(name="mobilenet", constructor="MobileNet", fine_tune_from="conv_pad_6"),
    Backbone(
        name="mobilenet_v3_small",
        constructor="MobileNetV3Small",
        arguments=_BARE,
        fine_tune_from="expanded_conv_3_expand",
    ),
    Backbone(
        name="mobilenet_v3_large",
        constructor="MobileNetV3Large",
        arguments=_BARE,
        fine_tune_from="expanded_conv_6_expand",
    ),
    Backbone(
        name="efficientnet_v2_b0",
        constructor="EfficientNetV2B0",
        arguments=_BARE,
        scale=(1 / (255 * _DEVIATION[0]), 1 / (255 * _DEVIATION[1]), 1 / (255 * _DEVIATION[2])),
        offset=(-_MEAN[0] / _DEVIATION[0], -_MEAN[1] / _DEVIATION[1], -_MEAN[2] / _DEVIATION[2]),
        fine_tune_from="block4a_expand_conv",
    ),
    Backbone(name="resnet50", constructor="ResNet50", fine_tune_from="conv5_block1_1_conv", **_CAFFE),
    Backbone(name="inception_v3", constructor="InceptionV3", fine_tune_from="conv2d_70", smallest=75, default_size=299),
    Backbone(name="vgg16", constructor="VGG16", fine_tune_from="block5_conv1", **_CAFFE),
)
BACKBONES: Mapping[str, Backbone] = {row.name: row for row in _ROWS}


def find_backbone(name: str) -> Backbone:
    """Look a backbone up.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in BACKBONES:
        raise ConfigError(f"backbone {name!r} is not known; there are {', '.join(BACKBONES)}")
    return BACKBONES[name]


def check_size(backbone: Backbone, size: int) -> None:
    """See that the network can be built for inputs of `size` pixels a side.

    Raises:
        ConfigError: it is too small.
    """
    if size < backbone.smallest:
        raise ConfigError(
            f"size {size} is too small for backbone {backbone.name}; give {backbone.smallest} or more"
            f" (its published weights are for {backbone.default_size})"
        )


def build_backbone(backbone: Backbone, size: int | None) -> Any:
    """The Keras network, named `backbone`, with random weights.

    Layers that Keras names by counting all it has ever made are counted anew, so that every name is always the same.

    Args:
        backbone: Row of the table.
        size: Side of the input in pixels; None for any. For multiples of 32 both are one; for others MobileNetV2 and V3
            lay the edges of their maps differently when the size is known.

    Args:
        backbone: Row of the table.
        size: Side of the input in pixels; None for any.

    Returns:
        `(N, size, size, 3)` pixels out of `scaling_layer` to `(N, h, w, channels)` maps.

    Raises:
        ConfigError: `size` is too small.
    """
    import keras

    if size is not None:
        check_size(backbone, size)
    constructor = getattr(keras.applications, backbone.constructor)
    network = constructor(weights=None, include_top=False, input_shape=(size, size, 3), **backbone.arguments)
    number_layers(network)
    return keras.Model(network.input, network.output, name="backbone")


def number_layers(network: Any) -> None:
    """Rename what Keras named by class and running number: `conv2d`, `conv2d_1`, … in the network's own order."""
    seen: Counter[str] = Counter()
    for operation in network.operations:
        kind = kind_of(operation)
        if re.fullmatch(rf"{kind}(_\d+)?", operation.name):
            operation.name = f"{kind}_{seen[kind]}" if seen[kind] else kind
            seen[kind] += 1


def kind_of(layer: Any) -> str:
    """The name of a layer's class as Keras writes it in files: `DepthwiseConv2D` to `depthwise_conv2d`."""
    name = re.sub(r"\W+", "", type(layer).__name__)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def prepare_arrays(backbone: Backbone, arrays: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Published arrays for the network of `build_backbone`, which takes RGB; and back again, since it only swaps.

    Where the published network takes blue first, the first kernel's inputs are turned round instead of every image.

    Args:
        backbone: Row of the table.
        arrays: In Keras's order; the first is the first convolution's kernel, `(h, w, 3, filters) float32`.
    """
    if not backbone.bgr:
        return list(arrays)
    return [np.ascontiguousarray(arrays[0][:, :, ::-1]), *arrays[1:]]


def cut_points(model: Any) -> list[str]:
    """Where a Keras model can be cut in two with a single tensor crossing.

    Returns:
        For each such tensor, from the input up, the name of the first layer behind it: everything before that layer in
        `model.layers` comes before the tensor, and all the rest needs nothing else. The first cuts off nothing.
    """
    import keras

    operations = model.operations  # sorted so that each comes after all it needs
    place = {id(tensor): nth for nth, one in enumerate(operations) for tensor in keras.tree.flatten(one.output)}
    taken_until = [0] * len(operations)  # the last operation that takes an output of this one
    for nth, operation in enumerate(operations):
        for tensor in keras.tree.flatten(operation.input):
            taken_until[place[id(tensor)]] = nth
    points = []
    reach = 0  # the last operation that takes anything from before the cut's own producer
    for producer, follower in enumerate(operations[1:]):
        if reach <= producer and isinstance(follower, keras.layers.Layer):
            points.append(follower.name)
        reach = max(reach, taken_until[producer])
    return points
