"""Figures in words: what a person who reads one paragraph of the report should know."""

import math
from collections.abc import Sequence

from sortline_bundle.calibration import Interval
from sortline_train.audit.values import Finding
from sortline_train.evaluation import Evaluation, most_confused
from sortline_train.report.values import Metrics

FEW = 10
_SPACE = "\u00a0"
_DASH = "\u2013"
_NAMES = {"before": "before training", "after_head": "after the head", "after_fine_tuning": "after fine-tuning"}


def name_of(name: str) -> str:
    """A stage, step or setting as a person writes it."""
    return _NAMES.get(name, name.replace("fine_tuning", "fine-tuning").replace("_", " "))


def percent(share: float | None) -> str:
    """A share with one decimal; a dash where it could not be told. Nothing but everything is 100 %."""
    if share is None:
        return _DASH
    text = f"{100 * share:.1f}"
    if share < 1 and text == "100.0":
        return f">{_SPACE}99.9{_SPACE}%"
    return f"{text.removesuffix('.0') if share in {0, 1} else text}{_SPACE}%"


def between(interval: Interval) -> str:
    """The ends of an interval, rounded outwards: whole per cent, or tenths where it is narrow."""
    unit = 100 if interval.high - interval.low > 0.02 else 1000
    low, high = math.floor(interval.low * unit) / unit, math.ceil(interval.high * unit) / unit
    return f"{100 * low:g} and {100 * high:g} %".replace(" ", _SPACE)


def number(value: float | None, decimals: int = 3) -> str:
    """A figure with so many decimals; a dash where it could not be told. What is below 1 is not rounded up to it."""
    if value is None:
        return _DASH
    text = f"{value:.{decimals}f}"
    return f">{_SPACE}{1 - 10**-decimals:.{decimals}f}" if value < 1 and float(text) == 1 else text


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 10:
        return f"{seconds:.1f}{_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest if not hours else 0, "s"))
    return " ".join(f"{count}{_SPACE}{unit}" for count, unit in parts if count)


def verdict(metrics: Metrics) -> tuple[str, ...]:
    """The report in one paragraph: the figure, what to compare it with, where the model is weakest, what to mind."""
    test = metrics.test
    right = (
        f"The final model is right on {test.right} of {count(test.photographs, 'test photograph')},"
        f" {percent(test.accuracy)}. They were used neither for training nor for choosing."
    )
    truth = (
        f"With this many photographs the true figure lies between {between(test.accuracy_interval)}"
        " (95 times in 100), as long as items, light and camera stay as they are here."
    )
    return (right, truth, _baseline(test), _weakest(test), *_too_few(test), *_audit(metrics.audit or ()))


def count(many: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun."""
    return f"{many}{_SPACE}{noun if many == 1 else plural or f'{noun}s'}"


def _baseline(test: Evaluation) -> str:
    largest = max(test.classes, key=lambda figures: figures.photographs)
    return (
        f"Always answering “{largest.class_name}”, the most frequent class,"
        f" would be right on {percent(largest.photographs / test.photographs)}."
    )


def _weakest(test: Evaluation) -> str:
    confused = most_confused(test, 1)
    if not confused:
        return "It makes no mistake on them."
    weakest = min((one for one in test.classes if one.photographs), key=lambda one: one.right / one.photographs)
    worst = confused[0]
    return (
        f"It does worst on “{weakest.class_name}”, of which it finds {weakest.right} of {weakest.photographs};"
        f" its most frequent mistake is to take “{worst.class_name}” for “{worst.answer}”"
        f" ({count(worst.photographs, 'time')})."
    )


def _too_few(test: Evaluation) -> list[str]:
    few = [f"“{one.class_name}”" for one in test.classes if one.photographs < FEW]
    if not few:
        return []
    names = [*few[:3], count(len(few) - 3, "further class", "further classes")] if len(few) > 3 else few
    named = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    each, them = (" each", "them") if len(few) > 1 else ("", "it")
    return [f"Of {named} there are fewer than {FEW} test photographs{each}, too few to say much of {them} alone."]


def _audit(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    return [f"The audit of the photographs has {count(len(findings), 'finding')} to look at."]
