"""Where the item is in a photograph: for views of it on other grounds, and for the simulated belt.

The ground is taken to be the commonest colour along the photograph's rim, and to change over the picture as light falls
off: a curved surface through the colours of all that is joined to the rim. What departs from it is the item, refined by
GrabCut (Rother et al. 2004). An item may reach beyond the rim, as long as enough of the rim is ground.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_WORK_SIDE = 96
_RING = 4  # pixels of a reduced picture
# Where the ground is a mesh or planks it is looked for again on a blurred picture, in which they are one colour.
_BLURS = (0.0, 2.5)
# A shadow is darker than the ground and of the same colour, so that lightness counts for less.
_LIGHTNESS = 0.6
_SAME_GROUND = 16.0  # from the commonest colour, in CIE Lab units
_LEAST_LIMIT, _MOST_LIMIT = 5.0, 14.0
_LEAST, _MOST = 0.03, 0.92
_LEAST_GROUND_ON_RIM = 0.3
_MOST_ITEM_ON_RIM = 0.65
_PURE = 0.9  # share of what is not item that is ground: a room or a meadow is no ground
_PART = 0.15  # of the largest piece: smaller ones are dirt


def find_outline(image: NDArray[np.uint8]) -> Mask | None:
    """The item's mask.

    Args:
        image: `(H, W, 3) uint8 RGB`.

    Returns:
        `(H, W) uint8`, 255 on the item and 0 elsewhere; None where no item stands out from the ground.
    """
    scale = _WORK_SIDE / max(image.shape[:2])
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if min(small.shape[:2]) <= 4 * _RING:
        return None
    for blur in _BLURS:
        mask = _find(np.asarray(cv2.GaussianBlur(small, (0, 0), blur), np.uint8) if blur else small)
        if mask is not None:
            full = cv2.resize(mask * 255, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
            return np.asarray(np.where(full > 127, 255, 0), np.uint8)
    return None


def _find(small: NDArray[np.uint8]) -> Mask | None:
    """The item as ones, in a reduced picture; None where the result is not like an item."""
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] *= _LIGHTNESS
    rim = np.ones(small.shape[:2], bool)
    rim[_RING:-_RING, _RING:-_RING] = False
    found = _find_ground(lab, rim)
    if found is None:
        return None
    ground, distance, limit = found
    far = distance > limit
    if ground[rim].mean() < _LEAST_GROUND_ON_RIM or far.mean() < _LEAST / 2:
        return None
    marks = np.where(far, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[ground & rim & (distance < 0.6 * limit)] = cv2.GC_BGD
    marks[cv2.erode((distance > 3 * limit).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    cv2.grabCut(small, marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    solid = _fill(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    plausible = _LEAST < solid.mean() < _MOST and solid[rim].mean() < _MOST_ITEM_ON_RIM
    return solid if plausible and ground[solid == 0].mean() > _PURE else None


def _find_ground(lab: Floats, rim: Flags) -> tuple[Flags, Floats, float] | None:
    """What of the picture is ground, how far each pixel is from its colour there, and how far ground may be."""
    ground = rim & (np.linalg.norm(lab - _commonest(lab[rim]), axis=2) < _SAME_GROUND)
    height, width = rim.shape
    rows, columns = (side.astype(np.float32) for side in np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j])
    terms = np.stack([np.ones_like(rows), rows, columns, rows**2, columns**2, rows * columns], axis=-1)
    for count in (3, 6, 6, 6):
        if not (ground & rim).any():
            return None
        known = terms[ground][:, :count]
        # The normal equations, held up slightly where a flat patch says nothing of a term: ten times faster than lstsq.
        fit = np.linalg.solve(known.T @ known + 1e-3 * np.eye(count, dtype=np.float32), known.T @ lab[ground])
        off = lab - terms[..., :count] @ fit
        distance = np.sqrt((off * off).sum(axis=2))
        limit = float(np.clip(6 * np.median(distance[ground]) + 2, _LEAST_LIMIT, _MOST_LIMIT))
        _, labels = cv2.connectedComponents((distance < limit).astype(np.uint8))
        joined = np.unique(labels[rim])
        ground = np.isin(labels, joined[joined > 0])
    return ground, distance, limit


def _commonest(colours: Floats) -> Floats:
    """The middle of the densest part of `(N, 3)` colours."""
    _, which, counts = np.unique((colours / 8).astype(int), axis=0, return_inverse=True, return_counts=True)
    middles = np.stack([colours[which == cell].mean(axis=0) for cell in np.argsort(-counts)[:6]])
    near = np.linalg.norm(colours[:, None] - middles[None], axis=2) < _SAME_GROUND
    chosen = near[:, near.sum(axis=0).argmax()]
    return np.asarray(colours[chosen].mean(axis=0), np.float32)


def _fill(mask: Mask) -> Mask:
    """The large pieces without their holes: an item's light parts may look like the ground."""
    clean = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    clean = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(clean, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = np.zeros_like(mask)
    least = _PART * max((cv2.contourArea(contour) for contour in contours), default=0.0)
    cv2.drawContours(solid, [c for c in contours if cv2.contourArea(c) >= least], -1, 1, cv2.FILLED)
    return solid
