"""Trays: food trays with a rim, ribs or compartments, and egg trays."""

import cv2
import numpy as np
from numpy.random import Generator

from sortline_train.catalogue.paint import (
    Floats,
    Item,
    Light,
    X,
    Y,
    added,
    any_colour,
    blurred,
    clouds,
    lit,
    mix,
    plain,
    scaled,
    slopes,
    soft_step,
)
from sortline_train.catalogue.prints import artwork


def tray(rng: Generator, light: Light) -> Item:
    """A tray from above."""
    wide = rng.uniform(0.58, 0.9)
    corner = rng.uniform(0.1, 0.55) * wide
    inward = _inward(X, Y, (wide, 0.92), corner)
    inward = inward + 0.012 * clouds(rng, 3, 2) * float(rng.integers(2))
    cover = soft_step(inward)
    rim, wall = rng.uniform(0.05, 0.1), rng.uniform(0.08, 0.2)
    deep = rng.uniform(0.1, 0.22)
    eggs = rng.random() < 0.2
    height = _bowl(inward, rim, wall, deep)
    height = height + (_cups(rng, inward, wide, rim) if eggs else _floor(rng, inward, wide, rim + wall))
    if not eggs and rng.random() < 0.35:
        height = np.maximum(height, _divider(rng, wide, deep) - deep * (inward < rim))
    if rng.random() < 0.4:
        height = height + 0.03 * clouds(rng, 3)
    colour = any_colour(rng)
    albedo = plain(colour)
    if rng.random() < 0.3:
        albedo = _sticker(rng, albedo, wide)
    clear = 0.0 if eggs else float(rng.uniform(0.2, 0.5)) if rng.random() < 0.35 else 0.0
    slope = slopes(blurred(height.astype(np.float32), 1.4))
    hidden = np.clip(-height / deep, 0, 1) * rng.uniform(0.12, 0.3)
    painted = scaled(lit(albedo, slope, light, rng.uniform(0.05, 0.6), rng.uniform(12, 40)), 1 - hidden)
    bright = np.exp(-(((inward - rim * 0.5) / (rim * 0.3)) ** 2)) * 22
    return Item(_crumbs(rng, added(painted, bright)), cover * (1 - clear * (inward > rim)), 0.18)


def _inward(x: Floats, y: Floats, size: tuple[float, float], corner: float) -> Floats:
    """How far inside a rounded rectangle a point lies; negative outside."""
    right, down = np.abs(x) - (size[0] - corner), np.abs(y) - (size[1] - corner)
    outside = np.hypot(np.maximum(right, 0), np.maximum(down, 0))
    return np.asarray(corner - outside - np.minimum(np.maximum(right, down), 0), np.float32)


def _bowl(inward: Floats, rim: float, wall: float, deep: float) -> Floats:
    """Rim, wall and floor: 0 on the rim, -deep on the floor; the rim's outer edge turns down."""
    way = np.clip((inward - rim) / wall, 0, 1)
    lip = np.clip(1 - inward / 0.02, 0, 1) * 0.03
    return np.asarray(-deep * way * way * (3 - 2 * way) - lip, np.float32)


def _floor(rng: Generator, inward: Floats, wide: float, edge: float) -> Floats:
    """Ribs across the floor, flutes in the wall, or nothing."""
    inside = soft_step(inward - edge - 0.03, 0.05)
    kind = rng.integers(5)
    pitch = rng.uniform(22, 45)
    wave = (
        np.sin(Y * pitch),
        np.sin(X * pitch),
        np.maximum(np.sin(X * pitch), np.sin(Y * pitch)),
        np.sin(inward * pitch * 1.3),
        np.sin(np.arctan2(Y, X / wide) * 40) * soft_step(edge + 0.03 - inward, 0.05) * 2,
    )[kind]
    where = np.ones_like(X) if kind == 4 else inside
    return np.asarray(rng.uniform(0.006, 0.014) * wave * where, np.float32)


def _cups(rng: Generator, inward: Floats, wide: float, rim: float) -> Floats:
    """Rows of cups with pegs between them, as eggs lie in."""
    across = int(rng.integers(2, 5))
    down = round(across * 0.92 / wide) + int(rng.integers(0, 2))
    waves = np.cos(X / (wide - rim) * np.pi * across) * np.cos(Y / (0.92 - rim) * np.pi * down)
    return np.asarray(0.11 * waves * soft_step(inward - rim, 0.08), np.float32)


def _divider(rng: Generator, wide: float, deep: float) -> Floats:
    """Walls between compartments."""
    line = rng.uniform(-0.3, 0.3)
    wall = np.abs(Y - line)
    if rng.random() < 0.5:
        second = np.where(line < Y, np.abs(X - wide * rng.uniform(-0.2, 0.2)), 1)
        wall = np.minimum(wall, second)
    return np.asarray(-0.02 - deep * np.clip((wall - 0.03) / 0.08, 0, 1), np.float32)


def _sticker(rng: Generator, albedo: Floats, wide: float) -> Floats:
    half = rng.uniform(0.2, 0.4) * wide, rng.uniform(0.12, 0.3)
    at = rng.uniform(-0.3, 0.3) * wide, rng.uniform(-0.4, 0.4)
    cover = soft_step(_inward(X - at[0], Y - at[1], half, 0.03))
    sheet = artwork(rng, 100, 140, any_colour(rng))
    u = ((X - at[0]) / half[0] + 1) * 70
    v = ((Y - at[1]) / half[1] + 1) * 50
    shown = cv2.remap(sheet, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    return mix(albedo, np.asarray(shown, np.float32), cover)


def _crumbs(rng: Generator, painted: Floats) -> Floats:
    """What the meal left."""
    if rng.random() < 0.6:
        return painted
    stain = soft_step(clouds(rng, 5) - rng.uniform(0.5, 0.8), 0.4) * rng.uniform(0.3, 0.7)
    return mix(painted, plain(any_colour(rng) * 0.7), stain)
