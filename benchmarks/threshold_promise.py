"""Whether thresholds keep what they promise: thousands of calibrations on classifiers whose true purity is known.

    python benchmarks/threshold_promise.py [--calibrations 2000] [--only NAME ...]

Each classifier is a population of 120,000 photographs with calibrated scores: easy items and hard ones, some labels
mistaken. A calibration draws N of them, as the split of a run does: class by class. Printed for each setting: how often
the true purity at the threshold was below the target (the claim is one minus the confidence), how often there was a
threshold, and the mean recovery (0 where there was none); beside it what a search without correction would do, and one
with Bonferroni's over ten numbers of accepted answers. Ends with code 1 when a rate is above its claim by more than the
chance of the simulation explains (3.5 standard deviations).
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from sortline_convert.mix import sample_all, sample_class
from sortline_convert.purity import Steps, find_threshold, reweigh

POPULATION = 120_000
TARGETS, CONFIDENCES = (0.9, 0.95, 0.98), (0.9, 0.95)
CHANCE = 3.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Setting(NamedTuple):
    """One classifier, and how it is calibrated.

    Attributes:
        classes: How many.
        photographs: Of a calibration.
        accuracy: Share right, before labels are mistaken.
        nth: Index of the class whose threshold is looked at; None: one threshold for all.
        mistaken: Share of labels that are wrong, at any score.
        kind: `sound`; `int8`: logits in 255 steps, so that scores tie; `confident`: logits multiplied by 1.5; `blind`:
            scores that tell nothing, the purity a hair under each target at any of them.
        mixed: The first class makes up half of the line (of two classes, four fifths).
    """

    classes: int
    photographs: int
    accuracy: float
    nth: int | None = 0
    mistaken: float = 0.005
    kind: str = "sound"
    mixed: bool = False

    @property
    def name(self) -> str:
        """For `--only`."""
        scope = "all" if self.nth is None else f"class{self.nth}"
        parts = (self.kind, self.classes, self.photographs, f"{self.accuracy:g}", f"{self.mistaken:g}", scope)
        return "-".join(map(str, parts)) + ("-mixed" if self.mixed else "")

    @property
    def mix(self) -> list[float]:
        """Of the line."""
        if self.mixed:
            return [0.5] + [0.5 / (self.classes - 1)] * (self.classes - 1) if self.classes > 2 else [0.8, 0.2]
        return [1 / self.classes] * self.classes


def settings() -> Iterator[Setting]:
    """All that are run."""
    for classes, photographs, accuracy in (
        (2, 200, 0.9), (2, 200, 0.98), (2, 600, 0.9), (2, 600, 0.98), (2, 2000, 0.95), (6, 200, 0.98), (6, 600, 0.95),
        (6, 2000, 0.8), (6, 2000, 0.9), (6, 2000, 0.98), (30, 600, 0.98), (30, 2000, 0.9), (30, 2000, 0.98),
    ):  # fmt: skip
        for nth in (0, None):
            yield Setting(classes, photographs, accuracy, nth)
    for nth in (0, None):
        for kind in ("int8", "confident", "blind"):
            yield Setting(6, 2000, 0.95, nth, kind=kind)
        yield Setting(6, 2000, 0.95, nth, mistaken=0.02)
    for nth in (0, 1, None):
        for classes, photographs, accuracy in ((2, 600, 0.95), (6, 600, 0.95), (6, 2000, 0.9), (30, 2000, 0.95)):
            yield Setting(classes, photographs, accuracy, nth, mixed=True)


class Population(NamedTuple):
    """Everything that could be photographed, from the surest answer to the least sure.

    Attributes:
        scores: `(P,)` falling, of the answers.
        answers: `(P,)`.
        labels: `(P,)`.
    """

    scores: Floats
    answers: Ints
    labels: Ints


def populate(setting: Setting, target: float) -> Population:
    """Draw one: the posterior of classes that lie apart by as much as makes the accuracy, each item by its own."""
    random = np.random.default_rng(0)
    classes, rows = setting.classes, np.arange(POPULATION)
    labels = rows % classes
    if setting.kind == "blind":
        right = np.diff(np.floor((target - 0.001) * np.arange(POPULATION // classes + 1))).repeat(classes) > 0
        return Population(np.linspace(1, 0.5, POPULATION), np.where(right, labels, (labels + 1) % classes), labels)
    noise = random.standard_normal((POPULATION, classes), np.float32)
    spread = np.exp(random.normal(0, 0.5, POPULATION)).astype(np.float32)

    def logits(apart: float) -> NDArray[np.float32]:
        seen = noise.copy()
        seen[rows, labels] += apart * spread
        return seen * (apart * spread)[:, None]

    low, high = 0.1, 30.0
    for _ in range(20):
        apart = math.sqrt(low * high)
        low, high = (
            (low, apart) if (logits(apart).argmax(axis=1) == labels).mean() > setting.accuracy else (apart, high)
        )
    given = logits(high)
    if setting.kind == "int8":
        step = np.quantile(np.abs(given), 0.999) / 127
        given = np.clip(np.round(given / step), -128, 127) * step
    powers = np.exp((given - given.max(axis=1, keepdims=True)) * (1.5 if setting.kind == "confident" else 1.0))
    scores = (1 / powers.sum(axis=1)).astype(np.float64)
    mistaken = random.random(POPULATION) < setting.mistaken
    labels = np.where(mistaken, (labels + random.integers(1, classes, POPULATION)) % classes, labels)
    order = np.argsort(-scores, kind="stable")
    return Population(scores[order], given.argmax(axis=1)[order], labels[order])


class Truth(NamedTuple):
    """Of thresholds on a population: `(P,)`, purity and recovery of accepting its first 1 to P photographs."""

    scores: Floats
    purity: Floats
    recovery: Floats

    def at(self, threshold: float) -> tuple[float, float]:
        """Purity and recovery from this score on."""
        accepted = int(np.searchsorted(-self.scores, -threshold, side="right"))
        return (float(self.purity[accepted - 1]), float(self.recovery[accepted - 1])) if accepted else (1.0, 0.0)


def tell(population: Population, mix: Sequence[float], nth: int | None) -> Truth:
    """The truth about the class with index `nth`, or about all, on a line with this mix."""
    scores, answers, labels = population
    weights = (np.array(mix) / np.bincount(labels, minlength=len(mix)))[labels]
    given = np.ones(len(labels), np.bool_) if nth is None else answers == nth
    right = np.cumsum(weights * (given & (answers == labels)))
    accepted = np.cumsum(weights * given)
    total = 1.0 if nth is None else mix[nth]
    return Truth(scores, right / np.maximum(accepted, 1e-12), right / total)


def uncorrected(steps: Steps, target: float, confidence: float) -> int | None:
    """The lowest threshold whose own bound reaches the target."""
    passes = np.flatnonzero(betainc(steps.right, steps.accepted - steps.right + 1, target) <= 1 - confidence)
    return int(passes[-1]) if len(passes) else None


def bonferroni(steps: Steps, target: float, confidence: float) -> int | None:
    """The lowest of ten, at a tenth to all of the answers, each at a tenth of the doubt."""
    if not len(steps.accepted):
        return None
    tenths = np.unique(np.searchsorted(steps.accepted, steps.accepted[-1] * np.arange(1, 11) / 10))
    accepted, right = steps.accepted[tenths], steps.right[tenths]
    passes = np.flatnonzero(betainc(right, accepted - right + 1, target) <= (1 - confidence) / 10)
    return int(tenths[passes[-1]]) if len(passes) else None


class Tally:
    """What became of one way to choose, over all calibrations."""

    def __init__(self) -> None:
        self.broken = self.promised = 0
        self.recovery = 0.0

    def add(self, steps: Steps, chosen: int | None, truth: Truth, target: float) -> None:
        """One calibration."""
        if chosen is not None:
            purity, recovery = truth.at(float(steps.thresholds[chosen]))
            self.promised += 1
            self.broken += purity < target
            self.recovery += recovery

    def line(self, calibrations: int) -> str:
        """Rate broken, share promised, mean recovery."""
        shares = (self.broken / calibrations, self.promised / calibrations, self.recovery / calibrations)
        return "{:>9.2%}{:>7.0%}{:>7.1%}".format(*shares)


def calibrate(
    setting: Setting, target: float, population: Population, calibrations: int
) -> Iterator[tuple[float, list[Tally]]]:
    """For each confidence the tallies of our search, the uncorrected one and Bonferroni's."""
    random = np.random.default_rng(1)
    truth = tell(population, setting.mix, setting.nth)
    each = setting.photographs // setting.classes
    labels = np.repeat(np.arange(setting.classes), each)
    members = [np.flatnonzero(population.labels == nth) for nth in range(setting.classes)]
    names, digests = [str(nth) for nth in range(setting.classes)], [f"{nth:05}" for nth in range(len(labels))]
    kept, times = np.ones(len(labels), np.bool_), 1.0
    if setting.mixed and setting.nth is None:
        kept = sample_all(labels, digests, names, setting.mix)
    elif setting.mixed and setting.nth is not None:
        kept, times = sample_class(setting.nth, labels, digests, names, setting.mix)
    at_hand = reweigh(target, 1 / times)
    tallies = {confidence: [Tally(), Tally(), Tally()] for confidence in CONFIDENCES}
    for _ in range(calibrations):
        drawn = np.concatenate([random.choice(own, each) for own in members])[kept]
        if setting.nth is not None:
            drawn = drawn[population.answers[drawn] == setting.nth]
        right = population.answers[drawn] == population.labels[drawn]
        for confidence, (ours, without, tenths) in tallies.items():
            steps = find_threshold(population.scores[drawn], right, at_hand, confidence)
            ours.add(steps, steps.chosen, truth, target)
            without.add(steps, uncorrected(steps, at_hand, confidence), truth, target)
            tenths.add(steps, bonferroni(steps, at_hand, confidence), truth, target)
    yield from tallies.items()


