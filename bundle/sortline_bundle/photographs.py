"""Photographs in class folders, and pixels out of files. The same for trainer, converter and station."""

import base64
import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import PhotographError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
# What those suffixes stand for. A file is opened as nothing else, whatever it holds: some of Pillow's decoders start
# other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")


# Photographs are padded to a square. At 20:1 one part in twenty of it would be picture, and a long one would need
# gigabytes.
LONGEST = 20


class Photograph(NamedTuple):
    """A file and the class whose folder it lies in."""

    path: Path
    class_name: str


def list_photographs(folder: Path, classes: Sequence[str] | None = None) -> list[Photograph]:
    """The photographs of a folder of class folders, by class and name.

    Args:
        folder: With one folder per class. Hidden entries and files of other kinds are passed over.
        classes: The classes there may be; None for any, at least two.

    Raises:
        PhotographError: no such folder, an empty class, fewer than two classes, or a class not among `classes`.
    """
    if not folder.is_dir():
        raise PhotographError(f"{folder} is not a folder of class folders")
    found = {
        entry.name: _images(entry) for entry in sorted(folder.iterdir()) if entry.is_dir() and entry.name[0] != "."
    }
    empty = [name for name, images in found.items() if not images]
    if empty:
        raise PhotographError(
            f"{folder / empty[0]} holds no photographs ({', '.join(sorted(SUFFIXES))}); add some or remove it"
        )
    fewest = 2 if classes is None else 1
    if len(found) < fewest:
        raise PhotographError(
            f"{folder} holds {len(found)} class folders, where at least {fewest} are needed: one per class"
        )
    strange = sorted(set(found) - set(found if classes is None else classes))
    if strange:
        known = ", ".join(classes or ())
        raise PhotographError(f"{folder} has class folders {strange} that the bundle does not know; it knows {known}")
    return [Photograph(path, name) for name, images in found.items() for path in images]


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not _hidden(path, folder))


def _hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)


def load_image(path: Path) -> NDArray[np.uint8]:
    """Read an image file as `(H, W, 3) uint8 RGB`, turned as its EXIF orientation says.

    Raises:
        PhotographError: the file cannot be read, is no image, is truncated, or would be absurdly large.
    """
    try:
        return decode_image(path.read_bytes())
    except OSError as cause:
        raise PhotographError(f"{path} cannot be read: {cause.strerror}") from None
    except PhotographError as cause:
        raise PhotographError(f"{path} {cause}; replace or remove it") from None


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """As `load_image`, for the bytes of a file."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        # Odd EXIF blocks draw warnings and do no harm; a picture too large to be true is an error of its own.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _refuse_long(*image.size)
            deep = image.mode.startswith(("I", "F"))
            ImageOps.exif_transpose(image, in_place=True)
            pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
    except UnidentifiedImageError:
        raise PhotographError(f"is not an image ({', '.join(_FORMATS)})") from None
    except Image.DecompressionBombError:
        raise PhotographError("has more pixels than any camera's picture") from None
    except (OSError, ValueError, SyntaxError, EOFError, struct.error) as cause:
        raise PhotographError(f"is damaged ({cause})") from None
    if deep:
        # Pillow would cut off all that is brighter than 255.
        raise PhotographError("has more than 8 bits per channel")
    return pixels


def _refuse_long(width: int, height: int) -> None:
    short, long = sorted((width, height))
    if long > LONGEST * short:
        raise PhotographError(f"is {width} x {height} pixels, where no side may be more than {LONGEST} times the other")


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """`(H, W, 3) uint8 RGB` as a lossless PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def data_address(image: NDArray[np.uint8], longest_px: int | None = None, quality: int = 80) -> str:
    """`(H, W, 3) uint8 RGB` as a JPEG inside an address, for pages that need nothing else.

    Args:
        image: The picture.
        longest_px: Side to which it is reduced where it is longer; None leaves it as it is.
        quality: Of the JPEG, up to 100.
    """
    scale = 1.0 if longest_px is None else min(1.0, longest_px / max(image.shape[:2]))
    size = [max(1, round(scale * side)) for side in image.shape[1::-1]]
    small = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
