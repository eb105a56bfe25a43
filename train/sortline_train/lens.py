"""What light and camera do to a picture: exposure, colour of the light, blur, noise and compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_FADED, _SOFT, _SMEARED, _NOISY, _COMPRESSED = 0.2, 0.12, 0.08, 0.3, 0.3
_LONGEST_SMEAR = 0.04


def expose(view: Image, random: np.random.Generator) -> Image:
    """The picture `(H, W, 3) uint8 RGB` as another camera in other light might have taken it; each fault by chance."""
    view = _light(view, random)
    if random.random() < _FADED:
        colour = random.uniform(0, 1)
        grey = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        view = np.asarray(cv2.addWeighted(view, colour, grey, 1 - colour, 0), np.uint8)
    fault = random.random()
    if fault < _SOFT:
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), random.uniform(0.002, 0.007) * len(view)), np.uint8)
    elif fault < _SOFT + _SMEARED:
        view = np.asarray(cv2.filter2D(view, -1, _smear(len(view), random)), np.uint8)
    if random.random() < _NOISY:
        noise = random.standard_normal(view.shape, np.float32)
        noise *= np.float32(random.uniform(2, 12))
        view = np.clip(noise + view, 0, 255).astype(np.uint8)
    if random.random() < _COMPRESSED:
        _, data = cv2.imencode(".jpg", view, (cv2.IMWRITE_JPEG_QUALITY, int(random.integers(30, 85))))
        view = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return view


def _light(view: Image, random: np.random.Generator) -> Image:
    """Exposure, white balance, tone curve and black level, as one table per channel."""
    gains = np.exp(random.uniform(-0.25, 0.25) + random.uniform(-0.08, 0.08, 3))
    tones = 255 * (np.arange(256)[:, None] / 255) ** np.exp(random.uniform(-0.2, 0.2)) * gains + random.uniform(-12, 12)
    return np.asarray(cv2.LUT(view, np.clip(tones, 0, 255).astype(np.uint8)[None]), np.uint8)


def _smear(side: int, random: np.random.Generator) -> NDArray[np.float32]:
    """A moving item's blur, along any direction: the kernel of a straight line."""
    length = max(3, int(side * random.uniform(0.01, _LONGEST_SMEAR)))
    middle = (length - 1) / 2
    angle = random.uniform(0, np.pi)
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    kernel = np.zeros((length, length), np.float32)
    start, end = ([round(middle + sign * along) for along in reach] for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
