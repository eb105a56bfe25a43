"""The catalogue as a folder of class folders."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from sortline_bundle.errors import ConfigError
from sortline_train.catalogue.items import CLASSES, draw_photograph


def draw_catalogue(folder: Path, per_class: int, seed: int, progress: Callable[[int], None] | None = None) -> None:
    """Draw photographs of every class into `folder/CLASS/CLASS-0000.jpg` and so on.

    The class folders appear when all photographs are drawn; until then, and after a failure, there are none.

    Args:
        folder: Made if missing; must be empty.
        per_class: Photographs of each class.
        seed: 0 or more; another seed gives other items.
        progress: Called after each photograph with the number drawn so far.

    Raises:
        ConfigError: the folder is not empty or not a folder, or a number is out of range.
    """
    if per_class < 1 or seed < 0:
        raise ConfigError(f"{per_class} photographs per class, seed {seed}: give at least 1, and a seed of 0 or more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not an empty folder; name a new one")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".drawing-", dir=folder) as name:
        unfinished = Path(name)
        for position, class_name in enumerate(CLASSES):
            (unfinished / class_name).mkdir()
            for index in range(per_class):
                path = unfinished / class_name / f"{class_name}-{index:04d}.jpg"
                path.write_bytes(_jpeg(class_name, (seed << 32) + index))
                if progress:
                    progress(position * per_class + index + 1)
        for class_name in CLASSES:
            (unfinished / class_name).rename(folder / class_name)


def _jpeg(class_name: str, seed: int) -> bytes:
    image = cv2.cvtColor(draw_photograph(class_name, seed), cv2.COLOR_RGB2BGR)
    quality = int(np.random.default_rng(seed).integers(80, 96))
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
