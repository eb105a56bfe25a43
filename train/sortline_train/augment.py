"""Views of a photograph as a conveyor would show them.

Most show the photograph itself: turned anyhow, shifted, nearer or farther, in other light. The others show what a
station will: the item alone, close up, on a ground it was never photographed on. A model that learns from the first
kind only leans on the ground and fails on the belt.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]


def augment(image: Image, mask: Mask, random: np.random.Generator, grounds: float) -> Image:
    """One view of `image`.

    Args:
        image: `(H, W, 3) uint8 RGB`.
        mask: `(H, W) uint8`, 255 where the item is; all of it where no outline is known.
        random: Decides on everything.
        grounds: Share of views that show the item on another ground.

    Returns:
        `(H, W, 3) uint8 RGB`.
    """
    if random.random() < 0.5:
        image, mask = np.asarray(cv2.flip(image, 1), np.uint8), np.asarray(cv2.flip(mask, 1), np.uint8)
    view = _on_other_ground(image, mask, random) if random.random() < grounds else _turned(image, random)
    gain = random.uniform(0.8, 1.2) * random.uniform(0.94, 1.06, 3)
    table = np.clip(np.arange(256)[:, None] * gain + random.uniform(-16, 16), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(view, table[None]), dtype=np.uint8)


def _turned(image: Image, random: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    zoom = float(np.exp(random.uniform(np.log(0.8), np.log(1.4))))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(0, 360), zoom)
    turn[:, 2] += [random.uniform(-0.08, 0.08) * side for side in (width, height)]
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _on_other_ground(image: Image, mask: Mask, random: np.random.Generator) -> Image:
    """The item in the middle, its longer side 60 to 95 % of the picture, as the station's box shows it."""
    height, width = image.shape[:2]
    left, top, wide, high = cv2.boundingRect(mask)
    middle = (left + wide / 2, top + high / 2)
    zoom = random.uniform(0.6, 0.95) * min(height, width) / max(wide, high)
    turn = cv2.getRotationMatrix2D(middle, random.uniform(0, 360), zoom)
    shifts = (random.uniform(-0.06, 0.06) * side for side in (width, height))
    turn[:, 2] += [side / 2 - here + shift for side, here, shift in zip((width, height), middle, shifts, strict=True)]
    item = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    cover = cv2.warpAffine(mask, turn, (width, height)).astype(np.float32) / 255
    ground = _ground(height, width, random)
    shadow = cv2.GaussianBlur(np.roll(cover, tuple(random.integers(-6, 7, 2)), (0, 1)), (0, 0), random.uniform(2, 6))
    ground *= 1 - random.uniform(0, 0.5) * shadow[..., None]
    return np.clip(ground + cover[..., None] * (item - ground), 0, 255).astype(np.uint8)


def _ground(height: int, width: int, random: np.random.Generator) -> NDArray[np.float32]:
    """A surface of any colour, with some texture and light that falls off."""
    colour = random.uniform(15, 235) + random.uniform(-35, 35, 3)
    coarse = random.normal(0, random.uniform(0, 14), (int(random.integers(2, 9)),) * 2).astype(np.float32)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = random.standard_normal((height, width), np.float32) * np.float32(random.uniform(0, 12))
    slope = random.uniform(-25, 25, 2)
    rows, columns = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    light = slope[0] * rows[:, None] + slope[1] * columns[None] + clouds + grain
    return np.asarray(colour.astype(np.float32) + light[..., None], np.float32)