def main() -> int:
    """Print a line for each setting, target and confidence."""
    parser = argparse.ArgumentParser(description="Whether thresholds keep what they promise.")
    parser.add_argument("--calibrations", type=int, default=2000)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="settings whose names contain one of these")
    arguments = parser.parse_args()
    chosen = [one for one in settings() if not arguments.only or any(part in one.name for part in arguments.only)]
    sys.stdout.write("broken: true purity below the target; had: there was a threshold; rec.: mean recovery\n")
    head = (
        "setting",
        "target",
        "claim",
        "broken",
        "had",
        "rec.",
        "uncorrected",
        "had",
        "rec.",
        "Bonferroni",
        "had",
        "rec.",
    )
    sys.stdout.write("{:<34}{:>7}{:>7} |{:>8}{:>7}{:>7} |{:>12}{:>5}{:>7} |{:>11}{:>5}{:>7}\n".format(*head))
    worst, total = -math.inf, [0.0, 0.0, 0.0]
    for setting in chosen:
        population = populate(setting, TARGETS[0])
        for target in TARGETS:
            if setting.kind == "blind":
                population = populate(setting, target)
            for confidence, tallies in calibrate(setting, target, population, arguments.calibrations):
                claim = 1 - confidence
                columns = " |".join(tally.line(arguments.calibrations) for tally in tallies)
                sys.stdout.write(f"{setting.name:<34}{target:>7}{claim:>7.0%} |{columns}\n")
                sys.stdout.flush()
                deviation = math.sqrt(claim * (1 - claim) / arguments.calibrations)
                worst = max(worst, (tallies[0].broken / arguments.calibrations - claim) / deviation)
                total = [sum_ + tally.recovery for sum_, tally in zip(total, tallies, strict=True)]
    runs = len(chosen) * len(TARGETS) * len(CONFIDENCES) * arguments.calibrations
    means = ", ".join(f"{sum_ / runs:.1%}" for sum_ in total)
    sys.stdout.write(f"mean recovery: {means} (ours, uncorrected, Bonferroni)\n")
    sys.stdout.write(f"worst of ours: {worst:+.1f} standard deviations of the simulation from its claim\n")
    return int(worst > CHANCE)


if __name__ == "__main__":
    sys.exit(main())
