"""Where the item is in a photograph: for views of it on other grounds, and for the simulated belt."""

import cv2
import numpy as np
from numpy.typing import NDArray

_WORK_SIDE = 128
_BLURS = (0.0, 2.5)
_RING = 0.04
_LEAST, _MOST = 0.04, 0.9
_TOUCHING = 0.35


def find_outline(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The item's mask `(H, W) uint8`, 0 or 255; None where no item stands out from the ground.

    The ground is learnt from the photograph's rim, refined by GrabCut (Rother et al. 2004). Where the ground is a mesh
    or planks it is tried again on a blurred picture, in which they are one colour.
    """
    scale = _WORK_SIDE / max(image.shape[:2])
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    for blur in _BLURS:
        mask = _find(np.asarray(cv2.GaussianBlur(small, (0, 0), blur), np.uint8) if blur else small)
        if mask is not None:
            full = cv2.resize(mask * 255, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
            return np.asarray(np.where(full > 127, 255, 0), np.uint8)
    return None


def _find(small: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The item as ones, in a reduced picture; None where the result is not like an item."""
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    ring = max(2, round(_RING * _WORK_SIDE))
    rim = np.ones(small.shape[:2], bool)
    rim[ring:-ring, ring:-ring] = False
    distance = _distance_from_ground(lab, rim)
    limit = max(10.0, float(np.percentile(distance[rim], 90)) * 1.5)
    if (distance > limit).mean() < _LEAST / 2:
        return None
    marks = np.where(distance > limit, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[rim & (distance < limit)] = cv2.GC_BGD
    cv2.setRNGSeed(1)
    cv2.grabCut(small, marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    mask = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    solid = _largest_filled(np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8))
    plausible = _LEAST < solid.mean() < _MOST and solid[rim].mean() < _TOUCHING
    return solid if plausible else None


def _distance_from_ground(lab: NDArray[np.float32], rim: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each pixel is from the ground's colour there: a plane fitted to the rim, since light falls off."""
    height, width = rim.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    plane = np.stack([np.ones_like(rows), rows / height, columns / width], axis=-1)
    chosen = rim.copy()
    for _ in range(3):
        fit, *_ = np.linalg.lstsq(plane[chosen], lab[chosen], rcond=None)
        distance = np.linalg.norm(lab - plane @ fit, axis=2).astype(np.float32)
        chosen = rim & (distance <= np.percentile(distance[rim], 80))
    return np.asarray(distance, np.float32)


def _largest_filled(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = np.zeros_like(mask)
    if contours:
        largest = max(contours, key=cv2.contourArea)
        cv2.drawContours(solid, [largest], -1, 1, cv2.FILLED)
    return solid
