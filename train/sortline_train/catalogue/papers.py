"""Paper: sheets that were creased or crumpled and smoothed, balls of paper, and folded newspapers."""

import cv2
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
    filled,
    lit,
    mix,
    noise,
    plain,
    scaled,
    slopes,
)
from sortline_train.catalogue.prints import artwork, page


def paper(rng: Generator, light: Light) -> Item:
    """Paper, as it was thrown away."""
    kind = rng.choice(3, p=[0.42, 0.33, 0.25])
    return (_sheet, _ball, _newspaper)[kind](rng, light)


def _facets(rng: Generator, count: int) -> Floats:
    """Slopes of a surface broken into flat triangles, `(SIDE, SIDE, 2) float32`: to the right and down."""
    net = cv2.Subdiv2D((0, 0, SIDE, SIDE))
    for x, y in rng.uniform(1, SIDE - 1, (count, 2)):
        net.insert((float(x), float(y)))
    tilt = np.zeros((SIDE, SIDE, 2), np.float32)
    for corners in np.asarray(net.getTriangleList()):
        across, down = rng.normal(0, 1, 2)
        cv2.fillConvexPoly(tilt, np.rint(corners.reshape(3, 2)).astype(np.int32), (float(across), float(down)))
    return tilt


def _crumple(rng: Generator, depth: float, fine: int) -> tuple[Floats, Floats]:
    """Creases large and small, as slopes."""
    broken = _facets(rng, fine // 4) * 0.45 + _facets(rng, fine) * 0.5 + _facets(rng, fine * 4) * 0.35
    # Creases of paper are straight only for a short way.
    bent = _swum(rng, blurred(broken, 0.8) * depth, 7)
    return np.ascontiguousarray(bent[..., 0]), np.ascontiguousarray(bent[..., 1])


def _swum(rng: Generator, image: NDArray[np.uint8] | Floats, reach_px: float) -> Floats:
    """The image with every point moved a little, neighbours alike."""
    x, y = ((grid + 1) * (SIDE / 2) + reach_px * noise(rng, (5, 5)) for grid in (X, Y))
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def _folds(rng: Generator) -> tuple[Floats, Floats]:
    """A few straight folds across the whole sheet, as slopes."""
    right, down = np.zeros_like(X), np.zeros_like(X)
    for _ in range(int(rng.integers(1, 5))):
        angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
        across, along = np.cos(angle), np.sin(angle)
        side = np.tanh((X * across + Y * along - rng.uniform(-0.5, 0.5)) * 60) * rng.uniform(0.1, 0.3)
        right += (side * across).astype(np.float32)
        down += (side * along).astype(np.float32)
    return right, down


def _edge(rng: Generator, corners: NDArray[np.float64], rough: float) -> NDArray[np.float64]:
    """The outline of a sheet, each side broken into short pieces that stray by `rough`."""
    share = np.linspace(0, 1, 24, endpoint=False)[:, None]
    sides = [a + (b - a) * share for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    outline = np.concatenate(sides)
    return outline + rng.normal(0, rough, outline.shape)


def _corners(rng: Generator, *, loose: float) -> NDArray[np.float64]:
    wide = rng.uniform(0.6, 0.85)
    corners = np.array([[-wide, -0.88], [wide, -0.88], [wide, 0.88], [-wide, 0.88]])
    return corners + rng.uniform(-loose, loose, (4, 2))


def _printed(rng: Generator, colour: Floats) -> Floats:
    sheet = page(rng, SIDE, SIDE, colour) if rng.random() < 0.75 else artwork(rng, SIDE, SIDE, colour)
    return _swum(rng, sheet, 9)


def _sheet(rng: Generator, light: Light) -> Item:
    """One sheet, creased; perhaps a corner folded over or torn away."""
    colour = any_colour(rng)
    corners = _corners(rng, loose=0.1)
    depth = rng.uniform(0.05, 0.45)
    outline = _edge(rng, corners, 0.004 + 0.02 * depth)
    cover = filled(outline)
    albedo = _printed(rng, colour) if rng.random() < 0.8 else plain(colour)
    crumple, folds = _crumple(rng, depth, int(rng.integers(40, 200))), _folds(rng)
    painted = lit(albedo, (crumple[0] + folds[0], crumple[1] + folds[1]), light, gloss=0.03)
    if rng.random() < 0.5:
        painted, cover = _dog_ear(rng, (painted, cover), corners, colour)
    return Item(painted, cover, 0.05 + 0.1 * depth)


def _dog_ear(
    rng: Generator, sheet: tuple[Floats, Floats], corners: NDArray[np.float64], colour: Floats
) -> tuple[Floats, Floats]:
    """Fold one corner over: its back is blank and it throws a shadow."""
    painted, cover = sheet
    index = int(rng.integers(4))
    tip, before, after = corners[index], corners[index - 1], corners[(index + 1) % 4]
    first, second = (tip + (other - tip) * rng.uniform(0.2, 0.45) for other in (before, after))
    line = (second - first) / np.linalg.norm(second - first)
    mirrored = first + 2 * line * ((tip - first) @ line) - (tip - first)
    outward = tip + (tip - (first + second) / 2)
    cover = cover * (1 - filled(np.array([first, outward, second])))
    flap = filled(np.array([first, mirrored, second]))
    shaded = scaled(painted, 1 - 0.36 * blurred(flap, 4))
    back = scaled(plain(np.minimum(colour * rng.uniform(0.85, 1.1), 250)), 1 + 0.06 * noise(rng, (3, 3)))
    return mix(shaded, back, flap), np.maximum(cover, flap)


def _ball(rng: Generator, light: Light) -> Item:
    """A sheet crushed into a ball."""
    colour = any_colour(rng)
    angle = np.linspace(0, 2 * np.pi, 70, endpoint=False) + rng.uniform(0, 0.08, 70)
    lumps = sum(rng.uniform(0, 0.12 / k) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3, 4, 5, 7, 9))
    reach = 0.8 + lumps + rng.normal(0, 0.014, 70)
    stretch = np.array([1, rng.uniform(0.7, 1)])
    cover = filled(np.stack([np.cos(angle), np.sin(angle)], 1) * reach[:, None] * stretch)
    albedo = _printed(rng, colour) if rng.random() < 0.55 else plain(colour)
    crumple = _crumple(rng, rng.uniform(0.55, 0.9), int(rng.integers(90, 200)))
    away = np.sqrt(np.clip(1.25 - X * X - (Y / stretch[1]) ** 2, 0.12, None))
    painted = lit(albedo, (crumple[0] + 0.6 * X / away, crumple[1] + 0.6 * Y / away), light, gloss=0.02)
    hollow = np.clip(blurred(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), 9) * 14 - 0.6, 0, 0.5)
    return Item(scaled(painted, 1 - hollow), cover, 0.3)


