"""What photographs look like to the model: taken at conversion, and on the station to tell when it has drifted."""

from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from sortline_bundle.strict import Table

# Equal steps from 0 to 1.
BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Shares = Annotated[tuple[Annotated[float, Meta(ge=0, le=1)], ...], Meta(min_length=BINS, max_length=BINS)]
Spread = Annotated[tuple[float, ...], Meta(min_length=len(QUANTILES), max_length=len(QUANTILES))]


class Looks(Table, frozen=True, kw_only=True):
    """How light, sharp and coloured pictures are: the 5, 25, 50, 75 and 95 % quantiles over them.

    Attributes:
        brightness: Mean of all channels, 0 to 255.
        contrast: Standard deviation of the grey picture.
        sharpness: Natural logarithm of 1 plus the variance of the grey picture's Laplacian; Pech-Pacheco et al., Diatom
            autofocusing in brightfield microscopy (2000).
        warmth: Mean of red minus mean of blue.
        saturation: Mean of the highest minus the lowest channel.
    """

    brightness: Spread
    contrast: Spread
    sharpness: Spread
    warmth: Spread
    saturation: Spread


class Fingerprint(Table, frozen=True, kw_only=True):
    """What the model was trained on, and how sure it is of photographs like those.

    Attributes:
        photographs: How many training photographs the looks are of.
        looks: Of the training photographs, as the model's input.
        label_mix: Share of each class among the training photographs, in the order of the outputs.
        answer_mix: Share of each class among the model's answers to held-out photographs.
        scores: Of those answers, the share whose calibrated score lies in each twentieth from 0 to 1.
        margins: The same for the distance to the second-best score.
    """

    photographs: Annotated[int, Meta(ge=1, lt=1 << 53)]
    looks: Looks
    label_mix: tuple[Annotated[float, Meta(ge=0, le=1)], ...]
    answer_mix: tuple[Annotated[float, Meta(ge=0, le=1)], ...]
    scores: Shares
    margins: Shares


def look_at(pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """One picture's numbers, in the order of the fields of `Looks`, from `(H, W, 3) uint8 RGB` model input."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    red, _, blue = cv2.mean(pixels)[:3]
    spread = cv2.subtract(pixels.max(axis=2), pixels.min(axis=2))
    return (
        float(pixels.mean()),
        float(grey.std()),
        float(np.log1p(edges.var())),
        red - blue,
        float(spread.mean()),
    )


def sum_up(looks: Sequence[tuple[float, ...]]) -> Looks:
    """The quantiles of many pictures' numbers, at least one."""
    quantiles = np.quantile(np.asarray(looks, np.float64), QUANTILES, axis=0).round(4)
    return Looks(
        **{name: tuple(column) for name, column in zip(Looks.__struct_fields__, quantiles.T.tolist(), strict=True)}
    )


def take(looks: Sequence[tuple[float, ...]], label_counts: Sequence[int], scores: NDArray[np.float64]) -> Fingerprint:
    """The fingerprint.

    Args:
        looks: `look_at` of training photographs.
        label_counts: Training photographs of each of the C classes.
        scores: `(N, C) float64` calibrated scores of held-out photographs.
    """
    ranked = np.sort(scores, axis=1)
    answers = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1])
    return Fingerprint(
        photographs=len(looks),
        looks=sum_up(looks),
        label_mix=_shares(np.asarray(label_counts)),
        answer_mix=_shares(answers),
        scores=_histogram(ranked[:, -1]),
        margins=_histogram(ranked[:, -1] - ranked[:, -2]),
    )


def _histogram(values: NDArray[np.float64]) -> tuple[float, ...]:
    return _shares(np.histogram(values, BINS, (0, 1))[0])


def _shares(counts: NDArray[np.int64]) -> tuple[float, ...]:
    return tuple((counts / counts.sum()).round(6).tolist())
