"""What the camera over the simulated belt sees."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_edge.twin.world import Layout, Rider, Sprite

_BELT_RGB = (38, 78, 66)
_NOISE = 2.5
_SEAM_PX = 1900


class Renderer:
    """Draws the belt at a time. Deterministic: the same time gives the same picture."""

    def __init__(self, layout: Layout, seed: int) -> None:
        random = np.random.default_rng((seed, 2))
        self._layout = layout
        self._texture = _texture(layout, random)
        noise = random.normal(0, _NOISE, (layout.height_px + 64, layout.width_px + 64, 3))
        self._noise = noise.round().astype(np.int16)

    def picture(self, riders: Iterable[tuple[Rider, Sprite]], at_ns: int, nth: int) -> NDArray[np.uint8]:
        """The picture `(H, W, 3) uint8 RGB` at `at_ns`; `nth` chooses the camera noise."""
        layout = self._layout
        period = self._texture.shape[1] - layout.width_px
        gone = round(at_ns / 1e9 * layout.speed_mm_s / layout.mm_per_px)
        start = -gone % period
        picture = self._texture[:, start : start + layout.width_px].copy()
        for rider, sprite in riders:
            _paste(picture, sprite, round(layout.left_px(rider, at_ns)), rider.top_px)
        top, left = (nth * 37) % 64, (nth * 23) % 64
        noise = self._noise[top : top + layout.height_px, left : left + layout.width_px]
        return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)


def _texture(layout: Layout, random: np.random.Generator) -> NDArray[np.uint8]:
    """A stretch of fabric belt that joins its own beginning, with a seam, some dirt, and light from above."""
    height, width = layout.height_px, _SEAM_PX
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
    tile = np.clip(belt, 0, 255).astype(np.uint8)
    return np.concatenate([tile, tile[:, : layout.width_px]], axis=1)


def _paste(picture: NDArray[np.uint8], sprite: Sprite, left: int, top: int) -> None:
    height, width = sprite.pixels.shape[:2]
    x0, x1 = max(0, left), min(picture.shape[1], left + width)
    y0, y1 = max(0, top), min(picture.shape[0], top + height)
    if x0 >= x1 or y0 >= y1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    ground = picture[y0:y1, x0:x1] * (1 - sprite.shadow[part])
    opacity = sprite.opacity[part]
    picture[y0:y1, x0:x1] = ground + opacity * (sprite.pixels[part] - ground)
