"""The optimiser of fine-tuning: Muon for the kernels of convolutions, Adam for everything else.

BatchNorm stands still in fine-tuning, so nothing evens out a kernel's steps: inputs that never are negative make one
direction, a shift of the mean, many times steeper than all others, and it alone limits the rate of Adam or SGD. Muon
makes every direction of a step equally long. Measured on 1,716 photographs in six classes, fine-tuned from block 6 for
six epochs: loss 0.348 on 430 others with Muon, 0.449 with Adam, each at the best rate of four.

Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; its steps are scaled to Adam's
size as in Liu et al., "Muon is scalable for LLM training", 2025.
"""

import math
from typing import Any

import keras

_ADAMS_SHARE = 0.5  # of the rate, for what Adam moves
_WARM_UP = 0.05


class ConvolutionMuon(keras.optimizers.Muon):  # type: ignore[misc]  # Keras has no types
    """Keras's Muon, with kernels of convolutions `(H, W, in, out)` as matrices `(H * W * in, out)`.

    Kernels of depthwise convolutions `(H, W, in, 1)` are none: their channels have nothing to do with each other.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4 or variable.shape[-1] == 1

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """A step with all its directions made equally long."""
        matrix = super().zeropower_via_newtonschulz5(keras.ops.reshape(x, (-1, x.shape[-1])), steps)
        return keras.ops.reshape(matrix, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """A step scaled to the size that Adam's would have."""
        return x * (math.sqrt(max(math.prod(x.shape[:-1]), x.shape[-1])) * self.rms_rate)


def make_rate(highest: float, steps: int) -> Any:
    """A rate that rises to `highest` in the first twentieth of `steps`, then falls along a cosine to 0."""
    warm_up = max(1, round(steps * _WARM_UP))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=highest, warmup_steps=warm_up
    )


def make_optimizer(highest: float, steps: int) -> Any:
    """The optimiser, with `make_rate`; on cards that compute in half precision losses are scaled up for it."""
    rate = make_rate(highest, steps)
    optimizer = ConvolutionMuon(rate, weight_decay=None, adam_weight_decay=None, adam_lr_ratio=_ADAMS_SHARE)
    half = keras.mixed_precision.dtype_policy().name == "mixed_float16"
    return keras.optimizers.LossScaleOptimizer(optimizer) if half else optimizer
