"""Cartons: shipping boxes, shut or open, drink cartons with a gable, and printed packs."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sortline_train.catalogue.paint import (
    SIDE,
    Floats,
    Item,
    Light,
    any_colour,
    clouds,
    noise,
    scaled,
    to_pixels,
)
from sortline_train.catalogue.paint import Pixels as Sheet
from sortline_train.catalogue.prints import artwork, ink

Points = NDArray[np.float64]
_FACE = 160


class _Body:
    """Flat faces in space, painted from the farthest to the nearest."""

    def __init__(self, rng: Generator, light: Light) -> None:
        self._light = light
        turn = rng.uniform(0.25, 1.3) + rng.integers(0, 4) * np.pi / 2
        tilt = rng.uniform(0.45, 1.1)
        cos, sin = np.cos(turn), np.sin(turn)
        spin = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        cos, sin = np.cos(tilt), np.sin(tilt)
        self._view = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ spin
        self._faces: list[tuple[Points, Sheet]] = []

    def add(self, corners: list[list[float]], sheet: Sheet) -> None:
        """Add a face: its four corners in space, z up, for the sheet's corners clockwise from the top left."""
        self._faces.append((np.array(corners), sheet))

    def painted(self, rng: Generator) -> Item:
        """Draw all faces, fitted to the patch."""
        seen = [points @ self._view.T for points, _ in self._faces]
        everything = np.concatenate(seen)
        middle = (everything.max(0) + everything.min(0)) / 2
        scale = 0.93 / (everything - middle)[:, :2].__abs__().max()
        colour = np.zeros((SIDE, SIDE, 3), np.float32)
        cover = np.zeros((SIDE, SIDE), np.uint8)
        for index in sorted(range(len(seen)), key=lambda index: seen[index][:, 2].mean()):
            points = (seen[index] - middle) * scale
            flat = points[:, :2] * [1, -1] * (1 + 0.12 * points[:, 2:])
            self._paint(colour, cover, flat * 0.93, (_lit_face(points, self._light) * self._faces[index][1]))
        worn = 1 + 0.07 * clouds(rng, 4)
        return Item(scaled(colour, worn), cover.astype(np.float32) / 255, 0.45)

    def _paint(self, colour: Floats, cover: Sheet, flat: Points, sheet: Floats) -> None:
        side = _FACE - 1
        source = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        target = ((flat + 1) * (SIDE / 2) - 0.5).astype(np.float32)
        change = cv2.getPerspectiveTransform(source, target)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(mask, [to_pixels(flat)], (255,), cv2.LINE_AA, 4)
        x, y, width, height = cv2.boundingRect(np.rint(target).astype(np.int32))
        x, y = max(0, x - 2), max(0, y - 2)
        part = np.s_[y : y + height + 4, x : x + width + 4]
        here = mask[part]
        shift = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], np.float64)
        warped = cv2.warpPerspective(
            sheet, shift @ change, (here.shape[1], here.shape[0]), borderMode=cv2.BORDER_REPLICATE
        )
        share = here.astype(np.float32)[..., None] / 255
        colour[part] += (warped - colour[part]) * share
        cover[part] = np.maximum(cover[part], here)


def carton(rng: Generator, light: Light) -> Item:
    """A carton out of folded board."""
    body = _Body(rng, light)
    kind = rng.choice(4, p=[0.3, 0.28, 0.27, 0.15])
    (_shut_box, _open_box, _gable, _pack)[kind](rng, body)
    return body.painted(rng)


def _lit_face(points: Points, light: Light) -> Floats:
    """Brightness of a face, the side that is seen; boards are matt."""
    normal = np.cross(points[1] - points[0], points[3] - points[0])
    normal /= np.linalg.norm(normal) + 1e-9
    normal *= np.sign(normal[2]) or 1
    toward = max(0.0, float(normal @ (light.direction * [1, -1, 1])))
    ramp = np.linspace(1.06, 0.86, _FACE, dtype=np.float32)[:, None, None]
    return ramp * (0.4 + 0.3 * light.ambient + 0.9 * (1 - light.ambient) * toward)


def _board(rng: Generator, colour: Floats, *, printed: bool) -> Sheet:
    """A face of board with worn edges."""
    sheet = artwork(rng, _FACE, _FACE, colour) if printed else np.full((_FACE, _FACE, 3), colour, np.uint8)
    grain = 1 + 0.03 * noise(rng, (40, 4), _FACE, _FACE)
    sheet = np.clip(sheet * grain[..., None], 0, 255).astype(np.uint8)
    edge = ink(np.minimum(colour * rng.uniform(0.6, 1.3), 250))
    cv2.rectangle(sheet, (0, 0), (_FACE - 1, _FACE - 1), edge, int(rng.integers(1, 4)))
    return sheet


def _walls(body: _Body, size: tuple[float, float, float], sheets: list[Sheet]) -> list[list[list[float]]]:
    """Four upright faces around the middle; returns their upper edges, each left to right as seen from outside."""
    wide, deep, tall = size
    corners = [(-wide, -deep), (wide, -deep), (wide, deep), (-wide, deep)]
    edges = []
    for index in range(4):
        (ax, ay), (bx, by) = corners[index], corners[(index + 1) % 4]
        body.add([[ax, ay, tall], [bx, by, tall], [bx, by, 0], [ax, ay, 0]], sheets[index])
        edges.append([[ax, ay, tall], [bx, by, tall]])
    return edges