def _newspaper(rng: Generator, light: Light) -> Item:
    """A stack of folded pages, one edge thick."""
    colour = any_colour(rng)
    corners = _corners(rng, loose=0.04)
    pages = int(rng.integers(3, 7))
    painted, cover = plain(colour), np.zeros_like(X)
    slip = rng.uniform(-0.05, 0.05, 2)
    for index in range(pages):
        offset = slip * (pages - 1 - index) / pages * 2 + rng.normal(0, 0.006, 2)
        here = filled(_edge(rng, corners * 0.92 + offset, 0.003))
        tone = plain(colour * (0.55 + 0.35 * (index % 2)))
        painted = mix(painted, tone, here)
        cover = np.maximum(cover, here)
    front = np.asarray(page(rng, SIDE, SIDE, colour), np.float32)
    painted = mix(painted, front, here * filled(corners * 0.905))
    swell = 0.05 * noise(rng, (2, 2)) - 0.12 * np.exp(-np.abs(Y - rng.uniform(-0.2, 0.2)) * 9)
    crumple = _crumple(rng, 0.06, 40)
    swelling = slopes(swell.astype(np.float32))
    painted = lit(painted, (swelling[0] + crumple[0], swelling[1] + crumple[1]), light, gloss=0.03)
    return Item(painted, cover, 0.12)
