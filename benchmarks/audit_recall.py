"""How many near copies the audit finds, against a slow search that leaves nothing out; and how its time grows.

    python benchmarks/audit_recall.py PHOTOS             all pairs, 8 turns, 19 crops, against the audit's pairs
    python benchmarks/audit_recall.py PHOTOS --altered   photographs cropped, turned, saved badly: how many it knows
    python benchmarks/audit_recall.py PHOTOS --growth    time of the search for up to 100,000 fingerprints

On a busy machine a threaded matrix product waits more than it works: OPENBLAS_NUM_THREADS=1 gives steadier figures.

The slow search shares nothing with the audit but the decoding: it correlates high-passed grey pictures of 64 x 64
pixels for every pair, turn and crop. It knows no colours and no fine shifts, so where it and the audit disagree, look
at the pictures.
"""

import argparse
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import SUFFIXES, load_image
from sortline_bundle.progress import progress
from sortline_train.audit.audit import find_near_copies
from sortline_train.audit.candidates import ALIKE, find_candidates
from sortline_train.audit.confirm import is_near_copy
from sortline_train.audit.fingerprint import TURNS, Fingerprint, take_fingerprint, turn_vectors

Pixels = NDArray[np.uint8]
Pair = tuple[int, int]

SIDE = 64
KEPT = 144  # side of the grey pictures that crops are cut from
BLOCK = 512
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)


def main() -> None:
    """Parse the arguments and run what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, metavar="PHOTOS", help="folder with photographs at any depth")
    parser.add_argument("--sure", type=float, default=0.85, help="correlation that the slow search takes for a copy")
    parser.add_argument("--altered", action="store_true", help="known changes instead of found copies")
    parser.add_argument("--growth", action="store_true", help="time against number instead of finding copies")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="largest number for --growth")
    arguments = parser.parse_args()
    paths, images = load(arguments.photographs)
    if arguments.growth:
        measure_growth(np.stack([take_fingerprint(image).vector for image in images]), arguments.largest)
    elif arguments.altered:
        measure_altered(images)
    else:
        compare(paths, images, arguments.sure)


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def load(folder: Path) -> tuple[list[Path], list[Pixels]]:
    """All photographs below a folder that can be read."""
    paths, images = [], []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        try:
            images.append(load_image(path))
        except PhotographError as error:
            tell(str(error))
        else:
            paths.append(path.relative_to(folder))
    return paths, images


def compare(paths: list[Path], images: list[Pixels], sure: float) -> None:
    """Say what the audit and the slow search found, and list where they differ."""
    start = time.perf_counter()
    found = {(min(pair), max(pair)) for pair in find_near_copies([take_fingerprint(image) for image in images])}
    quick = time.perf_counter() - start
    correlations = correlate_all(images)
    slow = time.perf_counter() - start - quick
    true = {
        (int(first), int(second)) for first, second in zip(*np.nonzero(np.triu(correlations, 1) >= sure), strict=True)
    }
    tell(f"{len(images)} photographs; audit {quick:.1f} s, slow search {slow:.1f} s")
    tell(f"copies by the slow search: {len(true)}; of them found {len(true & found)}, missed {len(true - found)}")
    tell(f"pairs of the audit: {len(found)}; of them unknown to the slow search {len(found - true)}")
    for title, pairs in (("only the slow search", true - found), ("only the audit", found - true)):
        for first, second in sorted(pairs, key=lambda pair: -correlations[pair]):
            tell(f"{title}: {correlations[first, second]:.3f} {paths[first]} {paths[second]}")


def correlate_all(images: list[Pixels]) -> NDArray[np.float32]:
    """The highest correlation of each pair, `(N, N)`, over all turns and crops of either."""
    kept = [shrink(image) for image in images]
    whole = np.stack([high_pass(grey) for grey in kept])
    best = np.full((len(kept), len(kept)), -1, dtype=np.float32)
    windows = list(crops())
    with progress("comparing all with all", len(windows) * TURNS) as advance:
        for rows, columns in windows:
            cut = np.stack([high_pass(grey[rows, columns]) for grey in kept])
            for turned in turns(cut):
                other = np.ascontiguousarray(turned.reshape(len(kept), -1).T)
                for begin in range(0, len(kept), BLOCK):
                    block = slice(begin, begin + BLOCK)
                    np.maximum(best[block], whole[block].reshape(-1, SIDE * SIDE) @ other, out=best[block])
                advance(1)
    return np.maximum(best, best.T)


def shrink(image: Pixels) -> Pixels:
    """A grey square that crops are cut from."""
    small = cv2.resize(image, (KEPT, KEPT), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def high_pass(grey: Pixels) -> NDArray[np.float32]:
    """What is between one and four pixels wide at 64 x 64, of length 1; what is all but blank stays short."""
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    relief = cv2.GaussianBlur(small, (0, 0), 1) - cv2.GaussianBlur(small, (0, 0), 4)
    relief -= relief.mean()
    return np.asarray(relief / max(float(np.linalg.norm(relief)), SIDE / 2), dtype=np.float32)


def crops() -> Iterator[tuple[slice, slice]]:
    """The whole, and windows of 96 and 92 % in nine places each."""
    yield slice(None), slice(None)
    for share, top, left in itertools.product((0.96, 0.92), (0.0, 0.5, 1.0), (0.0, 0.5, 1.0)):
        side = round(share * KEPT)
        row, column = round(top * (KEPT - side)), round(left * (KEPT - side))
        yield slice(row, row + side), slice(column, column + side)


def turns(pictures: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """`(N, S, S)` pictures in all eight turns."""
    for quarter in range(4):
        turned = np.rot90(pictures, quarter, axes=(1, 2))
        yield turned
        yield turned[:, :, ::-1]


def measure_altered(images: list[Pixels]) -> None:
    """Say how many photographs are known again after each change."""
    random = np.random.default_rng(0)
    originals = [take_fingerprint(image) for image in images]
    for name, change in changes(random).items():
        known = sum(
            is_known(one, take_fingerprint(change(image))) for one, image in zip(originals, images, strict=True)
        )
        tell(f"{name:<42}{known:>7} of {len(images)}  {known / len(images):.1%}")


def is_known(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether the audit takes two fingerprints for one photograph."""
    cosines = turn_vectors(other.vector[None])[0] @ one.vector
    turn = int(cosines.argmax())
    return bool(cosines[turn] >= ALIKE) and is_near_copy(one, other, turn)


