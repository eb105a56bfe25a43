"""What is printed on items: labels, words that say nothing, stripes, marks and pages of text."""

import cv2
import numpy as np
from numpy.random import Generator

from sortline_train.catalogue.paint import Floats, Pixels, any_colour, contrasting

_LETTERS = np.array(list("ABCDEFGHIKLMNOPRSTUVXZaeinorstu&"))
_FONTS = (
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)

_Ink = tuple[float, float, float]


def ink(colour: Floats) -> _Ink:
    """A colour as OpenCV's drawing takes it."""
    red, green, blue = (float(part) for part in colour)
    return red, green, blue


def artwork(rng: Generator, height: int, width: int, base: Floats) -> Pixels:
    """A printed surface, `(height, width, 3) uint8` RGB: a few things out of a designer's box on the colour `base`."""
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = base.astype(np.uint8)
    for draw in rng.choice(np.array([_stripes, _block, _waves, _dots, _mark]), size=rng.integers(1, 3), replace=False):
        draw(rng, sheet, ink(contrasting(rng, base)))
    if rng.random() < 0.8:
        _word(rng, sheet, ink(contrasting(rng, base)))
    if rng.random() < 0.7:
        _small_print(rng, sheet, ink(contrasting(rng, base)))
    if rng.random() < 0.35:
        _barcode(rng, sheet)
    return sheet


