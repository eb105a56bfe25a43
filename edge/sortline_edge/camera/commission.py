"""What is to be known of a camera before it sorts: figures of its frames, and whether red and blue are swapped."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

Card = Literal["red", "blue"]
Verdict = Literal["right", "swapped", "not seen"]

# White paper under an uncorrected bulb of 2700 K has 1.5 times as much red as green, and is no red card.
_PURE = 1.6
_DARK = 40
_OTHER: dict[Card, Card] = {"red": "blue", "blue": "red"}


class Arrival(NamedTuple):
    """One frame that was read.

    Attributes:
        sequence: Its number.
        captured_ns: When it was taken.
        read_ns: When the reader had it.
    """

    sequence: int
    captured_ns: int
    read_ns: int


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """How frames came.

    Attributes:
        frames: How many were read.
        dropped: How many the camera took in the meantime that never came.
        frames_per_s: At which the camera took them; None for fewer than two.
        age_ms_p50: Age of a frame when it was read, the median.
        age_ms_p99: That 99 of 100 are below.
    """

    frames: int
    dropped: int
    frames_per_s: float | None
    age_ms_p50: float
    age_ms_p99: float


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How a picture looks.

    Attributes:
        brightness: Mean of its grey values, 0 to 255.
        sharpness: Variance of the Laplacian of its grey values; comparable only between pictures of the same scene.
    """

    brightness: float
    sharpness: float


def measure_flow(arrivals: Sequence[Arrival]) -> Flow:
    """Figures of at least one frame, in the order they were read."""
    first, last = arrivals[0], arrivals[-1]
    taken, elapsed_ns = last.sequence - first.sequence, last.captured_ns - first.captured_ns
    ages_ms = [(arrival.read_ns - arrival.captured_ns) / 1e6 for arrival in arrivals]
    return Flow(
        frames=len(arrivals),
        dropped=taken + 1 - len(arrivals),
        frames_per_s=1e9 * taken / elapsed_ns if elapsed_ns else None,
        age_ms_p50=float(np.percentile(ages_ms, 50)),
        age_ms_p99=float(np.percentile(ages_ms, 99)),
    )


def look_at_picture(image: NDArray[np.uint8]) -> Look:
    """Figures of a picture, `(H, W, 3) uint8 RGB`."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    laplacian = cv2.Laplacian(grey, cv2.CV_64F)
    return Look(brightness=float(grey.mean()), sharpness=float(laplacian.var()))


def judge_card(image: NDArray[np.uint8], card: Card) -> Verdict:
    """Say whether a card in the middle third of a picture, `(H, W, 3) uint8` declared RGB, has the colour it has."""
    height, width = image.shape[:2]
    middle = image[height // 3 : height - height // 3, width // 3 : width - width // 3]
    seen = _colour(np.median(middle, axis=(0, 1)))
    if seen is None:
        return "not seen"
    return "right" if seen == card else "swapped"


def explain_card(verdict: Verdict, card: Card) -> str:
    """What a verdict means, and what to do."""
    match verdict:
        case "right":
            return f"the {card} card is seen as {card}"
        case "swapped":
            return (
                f"the {card} card is seen as {_OTHER[card]}: red and blue are swapped; set `swap_red_blue = true` under"
                " [camera], or take it out if it is there, and check again"
            )
        case "not seen":
            return (
                f"no {card} card is seen in the middle of the picture; fill the middle third with a plain {card} card,"
                " in good light, and check again"
            )


def _colour(mean: NDArray[np.float64]) -> Card | None:
    red, green, blue = (float(value) for value in mean)
    if red >= _DARK and red >= _PURE * max(green, blue):
        return "red"
    if blue >= _DARK and blue >= _PURE * max(green, red):
        return "blue"
    return None
