"""The six classes of the catalogue, and a photograph of any of them."""

import zlib
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from sortline_bundle.errors import ConfigError
from sortline_train.catalogue.bags import bag
from sortline_train.catalogue.camera import any_size, photograph
from sortline_train.catalogue.cartons import carton
from sortline_train.catalogue.grounds import any_ground
from sortline_train.catalogue.paint import Item, Light, Pixels, any_light
from sortline_train.catalogue.papers import paper
from sortline_train.catalogue.trays import tray
from sortline_train.catalogue.vessels import bottle, can

_DRAWN: dict[str, Callable[[Generator, Light], Item]] = {
    "bag": bag,
    "bottle": bottle,
    "can": can,
    "carton": carton,
    "paper": paper,
    "tray": tray,
}

CLASSES: tuple[str, ...] = tuple(_DRAWN)


def draw_photograph(class_name: str, seed: int) -> Pixels:
    """Draw one item of a class, lying somehow on some ground.

    Args:
        class_name: One of `CLASSES`.
        seed: 0 or more; the same class and seed give the same picture.

    Returns:
        `(H, W, 3) uint8` RGB, the longer side 320 pixels.

    Raises:
        ConfigError: the class is not in the catalogue, or the seed is negative.
    """
    if class_name not in _DRAWN:
        raise ConfigError(f"the catalogue has no class {class_name!r}; choose one of {', '.join(CLASSES)}")
    if seed < 0:
        raise ConfigError(f"seed {seed}: give 0 or a positive number")
    rng = np.random.default_rng([zlib.crc32(class_name.encode()), seed])
    light, angle_rad = any_light(rng), float(rng.uniform(0, 2 * np.pi))
    ground = any_ground(rng, *any_size(rng))
    item = _DRAWN[class_name](rng, light.turned(angle_rad))
    return photograph(rng, item, ground, light, angle_rad)
