"""The training photographs as training wants them: fresh views every epoch, a batch at a time."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_train.augment import Shot, augment
from sortline_train.rows import Rows

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


class Album(NamedTuple):
    """Photographs to make views of.

    Attributes:
        pixels: `(N, H, W, 3) uint8 RGB`, mapped.
        masks: `(N, H, W) uint8`, 255 on the item.
        labels: `(N,) int64`.
        grounds: `(K, S, S, 3) uint8 RGB` to show items on.
        share: Of views on another ground.
        size: Of the model's input, in pixels.
        seed: Of everything random.
    """

    pixels: Rows
    masks: Rows
    labels: Labels
    grounds: NDArray[np.uint8]
    share: float
    size: int
    seed: int

    def view(self, nth: int, epoch: int) -> NDArray[np.uint8]:
        """The one view `(size, size, 3) uint8 RGB` that the nth photograph has in an epoch."""
        shot = Shot(self.pixels[nth], self.masks[nth])
        return augment(shot, self.grounds, self.share, self.size, self.random(epoch, nth))

    def random(self, *of: int) -> np.random.Generator:
        """The same numbers whenever it is asked for the same, so that a training taken up again is the same."""
        return np.random.default_rng((self.seed, *of))

    def order(self, batch: int, epoch: int) -> NDArray[np.int64]:
        """Which photographs come together in an epoch, `(steps, batch) int64`: every one once, in an order of its own.

        The last batch is filled up from the first, so that all weigh the same.
        """
        shuffled = self.random(epoch).permutation(len(self.labels))
        steps = -(-len(shuffled) // batch)
        return np.take(shuffled, range(steps * batch), mode="wrap").reshape(steps, batch)
