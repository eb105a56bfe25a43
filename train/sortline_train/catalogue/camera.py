"""The camera: lays an item on a ground, lets its shadow fall, and takes the photograph."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sortline_train.catalogue.paint import SIDE, Floats, Item, Light, Pixels, blurred, mix, scaled

_SIZES = ((240, 320), (240, 320), (320, 240), (320, 320), (256, 320))


def any_size(rng: Generator) -> tuple[int, int]:
    """Height and width of a picture, in pixels."""
    return _SIZES[int(rng.integers(len(_SIZES)))]


def photograph(rng: Generator, item: Item, ground: Floats, light: Light, angle_rad: float) -> Pixels:
    """Take the picture.

    Args:
        rng: Decides the item's place and size, and the camera's faults.
        item: The item, upright, lit for this angle.
        ground: `(H, W, 3) float32` RGB.
        light: The light, in the picture's frame.
        angle_rad: How far the item is turned, clockwise.

    Returns:
        `(H, W, 3) uint8` RGB.
    """
    height, width = ground.shape[:2]
    scale, change = _place(rng, item.cover, (height, width), angle_rad)
    colour, cover = _laid(item, scale, change, (height, width))
    shadow = _shadow(rng, cover, item.lift * scale * SIDE, light)
    return _exposed(rng, mix(scaled(ground, 1 - shadow), colour, cover))


def _place(rng: Generator, cover: Floats, size: tuple[int, int], angle_rad: float) -> tuple[float, NDArray[np.float64]]:
    """A scale and the homography from patch to picture, the item wholly in the picture."""
    x, y, width, height = cv2.boundingRect((cover > 0.05).astype(np.uint8))
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64) - SIDE / 2
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turned = corners @ np.array([[cos, sin], [-sin, cos]])
    low, high = turned.min(0), turned.max(0)
    room = np.array([size[1], size[0]], np.float64)
    longest = rng.uniform(0.6, 0.95)
    scale = float(longest * min(room / (high - low)))
    free = room - (high - low) * scale
    shift = free * rng.uniform(0.15, 0.85, 2) - low * scale
    lean = rng.uniform(-0.12, 0.12, 2) / SIDE
    turn = np.array([[cos * scale, -sin * scale, shift[0]], [sin * scale, cos * scale, shift[1]], [0, 0, 1]])
    view = np.array([[1, 0, -SIDE / 2], [0, 1, -SIDE / 2], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [*lean, 1]])
    return scale, turn @ tilt @ view


def _laid(item: Item, scale: float, change: NDArray[np.float64], size: tuple[int, int]) -> tuple[Floats, Floats]:
    """The item's colour and cover in the picture. Area-averaged first, since warping alone would leave jagged print."""
    small = min(1.0, scale * 1.25)
    side = round(SIDE * small)
    stack = cv2.merge([item.colour, item.cover.astype(np.float32, copy=False)])
    reduced = cv2.resize(stack, (side, side), interpolation=cv2.INTER_AREA)
    grow = np.diag([SIDE / side, SIDE / side, 1.0])
    warped = cv2.warpPerspective(reduced, change @ grow, (size[1], size[0]), flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(warped[..., :3], np.float32), np.ascontiguousarray(warped[..., 3], np.float32)


def _shadow(rng: Generator, cover: Floats, lift_px: float, light: Light) -> Floats:
    """Share of light missing on the ground: close under the item, and thrown away from the lamp."""
    x, y, z = (float(part) for part in light.direction)
    reach = min(lift_px / z * 0.4, 40.0)
    move = np.array([[1, 0, -x * reach], [0, 1, -y * reach]], np.float64)
    thrown = np.asarray(cv2.warpAffine(cover, move, (cover.shape[1], cover.shape[0])), np.float32)
    soft = blurred(thrown, 2 + reach * rng.uniform(0.1, 0.3)) * (1 - light.ambient) * 0.75
    contact = blurred(cover, 3) * 0.35
    return np.asarray(np.minimum(np.maximum(soft, contact), 0.8), np.float32)


def _exposed(rng: Generator, scene: Floats) -> Pixels:
    """Uneven light, colour of the lamp, a lens and a sensor with their faults."""
    height, width = scene.shape[:2]
    across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.18)
    gradient = 1 + fall * (np.cos(angle) * across + np.sin(angle) * down)
    vignette = 1 - rng.uniform(0, 0.14) * (across * across + down * down)
    warmth = rng.uniform(-0.08, 0.08)
    gain = np.array([1 + warmth, 1 + rng.uniform(-0.02, 0.02), 1 - warmth], np.float32) * rng.uniform(0.9, 1.18)
    even = np.asarray(cv2.merge([gradient * vignette * part for part in gain.tolist()]), np.float32)
    image = blurred(np.asarray(cv2.multiply(scene, even), np.float32), rng.uniform(0.35, 0.9))
    # Uniform instead of normal noise: a tenth of the time, and behind a JPEG nobody can tell.
    grain = rng.integers(0, 256, scene.shape, np.uint8).astype(np.float32)
    strength = rng.uniform(1, 5) / 74
    return np.asarray(cv2.convertScaleAbs(np.maximum(image + (grain - 127.5) * strength, 0)), np.uint8)