def page(rng: Generator, height: int, width: int, paper: Floats) -> Pixels:
    """A printed page, `(height, width, 3) uint8` RGB: headline, columns of lines and perhaps a picture."""
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = paper.astype(np.uint8)
    colour = ink(paper * 0.42 if paper.mean() > 110 else paper + 100)
    margin = width // 14
    top = margin
    if rng.random() < 0.7:
        size = height // int(rng.integers(9, 15))
        _write(rng, sheet, (margin, top + size), size, ink(contrasting(rng, paper)))
        top += size * 2
    columns = int(rng.integers(1, 5))
    pitch = max(5, height // int(rng.integers(34, 60)))
    step = (width - 2 * margin) // columns
    for column in range(columns):
        left = margin + column * step
        _lines(rng, sheet, (left, top, left + step - margin // 2, height - margin), pitch, colour)
    for _ in range(int(rng.integers(0, 3))):
        _picture(rng, sheet, top)
    return sheet


def _stripes(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    height, width = sheet.shape[:2]
    slant = int(rng.choice([0, 0, 1, -1]) * rng.uniform(0.2, 0.8) * width)
    thick = int(height * rng.uniform(0.03, 0.12))
    first = int(rng.uniform(0, height))
    for index in range(int(rng.integers(1, 5))):
        y = first + index * thick * 2
        cv2.line(sheet, (0, y), (width, y + slant), colour, thick, cv2.LINE_AA)


def _block(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    height, width = sheet.shape[:2]
    top = int(rng.uniform(0, 0.7) * height)
    cv2.rectangle(sheet, (0, top), (width, top + int(rng.uniform(0.15, 0.5) * height)), colour, cv2.FILLED)


def _waves(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    height, width = sheet.shape[:2]
    x = np.arange(0, width + 8, 8)
    swing = np.sin(x / width * rng.uniform(3, 12) + rng.uniform(0, 6)) * rng.uniform(0.03, 0.15)
    y = (rng.uniform(0.3, 0.8) + swing) * height
    points = np.concatenate([np.stack([x, y], 1), [[width, height], [0, height]]])
    cv2.fillPoly(sheet, [points.astype(np.int32)], colour, cv2.LINE_AA)


def _dots(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    height, width = sheet.shape[:2]
    for _ in range(int(rng.integers(5, 30))):
        centre = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        cv2.circle(sheet, centre, int(rng.uniform(0.01, 0.06) * height), colour, cv2.FILLED, cv2.LINE_AA)


def _mark(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    """A logo: a disc, a ring or a star, with something inside."""
    height, width = sheet.shape[:2]
    size = int(min(height, width) * rng.uniform(0.16, 0.34))
    centre = np.array([width * rng.uniform(0.3, 0.7), height * rng.uniform(0.25, 0.7)])
    angles = np.linspace(0, 2 * np.pi, 2 * int(rng.integers(3, 9)), endpoint=False) + rng.uniform(0, 6)
    reach = np.where(np.arange(len(angles)) % 2, rng.uniform(0.4, 1), 1.0) * size
    star = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None]
    middle = int(centre[0]), int(centre[1])
    if rng.random() < 0.5:
        cv2.circle(sheet, middle, int(size * 1.15), colour, int(rng.choice([-1, size // 6 + 1])), cv2.LINE_AA)
        colour = ink(any_colour(rng))
    cv2.fillPoly(sheet, [star.astype(np.int32)], colour, cv2.LINE_AA)


def _word(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    height, width = sheet.shape[:2]
    size = max(8, int(height * rng.uniform(0.1, 0.24)))
    _write(rng, sheet, (int(width * rng.uniform(0, 0.35)), int(height * rng.uniform(0.25, 0.9))), size, colour)


def _write(rng: Generator, sheet: Pixels, place: tuple[int, int], size_px: int, colour: _Ink) -> None:
    word = "".join(rng.choice(_LETTERS, int(rng.integers(3, 10))))
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    cv2.putText(sheet, word, place, font, size_px / 22, colour, max(1, size_px // 9), cv2.LINE_AA)


def _small_print(rng: Generator, sheet: Pixels, colour: _Ink) -> None:
    height, width = sheet.shape[:2]
    left, top = int(width * rng.uniform(0, 0.6)), int(height * rng.uniform(0.4, 0.8))
    right, bottom = left + int(width * rng.uniform(0.2, 0.4)), top + int(height * rng.uniform(0.1, 0.3))
    _lines(rng, sheet, (left, top, right, bottom), max(4, height // 32), colour)


def _lines(rng: Generator, sheet: Pixels, box: tuple[int, int, int, int], pitch: int, colour: _Ink) -> None:
    """Lines of words too small to read."""
    left, top, right, bottom = box
    unit = max(2, pitch // 2)
    for y in range(top, bottom - pitch, pitch):
        x = left
        end = right - int(rng.exponential(0.08) * (right - left))
        for length in rng.integers(2, 9, size=1 + (right - left) // (3 * unit)):
            if x >= end:
                break
            cv2.rectangle(sheet, (x, y), (min(end, x + int(length) * unit), y + unit - 1), colour, cv2.FILLED)
            x += (int(length) + 1) * unit


def _picture(rng: Generator, sheet: Pixels, top: int) -> None:
    height, width = sheet.shape[:2]
    left, upper = int(rng.uniform(0.05, 0.5) * width), int(rng.uniform(top, 0.6 * height))
    tall, wide = int(rng.uniform(0.15, 0.3) * height), int(rng.uniform(0.25, 0.45) * width)
    target = sheet[upper : upper + tall, left : left + wide]
    dark, bright = any_colour(rng) * 0.4, 120 + any_colour(rng) * 0.5
    share = np.cumsum(rng.uniform(0, 0.5, (5, 7)), axis=0).clip(0, 1)[..., None]
    coarse = (bright + (dark - bright) * share).astype(np.uint8)
    target[:] = cv2.resize(coarse, (target.shape[1], target.shape[0]), interpolation=cv2.INTER_LINEAR)


def _barcode(rng: Generator, sheet: Pixels) -> None:
    height, width = sheet.shape[:2]
    tall, wide = max(8, height // 8), max(20, width // 5)
    left, top = int(rng.uniform(0, width - wide)), int(rng.uniform(0.5, 0.85) * height)
    code = sheet[top : top + tall, left : left + wide]
    bars = np.repeat(rng.choice(np.array([20, 240], np.uint8), wide // 2 + 1), 2)[: code.shape[1]]
    code[:] = bars[None, :, None]