def changes(random: np.random.Generator) -> dict[str, Callable[[Pixels], Pixels]]:
    """What is done to photographs between one folder and another."""

    def crop(image: Pixels, most: float) -> Pixels:
        height, width = image.shape[:2]
        top, bottom, left, right = random.uniform(0, most, 4)
        return image[
            round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)
        ]

    def turn(image: Pixels) -> Pixels:
        turned = np.rot90(image, int(random.integers(4)))
        return np.ascontiguousarray(turned[:, :: random.choice([-1, 1])])

    def scale(image: Pixels, factor: float) -> Pixels:
        kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=kind), dtype=np.uint8)

    return {
        "saved as JPEG of quality 30": lambda image: save(image, 30),
        "half the size": lambda image: scale(image, 0.5),
        "1.6 times the size": lambda image: scale(image, 1.6),
        "turned, mirrored": turn,
        "up to 1 % off each side": lambda image: crop(image, 0.01),
        "up to 3 % off each side": lambda image: crop(image, 0.03),
        "up to 5 % off each side": lambda image: crop(image, 0.05),
        "3 % off, turned, 0.7 the size, quality 50": lambda image: save(turn(crop(scale(image, 0.7), 0.03)), 50),
    }


def save(image: Pixels, quality: int) -> Pixels:
    """The image after a JPEG of a quality."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"), dtype=np.uint8)


def measure_growth(real: NDArray[np.float32], largest: int) -> None:
    """Say how long the search takes for ever more fingerprints, and with which power of their number it grows."""
    before: tuple[int, float] | None = None
    for size in (size for size in SIZES if size <= largest):
        vectors, copies = imagine(real, size, np.random.default_rng(size))
        start = time.process_time()
        pairs = find_candidates(vectors)
        seconds = time.process_time() - start
        found = {(min(pair), max(pair)) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
        known = sum(pair in found for pair in copies) / len(copies)
        power = "" if before is None else f"; power {np.log(seconds / before[1]) / np.log(size / before[0]):.2f}"
        tell(
            f"{size:>7} fingerprints: {seconds:7.2f} s of processor time, {1e3 * seconds / size:.3f} ms each;"
            f" {len(found) / size:.2f} candidates each; planted copies found {known:.1%}{power}"
        )
        before = size, seconds


def imagine(
    real: NDArray[np.float32], size: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], list[Pair]]:
    """Vectors that crowd where real ones do, and the pairs that are copies: one in twenty, cosine over 0.76."""
    first, second = real[random.integers(len(real), size=(2, size))]
    turned = turn_vectors(second)[np.arange(size), random.integers(TURNS, size=size)]
    share = random.uniform(0.2, 0.5, (size, 1))
    vectors = unit(first * (1 - share) + turned * share + random.normal(0, 0.05, first.shape))
    copies = size // 20
    sources, places = random.choice(size // 2, copies, replace=False), size // 2 + np.arange(copies)
    originals = vectors[sources]
    noise = random.normal(size=originals.shape)
    aside = unit(noise - (noise * originals).sum(axis=1, keepdims=True) * originals)
    cosines = random.uniform(ALIKE + 0.01, 1, (copies, 1))
    altered = np.asarray(cosines * originals + np.sqrt(1 - cosines**2) * aside, dtype=np.float32)
    vectors[places] = turn_vectors(altered)[np.arange(copies), random.integers(TURNS, size=copies)]
    return vectors, list(zip(sources.tolist(), places.tolist(), strict=True))


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


if __name__ == "__main__":
    main()
