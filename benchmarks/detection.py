"""How many items the detector and the tracker find on belts that make it hard for them, and how touching pairs fare.

    python benchmarks/detection.py PHOTOS [--items 60] [--only stripes ...] [--pairs 400]

PHOTOS are class folders of photographs with one item each on a plain ground; the items are cut out and ride over
rendered belts of 640 x 480 pixels, 0.5 mm a pixel, 20 px a frame. For each belt: items that got exactly one identity
(once), more than one (split), one together with another (merged), none (missed), identities without an item (phantom),
single items taken for several, how well the boxes fit (intersection over union, of items wholly in the picture), and
the processor time of one picture. Then how often and how well the pictures tell the belt's speed. Then pairs that
touch: how many are declared to be several, against single items.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.photographs import list_photographs
from sortline_bundle.preprocess import Box
from sortline_bundle.progress import progress
from sortline_edge.seeing.detect import Blob, Detector, overlap
from sortline_edge.seeing.flow import Flow
from sortline_edge.seeing.track import Item, Tracker
from sortline_edge.twin.items import cut

WIDTH, HEIGHT, TILE = 640, 480, 1900
STEP_PX, SMALLEST_PX, LONGEST_PX = 20, 30, 180
BELT = (38, 78, 66)
FLOATS = NDArray[np.float32]
PIXELS = NDArray[np.uint8]


class Sprite(NamedTuple):
    """An item: `(H, W, 3) float32` colours and `(H, W, 1) float32` opacity."""

    pixels: FLOATS
    opacity: FLOATS


class Scene(NamedTuple):
    """What is special about a belt.

    Attributes:
        colour: Of the belt.
        tile: Changes the stretch of belt `(HEIGHT, TILE, 3) float32` that repeats.
        light: By picture number and number of pictures: what the picture is multiplied by.
        opacity: Of the items.
        shadow: Strength of the shadow that items cast, and how far in pixels.
        reduced: The pictures are made so many times smaller.
        weave: Strength of the belt's texture, in grey levels before it is smoothed.
    """

    colour: tuple[int, int, int] = BELT
    tile: Callable[[FLOATS], FLOATS] = lambda tile: tile
    light: Callable[[int, int], FLOATS | float] = lambda _nth, _count: 1.0
    opacity: float = 1.0
    shadow: tuple[float, int] = (0.35, 6)
    reduced: int = 1
    weave: float = 9.0


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, metavar="PHOTOS")
    parser.add_argument("--items", type=int, default=60, help="that ride over each belt")
    parser.add_argument("--only", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--pairs", type=int, default=400, help="touching pairs, and as many single items")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    sprites = _sprites(arguments.photographs, max(arguments.items, 2 * arguments.pairs), arguments.seed)
    if arguments.only:
        head = ("belt", "once", "split", "merged", "missed", "phantom", "several", "fit", "ms")
        _say(f"{head[0]:<14}" + "".join(f"{name:>9}" for name in head[1:]))
    for name in arguments.only:
        row = _ride(SCENES[name], sprites[: arguments.items], arguments.seed)
        _say(f"{name:<14}" + "".join(f"{value:>9}" for value in row[:6]) + f"{row[6]:>9.2f}{row[7]:>9.2f}")
    if arguments.only:
        _say(f"\n{'belt':<14}" + "".join(f"{name:>10}" for name in ("told", "median", "worst", "ms")))
    for name in arguments.only:
        _measure_speed(name, sprites[: arguments.items // 3], arguments.seed)
    if arguments.pairs:
        _say("")
        _touch(sprites, arguments.pairs, arguments.seed)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _sprites(folder: Path, count: int, seed: int) -> list[Sprite]:
    """Items cut out of photographs, turned by any angle."""
    random = np.random.default_rng(seed)
    photographs = list_photographs(folder)
    sprites: list[Sprite] = []
    with progress("items", count) as advance:
        for index in random.permutation(len(photographs)):
            if len(sprites) == count:
                break
            longest = int(LONGEST_PX * random.uniform(0.5, 1))
            cutting = cut(photographs[index], longest, outline=True)
            if cutting is not None and _in_one_piece(cutting.alpha):
                sprites.append(_turned(cutting.pixels, cutting.alpha, float(random.uniform(0, 360))))
                advance(1)
    return sprites


def _in_one_piece(alpha: PIXELS) -> bool:
    _, _, stats, _ = cv2.connectedComponentsWithStats((alpha > 127).astype(np.uint8))
    return bool(stats[1:, cv2.CC_STAT_AREA].max() > 0.98 * stats[1:, cv2.CC_STAT_AREA].sum())


def _turned(pixels: PIXELS, alpha: PIXELS, angle: float) -> Sprite:
    height, width = alpha.shape
    side = int(np.hypot(height, width)) + 2
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    turn[:, 2] += ((side - width) / 2, (side - height) / 2)
    pixels = np.asarray(cv2.warpAffine(pixels, turn, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    alpha = np.asarray(cv2.warpAffine(alpha, turn, (side, side)), np.uint8)
    left, top, width, height = cv2.boundingRect(np.where(alpha > 127, 255, 0).astype(np.uint8))
    room = slice(top, top + height), slice(left, left + width)
    return Sprite(pixels[room].astype(np.float32), alpha[room].astype(np.float32)[..., None] / np.float32(255))


def _fabric(scene: Scene, random: np.random.Generator) -> FLOATS:
    """A stretch of belt, `(HEIGHT, TILE + WIDTH, 3)`, that joins its own beginning."""
    weave = cv2.GaussianBlur(random.normal(0, scene.weave, (HEIGHT, TILE)).astype(np.float32), (0, 0), 0.8)
    clouds = cv2.resize(random.normal(0, 3, (6, 20)).astype(np.float32), (TILE, HEIGHT), interpolation=cv2.INTER_CUBIC)
    tile = np.array(scene.colour, np.float32) + (weave + clouds)[..., None]
    tile[:, 40:44] *= 0.8  # a seam
    tile = scene.tile(tile)
    return np.concatenate([tile, tile[:, :WIDTH]], axis=1)


def _paste(picture: FLOATS, sprite: Sprite, left: int, top: int, scene: Scene) -> None:
    strength, far = scene.shadow
    room = cv2.copyMakeBorder(sprite.opacity, 0, 2 * far, 0, 2 * far, cv2.BORDER_CONSTANT)
    cast = np.array([[1, 0, far], [0, 1, far / 2]], np.float32)
    shade = strength * cv2.GaussianBlur(cv2.warpAffine(room, cast, room.shape[1::-1]), (0, 0), 3)[..., None]
    for alpha, colours in ((shade, 0.0), (scene.opacity * sprite.opacity, sprite.pixels)):
        height, width = alpha.shape[:2]
        x0, x1, y0, y1 = max(0, left), min(WIDTH, left + width), max(0, top), min(HEIGHT, top + height)
        if x0 < x1 and y0 < y1:
            part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
            over = colours if isinstance(colours, float) else colours[part]
            picture[y0:y1, x0:x1] += alpha[part] * (over - picture[y0:y1, x0:x1])


def _lay(sprites: Sequence[Sprite], random: np.random.Generator) -> tuple[list[Box], int]:
    """Places on the belt, one item behind the other, and where the last one ends."""
    places, front = [], 200
    for sprite in sprites:
        height, width = sprite.opacity.shape[:2]
        top = int(random.integers(10, HEIGHT - height - 10))
        places.append(Box(-front - width, top, -front, top + height))
        front += width + 50 + int(random.exponential(50))
    return places, front


def _ride(scene: Scene, sprites: Sequence[Sprite], seed: int) -> tuple[int, int, int, int, int, int, float, float]:
    random = np.random.default_rng((seed, 1))
    places, front = _lay(sprites, random)
    detector, tracker = Detector(), Tracker(WIDTH // scene.reduced)
    found: dict[int, Item] = {}
    gone_for: dict[int, int] = {}
    fits: list[float] = []
    spent_s, pictures = 0.0, 0
    for nth, (picture, gone) in enumerate(_film(scene, sprites, places, front, random)):
        start_s = time.process_time()
        blobs = detector.blobs(picture, SMALLEST_PX // scene.reduced, gone // scene.reduced)
        spent_s += time.process_time() - start_s
        pictures += 1
        tracker.follow(blobs, nth, gone // scene.reduced)
        for item in tracker.items:
            found[item.number], gone_for[item.number] = item, gone
            if item.whole:
                shown = Box(*(scene.reduced * edge for edge in item.whole))
                fits.append(max(_fit(Box(p.left + gone, p.top, p.right + gone, p.bottom), shown) for p in places))
    real = {
        number: Box(*(scene.reduced * edge for edge in item.place)) for number, item in found.items() if item.frames > 1
    }
    of_item = [[number for number, box in real.items() if _same(box, place)] for place in places]
    owners = {number: sum(number in numbers for numbers in of_item) for number in real}
    merged = sum(any(owners[number] > 1 for number in numbers) for numbers in of_item)
    once = sum(len(numbers) == 1 and owners[numbers[0]] == 1 for numbers in of_item)
    split = sum(len(numbers) > 1 for numbers in of_item)
    missed = sum(not numbers for numbers in of_item)
    phantom = sum(count == 0 for count in owners.values())
    several = sum(item.several for number, item in found.items() if owners.get(number) == 1)
    fit = float(np.mean(fits)) if fits else 0.0
    return once, split, merged, missed, phantom, several, fit, 1000 * spent_s / pictures


def _measure_speed(name: str, sprites: Sequence[Sprite], seed: int) -> None:
    """How often the pictures tell the belt's speed, and by how many per cent they are wrong."""
    scene, random, flow = SCENES[name], np.random.default_rng((seed, 3)), Flow()
    places, front = _lay(sprites, random)
    errors: list[float] = []
    spent_s, pictures = 0.0, 0
    for picture, _ in _film(scene, sprites, places, front, random):
        start_s = time.process_time()
        shift = flow.shift(picture)
        spent_s += time.process_time() - start_s
        pictures += 1
        if shift is not None:
            errors.append(abs(100 * shift.px * scene.reduced / STEP_PX - 100))
    told = len(errors) / (pictures - 1)
    figures = f"{np.median(errors):>8.2f} %{max(errors):>8.1f} %" if errors else f"{'-':>10}{'-':>10}"
    _say(f"{name:<14}{told:>10.0%}{figures}{1000 * spent_s / pictures:>10.2f}")


