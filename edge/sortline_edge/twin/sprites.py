"""Items as the camera sees them, ready to be laid onto the picture of a belt."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_edge.twin.items import Cutting

_SHADOW_PX = 6
_SHADOW = 0.35


@dataclass(frozen=True, slots=True)
class Layers:
    """What an item does to the ground it lies on: `ground * keep / 255 + add`, both `(H, W, 3) uint8`."""

    keep: NDArray[np.uint8]
    add: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sprite:
    """An item as it lies: `(H, W, 3) uint8 RGB`, `(H, W) uint8` opacity, and what it does to the ground."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    layers: Layers


def lay(cutting: Cutting, angle: float, reduction: int = 1) -> Sprite:
    """Turn an item by `angle` degrees and give it a shadow, as a camera sees it that is `reduction` times coarser."""
    height, width = cutting.alpha.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = (int(height * sine + width * cosine) + 1, int(height * cosine + width * sine) + 1)
    turn[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    pixels = np.asarray(cv2.warpAffine(cutting.pixels, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    alpha = np.asarray(cv2.warpAffine(cutting.alpha, turn, size), np.uint8)
    left, top, width, height = cv2.boundingRect(np.where(alpha > 127, 255, 0).astype(np.uint8))
    room = slice(top, top + height), slice(left, left + width)
    pixels, alpha = pixels[room].copy(), alpha[room].copy()
    return Sprite(pixels, alpha, _layers(pixels, alpha, reduction))


def _layers(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], reduction: int) -> Layers:
    size = (alpha.shape[1], alpha.shape[0])
    opacity = cv2.GaussianBlur(alpha.astype(np.float32) / 255, (3, 3), 0)
    cast = np.array([[1, 0, _SHADOW_PX / reduction], [0, 1, _SHADOW_PX / 2 / reduction]], np.float32)
    shadow = _SHADOW * cv2.GaussianBlur(cv2.warpAffine(opacity, cast, size), (0, 0), 3 / reduction)
    keep = np.rint(255 * (1 - shadow) * (1 - opacity)).astype(np.uint8)
    add = np.rint(opacity[..., None] * pixels).astype(np.uint8)
    return Layers(np.repeat(keep[..., None], 3, axis=2), add)


def blurred(layers: Layers, way_px: int) -> tuple[Layers, int]:
    """What a moving item does to the ground while the shutter is open, and how far left of the item that begins.

    Args:
        layers: Of the item at rest.
        way_px: How far it moves meanwhile.
    """
    if way_px < 2:
        return layers, 0
    room = way_px // 2 + 1
    wide = [
        cv2.blur(
            cv2.copyMakeBorder(layer, 0, 0, room, room, cv2.BORDER_CONSTANT, value=(outside,) * 3),
            (way_px, 1),
            borderType=cv2.BORDER_REPLICATE,
        )
        for layer, outside in ((layers.keep, 255), (layers.add, 0))
    ]
    return Layers(np.asarray(wide[0], np.uint8), np.asarray(wide[1], np.uint8)), room
