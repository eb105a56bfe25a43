"""Thresholds keep what they promise as often as they say, counted over thousands of calibrations whose truth is known.

A simulated rate is let be above the claim by three standard deviations of the simulation.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import betainc

from sortline_convert.promises import Aim
from sortline_convert.purity import find_threshold
from sortline_convert.thresholds import Answered, solve_thresholds

CALIBRATIONS = 2000


class Model(NamedTuple):
    """Forty scores, so that photographs tie: how often each comes up, and how often it is right."""

    scores: np.ndarray
    shares: np.ndarray
    right: np.ndarray

    def purity(self, threshold):
        above = self.scores >= threshold
        return self.shares[above] @ self.right[above] / self.shares[above].sum()

    def draw(self, random, photographs):
        counts = random.multinomial(photographs, self.shares)
        hits = random.binomial(counts, self.right)
        right = np.concatenate([np.arange(count) < hit for count, hit in zip(counts, hits, strict=True)])
        return np.repeat(self.scores, counts), right


SCORES = 1 - 0.5 * np.linspace(0, 1, 40) ** 2
MOSTLY_SURE = np.linspace(1, 0.3, 40) / np.linspace(1, 0.3, 40).sum()
MODELS = {
    "as right as it says": Model(SCORES, MOSTLY_SURE, SCORES),
    "too sure of itself": Model(SCORES, MOSTLY_SURE, SCORES**1.4),
    "with mistaken labels": Model(SCORES, MOSTLY_SURE, 0.985 * SCORES),
    "tells nothing": Model(SCORES, MOSTLY_SURE, np.full(40, 0.899)),
    "most mistaken where most sure": Model(SCORES, MOSTLY_SURE, np.where(SCORES > 0.99, 0.85, SCORES)),
}


def most(claim):
    return claim + 3 * math.sqrt(claim * (1 - claim) / CALIBRATIONS)


def broken(model, choose, photographs=400, target=0.9):
    """How often the true purity at the threshold is below the target, and how often there is a threshold."""
    random = np.random.default_rng(0)
    bad = had = 0
    for _ in range(CALIBRATIONS):
        threshold = choose(*model.draw(random, photographs), target)
        had += threshold is not None
        bad += threshold is not None and model.purity(threshold) < target
    return bad / CALIBRATIONS, had / CALIBRATIONS


def ours(confidence):
    def choose(scores, right, target):
        steps = find_threshold(scores, right, target, confidence)
        return None if steps.chosen is None else steps.thresholds[steps.chosen]

    return choose


def uncorrected(scores, right, target):
    steps = find_threshold(scores, right, target, 0.95)
    passes = np.flatnonzero(betainc(steps.right, steps.accepted - steps.right + 1, target) <= 0.05)
    return steps.thresholds[passes[-1]] if len(passes) else None


@pytest.mark.parametrize("confidence", [0.9, 0.95])
@pytest.mark.parametrize("name", MODELS)
def test_a_threshold_breaks_its_promise_no_more_often_than_claimed(name, confidence):
    rate, had = broken(MODELS[name], ours(confidence))
    assert rate <= most(1 - confidence), f"{rate:.2%}"
    if name == "as right as it says":
        assert had > 0.95


def test_a_search_without_correction_breaks_its_promise():
    rate, _ = broken(MODELS["tells nothing"], uncorrected)
    assert rate > 0.08


@pytest.mark.parametrize("scope", ["class", "overall"])
def test_the_promise_holds_on_a_line_with_another_mix(scope):
    random = np.random.default_rng(0)
    # Class by score of "paper"; on the line three of four items are trays, among the photographs every second one.
    score = (np.arange(20) + 0.5) / 20
    paper, tray = score**3 / (score**3).sum(), (1 - score) ** 3 / ((1 - score) ** 3).sum()
    aim = Aim(target_purity=0.9, mix=(0.25, 0.75), scope=scope)
    labels, digests = np.repeat([0, 1], 200), [f"{nth:03}" for nth in range(400)]
    bad = had = 0
    for _ in range(CALIBRATIONS):
        drawn = np.concatenate([random.choice(score, 200, p=paper), random.choice(score, 200, p=tray)])
        found = solve_thresholds(Answered(np.column_stack([drawn, 1 - drawn]), labels, digests, ("paper", "tray")), aim)
        chosen = found.of("paper").chosen
        if chosen is None:
            continue
        had += 1
        right = 0.25 * paper[(score > 0.5) & (score >= chosen.threshold)].sum()
        wrong = 0.75 * tray[(score > 0.5) & (score >= chosen.threshold)].sum()
        if scope == "overall":
            right += 0.75 * tray[(score < 0.5) & (1 - score >= chosen.threshold)].sum()
            wrong += 0.25 * paper[(score < 0.5) & (1 - score >= chosen.threshold)].sum()
        bad += right / (right + wrong) < 0.9
    assert had > 0.8 * CALIBRATIONS
    assert bad / CALIBRATIONS <= most(0.05), f"{bad / CALIBRATIONS:.2%}"
