"""`sortline classify`: what is on some images, as a table and as a picture to judge by."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import open_bundle
from sortline_bundle.files import write_whole
from sortline_bundle.manifest import Manifest
from sortline_bundle.photographs import load_image
from sortline_bundle.progress import progress
from sortline_bundle.scores import log_scores
from sortline_edge.classify import TfliteClassifier

_CELL, _CAPTION, _COLUMNS, _SHOWN = 260, 92, 5, 3


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the bundle says of one image.

    Attributes:
        image: Path of the file.
        class_name: Likeliest class.
        score: Its calibrated score.
        trusted: Whether the score reaches the class's threshold.
        scores: Of every class.
    """

    image: str
    class_name: str
    score: float
    trusted: bool
    scores: dict[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline classify` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to ask")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files")
    helped = "picture to write (default predictions.png)"
    parser.add_argument("-o", "--out", type=Path, default=Path("predictions.png"), metavar="FILE.png", help=helped)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Classify the images, print a table and write the picture."""
    bundle = open_bundle(arguments.bundle)
    classifier = TfliteClassifier(bundle)
    images, answers = [], []
    with progress("images", len(arguments.images)) as advance:
        for path in arguments.images:
            image = load_image(path)
            answers.append(_answer(bundle.manifest, str(path), classifier.logits(image)))
            images.append(image)
            advance(1)
    write_whole(arguments.out, draw_grid(images, answers))
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(answers).decode() + "\n")
    else:
        _print_table(answers)
        sys.stdout.write(f"picture: {arguments.out}\n")
    return 0


def _answer(manifest: Manifest, image: str, logits: NDArray[np.float32]) -> Answer:
    scores = np.exp(log_scores(logits, manifest.calibration.temperature))
    spec = manifest.classes[int(scores.argmax())]
    by_name = dict(zip(manifest.class_names, scores.tolist(), strict=True))
    score = by_name[spec.name]
    return Answer(image=image, class_name=spec.name, score=score, trusted=score >= spec.threshold, scores=by_name)


def draw_grid(images: Sequence[NDArray[np.uint8]], answers: Sequence[Answer]) -> bytes:
    """A PNG with every image, `(H, W, 3) uint8 RGB`, over its likeliest classes; green is trusted, amber is not."""
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    columns = min(_COLUMNS, len(images))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * _CELL, rows * (_CELL + _CAPTION)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for nth, (image, answer) in enumerate(zip(images, answers, strict=True)):
        left, top = nth % columns * _CELL, nth // columns * (_CELL + _CAPTION)
        small = ImageOps.contain(Image.fromarray(image), (_CELL - 12, _CELL - 12))
        sheet.paste(small, (left + (_CELL - small.width) // 2, top + (_CELL - small.height) // 2))
        colour = "#2f8f57" if answer.trusted else "#d08a1c"
        ranked = sorted(answer.scores.items(), key=lambda pair: -pair[1])[:_SHOWN]
        for line, (name, score) in enumerate(ranked):
            y = top + _CELL + 4 + line * 27
            pen.rectangle(
                (left + 6, y, left + 6 + (_CELL - 12) * score, y + 22), fill=colour if line == 0 else "#c9d2ce"
            )
            pen.text((left + 12, y + 2), f"{name}  {score:.2f}", fill="black", font=font)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _print_table(answers: Sequence[Answer]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in ("image", "class", "score", "next", "trusted"):
        table.add_column(heading, justify="right" if heading == "score" else "left", overflow="fold")
    for answer in answers:
        name, score = sorted(answer.scores.items(), key=lambda pair: -pair[1])[1]
        trusted = "yes" if answer.trusted else "no: reject"
        table.add_row(answer.image, answer.class_name, f"{answer.score:.3f}", f"{name} {score:.3f}", trusted)
    Console().print(table)
