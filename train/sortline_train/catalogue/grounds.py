"""What the items lie on: boards, belts, concrete, planks, sheet metal, mesh and cloth."""

import cv2
import numpy as np
from numpy.random import Generator

from sortline_train.catalogue.paint import Floats, any_colour, blurred, clouds, noise


def any_ground(rng: Generator, height: int, width: int) -> Floats:
    """One ground out of many, `(height, width, 3) float32` RGB from 0 to 255, evenly lit."""
    draw = _GROUNDS[int(rng.integers(len(_GROUNDS)))]
    tone, colour = draw(rng, height, width)
    return np.asarray(cv2.merge([tone * part for part in colour.tolist()]), np.float32)


def _grain(rng: Generator, height: int, width: int) -> Floats:
    return rng.standard_normal((height, width), np.float32)


def _pale(rng: Generator) -> Floats:
    return any_colour(rng) * 0.25 + rng.uniform(130, 185)


def _board(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    return 1 + 0.02 * clouds(rng, 2, 2, height, width), _pale(rng)


def _belt(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    """Rubber with a fine weave, scratches, dust and perhaps its seam or cleats."""
    tone = 1 + 0.1 * blurred(_grain(rng, height, width), 0.8) + 0.08 * clouds(rng, 3, 3, height, width)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    if rng.random() < 0.6:
        tone = tone + 0.06 * np.sin(x * rng.uniform(0.6, 1.2)) * np.sin(y * rng.uniform(0.6, 1.2))
    if rng.random() < 0.5:
        place, slant = rng.uniform(0, width), rng.uniform(-0.4, 0.4)
        tone = tone * (1 - 0.35 * np.exp(-(((x + slant * y - place) / 2.5) ** 2)))
    for _ in range(int(rng.integers(0, 8))):
        _scratch(rng, tone, float(rng.uniform(1.1, 1.5)))
    return tone.astype(np.float32), np.full(3, rng.uniform(45, 95), np.float32) + any_colour(rng) * 0.06


def _scratch(rng: Generator, tone: Floats, value: float) -> None:
    height, width = tone.shape
    start = int(rng.uniform(0, width)), int(rng.uniform(0, height))
    end = start[0] + int(rng.normal(0, 60)), start[1] + int(rng.normal(0, 30))
    cv2.line(tone, start, end, (value,), 1, cv2.LINE_AA)


def _concrete(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    grain = _grain(rng, height, width)
    pits = np.minimum(blurred(grain, 1.2) * 2.5 + 0.9, 0)
    tone = 1 + 0.05 * blurred(grain, 0.7) + 0.09 * clouds(rng, 3, 4, height, width) + 0.4 * pits
    return tone, rng.uniform(105, 180) + any_colour(rng) * 0.12


def _planks(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    """Boards side by side, upright or level, each with its own shade and grain."""
    level = rng.random() < 0.5
    long, short = (width, height) if level else (height, width)
    pitch = short / rng.uniform(2.2, 6)
    row = (np.arange(short) + rng.uniform(0, pitch)) / pitch
    shade = rng.uniform(0.8, 1.12, 12)[row.astype(int)]
    gap = 1 - 0.6 * np.exp(-((((row % 1 - 0.5).__abs__() - 0.5) * pitch / 1.6) ** 2))
    figure = noise(rng, (int(short / 4), 5), short, long) * 0.09
    rings = np.sin((noise(rng, (5, 2), short, long) * 3 + row[:, None]) * 14) * 0.035
    tone = ((shade * gap)[:, None] * (1 + figure + rings)).astype(np.float32)
    base = np.array([rng.uniform(130, 200), rng.uniform(105, 150), rng.uniform(70, 115)], np.float32)
    base = base if rng.random() < 0.6 else _pale(rng)
    return (tone if level else np.ascontiguousarray(tone.T)), base


def _metal(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    """Brushed sheet with reflections, scratches and perhaps rivets."""
    brushed = cv2.blur(_grain(rng, height, width), (41, 1)) * 0.22
    sheen = noise(rng, (1, 4), height, width) * 0.16 + noise(rng, (4, 1), height, width) * 0.05
    tone = np.asarray(1 + brushed + sheen, np.float32)
    for _ in range(int(rng.integers(2, 14))):
        _scratch(rng, tone, float(rng.uniform(0.8, 1.25)))
    return tone, np.full(3, rng.uniform(110, 195), np.float32) + any_colour(rng) * 0.05


def _mesh(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    """Woven or punched steel over the dark, seen aslant."""
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(11, 26)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    u = (x * np.cos(turn) + y * np.sin(turn)) * np.float32(2 * np.pi / pitch)
    v = (y * np.cos(turn) - x * np.sin(turn)) * np.float32(2 * np.pi / pitch)
    a, b = np.cos(u), np.cos(v)
    steel = np.clip((np.maximum(a, b) if rng.random() < 0.6 else 0.6 - a * b) * 3 - 1.2, 0, 1)
    relief = 0.16 * np.roll(steel, 2, axis=0) - 0.16 * steel
    tone = rng.uniform(0.25, 0.5) + steel * (0.6 + 0.1 * clouds(rng, 3, 2, height, width)) - relief
    return np.asarray(tone, np.float32), np.full(3, rng.uniform(110, 190), np.float32) + any_colour(rng) * 0.08


def _cloth(rng: Generator, height: int, width: int) -> tuple[Floats, Floats]:
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    pitch = rng.uniform(1.2, 2.2)
    weave = 0.06 * np.sin(x * pitch) + 0.06 * np.sin(y * pitch)
    turn = rng.uniform(0, np.pi)
    ridge = noise(rng, (2, 3), height, width) + (x * np.cos(turn) + y * np.sin(turn)) / 90
    folds = rng.uniform(0, 0.12) * np.sin(ridge * 6)
    tone = 1 + weave + folds + 0.04 * _grain(rng, height, width)
    return tone.astype(np.float32), any_colour(rng) * 0.6 + 50


_GROUNDS = (_board, _board, _belt, _belt, _concrete, _planks, _metal, _mesh, _cloth)
