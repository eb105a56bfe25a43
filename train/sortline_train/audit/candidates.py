"""Which photographs may be near copies: their vectors point the same way, in one of the eight turns.

Comparing all with all would take a hundred times as long for ten times as many photographs. Instead all vectors, in
all turns, are halved again and again at the median along a random direction, until a heap is small enough to compare
within. Near copies mostly fall into the same heap, and almost certainly do in one of several such trees (a forest of
random projections; Dasgupta and Freund, "Random projection trees and low dimensional manifolds", 2008).
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_train.audit.fingerprint import TURNS, Vectors, turn_vectors

ALIKE = 0.75  # cosine; copies cropped by 5 % of each side have more than 0.8, 19 of 20 unlike photographs less
_NEAREST = 8  # candidates for each photograph; of a crowd of copies each needs a few others, not all
_OUTRIGHT = 4096  # photographs; up to here all with all costs no more than the trees would
_HEAP = 4096  # vectors
_TREES = 10
_BLOCK = 512  # rows of a matrix product

Indices = NDArray[np.int64]


class Candidates(NamedTuple):
    """Pairs of photographs to look at: `second`, turned by `turn`, is like `first`. All `(M,)`, each pair once."""

    first: Indices
    second: Indices
    turn: Indices
    cosine: NDArray[np.float32]


def find_candidates(vectors: Vectors) -> Candidates:
    """The pairs among `(N, 64)` fingerprint vectors that may be near copies; the same in every run."""
    turned = turn_vectors(vectors).reshape(-1, vectors.shape[1])
    levels = 0 if len(vectors) <= _OUTRIGHT else math.ceil(math.log2(len(turned) / _HEAP))
    random = np.random.default_rng(0)
    heaps = (heap for _ in range(_TREES if levels else 1) for heap in _divide(turned, levels, random))
    found = [pairs for heap in heaps for pairs in _compare(turned, heap)]
    return _without_mirrored(_best(_join(found)), len(vectors))


def _divide(turned: Vectors, levels: int, random: np.random.Generator) -> list[Indices]:
    """The rows of `turned` in 2 ** `levels` heaps of equal size."""
    # A direction from one photograph to another lies where the photographs differ; one out of the blue need not.
    ends = turned[random.choice(len(turned), (2, levels))]
    heights = turned @ (ends[0] - ends[1]).T
    heaps = [np.arange(len(turned))]
    for level in range(levels):
        heaps = [half for heap in heaps for half in _halve(heap, heights[heap, level])]
    return heaps


def _halve(heap: Indices, heights: NDArray[np.float32]) -> tuple[Indices, Indices]:
    middle = len(heap) // 2
    order = np.argpartition(heights, middle)
    return heap[order[:middle]], heap[order[middle:]]


def _compare(turned: Vectors, heap: Indices) -> Iterator[Candidates]:
    """The alike pairs within a heap. Only upright photographs ask: the other turns would ask the same again."""
    upright, others = heap[heap % TURNS == 0], turned[heap]
    for start in range(0, len(upright), _BLOCK):
        asking = upright[start : start + _BLOCK]
        cosines = turned[asking] @ others.T
        asks, answers = np.nonzero(cosines >= ALIKE)
        cosine = cosines[asks, answers]
        pairs = Candidates(asking[asks] // TURNS, heap[answers] // TURNS, heap[answers] % TURNS, cosine)
        yield _best(_choose(pairs, pairs.first != pairs.second))


def _best(pairs: Candidates) -> Candidates:
    """For each asking photograph its nearest few, each in the turn that fits best."""
    pairs = _choose(pairs, np.lexsort((-pairs.cosine, pairs.second, pairs.first)))
    pairs = _choose(
        pairs, np.diff(pairs.first, prepend=-1).astype(bool) | np.diff(pairs.second, prepend=-1).astype(bool)
    )
    pairs = _choose(pairs, np.lexsort((-pairs.cosine, pairs.first)))
    rank = np.arange(len(pairs.first)) - np.searchsorted(pairs.first, pairs.first)
    return _choose(pairs, rank < _NEAREST)


def _without_mirrored(pairs: Candidates, count: int) -> Candidates:
    """Each two photographs once, whichever of them asked."""
    low, high = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
    return _choose(pairs, np.unique(low * count + high, return_index=True)[1])


def _join(found: Sequence[Candidates]) -> Candidates:
    return Candidates(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _choose(pairs: Candidates, rows: NDArray[np.generic]) -> Candidates:
    return Candidates(*(column[rows] for column in pairs))
