"""Which point of a sweep to run a belt at: the most items in their bins that keeps a purity, if any can be said to."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import msgspec

from sortline_bundle.calibration import CONFIDENCE
from sortline_edge.twin.books import Books, Interval


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a sweep.

    Attributes:
        at: What was set, by name.
        items: How many rode past.
        photographs: How many different ones they were cut from.
        sorted: How many landed in a sorting bin.
        right: How many of those belong there.
        offered_per_min: Items that rode past, per minute of belt time.
        right_per_min: Items that landed in the sorting bin where they belong, per minute of belt time.
        purity: `right / sorted`; None when nothing was sorted.
        purity_interval: Where the true one is, with 95 % confidence.
        recovery: Share of what belongs in a sorting bin that arrived there.
        recovery_interval: Likewise.
        losses: Items that did not land where they belong, by cause.
    """

    at: dict[str, float]
    items: int
    photographs: int
    sorted: int
    right: int
    offered_per_min: float
    right_per_min: float
    purity: float | None
    purity_interval: Interval
    recovery: float | None
    recovery_interval: Interval
    losses: dict[str, int]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep says about a purity.

    Attributes:
        verdict: `kept`: by the lower end of the interval, at some point. `unsure`: at no point, but an interval holds
            the purity asked for. `not kept`: every interval lies below it.
        target_purity: What was asked for.
        point: `kept`: of those that keep it, the one that most items land right at. `unsure`: the one that can be told
            with the fewest items. `not kept`: the purest. None where nothing was sorted at any.
        items_needed: `unsure`: about how many would have to ride at that point until its interval, with the shares it
            has, no longer holds the purity asked for. None where no number would do.
    """

    verdict: Literal["kept", "unsure", "not kept"]
    target_purity: float
    point: Point | None
    items_needed: int | None = None


def point_of(at: dict[str, float], books: Books, photographs: int) -> Point:
    """What a sweep keeps of a run.

    Args:
        at: What was set.
        books: Of the run; the last of its bins is the reject bin.
        photographs: How many different ones the items were cut from.
    """
    right = sum(book.right for book in books.bins[:-1])
    return Point(
        at=at,
        items=books.items,
        photographs=photographs,
        sorted=sum(book.items for book in books.bins[:-1]),
        right=right,
        offered_per_min=books.throughput_per_min,
        right_per_min=60 * right / books.seconds,
        purity=books.purity,
        purity_interval=books.purity_interval,
        recovery=books.recovery,
        recovery_interval=books.recovery_interval,
        losses=books.losses,
    )


def keeps(point: Point, target: float) -> bool:
    """Whether the lower end of a point's purity is not below the target."""
    return point.purity_interval is not None and point.purity_interval[0] >= target


def choose(points: Sequence[Point], target: float) -> Answer:
    """Name the point to run at.

    Args:
        points: Of a sweep.
        target: Purity to be kept, above 0 and below 1.
    """
    kept = [point for point in points if keeps(point, target)]
    if kept:
        best = max(kept, key=lambda point: (point.right_per_min, point.purity))
        return Answer(verdict="kept", target_purity=target, point=best)
    open_ = [point for point in points if point.purity_interval is not None and target <= point.purity_interval[1]]
    if open_:
        best = min(open_, key=lambda point: (_falls_short(point, target), _needed(point, target), -point.right_per_min))
        needed = _needed(best, target)
        items = math.ceil(needed) if math.isfinite(needed) else None
        return Answer(verdict="unsure", target_purity=target, point=best, items_needed=items)
    purest = max((point for point in points if point.purity is not None), key=_purity, default=None)
    return Answer(verdict="not kept", target_purity=target, point=purest)


def say(answer: Answer) -> str:
    """An answer in a sentence or two."""
    target, point = f"{answer.target_purity:.4g}", answer.point
    if point is None or point.purity is None or point.purity_interval is None:
        return f"No point keeps a purity of {target}: nothing was sorted at any."
    low, high = point.purity_interval
    purity = f"purity {point.purity:.1%} ({low:.1%} to {high:.1%})"
    if answer.verdict == "kept":
        return (
            f"The most that keeps a purity of {target} is {name(point.at)}: {point.right_per_min:.0f} items a minute in"
            f" the right bin of {point.offered_per_min:.0f} that ride past; {purity}."
        )
    if answer.verdict == "not kept":
        return f"No point keeps a purity of {target}: the purest, {name(point.at)}, has {purity}."
    more = "no number of items would" if answer.items_needed is None else f"about {answer.items_needed:,} items would"
    return (
        f"With {point.items} items it cannot be said whether any point keeps a purity of {target}: {name(point.at)} has"
        f" {purity}; {more} tell, if the shares stay as they are."
    )


def name(at: dict[str, float]) -> str:
    """A point's settings in words: `speed 200, threshold 0.5`."""
    return ", ".join(f"{what} {value:g}" for what, value in at.items())


def _needed(point: Point, target: float) -> float:
    """How many items must ride until the interval's end reaches the target, the shares staying as they are.

    Wilson's interval ends at the shares p with (p - target)^2 = z^2 target (1 - target) / n, solved here for n.
    """
    assert point.purity is not None
    if point.purity == target:
        return math.inf
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    return z**2 * target * (1 - target) / (point.purity - target) ** 2 * point.items / point.sorted


def _falls_short(point: Point, target: float) -> bool:
    return point.purity is None or point.purity <= target


def _purity(point: Point) -> float:
    return point.purity or 0.0
