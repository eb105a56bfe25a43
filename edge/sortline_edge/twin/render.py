"""What the camera over the simulated belt sees, in whole numbers, with noise from a table: it has to be fast."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_edge.twin.riders import Layout
from sortline_edge.twin.sprites import Layers, Sprite, blurred

_BELT_RGB = (38, 78, 66)
_SEAM_PX = 1900
_NOISE_ROOM_PX = 64
_BLURS_KEPT = 8
_RUNS_KEPT = 4

Picture = NDArray[np.uint8]


class Lens(NamedTuple):
    """How the camera sees at a time.

    Attributes:
        gain: Brightness; 1 is as it should be.
        blur_px: How far the belt moves while the shutter is open.
        swapped: Whether red and blue are swapped.
        dirt_px: Diameter of the dirt on the lens; 0: it is clean.
    """

    gain: float = 1.0
    blur_px: int = 0
    swapped: bool = False
    dirt_px: int = 0


class Shown(NamedTuple):
    """An item in a picture: which, its looks, and its left and top edge there."""

    number: int
    sprite: Sprite
    left_px: int
    top_px: int


class Renderer:
    """Draws the belt. Deterministic: the same way, items and lens give the same picture."""

    def __init__(self, layout: Layout, seed: int, noise: float) -> None:
        """Weave the belt.

        Args:
            layout: Belt and camera.
            seed: Of texture, noise and dirt.
            noise: Of the camera, standard deviation in grey levels.
        """
        self._layout = layout
        self._texture = _weave(layout.width_px, layout.height_px, layout.reduction, seed)
        self._more, self._less = _grain(layout.width_px, layout.height_px, noise / layout.reduction, seed)
        self._dirt_place = np.random.default_rng((seed, 12)).uniform(0.3, 0.7, 2)
        self._belt = lru_cache(_BLURS_KEPT)(self._blurred_belt)
        self._dirt = lru_cache(_BLURS_KEPT)(_blob)
        self._items: dict[int, tuple[int, Layers, int]] = {}

    def picture(self, items: Iterable[Shown], way_mm: float, nth: int, lens: Lens) -> Picture:
        """One picture `(H, W, 3) uint8 RGB`.

        Args:
            items: What lies on the belt; the last of them on top.
            way_mm: How far the belt has gone.
            nth: Chooses the camera noise.
            lens: How the camera sees.
        """
        layout = self._layout
        texture = self._belt(lens.blur_px)
        period = texture.shape[1] - layout.width_px
        start = -round(way_mm / layout.mm_per_px) % period
        picture = texture[:, start : start + layout.width_px].copy()
        items = list(items)
        for item in items:
            layers, room = self._layers(item, lens.blur_px)
            _paste(picture, layers, item.left_px - room, item.top_px)
        self._forget_all_but({item.number for item in items})
        if lens.dirt_px:
            left, top = np.rint(self._dirt_place * (layout.width_px, layout.height_px)).astype(int).tolist()
            _paste(picture, self._dirt(lens.dirt_px), left - lens.dirt_px // 2, top - lens.dirt_px // 2)
        if lens.gain != 1.0:
            cv2.convertScaleAbs(picture, dst=picture, alpha=lens.gain)
        top, left = (nth * 37) % _NOISE_ROOM_PX, (nth * 23) % _NOISE_ROOM_PX
        grain = np.s_[top : top + layout.height_px, left : left + layout.width_px]
        cv2.add(picture, self._more[grain], dst=picture)
        cv2.subtract(picture, self._less[grain], dst=picture)
        if lens.swapped:
            cv2.cvtColor(picture, cv2.COLOR_RGB2BGR, dst=picture)
        return picture

    def _blurred_belt(self, way_px: int) -> Picture:
        if way_px < 2:
            return self._texture
        return np.asarray(cv2.blur(self._texture, (way_px, 1)), np.uint8)

    def _layers(self, item: Shown, blur_px: int) -> tuple[Layers, int]:
        if blur_px < 2:
            return item.sprite.layers, 0
        known = self._items.get(item.number)
        if known is None or known[0] != blur_px:
            known = self._items[item.number] = (blur_px, *blurred(item.sprite.layers, blur_px))
        return known[1:]

    def _forget_all_but(self, numbers: set[int]) -> None:
        for number in self._items.keys() - numbers:
            del self._items[number]


@lru_cache(_RUNS_KEPT)
def _weave(width_px: int, height_px: int, reduction: int, seed: int) -> Picture:
    """A stretch of fabric belt that joins its own beginning, with a seam, some dirt, and light from above."""
    random = np.random.default_rng((seed, 2))
    height, width = height_px * reduction, _SEAM_PX
    weave = cv2.GaussianBlur(random.normal(0, 9, (height, width)).astype(np.float32), (0, 0), 0.8)
    coarse = random.normal(0, 3, (6, 20)).astype(np.float32)
    coarse[:, -2:] = coarse[:, :1]
    coarse[:, 1] = coarse[:, 0]
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    light = 1.08 - 0.16 * np.abs(np.linspace(-1, 1, height, dtype=np.float32))[:, None]
    belt = (np.array(_BELT_RGB, np.float32) + (weave + clouds)[..., None]) * light[..., None]
    belt[:, 40:44] *= 0.8
    for _ in range(30):
        place = (int(random.integers(0, width)), int(random.integers(0, height)))
        cv2.circle(belt, place, int(random.integers(1, 3)), [float(c) * 0.75 for c in _BELT_RGB], -1, cv2.LINE_AA)
    size = (width // reduction, height_px)
    tile = cv2.resize(np.clip(belt, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    return np.concatenate([tile, tile[:, :width_px]], axis=1).astype(np.uint8)


@lru_cache(_RUNS_KEPT)
def _grain(width_px: int, height_px: int, noise: float, seed: int) -> tuple[Picture, Picture]:
    """What the camera's noise adds and what it takes away, with room to begin anywhere in it."""
    room = (height_px + _NOISE_ROOM_PX, width_px + _NOISE_ROOM_PX, 3)
    grain = np.random.default_rng((seed, 13)).normal(0, noise, room).round()
    return np.clip(grain, 0, 255).astype(np.uint8), np.clip(-grain, 0, 255).astype(np.uint8)


def _blob(diameter_px: int) -> Layers:
    """Something dark and out of focus."""
    steps = np.linspace(-1, 1, diameter_px, dtype=np.float32)
    far = np.sqrt(steps[None, :] ** 2 + steps[:, None] ** 2)
    keep = np.rint(255 * np.clip(1.6 * far - 0.6, 0.1, 1)).astype(np.uint8)
    keep = np.repeat(keep[..., None], 3, axis=2)
    return Layers(keep, np.zeros_like(keep))


def _paste(picture: Picture, layers: Layers, left: int, top: int) -> None:
    height, width = layers.keep.shape[:2]
    x0, x1 = max(0, left), min(picture.shape[1], left + width)
    y0, y1 = max(0, top), min(picture.shape[0], top + height)
    if x0 >= x1 or y0 >= y1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    ground = picture[y0:y1, x0:x1]
    cv2.add(cv2.multiply(ground, layers.keep[part], scale=1 / 255), layers.add[part], dst=ground)