def _box_size(rng: Generator) -> tuple[float, float, float]:
    return rng.uniform(0.7, 1.1), rng.uniform(0.5, 0.9), rng.uniform(0.5, 1.3)


def _shut_box(rng: Generator, body: _Body) -> None:
    colour = any_colour(rng)
    wide, deep, tall = _box_size(rng)
    _walls(body, (wide, deep, tall), [_board(rng, colour, printed=rng.random() < 0.5) for _ in range(4)])
    top = _board(rng, colour, printed=rng.random() < 0.2)
    middle = _FACE // 2
    cv2.line(top, (0, middle), (_FACE, middle), ink(colour * 0.4), 2, cv2.LINE_AA)
    if rng.random() < 0.8:
        tape = any_colour(rng) if rng.random() < 0.5 else np.minimum(colour * 1.2 + 10, 250)
        half = int(rng.uniform(8, 16))
        strip = top[middle - half : middle + half]
        strip[:] = (0.3 * strip + 0.7 * tape).astype(np.uint8)
    body.add([[-wide, deep, tall], [wide, deep, tall], [wide, -deep, tall], [-wide, -deep, tall]], top)


def _open_box(rng: Generator, body: _Body) -> None:
    colour = any_colour(rng)
    wide, deep, tall = _box_size(rng)
    tall *= 0.75
    outside = [_board(rng, colour, printed=rng.random() < 0.5) for _ in range(4)]
    inside = _board(rng, colour * 0.62, printed=False)
    floor = _board(rng, colour * 0.4, printed=False)
    body.add([[-wide, -deep, 0.02], [wide, -deep, 0.02], [wide, deep, 0.02], [-wide, deep, 0.02]], floor)
    near = 0.985
    _walls(body, (wide * near, deep * near, tall * near), [inside] * 4)
    for (left, right), sheet in zip(_walls(body, (wide, deep, tall), outside), outside, strict=True):
        out = np.array([left[0] + right[0], left[1] + right[1], 0])
        out /= np.linalg.norm(out)
        lean = rng.uniform(-0.2, 0.9)
        reach = rng.uniform(0.35, 0.6) * (out * np.cos(lean) + np.array([0, 0, np.sin(lean)]))
        flap = _board(rng, colour * 0.92, printed=False)
        ends = [(np.array(corner) + reach).tolist() for corner in (left, right)]
        body.add([ends[0], ends[1], right, left], flap if rng.random() < 0.8 else sheet)


def _gable(rng: Generator, body: _Body) -> None:
    colour = any_colour(rng)
    side, tall = rng.uniform(0.4, 0.55), rng.uniform(1.2, 1.9)
    roof, fin = rng.uniform(0.4, 0.6), rng.uniform(0.15, 0.25)
    front = _board(rng, colour, printed=True)
    _walls(body, (side, side, tall), [front, _board(rng, colour, printed=True)] * 2)
    peak, slope = tall + roof, _board(rng, colour, printed=rng.random() < 0.6)
    if rng.random() < 0.5:
        cap = ink(any_colour(rng))
        cv2.circle(slope, (_FACE // 2, _FACE // 2), _FACE // 5, ink(colour * 0.5), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(slope, (_FACE // 2, _FACE // 2 - 6), _FACE // 5, cap, cv2.FILLED, cv2.LINE_AA)
    for way in (-1.0, 1.0):
        edge = way * side
        body.add([[edge, 0, peak], [-edge, 0, peak], [-edge, edge, tall], [edge, edge, tall]], slope)
        shade = _board(rng, colour * 0.75, printed=False)
        body.add([[edge * 0.6, 0, peak], [edge * 0.6, 0, peak], [edge, side, tall], [edge, -side, tall]], shade)
    ridge = _board(rng, colour, printed=False)
    body.add([[-side, 0, peak + fin], [side, 0, peak + fin], [side, 0, peak], [-side, 0, peak]], ridge)


def _pack(rng: Generator, body: _Body) -> None:
    """A printed pack, such as breakfast comes in, with a torn or open top."""
    colour = any_colour(rng)
    wide, deep, tall = rng.uniform(0.5, 0.8), rng.uniform(0.16, 0.35), rng.uniform(0.9, 1.4)
    broad, narrow = (_board(rng, colour, printed=True) for _ in range(2))
    edges = _walls(body, (wide, deep, tall), [broad, narrow, broad, narrow])
    body.add(
        [[-wide, -deep, tall], [wide, -deep, tall], [wide, deep, tall], [-wide, deep, tall]],
        _board(rng, colour * 0.45, printed=False),
    )
    for left, right in edges:
        up = np.array([0, 0, rng.uniform(0.15, 0.35)]) + 0.3 * np.array([left[0] + right[0], left[1] + right[1], 0])
        ends = [(np.array(corner) + up).tolist() for corner in (left, right)]
        body.add([ends[0], ends[1], right, left], _board(rng, colour * 0.85, printed=False))
