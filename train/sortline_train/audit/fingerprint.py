"""What is kept of a photograph to find its near copies by: a few hundred numbers in place of its pixels.

Everything is taken after local normalisation: what differs from its surroundings counts, and by how much it stands out
there, not how bright the ground is. Photographs of small items on one white board would all be alike otherwise.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 48  # of the grey picture, pixels; the photograph squashed to a square, so that a quarter turn stays one
WAVES = 8  # of the cosine transform, in each direction: fine enough to tell items apart, coarse enough for a small crop
TURNS = 8  # four quarter turns, each also mirrored
_SPREAD = SIDE / 8  # standard deviation of what counts as the surroundings, pixels
_NOISE = 4.0  # grey levels; contrast below it is not raised to that of an item
_COLOUR_SIDE = 12

Grey = NDArray[np.float32]
Vectors = NDArray[np.float32]


class Fingerprint(NamedTuple):
    """One photograph, small.

    Attributes:
        vector: `(64,) float32` of length 1: the lowest waves of the normalised grey picture.
        grey: `(48, 48) uint8`.
        colour: `(12, 12, 3) uint8 RGB`.
    """

    vector: Vectors
    grey: NDArray[np.uint8]
    colour: NDArray[np.uint8]


def take_fingerprint(image: NDArray[np.uint8]) -> Fingerprint:
    """The fingerprint of a photograph, `(H, W, 3) uint8 RGB`."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    colour = np.asarray(cv2.resize(small, (_COLOUR_SIDE, _COLOUR_SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    waves = (cv2.dct(normalise(grey))[:WAVES, :WAVES] * _WEIGHTS).ravel()
    length = float(np.linalg.norm(waves))
    vector = waves / length if length else waves
    return Fingerprint(np.asarray(vector, dtype=np.float32), grey, colour)


def normalise(grey: NDArray[np.uint8]) -> Grey:
    """A `(48, 48) uint8` picture less its surroundings, in units of how much it varies there: float32."""
    picture = grey.astype(np.float32)
    relief = picture - cv2.GaussianBlur(picture, (0, 0), _SPREAD)
    return np.asarray(relief / (_contrast(relief) + _NOISE), dtype=np.float32)


def sharpen(grey: NDArray[np.uint8]) -> Grey:
    """As `normalise`, for edges alone: what is wider than one pixel and finer than some six, float32."""
    picture = grey.astype(np.float32)
    relief = cv2.GaussianBlur(picture, (0, 0), 1) - cv2.GaussianBlur(picture, (0, 0), 2)
    return np.asarray(relief / (_contrast(relief) + _NOISE), dtype=np.float32)


def turn_picture(picture: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """A square picture turned and mirrored in one of eight ways; 0 leaves it as it is."""
    turned = picture.swapaxes(0, 1) if turn & 4 else picture
    return np.ascontiguousarray(turned[:: -1 if turn & 2 else 1, :: -1 if turn & 1 else 1])


def turn_vectors(vectors: Vectors) -> Vectors:
    """The vectors that `(N, 64)` fingerprints would have in each of the eight turns: `(N, 8, 64) float32`.

    Mirroring a picture changes the sign of its odd waves and nothing else; a transposed picture has transposed waves.
    """
    waves = vectors.reshape(-1, WAVES, WAVES)
    odd = np.where(np.arange(WAVES) % 2, -1, 1).astype(np.float32)
    turned = [
        (waves.swapaxes(1, 2) if turn & 4 else waves)
        * (odd[:, None] if turn & 2 else 1)
        * (odd[None, :] if turn & 1 else 1)
        for turn in range(TURNS)
    ]
    return np.stack(turned, axis=1).reshape(len(vectors), TURNS, WAVES * WAVES)


def _contrast(relief: Grey) -> Grey:
    return np.asarray(np.sqrt(cv2.GaussianBlur(relief * relief, (0, 0), _SPREAD)), dtype=np.float32)


def _weigh() -> Grey:
    """Raise the fine waves to the strength of the coarse ones; the mean grey does not count."""
    wave = np.arange(WAVES)
    weights = 1 + (wave[:, None] ** 2 + wave[None, :] ** 2) / 18
    weights[0, 0] = 0
    return weights.astype(np.float32)


_WEIGHTS = _weigh()
