"""The networks that can be transferred, in one table."""

from typing import Any, NamedTuple

from sortline_bundle.errors import ConfigError


class Backbone(NamedTuple):
    """A network without its top.

    Attributes:
        alpha: Width of MobileNetV2.
        scale: Raw pixels times this …
        offset: … plus this is what its weights were trained on; both become a layer of the model.
        fine_tune_from: Name of the first layer that fine-tuning may change.
        pretrained: Published ImageNet weights can be found for it.
    """

    alpha: float
    scale: float
    offset: float
    fine_tune_from: str
    pretrained: bool


BACKBONES = {
    "mobilenet_v2": Backbone(1.0, 1 / 127.5, -1.0, "block_10_expand", pretrained=True),
    # Narrow enough to train from nothing; for trying things, not for a line.
    "mobilenet_v2_0.35": Backbone(0.35, 1 / 127.5, -1.0, "Conv1", pretrained=False),
}


def find_backbone(name: str) -> Backbone:
    """Look a backbone up.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in BACKBONES:
        raise ConfigError(f"backbone {name!r} is not known; there are {', '.join(BACKBONES)}")
    return BACKBONES[name]


def build_backbone(backbone: Backbone, size: int) -> Any:
    """The Keras network, `(N, size, size, 3)` scaled pixels to `(N, h, w, channels)`, with random weights."""
    import keras

    return keras.applications.MobileNetV2(
        alpha=backbone.alpha, weights=None, include_top=False, input_shape=(size, size, 3), name="backbone"
    )
