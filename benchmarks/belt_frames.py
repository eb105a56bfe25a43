"""What the detector finds in real frames of a small conveyor, against labels made by eye.

    python benchmarks/belt_frames.py FOLDER [--pictures OUT]

FOLDER holds `belt/` and `empty_belt/`, in capture order. The frames are hand-held: blurred, in perspective, with the
desk beside the belt, and the camera moves from one to the next, so nothing that is learnt from one holds for another.
That is harder than what a station asks of its camera, which is fixed and looks straight down.

The labels (`belt_frames.json`: every second frame, and the empty ones) give for each frame where the belt's two edges
cross its upper and lower end (x in pixels) and the boxes of the packages on the belt. The belt is looked at in three
ways: whole frames; the belt alone, made a rectangle by its edges, by a detector that sees nothing but this one frame;
and the same by one detector that sees all frames one after the other. All are turned so that the belt goes along rows.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.photographs import load_image
from sortline_bundle.preprocess import Box
from sortline_edge.seeing.detect import Blob, Detector, overlap

LABELS = Path(__file__).with_suffix(".json")
SMALLEST_PX = 20
LENGTH_PX, WIDTH_PX = 480, 320  # of the belt made a rectangle
MARGIN_PX = 12  # so much is left out along each edge
PIXELS = NDArray[np.uint8]


class Look(NamedTuple):
    """A frame, turned so that the belt goes along rows.

    Attributes:
        image: `(H, W, 3) uint8`.
        items: Boxes of the packages in it.
        inside: `(H, W) uint8`, 1 where the frame shows anything.
    """

    image: PIXELS
    items: list[Box]
    inside: PIXELS


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--pictures", type=Path, metavar="OUT", help="write what was found, drawn into the frames")
    arguments = parser.parse_args()
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    frames = {name: load_image(arguments.folder / name) for name in labels}
    whole = {name: _turned(frame, labels[name]["items"]) for name, frame in frames.items()}
    belts = {name: _straightened(frame, labels[name]) for name, frame in frames.items()}
    _say(f"{len(frames)} frames, {sum(len(label['items']) for label in labels.values())} packages by eye")
    heads = ("found", "merged", "declared", "split", "missed", "extra")
    _say(f"{'':<26}" + "".join(f"{head:>10}" for head in heads))
    one = Detector()
    ways = {
        "whole frames": [(name, look, Detector()) for name, look in whole.items()],
        "the belt alone": [(name, look, Detector()) for name, look in belts.items()],
        "the same, single packages": [(name, look, Detector()) for name, look in belts.items() if len(look.items) == 1],
        "the belt, one detector": [(name, look, one) for name, look in belts.items()],
    }
    for way, looks in ways.items():
        sums: Counter[str] = Counter()
        for name, look, detector in looks:
            blobs = detector.blobs(look.image, SMALLEST_PX, 0)
            sums += _compare(look, blobs)
            if arguments.pictures:
                _draw(arguments.pictures / way.replace(" ", "_") / f"{Path(name).stem}.jpg", look, blobs)
        _say(f"{way:<26}" + "".join(f"{sums[head]:>10}" for head in heads))
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _turned(frame: PIXELS, items: Sequence[Sequence[int]]) -> Look:
    boxes = [Box(top, left, bottom, right) for left, top, right, bottom in items]
    image = np.ascontiguousarray(frame.transpose(1, 0, 2))
    return Look(image, boxes, np.ones(image.shape[:2], np.uint8))


def _straightened(frame: PIXELS, label: dict[str, list[list[int]]]) -> Look:
    """The belt between its edges, as a rectangle."""
    height = frame.shape[0]
    top_left, top_right, bottom_left, bottom_right = label["edges"]
    corners = np.array([(top_left, 0), (top_right, 0), (bottom_left, height), (bottom_right, height)], np.float32)
    first, last = -MARGIN_PX, WIDTH_PX + MARGIN_PX
    goal = np.array([(0, first), (0, last), (LENGTH_PX, first), (LENGTH_PX, last)], np.float32)
    turn = cv2.getPerspectiveTransform(corners, goal)
    size = (LENGTH_PX, WIDTH_PX)
    image = cv2.warpPerspective(frame, turn, size)
    inside = np.asarray(cv2.warpPerspective(np.ones(frame.shape[:2], np.uint8), turn, size), np.uint8)
    image[inside == 0] = np.median(image[inside == 1], axis=0)
    boxes = []
    for left, top, right, bottom in label["items"]:
        shown = np.array([[(left, top), (right, top), (left, bottom), (right, bottom)]], np.float32)
        places = cv2.perspectiveTransform(shown, turn)[0]
        (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
        boxes.append(Box(round(float(x0)), round(float(y0)), round(float(x1)), round(float(y1))))
    return Look(np.asarray(image, np.uint8), boxes, inside)


def _compare(look: Look, blobs: Sequence[Blob]) -> Counter[str]:
    """Packages that got a blob of their own, share one, got several, or none; and blobs without a package."""
    items = look.items
    blobs = [blob for blob in blobs if _shown(look, blob.box) > 0.7]
    of_blob = [
        [nth for nth, item in enumerate(items) if overlap(item, blob.box) > 0.5 or overlap(blob.box, item) > 0.5]
        for blob in blobs
    ]
    sums: Counter[str] = Counter()
    for nth in range(len(items)):
        mine = [which for which, owners in enumerate(of_blob) if nth in owners]
        shared = [which for which in mine if len(of_blob[which]) > 1]
        if not mine:
            sums["missed"] += 1
        elif shared:
            sums["merged"] += 1
            sums["declared"] += any(blobs[which].several for which in shared)
        else:
            sums["found" if len(mine) == 1 else "split"] += 1
    sums["extra"] = sum(not owners for owners in of_blob)
    return sums


def _shown(look: Look, box: Box) -> float:
    """How much of a box the frame shows."""
    return float(look.inside[box.top : box.bottom, box.left : box.right].mean())


def _draw(path: Path, look: Look, blobs: Sequence[Blob]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = look.image[..., ::-1].copy()
    for item in look.items:
        cv2.rectangle(picture, (item.left, item.top), (item.right, item.bottom), (0, 255, 255), 1)
    for box, several in blobs:
        colour = (0, 0, 255) if several else (0, 255, 0)
        cv2.rectangle(picture, (box.left, box.top), (box.right, box.bottom), colour, 2)
    cv2.imwrite(str(path), picture)


if __name__ == "__main__":
    sys.exit(main())
