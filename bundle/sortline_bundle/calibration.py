"""How far scores can be taken at their word: reliability, calibration error, and the interval of a share."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.strict import Table

CONFIDENCE = 0.95
MOST_BINS = 15
FEWEST_IN_BIN = 10

Scores = NDArray[np.float64]


class Interval(Table, frozen=True, kw_only=True):
    """Where the true share lies, 95 times in 100."""

    low: float
    high: float


class ReliabilityBin(Table, frozen=True, kw_only=True):
    """Photographs answered about equally confidently.

    Attributes:
        photographs: How many.
        mean_confidence: Mean score of the answers.
        accuracy: Share right.
        accuracy_interval: Where the true share lies.
    """

    photographs: int
    mean_confidence: float
    accuracy: float
    accuracy_interval: Interval


def wilson(right: int, tries: int) -> Interval:
    """The 95 % interval of a share, from `right` of `tries`, at least one.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927). Unlike the interval
    of the normal distribution it holds for few tries and near 0 and 1, where a good model is.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = right / tries
    middle = share + z * z / (2 * tries)
    half = z * math.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    scale = 1 + z * z / tries
    # Exactly 0 and 1 at the ends, where rounding would leave the share itself outside.
    low = 0.0 if right == 0 else (middle - half) / scale
    high = 1.0 if right == tries else (middle + half) / scale
    return Interval(low=low, high=high)


def reliability(confidence: Scores, right: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """Photographs in bins of equal number by confidence: `(N,) float64` scores of the answers, `(N,)` whether right.

    Guo et al., On Calibration of Modern Neural Networks (2017), cut the range of confidence into 15 bins of equal
    width. The answers of a trained network crowd near 1, so that most of those bins hold a handful of photographs or
    none and one holds nearly all; bins of equal number (Nguyen and O'Connor 2015; Nixon et al. 2019) say as much of
    each photograph, and their error is less biased (Roelofs et al. 2022). Fifteen bins, fewer where one would have
    under ten photographs. Equal confidences stay in one bin, so that the order of the photographs does not matter.
    """
    bins = max(1, min(MOST_BINS, len(confidence) // FEWEST_IN_BIN))
    nth = np.searchsorted(np.sort(confidence), confidence) * bins // len(confidence)
    return tuple(_bin(confidence[nth == one], right[nth == one]) for one in np.unique(nth))


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: mean distance of confidence from accuracy, each photograph weighing the same."""
    photographs = sum(one.photographs for one in bins)
    return sum(one.photographs * abs(one.mean_confidence - one.accuracy) for one in bins) / photographs


def error_by_chance(bins: Sequence[ReliabilityBin]) -> float:
    """The calibration error to expect of scores that are perfectly true, from as many photographs in the same bins.

    De Moivre's mean absolute deviation of a binomial number (Diaconis and Zabell, Closed Form Summation for Classical
    Distributions, Statistical Science 6, 1991), as if all photographs of a bin had its mean confidence.
    """
    photographs = sum(one.photographs for one in bins)
    return sum(_deviation(one.photographs, one.mean_confidence) for one in bins) / photographs


def _deviation(count: int, share: float) -> float:
    above = math.floor(count * share) + 1
    if not 0 < share < 1 or above > count:
        return 0.0
    ways = math.lgamma(count + 1) - math.lgamma(above + 1) - math.lgamma(count - above + 1)
    return 2 * above * math.exp(ways + above * math.log(share) + (count - above + 1) * math.log1p(-share))


def _bin(confidence: Scores, right: NDArray[np.bool_]) -> ReliabilityBin:
    return ReliabilityBin(
        photographs=len(right),
        mean_confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        accuracy_interval=wilson(int(right.sum()), len(right)),
    )
