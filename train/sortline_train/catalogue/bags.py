"""Bags out of film: carrier bags with handles, tied sacks, and sealed pouches."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sortline_train.catalogue.paint import (
    SIDE,
    Floats,
    Item,
    Light,
    X,
    Y,
    any_colour,
    blurred,
    clouds,
    filled,
    lit,
    mix,
    noise,
    plain,
    scaled,
    slopes,
)
from sortline_train.catalogue.prints import artwork


def bag(rng: Generator, light: Light) -> Item:
    """A bag, full, empty or half crushed."""
    kind = rng.choice(3, p=[0.4, 0.38, 0.22])
    return (_carrier, _sack, _pouch)[kind](rng, light)


def _wavy(rng: Generator, points: NDArray[np.float64], rough: float) -> NDArray[np.float64]:
    """A closed outline through `points`, rounded and uneven."""
    count = 160
    at = np.linspace(0, len(points), count, endpoint=False)
    index = at.astype(int)
    share = (at - index)[:, None]
    around = points[index % len(points)] * (1 - share) + points[(index + 1) % len(points)] * share
    kernel = np.hanning(15) / np.hanning(15).sum()
    spectrum = np.fft.rfft(kernel, count)[:, None]
    smooth = np.roll(np.fft.irfft(np.fft.rfft(around, axis=0) * spectrum, count, axis=0), -7, axis=0)
    stray = np.fft.irfft(
        np.fft.rfft(rng.normal(0, rough, (count, 2)), axis=0) * np.fft.rfft(np.hanning(9), count)[:, None],
        count,
        axis=0,
    )
    return np.asarray(smooth + stray, np.float64)


def _film(rng: Generator, cover: Floats, height: Floats, light: Light, albedo: Floats, clarity: float) -> Item:
    """Thin shiny film over a height: bright ridges, and the ground seen faintly where it lies single."""
    slope = slopes(blurred(height, 1.2))
    painted = lit(albedo, slope, light, gloss=rng.uniform(0.45, 0.95), sharpness=rng.uniform(12, 40))
    rim = np.clip(blurred(cover, 5) * 2 - 1, 0, 1)
    painted = scaled(painted, 0.72 + 0.28 * rim)
    fold = np.clip(np.hypot(*slope), 0, 1)
    return Item(painted, cover * np.clip(1 - clarity * (1 - fold), 0, 1), 0.15)


def _wrinkles(rng: Generator, strength: float) -> Floats:
    """Ridges that wander: the valleys of noise, stretched one way."""
    across, down = rng.integers(2, 5), rng.integers(4, 9)
    ridges = 1 - np.abs(noise(rng, (int(down), int(across)))) * 2
    finer = 1 - np.abs(noise(rng, (int(across) * 4, int(down) * 2))) * 2
    return np.asarray(strength * (0.09 * ridges + 0.045 * finer + 0.02 * clouds(rng, 14, 2)), np.float32)


def _carrier(rng: Generator, light: Light) -> Item:
    """A carrier bag: two handles over a slack body."""
    colour = any_colour(rng)
    wide, dip = rng.uniform(0.5, 0.72), rng.uniform(-0.4, -0.15)
    handle = rng.uniform(0.2, 0.32) * wide / 0.6
    mouth = wide - handle
    lean = rng.uniform(-0.12, 0.12, 2)
    points = np.array(
        [
            [-wide - 0.02, 0.92], [-wide - 0.06, 0.3], [-wide, dip], [-wide + lean[0], -0.94],
            [-mouth + lean[0], -0.94], [-mouth * 0.9, dip - 0.04], [-mouth * 0.5, dip + 0.1],
            [mouth * 0.5, dip + 0.1], [mouth * 0.9, dip - 0.04], [mouth + lean[1], -0.94],
            [wide + lean[1], -0.94], [wide, dip], [wide + 0.06, 0.3], [wide + 0.02, 0.92],
        ]
    )  # fmt: skip
    cover = filled(_wavy(rng, points, 0.006))
    for way, shift in ((-1, lean[0]), (1, lean[1])):
        middle = np.array([way * (wide - handle / 2) + shift * 0.7, (dip - 0.94) / 2 - 0.08])
        size = np.array([handle * 0.2, (dip + 0.94) * 0.26])
        angle = np.linspace(0, 2 * np.pi, 24)
        cover = cover * (1 - filled(middle + np.stack([np.cos(angle), np.sin(angle)], 1) * size))
    albedo = _logo(rng, colour, cover)
    height = _wrinkles(rng, rng.uniform(0.6, 1.4)) + _gathers(rng, dip)
    return _film(rng, cover, height, light, albedo, rng.uniform(0, 0.35))


def _gathers(rng: Generator, dip: float) -> Floats:
    """Folds that run from the handles down into the body."""
    fan = X / (1.2 + 0.4 * Y) + 0.08 * noise(rng, (3, 3))
    fade = np.clip((0.7 - Y) / (0.9 - dip), 0, 1)
    return np.asarray(0.035 * np.sin(fan * rng.uniform(16, 30)) * fade, np.float32)


def _logo(rng: Generator, colour: Floats, cover: Floats) -> Floats:
    """Print in the middle of the bag, bent with it."""
    albedo = plain(colour)
    if rng.random() < 0.35:
        return albedo
    side = int(SIDE * rng.uniform(0.35, 0.5))
    top, left = SIDE // 2 - side // 4, (SIDE - side) // 2
    albedo[top : top + side, left : left + side] = artwork(rng, side, side, colour)
    return mix(plain(colour), albedo, cover)


def _sack(rng: Generator, light: Light) -> Item:
    """A full sack, its neck tied: folds run into the knot and the ends spread above it."""
    colour = any_colour(rng)
    knot_y = rng.uniform(-0.62, -0.45)
    angle = np.linspace(0.2 * np.pi, 1.8 * np.pi, 15) - np.pi / 2
    wide, tall = rng.uniform(0.62, 0.85), rng.uniform(0.62, 0.72)
    belly = np.stack([np.cos(angle) * wide, np.sin(angle) * tall + 0.26], 1) * rng.uniform(0.9, 1.06, (15, 1))
    neck = rng.uniform(0.07, 0.12)
    spread = rng.uniform(0.2, 0.42)
    tuft = np.array(
        [
            [-neck, knot_y],
            [-spread, -0.9],
            [-spread * 0.3, -0.82],
            [spread * 0.3, -0.94],
            [spread, -0.86],
            [neck, knot_y],
        ]
    )
    cover = filled(_wavy(rng, np.concatenate([belly[np.argsort(-angle)], tuft[:1], tuft[1:-1], tuft[-1:]]), 0.006))
    turn = np.arctan2(X, Y - knot_y)
    away = np.hypot(X, Y - knot_y)
    bend = turn + 0.25 * noise(rng, (4, 4))
    rays = np.sin(bend * rng.uniform(9, 15)) + 0.6 * np.sin(bend * rng.uniform(18, 30) + 1)
    pleats = 0.05 * rays * np.exp(-away * rng.uniform(1.0, 2.2)) * np.minimum(away * 6, 1)
    dome = 0.55 * np.sqrt(np.clip(1.1 - (X / wide) ** 2 - ((Y - 0.26) / tall) ** 2, 0.02, None))
    height = (_wrinkles(rng, rng.uniform(0.4, 1.0)) + pleats + dome * (knot_y < Y)).astype(np.float32)
    item = _film(rng, cover, height, light, plain(colour), rng.uniform(0, 0.15))
    tie = np.exp(-(((Y - knot_y) / 0.045) ** 2) - (X / (neck * 1.25)) ** 4)
    string = scaled(plain(any_colour(rng)), 1 - 0.5 * np.abs(X / (neck * 1.4)).clip(0, 1))
    return Item(mix(item.colour, string, tie * 0.9), np.maximum(item.cover, tie), 0.4)


def _pouch(rng: Generator, light: Light) -> Item:
    """A sealed pouch, such as snacks come in: a pillow with crimped ends."""
    colour = any_colour(rng)
    wide, tall = rng.uniform(0.5, 0.7), rng.uniform(0.8, 0.92)
    pinch = rng.uniform(0.0, 0.12)
    teeth = np.arange(29)
    zigzag = np.linspace(-wide, wide, 29)
    upper = np.stack([zigzag, -tall + 0.025 * (teeth % 2)], 1)
    side = np.linspace(-tall, tall, 24)[1:-1]
    bow = pinch * np.cos(side / tall * np.pi / 2) + rng.normal(0, 0.005, 22)
    right, left = np.stack([wide - bow, side], 1), np.stack([-wide + bow, side], 1)
    cover = filled(np.concatenate([upper, right, -upper[:, :] * [1, 1], left[::-1]]))
    sheet = np.asarray(artwork(rng, SIDE, SIDE, colour), np.float32)
    seal = np.clip((np.abs(Y) - tall + 0.16) * 40, 0, 1)
    crimps = 0.012 * np.sin(Y * 150) * seal
    pillow = 0.3 * np.sqrt(np.clip(1 - (X / wide) ** 2, 0, 1)) * np.sqrt(np.clip(1 - (Y / (tall - 0.1)) ** 2, 0, 1))
    height = (_wrinkles(rng, rng.uniform(0.3, 0.9)) * (1 - seal) + crimps + pillow).astype(np.float32)
    return _film(rng, cover, height, light, sheet, 0.0)
