"""Where everything on an operating map lies: throughput to the right, purity upwards, a curve for each belt."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from sortline_edge.twin.choice import Point, keeps, name

WIDTH, HEIGHT = 860, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 840, 16, 408
_STEPS = (1, 2, 2.5, 5, 10)
# The first and the last of the curves, and between them by shares: blue, green, amber.
_STOPS = ((36, 99, 170), (47, 143, 87), (214, 134, 8))


class Tick(NamedTuple):
    """A line of the grid, its place in pixels and its label."""

    at: float
    label: str


class Mark(NamedTuple):
    """One point.

    Attributes:
        x: Pixels from the left.
        y: Pixels from the top.
        low_y: Of the lower end of its interval.
        high_y: Of the upper end.
        label: What there is to say of it.
        keeps: Whether it keeps the target by its lower end.
        chosen: Whether it is the one that was named.
    """

    x: float
    y: float
    low_y: float
    high_y: float
    label: str
    keeps: bool
    chosen: bool


class Curve(NamedTuple):
    """The points that differ by one setting only, in its order.

    Attributes:
        name: What they have in common; empty where nothing else is swept.
        colour: For CSS.
        marks: Its points.
    """

    name: str
    colour: str
    marks: tuple[Mark, ...]


class Chart(NamedTuple):
    """An operating map, in pixels.

    Attributes:
        along: The setting that changes along each curve.
        curves: In the order of the sweep.
        x_ticks: Items a minute.
        y_ticks: Purity.
        target_y: Of the target purity.
    """

    along: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    target_y: float


def lay_out(points: Sequence[Point], target: float, chosen: Point | None, along: str) -> Chart:
    """Lay out a map. Points at which nothing was sorted have no purity, and are left out.

    Args:
        points: Of a sweep, in its order.
        target: The target purity.
        chosen: The point that was named, if any.
        along: The setting that changes along a curve.
    """
    shown = [point for point in points if point.purity is not None]
    x_step = _step(max((point.right_per_min for point in shown), default=1.0))
    x_end = x_step * max(1, math.ceil(max((point.right_per_min for point in shown), default=1.0) / x_step))
    lowest = min([target, *(point.purity_interval[0] for point in shown if point.purity_interval is not None)])
    y_step = _step(1 - lowest)
    y_begin = max(0.0, 1 - y_step * math.ceil((1 - lowest) / y_step + 1e-9))

    def x(per_min: float) -> float:
        return LEFT + (RIGHT - LEFT) * per_min / x_end

    def y(purity: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (purity - y_begin) / (1 - y_begin)

    def mark(point: Point) -> Mark:
        assert point.purity is not None
        low, high = point.purity_interval or (point.purity, point.purity)
        return Mark(
            x(point.right_per_min),
            y(point.purity),
            y(low),
            y(high),
            _label(point),
            keeps(point, target),
            point is chosen,
        )

    groups: dict[str, list[Point]] = {}
    for point in shown:
        groups.setdefault(name({what: at for what, at in point.at.items() if what != along}), []).append(point)
    curves = tuple(
        Curve(common, _colour(nth / max(1, len(groups) - 1)), tuple(map(mark, group)))
        for nth, (common, group) in enumerate(groups.items())
    )
    return Chart(
        along,
        curves,
        tuple(Tick(x(at), f"{at:g}") for at in _multiples(x_step, 0.0, x_end)),
        tuple(Tick(y(at), f"{100 * at:.6g} %") for at in _multiples(y_step, y_begin, 1.0)),
        y(target),
    )


def _label(point: Point) -> str:
    low, high = point.purity_interval or (0.0, 1.0)
    recovery = "" if point.recovery is None else f", recovery {point.recovery:.1%}"
    return (
        f"{name(point.at)}: {point.right_per_min:.1f} items a minute in the right bin of {point.offered_per_min:.1f},"
        f" purity {point.purity or 0:.1%} ({low:.1%} to {high:.1%}){recovery}"
    )


def _step(span: float) -> float:
    """A round step of which four to ten make the span."""
    if span <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(span / 4))
    return next(step * size for step in reversed(_STEPS) if step * size <= span / 4 * (1 + 1e-9))


def _multiples(step: float, begin: float, end: float) -> list[float]:
    return [begin + nth * step for nth in range(round((end - begin) / step) + 1)]


def _colour(share: float) -> str:
    part, nth = math.modf(share * (len(_STOPS) - 1))
    one, other = _STOPS[int(nth)], _STOPS[min(int(nth) + 1, len(_STOPS) - 1)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(one, other, strict=True))
