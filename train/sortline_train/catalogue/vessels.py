"""Bottles and cans: bodies of revolution with a label around them."""

import cv2
import numpy as np
from numpy.random import Generator

from sortline_train.catalogue.paint import (
    SIDE,
    Floats,
    Item,
    Light,
    X,
    Y,
    added,
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
    soft_step,
)
from sortline_train.catalogue.prints import artwork


def bottle(rng: Generator, light: Light) -> Item:
    """A bottle: body, shoulder, neck and cap; clear or solid, straight or crushed."""
    top, bottom = -0.95, 0.95
    body = rng.uniform(0.2, 0.37)
    neck = body * rng.uniform(0.28, 0.5)
    cap_end = top + rng.uniform(0.1, 0.2)
    neck_end = cap_end + rng.uniform(0.04, 0.42)
    shoulder_end = neck_end + rng.uniform(0.12, 0.5)
    radius = _bottle_profile(rng, (neck_end, shoulder_end, bottom), (neck, body))
    crushed = rng.random() < 0.4
    bend = _rows(noise(rng, (3, 1), SIDE, 2)[:, 0] * (0.07 if crushed else 0.0))
    x = X - bend
    across, around = _round(x, radius)
    ends = soft_step(Y - cap_end) * soft_step(bottom - Y - 0.06 * (1 - around))
    cover = soft_step(radius - np.abs(x)) * ends

    colour = any_colour(rng)
    clear = rng.random() < 0.55
    albedo = plain(colour)
    if clear:
        albedo = scaled(albedo, 0.75 + 0.25 * around)
        cover = cover * np.clip(rng.uniform(0.45, 0.75) + 0.5 * (1 - around), 0, 1)
        albedo = _liquid(rng, albedo, shoulder_end)
    label, place = _label(rng, across, shoulder_end, bottom)
    albedo = mix(albedo, label, place)
    cover = np.maximum(cover, place * soft_step(radius - np.abs(x)))

    bulge = _relief(rng, crushed=crushed) * (1 - 0.7 * place)
    down = -_slope_of(radius) * around
    wrinkle = slopes(blurred(bulge, 1.5))
    slope = (across / (around + 0.12) + wrinkle[0], down + wrinkle[1])
    painted = lit(albedo, slope, light, gloss=rng.uniform(0.3, 0.8), sharpness=rng.uniform(15, 60))
    painted = added(painted, _streaks(rng, across, 120 if clear else 60))
    return _with_cap(rng, Item(painted, cover, 0.3), (top, cap_end, neck), bend, light)


def can(rng: Generator, light: Light) -> Item:
    """A drinks can with its tab, or a food tin with its ribs, seen aslant; perhaps dented."""
    tin = rng.random() < 0.4
    tilt = rng.uniform(0.2, 0.62)
    wide = rng.uniform(0.42, 0.6)
    tall = wide * (rng.uniform(0.7, 1.4) if tin else rng.uniform(1.1, 1.9))
    tall = min(tall, 0.95 - tilt * wide)
    top, bottom = -tall, tall
    lid = wide * (1.0 if tin else rng.uniform(0.78, 0.9))
    dented = rng.random() < 0.5
    push = _rows(noise(rng, (3, 1), SIDE, 2)[:, 0] * (0.1 if dented else 0.0))
    push = push * np.clip((Y - top - tilt * wide) * 3, 0, 1)
    x = X - push
    rise = tilt * np.sqrt(np.clip(1 - (x / wide) ** 2, 0, 1)) * wide
    along = Y - rise
    step = (wide - lid) * 1.6
    taper = np.clip((along - top) / (step + 1e-3), 0, 1) * np.clip((bottom - along) / (step * 0.6 + 1e-3), 0, 1)
    radius = (lid + (wide - lid) * taper if not tin else np.full_like(X, wide)).astype(np.float32)
    across, around = _round(x, radius)
    cover = soft_step(radius - np.abs(x)) * soft_step(along - top + 0.02) * soft_step(bottom - along)

    metal = plain(np.full(3, rng.uniform(150, 205), np.float32))
    wrap = _wrapped(rng, across, (along - top) / (bottom - top), any_colour(rng))
    inset = rng.uniform(0.04, 0.12)
    printed = soft_step(along - top - step - inset / 2) * soft_step(bottom - inset - along)
    albedo = mix(metal, wrap, printed) if not tin or rng.random() < 0.75 else plain(any_colour(rng))
    ribs = 0.006 * np.sin(along * rng.uniform(50, 80)) * (rng.uniform(0.3, 1.2) if tin else 0.0)
    dents = 0.05 * clouds(rng, 3) if dented else np.zeros_like(X)
    bump = slopes((ribs + dents).astype(np.float32))
    slope = (across / (around + 0.12) + bump[0], bump[1] + 0.25)
    painted = lit(albedo, slope, light, gloss=rng.uniform(0.2, 0.6), sharpness=25)
    painted = added(painted, _streaks(rng, across, 90))
    for edge in (top + 0.015, bottom - 0.02):
        rim = np.exp(-(((along - edge) / 0.018) ** 2))
        painted = added(scaled(painted, 1 - 0.8 * rim), rim * (90 + 90 * around))
    painted = scaled(painted, 1 - 0.3 * np.exp(-(((along - bottom + 0.06) / 0.02) ** 2)))
    return _with_lid(rng, Item(painted, cover, 0.35), (top, lid, tilt), light, tab=not tin or rng.random() < 0.5)


