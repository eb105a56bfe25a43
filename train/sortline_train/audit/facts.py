"""What one file is, out of one reading of it."""

import hashlib
import io
import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.digest import sha256
from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import decode_image
from sortline_bundle.progress import progress
from sortline_train.audit.fingerprint import Fingerprint, take_fingerprint
from sortline_train.audit.values import Note, Photograph
from sortline_train.layout import Entry

if TYPE_CHECKING:
    from PIL.Image import Image

# A model's input has 32 pixels at least: below that every pixel shown to it would be made up.
SHORTEST = 32
# Half of what the usual input has (224): usable, but nothing fine is left of the item.
SHORT = 96
LONG = 5

_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
_MAKE, _MODEL, _ORIENTATION = 0x010F, 0x0110, 0x0112  # EXIF 2.32, table 4
_SUBSAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}


class Reading(NamedTuple):
    """A photograph's record, and its fingerprint if it can be used."""

    photograph: Photograph
    fingerprint: Fingerprint | None


def read_all(entries: Sequence[Entry], folder: Path) -> list[Reading]:
    """Read every file once, on all processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress("auditing photographs", len(entries)) as advance:
        readings = []
        for reading in pool.map(lambda entry: read_photograph(entry, folder), entries):
            readings.append(reading)
            advance(1)
    return readings


def read_photograph(entry: Entry, folder: Path) -> Reading:
    """Read one file; whatever is wrong with it becomes part of the record."""
    known = Photograph(path=entry.path.relative_to(folder).as_posix(), class_name=entry.class_name, part=entry.part)
    try:
        data = _read(entry.path)
    except OSError as cause:
        problem = f"cannot be read ({cause.strerror})"
        return Reading(msgspec.structs.replace(known, problem=problem), None)
    known = msgspec.structs.replace(known, bytes=len(data), sha256=sha256(data), **_read_header(data))
    try:
        pixels = decode_image(data)
    except PhotographError as cause:
        return Reading(msgspec.structs.replace(known, problem=str(cause)), None)
    height, width = pixels.shape[:2]
    unfit = _judge_size(width, height)
    photograph = msgspec.structs.replace(
        known,
        pixels_sha256=_digest_pixels(pixels),
        width=width,
        height=height,
        problem=unfit,
        notes=() if unfit else tuple(_note(known, entry.path, width, height)),
    )
    return Reading(photograph, None if unfit else take_fingerprint(pixels))


def _read(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(0, "not a file")  # a pipe would be waited for without end
    return path.read_bytes()


def _read_header(data: bytes) -> dict[str, Any]:
    """What a picture says of itself; nothing where it is none."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=sorted(set(_FORMATS.values()))) as image:
            return _describe(image)
    except Exception:  # noqa: BLE001 - a broken header breaks Pillow in many ways; what it means is said on decoding
        return {}


def _describe(image: "Image") -> dict[str, Any]:
    exif = image.getexif()
    # A phone's JPEG often holds a second picture for depth or a preview (MPO): still one photograph.
    form = "JPEG" if image.format == "MPO" else image.format
    camera = " ".join(str(exif[tag]).strip("\0 ") for tag in (_MAKE, _MODEL) if exif.get(tag))
    orientation = exif.get(_ORIENTATION, 1)
    return {
        "format": form,
        "width": image.width,
        "height": image.height,
        "mode": "RGBA" if image.mode == "P" and "transparency" in image.info else image.mode,
        "frames": 1 if form == "JPEG" else getattr(image, "n_frames", 1),
        "orientation": orientation if orientation in range(1, 9) else 1,
        "camera": camera or None,
        "compression": _describe_jpeg(image) if form == "JPEG" else form,
    }


def _describe_jpeg(image: Any) -> str:
    from PIL.JpegImagePlugin import get_sampling

    tables = ";".join(f"{nth}:{list(table)}" for nth, table in sorted(image.quantization.items()))
    return f"JPEG {sha256(tables.encode())[:8]} {_SUBSAMPLING.get(get_sampling(image), 'other')}"


def _digest_pixels(pixels: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _judge_size(width: int, height: int) -> str | None:
    if min(width, height) < SHORTEST:
        return f"is {width} x {height} pixels, where the shorter side must have {SHORTEST}"
    return None


def _note(known: Photograph, path: Path, width: int, height: int) -> list[Note]:
    short, long = sorted((width, height))
    noted: dict[Note, bool] = {
        "suffix": known.format is not None and _FORMATS.get(path.suffix.lower()) != known.format,
        "small": short < SHORT,
        "long": long > LONG * short,
        "animated": (known.frames or 1) > 1,
        "transparent": (known.mode or "").endswith(("A", "a")),
        "cmyk": known.mode == "CMYK",
    }
    return [note for note, true in noted.items() if true]
