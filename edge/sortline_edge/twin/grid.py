"""The points of a sweep, from the words that ask for them: `speed=200:1500:6,threshold=0.5/0.8/0.9`."""

import math
from collections.abc import Collection, Sequence
from itertools import product
from typing import NamedTuple

from sortline_bundle.errors import ConfigError

MOST_POINTS = 10_000
_DIGITS = 6


class Axis(NamedTuple):
    """One thing that is swept, and its values, the smallest first."""

    name: str
    values: tuple[float, ...]


def parse_grid(text: str, names: Collection[str]) -> tuple[Axis, ...]:
    """Read what is to be swept: `NAME=FROM:TO:STEPS` or `NAME=A/B/C`, several with commas between them.

    A range has STEPS values, evenly apart, both its ends among them, rounded to six digits.

    Args:
        text: As it was typed.
        names: What may be swept.

    Raises:
        ConfigError: with the words at fault and what may stand there.
    """
    axes: list[Axis] = []
    for word in text.split(","):
        name, equals, values = word.partition("=")
        name = name.strip()
        if not equals:
            raise ConfigError(f"--sweep: {word!r} is neither NAME=FROM:TO:STEPS nor NAME=A/B/C")
        if name not in names:
            raise ConfigError(f"--sweep: {name!r} cannot be swept; what can: {', '.join(names)}")
        if any(axis.name == name for axis in axes):
            raise ConfigError(f"--sweep: {name} is there twice")
        axes.append(Axis(name, _values(values, f"--sweep: {word.strip()}")))
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_POINTS:
        raise ConfigError(f"--sweep: {count} points, where at most {MOST_POINTS} are allowed")
    return tuple(axes)


def points(axes: Sequence[Axis]) -> list[dict[str, float]]:
    """Every combination, by name; the last axis changes fastest."""
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]


def _values(text: str, where: str) -> tuple[float, ...]:
    if ":" not in text:
        values = tuple(sorted(_number(word, where) for word in text.split("/")))
        if len(set(values)) < len(values):
            raise ConfigError(f"{where}: a value is there twice")
        return values
    words = text.split(":")
    if len(words) != 3 or not words[2].strip().isdecimal():
        raise ConfigError(f"{where}: a range is FROM:TO:STEPS, such as 200:1500:6")
    first, last, steps = _number(words[0], where), _number(words[1], where), int(words[2])
    if not (first < last and 2 <= steps <= MOST_POINTS):
        raise ConfigError(f"{where}: a range goes upwards, in 2 to {MOST_POINTS} steps")
    values = tuple(float(f"{first + (last - first) * nth / (steps - 1):.{_DIGITS}g}") for nth in range(steps))
    if len(set(values)) < steps:
        raise ConfigError(f"{where}: the steps are too small to be told apart")
    return values


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{where}: received {text.strip()!r}, must be a number")
    return value