def _round(x: Floats, radius: Floats) -> tuple[Floats, Floats]:
    """Where a point lies across a round body: -1 to 1, and how much the surface faces the viewer: 0 to 1."""
    across = np.clip(x / np.maximum(radius, 1e-3), -1, 1)
    return across, np.sqrt(1 - across * across)


def _rows(values: Floats) -> Floats:
    return np.repeat(values.astype(np.float32)[:, None], SIDE, axis=1)


def _slope_of(radius: Floats) -> Floats:
    return np.asarray(np.gradient(radius, 2 / SIDE, axis=0), np.float32)


def _bottle_profile(rng: Generator, rows: tuple[float, float, float], widths: tuple[float, float]) -> Floats:
    neck_end, shoulder_end, bottom = rows
    neck, body = widths
    waist = body * (rng.uniform(0.72, 0.95) if rng.random() < 0.5 else 1.0)
    middle = (shoulder_end + bottom) / 2 + rng.uniform(-0.1, 0.1)
    at = [-1, neck_end, shoulder_end, middle - 0.12, middle, middle + 0.12, bottom - 0.05, bottom, 1]
    size = [neck, neck, body, body, waist, body, body, body * 0.86, body * 0.8]
    radius = np.interp(Y[:, 0], at, size).astype(np.float32)[:, None]
    smooth = blurred(radius, rng.uniform(2, 12))[:, 0]
    if rng.random() < 0.45:
        below = (Y[:, 0] > shoulder_end) * np.float32(rng.uniform(0.004, 0.01))
        smooth = smooth + below * np.sin(Y[:, 0] * rng.uniform(35, 70))
    return _rows(smooth)


def _liquid(rng: Generator, albedo: Floats, shoulder_end: float) -> Floats:
    if rng.random() < 0.6:
        return albedo
    level = rng.uniform(shoulder_end, 0.8) + rng.uniform(-0.3, 0.3) * X
    return mix(albedo, plain(albedo[0, 0] * 0.6 + 0.3 * any_colour(rng)), soft_step(Y - level))


def _wrapped(rng: Generator, across: Floats, along: Floats, base: Floats) -> Floats:
    """Artwork around a body; `along` runs from 0 to 1 down the label."""
    sheet = artwork(rng, 200, 360, base)
    u = (np.arcsin(across) * np.float32(1 / np.pi) + np.float32(0.5)) * 359
    v = np.clip(along, 0, 1).astype(np.float32) * 199
    return np.asarray(cv2.remap(sheet, u, v, cv2.INTER_LINEAR), np.float32)


def _label(rng: Generator, across: Floats, shoulder_end: float, bottom: float) -> tuple[Floats, Floats]:
    if rng.random() < 0.15:
        return plain(any_colour(rng)), np.zeros_like(X)
    first = rng.uniform(shoulder_end - 0.02, shoulder_end + 0.2)
    last = min(first + rng.uniform(0.25, 0.75), bottom - 0.06)
    skew = rng.uniform(-0.03, 0.03) * X
    label = _wrapped(rng, across, (Y + skew - first) / (last - first), any_colour(rng))
    place = soft_step(Y + skew - first) * soft_step(last - Y - skew)
    if rng.random() < 0.3:
        place = place * soft_step(clouds(rng, 3) + 0.45, 0.05)
    return label, place


