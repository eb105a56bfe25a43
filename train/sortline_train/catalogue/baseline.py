"""How far colour alone goes: the baseline that any classifier must beat by far."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import PhotographError

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})


def mean_colour_accuracy(folder: Path) -> float:
    """Accuracy of a linear classifier that sees nothing but the mean colour of each photograph.

    Half of every class, chosen at random but always the same, fits the classifier (least squares on one-hot classes
    from 1 and mean R, G, B); the other half is classified. A figure far above chance says that colour alone gives the
    classes of this folder away.

    Args:
        folder: Class folders of photographs.

    Raises:
        PhotographError: fewer than two classes, fewer than two photographs in a class, or a file that is no image.
    """
    names = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if len(names) < 2:
        raise PhotographError(f"{folder} holds {len(names)} class folders; the baseline needs two or more")
    rng = np.random.default_rng(0)
    halves = [_halves(_mean_colours(name), rng) for name in names]
    fitted, judged = zip(*halves, strict=True)
    truth = np.repeat(np.arange(len(names)), [len(half) for half in fitted])
    weights = np.linalg.lstsq(np.concatenate(fitted), np.eye(len(names))[truth])[0]
    answers = np.argmax(np.concatenate(judged) @ weights, axis=1)
    return float(np.mean(answers == np.repeat(np.arange(len(names)), [len(half) for half in judged])))


def _mean_colours(class_folder: Path) -> NDArray[np.float64]:
    """`(n, 4) float64`: 1 and the mean R, G, B from 0 to 1 of each photograph of a class."""
    paths = sorted(path for path in class_folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if len(paths) < 2:
        raise PhotographError(f"{class_folder} holds {len(paths)} photographs; the baseline needs two or more")
    return np.array([[1.0, *_mean_colour(path)] for path in paths])


def _mean_colour(path: Path) -> list[float]:
    # An eighth of the size has the same mean, and a JPEG decodes to it much faster.
    image = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_8)
    if image is None:
        raise PhotographError(f"{path} cannot be read as an image; remove it or save it anew")
    return [part / 255 for part in cv2.mean(image)[2::-1]]


def _halves(rows: NDArray[np.float64], rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mixed = rng.permutation(rows)
    middle = len(mixed) // 2
    return mixed[:middle], mixed[middle:]
