"""Brushes and light that every drawn item shares.

An item is drawn upright on a square patch whose middle is (0, 0) and whose edges lie at -1 and 1, x to the right, y
down, z towards the viewer. Colours are RGB from 0 to 255. The camera turns the patch, scales it and lays it down.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

# float32 throughout; the wider type is for the checker, which calls a float32 array times a number float64.
Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

SIDE = 256
_axis = (np.arange(SIDE, dtype=np.float32) + 0.5) * (2 / SIDE) - 1
X, Y = (np.ascontiguousarray(grid) for grid in np.meshgrid(_axis, _axis))


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp and the grey sky around it.

    Attributes:
        direction: `(3,) float32` unit vector towards the lamp.
        ambient: Share of the light that comes from everywhere, 0 to 1.
    """

    direction: Floats
    ambient: float

    def turned(self, angle_rad: float) -> "Light":
        """The same light, seen by an item that is turned by `angle_rad` (clockwise in the picture)."""
        x, y, z = self.direction
        cos, sin = np.cos(angle_rad), np.sin(angle_rad)
        return Light(np.array([cos * x + sin * y, cos * y - sin * x, z], np.float32), self.ambient)


@dataclass(frozen=True, slots=True)
class Item:
    """A drawn item.

    Attributes:
        colour: `(SIDE, SIDE, 3) float32` RGB, lit.
        cover: `(SIDE, SIDE) float32`, 0 where the ground shows, 1 where the item hides it.
        lift: How high it stands above the ground, as a share of its length; sets the reach of its shadow.
    """

    colour: Floats
    cover: Floats
    lift: float


def any_light(rng: Generator) -> Light:
    """A lamp somewhere above, hard or soft."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(35, 72))
    flat = np.cos(elevation)
    direction = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], np.float32)
    return Light(direction, float(rng.uniform(0.3, 0.65)))


def any_colour(rng: Generator) -> Floats:
    """A colour of things people throw away, `(3,) float32`: white, grey, black, brown or any hue.

    Every class draws from it, so that colour says nothing about the class.
    """
    kind = rng.choice(5, p=[0.2, 0.1, 0.1, 0.12, 0.48])
    hue, saturation, value = (
        (rng.uniform(0, 180), rng.uniform(0, 25), rng.uniform(205, 250)),
        (rng.uniform(0, 180), rng.uniform(0, 25), rng.uniform(110, 190)),
        (rng.uniform(0, 180), rng.uniform(0, 70), rng.uniform(45, 85)),
        (rng.uniform(10, 20), rng.uniform(70, 130), rng.uniform(140, 205)),
        (rng.uniform(0, 180), rng.uniform(90, 235), rng.uniform(95, 235)),
    )[kind]
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], np.float32)


def contrasting(rng: Generator, colour: Floats) -> Floats:
    """A colour that can be read on `colour`."""
    for _ in range(8):
        other = any_colour(rng)
        if abs(float(other.mean() - colour.mean())) > 60:
            return other
    return np.full(3, 235.0 if colour.mean() < 128 else 30.0, np.float32)


def resized(image: Floats, width: int, height: int) -> Floats:
    """The image at another size, smoothly."""
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def blurred(image: Floats, sigma_px: float) -> Floats:
    """The image through a Gaussian of `sigma_px` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32)


def noise(rng: Generator, cells: tuple[int, int], height: int = SIDE, width: int = SIDE) -> Floats:
    """Smooth noise, `(height, width) float32` around 0 and mostly within ±1, with so many cells (down, across)."""
    return resized(rng.uniform(-1, 1, (cells[0] + 1, cells[1] + 1)).astype(np.float32), width, height)


def clouds(rng: Generator, cells: int, octaves: int = 3, height: int = SIDE, width: int = SIDE) -> Floats:
    """Noise that is rough at several scales, each half as high as the last."""
    grid = rng.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32)
    for octave in range(1, octaves):
        side = (cells << octave) + 1
        grid = resized(grid, side, side) + rng.uniform(-1, 1, (side, side)).astype(np.float32) * 0.5**octave
    return resized(grid, width, height)


def filled(outline: ArrayLike) -> Floats:
    """Cover of a polygon, `(n, 2)` points in patch units, with smooth edges."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [to_pixels(outline)], (255,), cv2.LINE_AA, 4)
    return np.multiply(mask, np.float32(1 / 255), dtype=np.float32)


def to_pixels(points: ArrayLike) -> NDArray[np.int32]:
    """Points in patch units as pixels with the 4 binary places that OpenCV's drawing takes (`shift=4`)."""
    scaled = (np.asarray(points, np.float64) + 1) * (SIDE / 2) - 0.5
    return np.rint(scaled * 16).astype(np.int32)


def soft_step(distance: Floats, width: float = 2.5 / SIDE) -> Floats:
    """1 where `distance` is positive, 0 where negative, with an edge of `width`."""
    return np.asarray(np.clip(distance / width + 0.5, 0, 1), np.float32)


def plain(colour: Floats) -> Floats:
    """A patch of one colour."""
    patch = np.empty((SIDE, SIDE, 3), np.float32)
    cv2.rectangle(patch, (0, 0), (SIDE, SIDE), colour.tolist(), cv2.FILLED)
    return patch


def scaled(image: Floats, share: Floats) -> Floats:
    """`image` (H, W, 3) made brighter or darker, pixel by pixel, by `share` (H, W)."""
    share = share.astype(np.float32, copy=False)
    return np.asarray(cv2.multiply(image, cv2.merge([share, share, share])), np.float32)


def added(image: Floats, light: Floats) -> Floats:
    """`image` (H, W, 3) with the white `light` (H, W) on top."""
    light = light.astype(np.float32, copy=False)
    return np.asarray(cv2.add(image, cv2.merge([light, light, light])), np.float32)


def mix(below: Floats, above: Floats, share: Floats) -> Floats:
    """`above` laid over `below`, so much of it as `share` (H, W) says."""
    share = share.astype(np.float32, copy=False)
    return np.asarray(cv2.blendLinear(below, above, 1 - share, share), np.float32)


def slopes(height: Floats) -> tuple[Floats, Floats]:
    """Slope of a height (patch units) to the right and down."""
    right = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=SIDE / 16)
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=SIDE / 16)
    return np.asarray(right, np.float32), np.asarray(down, np.float32)


def lit(albedo: Floats, slope: tuple[Floats, Floats], light: Light, gloss: float, sharpness: float = 30) -> Floats:
    """A surface under a light, by Blinn and Phong's model with the highlight as an exponential.

    What lies flat keeps its colour, however low the lamp.

    Args:
        albedo: `(SIDE, SIDE, 3) float32`.
        slope: Of the surface, to the right and down, each `(SIDE, SIDE) float32`.
        light: The light, in the item's own frame.
        gloss: Strength of the highlight, 0 to 1.
        sharpness: Of the highlight; Phong's exponent.
    """
    right, down = slope
    up = 1 / np.sqrt(1 + right * right + down * down)
    lx, ly, lz = (float(part) for part in light.direction)
    toward = np.maximum((lz - right * lx - down * ly) * up, 0)
    shade = light.ambient * (0.55 + 0.45 * up) + (1 - light.ambient) * np.minimum(toward / lz, 1.6)
    half = np.sqrt(2 + 2 * lz)
    facing = (lz + 1 - right * lx - down * ly) * up / half
    shine = 255 * gloss * np.exp(sharpness * (facing - 1))
    return added(scaled(albedo, shade), shine)