def _relief(rng: Generator, *, crushed: bool) -> Floats:
    return 0.06 * np.abs(noise(rng, (7, 4))) + 0.03 * noise(rng, (14, 7)) if crushed else 0.006 * noise(rng, (6, 4))


def _streaks(rng: Generator, across: Floats, strength: float) -> Floats:
    """Reflections of windows and lamps along a shiny round body."""
    total = np.zeros_like(across)
    for _ in range(int(rng.integers(1, 4))):
        place, width = rng.uniform(-0.85, 0.85), rng.uniform(0.03, 0.14)
        total += np.exp(-(((across - place) / width) ** 2)) * rng.uniform(0.2, 1) * strength
    return total


def _with_cap(rng: Generator, item: Item, cap: tuple[float, float, float], bend: Floats, light: Light) -> Item:
    top, end, neck = cap
    lost = rng.random() < 0.15
    wide = neck * (0.92 if lost else rng.uniform(1.08, 1.35))
    x = X - bend
    across, around = _round(x, np.full_like(X, wide))
    cover = soft_step(wide - np.abs(x)) * soft_step(Y - top) * soft_step(end - Y)
    grooves = 0.35 * np.sin(np.arcsin(across) * rng.uniform(18, 34)).astype(np.float32)
    colour = plain(any_colour(rng))
    slope = (across / (around + 0.15) + grooves, np.where(end - 0.035 < Y, 0.8, 0).astype(np.float32))
    painted = lit(colour, slope, light, gloss=0.3)
    ring = np.exp(-(((Y - end - 0.02) / 0.012) ** 2)) * soft_step(wide * 1.05 - np.abs(x))
    shown = scaled(mix(item.colour, painted, cover), 1 - 0.4 * ring)
    return Item(shown, np.maximum(np.maximum(item.cover, cover), ring * 0.8), item.lift)


def _with_lid(rng: Generator, item: Item, lid: tuple[float, float, float], light: Light, *, tab: bool) -> Item:
    top, wide, tilt = lid
    away = np.sqrt((X / wide) ** 2 + ((Y - top) / (wide * tilt)) ** 2)
    cover = soft_step(1 - away, 2.5 / SIDE / (wide * tilt))
    sink = -0.05 * np.exp(-(((away - 0.86) / 0.06) ** 2)) - 0.05 * (away < 0.9)
    rings = 0.006 * np.cos(away * rng.uniform(20, 45)) * (away < 0.8)
    slope = slopes(blurred((sink + rings).astype(np.float32), 1.2))
    metal = np.full(3, rng.uniform(150, 215), np.float32) if rng.random() < 0.8 else any_colour(rng)
    albedo = plain(metal)
    if tab:
        _tab(rng, albedo, (top, wide, tilt))
    shine = np.cos(2 * np.arctan2(Y - top, X * tilt) + rng.uniform(0, 6)) * 25
    painted = added(lit(albedo, slope, light, gloss=0.25), shine)
    return Item(mix(item.colour, painted, cover), np.maximum(item.cover, cover), item.lift)


def _tab(rng: Generator, albedo: Floats, lid: tuple[float, float, float]) -> None:
    """The pull tab and the mouth, drawn in the plane of the lid."""
    top, wide, tilt = lid
    turn = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(turn), np.sin(turn)])
    aside = np.array([-along[1], along[0]])
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)

    def oval(offset: float, length: float, width: float, colour: Floats) -> None:
        ring = along * (offset + length * np.cos(angle))[:, None] + aside * (width * np.sin(angle))[:, None]
        points = ring * [wide, wide * tilt] + [0, top]
        albedo[:] = mix(albedo, plain(colour), filled(points))

    metal = albedo[0, 0].copy()
    opened = rng.random() < 0.5
    oval(0.45, 0.3, 0.26, metal * (0.15 if opened else 0.8))
    finger = any_colour(rng) if rng.random() < 0.3 else np.minimum(metal * 1.15, 245)
    oval(-0.12, 0.4, 0.22, metal * 0.55)
    oval(-0.1, 0.38, 0.19, finger)
    oval(-0.24, 0.16, 0.11, metal * 0.5)
    oval(0.12, 0.06, 0.06, metal * 0.6)
