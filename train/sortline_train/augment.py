"""Views of a photograph as a conveyor would show them: turned anyhow, shifted, nearer or farther, in other light."""

import cv2
import numpy as np
from numpy.typing import NDArray


def augment(image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """One view of `image`, `(H, W, 3) uint8 RGB`, of the same size."""
    height, width = image.shape[:2]
    angle, zoom = random.uniform(0, 360), np.exp(random.uniform(np.log(0.75), np.log(1.6)))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    turn[:, 2] += [random.uniform(-0.08, 0.08) * side for side in (width, height)]
    mirrored = cv2.flip(image, 1) if random.random() < 0.5 else image
    view = cv2.warpAffine(mirrored, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    gain = random.uniform(0.8, 1.2) * random.uniform(0.94, 1.06, 3)
    shift = random.uniform(-16, 16)
    table = np.clip(np.arange(256)[:, None] * gain + shift, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(view, table[None]), dtype=np.uint8)
