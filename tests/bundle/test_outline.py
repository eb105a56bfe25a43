"""The outline of an item on a plain, shaded or patterned ground; and none where there is no item."""

import cv2
import numpy as np
import pytest

from sortline_bundle.outline import find_outline


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float(((mask > 0) & truth).sum() / ((mask > 0) | truth).sum())


def board(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A light board with noise, darker towards one corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    light = 215 - 50 * (rows / height) * (columns / width)
    noise = np.random.default_rng(seed).normal(0, 2, (height, width, 3))
    return np.clip(light[..., None] + noise, 0, 255).astype(np.uint8)


def with_item(ground: np.ndarray, corners: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    image, truth = ground.copy(), np.zeros(ground.shape[:2], np.uint8)
    for canvas, colour in ((image, (40, 70, 150)), (truth, 1)):
        cv2.fillPoly(canvas, [np.array(corners, np.int32)], colour)
    return image, truth.astype(bool)


@pytest.mark.parametrize("seed", range(3))
def test_an_item_on_a_shaded_board(seed: int) -> None:
    image, truth = with_item(board(240, 320, seed), [(90, 60), (230, 90), (200, 190), (80, 150)])
    mask = find_outline(image)
    assert mask is not None
    assert set(np.unique(mask)) == {0, 255}
    assert overlap(mask, truth) > 0.93


def test_an_item_that_reaches_beyond_the_photograph() -> None:
    image, truth = with_item(board(240, 320), [(180, -5), (330, -5), (330, 250), (240, 250)])
    mask = find_outline(image)
    assert mask is not None
    assert overlap(mask, truth) > 0.9


def test_an_item_on_planks() -> None:
    ground = board(240, 320)
    ground[:, ::8] //= 2
    image, truth = with_item(ground, [(90, 60), (230, 60), (230, 190), (90, 190)])
    mask = find_outline(image)
    assert mask is not None
    assert overlap(mask, truth) > 0.8


def test_holes_belong_to_the_item() -> None:
    image, truth = with_item(board(200, 200), [(50, 50), (150, 50), (150, 150), (50, 150)])
    image[90:110, 90:110] = board(20, 20)
    mask = find_outline(image)
    assert mask is not None
    assert overlap(mask, truth) > 0.93


@pytest.mark.parametrize(
    "image",
    [
        board(200, 260),
        np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.full((3, 200, 3), 90, np.uint8),
        np.full((1, 1, 3), 90, np.uint8),
    ],
    ids=["bare board", "noise", "black", "a strip", "one pixel"],
)
def test_no_item_no_outline(image: np.ndarray) -> None:
    assert find_outline(image) is None
