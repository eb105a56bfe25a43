"""The pixels, made in one way for trainer, converter and station.

An item's box is grown to a square, so that nothing is ever squashed, and the square is resized into the model's input.
Where the square leaves the image the edge is repeated. Large squares are first reduced by a whole factor with area
averaging, which is cheap and keeps fine print from aliasing; the rest is OpenCV's bit-exact bilinear kernel, which
gives the same bytes on every processor.
"""

import math
import threading
from typing import Annotated, Literal, NamedTuple

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from sortline_bundle.strict import Table


class Box(NamedTuple):
    """A rectangle of pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.bottom - self.top


class InputSpec(Table, frozen=True, kw_only=True):
    """What the model's input is and how an image becomes it; part of every manifest.

    Attributes:
        height: Of the input, in pixels.
        width: Of the input, in pixels.
        dtype: Raw pixels; scaling is inside the model.
        channels: Channel order of the input.
        geometry: `square`: the box grown on its short side to a square around the same middle.
        margin: Growth of that square, as a share of its side: photographs to learn from show some ground around.
            A whole image is taken as it is.
        resize: `area-linear`: whole-factor area reduction, then bit-exact bilinear.
    """

    height: Annotated[int, Meta(ge=16, le=1024)]
    width: Annotated[int, Meta(ge=16, le=1024)]
    dtype: Literal["uint8"] = "uint8"
    channels: Literal["RGB"] = "RGB"
    geometry: Literal["square"] = "square"
    margin: Annotated[float, Meta(ge=0, le=1)] = 0.3
    resize: Literal["area-linear"] = "area-linear"


def preprocess(
    image: NDArray[np.uint8],
    spec: InputSpec,
    out: NDArray[np.uint8],
    box: Box | None = None,
    order: Literal["RGB", "BGR"] = "RGB",
) -> None:
    """Write the part of `image` inside `box` into `out` as the model wants it.

    Args:
        image: `(H, W, 3) uint8`, any size, channels as `order` says.
        spec: The bundle's input.
        out: `(spec.height, spec.width, 3) uint8`, C-contiguous: the model's input tensor or a row of a cache.
            Becomes RGB.
        box: The item; None for the whole image. Must overlap the image.
        order: Channel order of `image`. Swapped after resizing, where it costs least; the result is the same.

    Raises:
        ValueError: an array has another shape or dtype, or the box lies outside the image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be (H, W, 3) uint8, received {image.shape} {image.dtype}")
    if out.shape != (spec.height, spec.width, 3) or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be ({spec.height}, {spec.width}, 3) uint8 contiguous, received {out.shape} {out.dtype}"
        )
    height, width = image.shape[:2]
    wanted = Box(0, 0, width, height) if box is None else box
    if wanted.right <= max(0, wanted.left) or wanted.bottom <= max(0, wanted.top):
        raise ValueError(f"empty or negative box {wanted}")
    if wanted.left >= width or wanted.top >= height:
        raise ValueError(f"box {wanted} lies outside the image of {width} x {height} pixels")
    factor, square = square_around(wanted, spec, 0.0 if box is None else spec.margin)
    crop = _cut(image, square)
    if factor > 1:
        width, height = square.width // factor, square.height // factor
        reduced = _scratch.take("reduced", height, width, 3)
        cv2.resize(crop, (width, height), dst=reduced, interpolation=cv2.INTER_AREA)
        crop = reduced
    _resize(crop, out, order)


def square_around(box: Box, spec: InputSpec, margin: float) -> tuple[int, Box]:
    """The square of image that a box stands for, and the whole factor it is reduced by first.

    The side is a multiple of the factor, so that area averaging is exact, and ten times faster than at a broken factor.
    An input that is not square gets a rectangle of its own aspect ratio.
    """
    scale = max(box.width / spec.width, box.height / spec.height) * (1 + margin)
    factor = max(1, int(scale))
    width, height = (max(factor, factor * round(scale * side / factor)) for side in (spec.width, spec.height))
    left = (box.left + box.right - width) // 2
    top = (box.top + box.bottom - height) // 2
    return factor, Box(left, top, left + width, top + height)


class _Scratch(threading.local):
    """Memory for the steps between image and input, kept by each thread.

    Fresh memory of this size comes from the kernel page by page, which can take longer than the resizing. None of the
    steps is as large as the input with both sides doubled and a fourth channel, whatever the image.
    """

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.uint8]] = {}

    def take(self, name: str, *shape: int) -> NDArray[np.uint8]:
        """An array of `shape` with anything in it; the next one of this name has the same memory."""
        size = math.prod(shape)
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = np.empty(size, np.uint8)
        return self._kept[name][:size].reshape(shape)


_scratch = _Scratch()


def _resize(crop: NDArray[np.uint8], out: NDArray[np.uint8], order: Literal["RGB", "BGR"]) -> None:
    """Make `crop` as large as `out`, and RGB.

    OpenCV's bit-exact kernel is faster with four channels than with three: with a fourth that nothing reads it gives
    the same bytes in about four fifths of the time, and the channels are put in order on the way.
    """
    if crop.shape == out.shape:
        if order == "RGB":
            np.copyto(out, crop)
        else:
            cv2.cvtColor(crop, cv2.COLOR_BGR2RGB, dst=out)
        return
    four = _scratch.take("four", *crop.shape[:2], 4)
    resized = _scratch.take("resized", *out.shape[:2], 4)
    cv2.cvtColor(crop, cv2.COLOR_RGB2RGBA, dst=four)
    cv2.resize(four, (out.shape[1], out.shape[0]), dst=resized, interpolation=cv2.INTER_LINEAR_EXACT)
    cv2.cvtColor(resized, cv2.COLOR_RGBA2RGB if order == "RGB" else cv2.COLOR_BGRA2RGB, dst=out)


def _cut(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The box as a view where it lies inside, else a copy with the image's edge repeated outside."""
    height, width = image.shape[:2]
    # Beyond the edge there is only the edge again: a box all outside is as good as one that touches it.
    left, top = min(max(box.left, 1 - box.width), width - 1), min(max(box.top, 1 - box.height), height - 1)
    box = Box(left, top, left + box.width, top + box.height)
    inside = image[max(0, box.top) : min(height, box.bottom), max(0, box.left) : min(width, box.right)]
    if inside.shape[:2] == (box.height, box.width):
        return inside
    margins = (max(0, -box.top), max(0, box.bottom - height), max(0, -box.left), max(0, box.right - width))
    return np.asarray(cv2.copyMakeBorder(inside, *margins, cv2.BORDER_REPLICATE), dtype=np.uint8)