def _film(
    scene: Scene, sprites: Sequence[Sprite], places: Sequence[Box], front: int, random: np.random.Generator
) -> Iterator[tuple[PIXELS, int]]:
    fabric = _fabric(scene, random)
    noise = random.normal(0, 2.5, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.float32)
    count = (front + WIDTH) // STEP_PX
    for nth in range(count):
        gone = nth * STEP_PX
        start = -gone % TILE
        picture = fabric[:, start : start + WIDTH].copy()
        for sprite, place in zip(sprites, places, strict=True):
            if place.right + gone > -100 and place.left + gone < WIDTH:
                _paste(picture, sprite, place.left + gone, place.top, scene)
        picture *= scene.light(nth, count)
        top, left = (nth * 37) % 64, (nth * 23) % 64
        picture += noise[top : top + HEIGHT, left : left + WIDTH]
        seen = np.clip(picture, 0, 255).astype(np.uint8)
        if scene.reduced > 1:
            seen = np.asarray(cv2.resize(seen, (WIDTH // scene.reduced, HEIGHT // scene.reduced)), np.uint8)
        yield seen, gone


def _same(box: Box, place: Box) -> bool:
    return overlap(box, place) > 0.3 or overlap(place, box) > 0.3


def _fit(box: Box, other: Box) -> float:
    both = overlap(box, other) * box.width * box.height
    return both / (box.width * box.height + other.width * other.height - both)


def _touch(sprites: Sequence[Sprite], count: int, seed: int) -> None:
    """Pairs that touch, lying one behind the other, beside each other or askew, against single items."""
    random = np.random.default_rng((seed, 2))
    kinds = {"single item": None, "pair, touching": 0, "pair, 4 mm apart": 8, "pair, 20 mm apart": 40}
    shown, asked, declared = (dict.fromkeys(kinds, 0) for _ in range(3))
    for nth in range(count):
        first, other = sprites[2 * nth], sprites[2 * nth + 1]
        for kind, apart_px in kinds.items():
            blobs = _look(first, None if apart_px is None else other, apart_px or 0, random)
            if not blobs or any(blob.box.left <= 0 or blob.box.right >= WIDTH for blob in blobs):
                continue
            shown[kind] += 1
            if len(blobs) == 1:
                asked[kind] += 1
                declared[kind] += blobs[0].several
    for kind in kinds:
        share = declared[kind] / max(1, asked[kind])
        _say(f"{kind:<18} {shown[kind]:>5} shown, {asked[kind]:>5} seen as one, {share:>6.1%} of them declared several")


def _look(first: Sprite, other: Sprite | None, apart_px: int, random: np.random.Generator) -> list[Blob]:
    """What the detector says of an item in the middle of the picture, and of one that was pushed against it."""
    scene = Scene()
    fabric = _fabric(scene, random)
    detector = Detector()
    detector.blobs(np.clip(fabric[:, :WIDTH], 0, 255).astype(np.uint8), SMALLEST_PX, 0)
    picture = fabric[:, 700 : 700 + WIDTH].copy()
    height, width = first.opacity.shape[:2]
    left, top = (WIDTH - width) // 2, (HEIGHT - height) // 2
    _paste(picture, first, left, top, scene)
    if other is not None:
        angle = float(random.uniform(0, 2 * np.pi))
        x, y = _against(first, other, left, top, angle)
        x, y = x + round(apart_px * np.cos(angle)), y + round(apart_px * np.sin(angle))
        _paste(picture, other, x, y, scene)
    picture += random.normal(0, 2.5, picture.shape)
    return detector.blobs(np.clip(picture, 0, 255).astype(np.uint8), SMALLEST_PX, 0)


def _against(first: Sprite, other: Sprite, left: int, top: int, angle: float) -> tuple[int, int]:
    """Where the other item lies when it comes from a side and stops where it touches the first."""
    ground = np.zeros((HEIGHT, WIDTH), bool)
    height, width = first.opacity.shape[:2]
    ground[top : top + height, left : left + width] = first.opacity[..., 0] > 0.5
    high, wide = other.opacity.shape[:2]
    shape = other.opacity[..., 0] > 0.5
    best = (left, top)
    for far in range(240, 0, -2):
        x = round(left + width / 2 + far * np.cos(angle) - wide / 2)
        y = round(top + height / 2 + far * np.sin(angle) - high / 2)
        if not (0 <= x <= WIDTH - wide and 0 <= y <= HEIGHT - high):
            continue
        if (ground[y : y + high, x : x + wide] & shape).any():
            break
        best = (x, y)
    return best


def _stripes(tile: FLOATS) -> FLOATS:
    for start in range(100, TILE - 60, 380):
        tile[:, start : start + 24] += 60
        tile[:, start + 150 : start + 158] -= 25
    return tile


def _vignette(_nth: int, _count: int) -> FLOATS:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    return np.asarray((1 - 0.35 * (x * x + y * y))[..., None], np.float32)


def _dirt(nth: int, count: int) -> FLOATS:
    """Streaks along the belt that grow darker, and the belt as a whole with them."""
    rows = np.ones((HEIGHT, 1, 1), np.float32)
    rows[60:90] -= 0.5 * nth / count
    rows[300:304] -= 0.4 * nth / count
    return np.asarray(rows * (1 - 0.25 * nth / count), np.float32)


def _step(share: float) -> Callable[[int, int], float]:
    return lambda nth, count: 1.0 if nth % (count // 3) < count // 6 else 1 + share


def _flicker(nth: int, _count: int) -> float:
    return 1 + 0.12 * float(np.sin(1.7 * nth))


SCENES = {
    "plain": Scene(),
    "grey": Scene(colour=(90, 90, 92)),
    "white": Scene(colour=(200, 200, 196)),
    "stripes": Scene(tile=_stripes),
    "vignette": Scene(light=_vignette),
    "grey vignette": Scene(colour=(120, 120, 122), light=_vignette),
    "brighter": Scene(light=_step(0.3)),
    "darker": Scene(light=_step(-0.3)),
    "flicker": Scene(colour=(120, 120, 122), light=_flicker),
    "dirt": Scene(colour=(110, 112, 110), light=_dirt),
    "transparent": Scene(opacity=0.35),
    "shadows": Scene(colour=(110, 112, 110), shadow=(0.5, 24)),
    "bare": Scene(weave=0, tile=lambda tile: np.full_like(tile, BELT)),
    "160 wide": Scene(reduced=4),
}


if __name__ == "__main__":
    sys.exit(main())
