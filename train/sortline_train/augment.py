"""Views of a photograph as a conveyor would show them.

Some show the photograph itself, shifted, nearer or farther: half of these nearly upright, since most things have an up
and a down that help to tell what they are, half turned anyhow. The others show what a station will: the item alone, any
way round, on a ground it was never photographed on. A model that learns from the first kind only leans on the ground
and fails on the belt. Light and camera change in half of each.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_train.lens import Image, expose

Mask = NDArray[np.uint8]
Matrix = NDArray[np.float32]

_ZOOM = (0.8, 1.4)
_ITEM_SHARE = (0.35, 1.0)
_STRETCH = 0.15
_SHIFT = 0.1
_SHADOW = 0.7
_EXPOSED = 0.5
_UPRIGHT = 0.5
_TILT = 0.3  # radians


class Shot(NamedTuple):
    """A photograph to make views of.

    Attributes:
        pixels: `(H, W, 3) uint8 RGB`.
        mask: `(H, W) uint8`, 255 on the item; all 255 where its outline is not known.
    """

    pixels: Image
    mask: Mask


def augment(shot: Shot, grounds: NDArray[np.uint8], share: float, size: int, random: np.random.Generator) -> Image:
    """Make one view.

    Args:
        shot: The photograph.
        grounds: `(K, S, S, 3) uint8 RGB` of `draw_grounds`.
        share: Of views that show the item on another ground, where its outline is known.
        size: Of the view, in pixels.
        random: Decides on everything.

    Returns:
        `(size, size, 3) uint8 RGB`.
    """
    elsewhere = random.random() < share and not shot.mask.all()
    view = _on_other_ground(shot, grounds, size, random) if elsewhere else _turned(shot.pixels, size, random)
    return expose(view, random) if random.random() < _EXPOSED else view


def _turned(pixels: Image, size: int, random: np.random.Generator) -> Image:
    height, width = pixels.shape[:2]
    zoom = _between(_ZOOM, random) * size / max(height, width)
    most = _TILT if random.random() < _UPRIGHT else np.pi
    change = _turn((width / 2, height / 2), zoom, size, most, random)
    return np.asarray(cv2.warpAffine(pixels, change, (size, size), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _on_other_ground(shot: Shot, grounds: NDArray[np.uint8], size: int, random: np.random.Generator) -> Image:
    """The item near the middle, filling some of the picture or all of it, as in a station's box."""
    left, top, wide, high = cv2.boundingRect(shot.mask)
    zoom = _between(_ITEM_SHARE, random) * size / max(wide, high)
    change = _turn((left + wide / 2, top + high / 2), zoom, size, np.pi, random)
    item = cv2.warpAffine(shot.pixels, change, (size, size), borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.blur(cv2.warpAffine(shot.mask, change, (size, size)), (3, 3)).astype(np.uint16)[..., None]
    ground = _shaded(_cut(grounds, size, random), cover, random)
    return ((item * cover + ground * (255 - cover) + 127) // 255).astype(np.uint8)


def _cut(grounds: NDArray[np.uint8], side: int, random: np.random.Generator) -> Image:
    """A piece of one of the grounds, any way round."""
    ground = grounds[random.integers(len(grounds))]
    size = int(random.integers(len(ground) // 2, len(ground) + 1))
    row, column = random.integers(0, len(ground) - size + 1, 2)
    piece = cv2.resize(ground[row : row + size, column : column + size], (side, side))
    return np.asarray(cv2.flip(piece, int(random.integers(-1, 2))), np.uint8)


def _shaded(ground: Image, cover: NDArray[np.uint16], random: np.random.Generator) -> Image:
    """The ground with the item's shadow on it, soft and a little aside; some light has none."""
    if random.random() > _SHADOW:
        return ground
    reach = max(1, int(len(ground) * random.uniform(0.01, 0.04)))
    aside = tuple(random.integers(-reach, reach + 1, 2))
    shadow = cv2.blur(np.roll(cover[..., 0], aside, (0, 1)), (2 * reach + 1, 2 * reach + 1))
    light = 255 - shadow * np.float32(random.uniform(0.1, 0.6))
    return (ground * (light / 255)[..., None]).astype(np.uint8)


def _turn(middle: tuple[float, float], zoom: float, side: int, most: float, random: np.random.Generator) -> Matrix:
    """From photograph to view: `middle` near the view's middle, turned at most so far, mirrored, sides unequal."""
    angle = random.uniform(-most, most)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    stretch = np.exp(random.uniform(-_STRETCH, _STRETCH))
    change = np.array([[cos * stretch, -sin], [sin * stretch, cos]])
    if random.random() < 0.5:
        change[:, 0] *= -1
    place = side * (0.5 + random.uniform(-_SHIFT, _SHIFT, 2))
    return np.hstack([change, (place - change @ middle)[:, None]]).astype(np.float32)


def _between(limits: tuple[float, float], random: np.random.Generator) -> float:
    """Evenly on a scale of factors."""
    return float(np.exp(random.uniform(*np.log(limits))))
