"""Surfaces that items are shown on in training: drawn once, then cut, turned and lit anew for each view.

None is meant to look like a given belt. Together they differ in colour, grain and pattern more than belts do, so that
nothing about the ground tells the class.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

GROUNDS = 192
SIDE = 256
# Grains of that many spots across the picture lie over each other; the finest is the camera's own.
_GRAINS = (2, 4, 8, 16, 32, 64, SIDE)
_RIBS, _CHECKS, _SPECKLES = 0.15, 0.1, 0.15


def draw_grounds(seed: int, count: int = GROUNDS) -> NDArray[np.uint8]:
    """Draw `(count, SIDE, SIDE, 3) uint8 RGB` surfaces: cloudy or plain, some ribbed, chequered or speckled."""
    random = np.random.default_rng(seed)
    return np.stack([_draw(random) for _ in range(count)])


def _draw(random: np.random.Generator) -> NDArray[np.uint8]:
    relief = np.zeros((SIDE, SIDE), np.float32)
    for spots in _GRAINS:
        grain = random.standard_normal((spots, spots), np.float32)
        strength = np.float32(random.exponential(6.0))
        relief += strength * cv2.resize(grain, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    relief += _pattern(random)
    colour = random.uniform(15, 240) + random.uniform(-30, 30, 3)
    tints = 1 + random.uniform(-0.15, 0.15, 3)
    surface = np.clip(colour + relief[..., None] * tints, 0, 255).astype(np.uint8)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), random.uniform(0, 360), 1.45)
    return np.asarray(cv2.warpAffine(surface, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _pattern(random: np.random.Generator) -> NDArray[np.float32]:
    """What belts and tables have besides grain: ribs, a weave, specks; mostly nothing."""
    kind = random.random()
    wave = np.sin(np.arange(SIDE) * random.uniform(0.05, 0.6) + random.uniform(0, 6)).astype(np.float32)
    strength = np.float32(random.uniform(5, 30))
    if kind < _RIBS:
        return np.broadcast_to(strength * wave[:, None], (SIDE, SIDE))
    if kind < _RIBS + _CHECKS:
        return np.asarray(strength * np.sign(wave[:, None] * wave[None]), np.float32)
    if kind < _RIBS + _CHECKS + _SPECKLES:
        specks = (random.random((SIDE, SIDE)) < random.uniform(0.002, 0.05)).astype(np.float32)
        soft = cv2.GaussianBlur(specks, (0, 0), random.uniform(0.5, 2))
        return np.asarray(soft * random.uniform(-300, 300), np.float32)
    return np.zeros((1, 1), np.float32)
