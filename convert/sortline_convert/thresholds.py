"""Thresholds solved, not typed: for each class, or for all at once, the lowest that keeps what it sorts pure enough.

What cannot be promised is None with a reason, and with what it would take.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError, SortlineError
from sortline_bundle.strict import convert
from sortline_convert.mix import sample_all, sample_class
from sortline_convert.promises import Aim, Lacking, Point, Solved, Thresholds
from sortline_convert.purity import Steps, answers_needed, fewest_answers, find_threshold, lower_bound, reweigh


class Answered(NamedTuple):
    """Calibration photographs and what the model made of them.

    Attributes:
        scores: `(N, C) float64`, calibrated.
        labels: `(N,) int64`, the true classes.
        digests: N, of the photographs' files.
        class_names: The C classes, in the order of the outputs.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    digests: Sequence[str]
    class_names: Sequence[str]


def solve_thresholds(answered: Answered, aim: Aim) -> Thresholds:
    """The lowest thresholds that can be promised.

    Raises:
        ConfigError: the aim is none that can be had.
        PhotographError: a class that comes on the line has no calibration photographs.
        SortlineError: scores, labels, digests and classes do not belong together.
    """
    _check(answered, aim)
    if aim.scope == "overall":
        cases = [_overall(answered, aim)]
    else:
        cases = [_of_class(answered, nth, aim) for nth in range(len(answered.class_names))]
    solved = tuple(_solve(case, aim) for case in cases)
    return Thresholds(aim=aim, solved=solved)


def _check(answered: Answered, aim: Aim) -> None:
    photographs, classes = len(answered.labels), len(answered.class_names)
    if answered.scores.shape != (photographs, classes) or len(answered.digests) != photographs:
        raise SortlineError(
            f"scores of shape {answered.scores.shape} and {len(answered.digests)} digests do not fit"
            f" {photographs} photographs of {classes} classes"
        )
    convert(msgspec.to_builtins(aim), Aim, error=ConfigError, where="thresholds")
    if aim.mix is not None and (len(aim.mix) != classes or sum(share > 0 for share in aim.mix) < 2):
        raise SortlineError(f"a mix of {aim.mix} does not fit {classes} classes, of which at least two come")


class _Case(NamedTuple):
    """The answers that one threshold decides over, as far as they stand for the line.

    Attributes:
        class_name: Of the class; None: all of them.
        photographs: How many of the class, or in all, they are taken from.
        scores: `(N,) float64`, of the answers.
        right: `(N,) bool`, whether each is.
        times: How much more often, compared with wrong ones, right answers come up on the line than among these.
    """

    class_name: str | None
    photographs: int
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    times: float


def _overall(answered: Answered, aim: Aim) -> _Case:
    scores, labels, digests, names = answered
    kept = np.ones(len(labels), np.bool_) if aim.mix is None else sample_all(labels, digests, names, aim.mix)
    right = scores.argmax(axis=1) == labels
    return _Case(None, int(kept.sum()), scores.max(axis=1)[kept], right[kept], 1.0)


def _of_class(answered: Answered, nth: int, aim: Aim) -> _Case:
    scores, labels, digests, names = answered
    given, own, times = scores.argmax(axis=1) == nth, labels == nth, 1.0
    if aim.mix is not None:
        kept, times = sample_class(nth, labels, digests, names, aim.mix)
        given &= kept
    return _Case(names[nth], int(own.sum()), scores[given, nth], own[given], times)


def _solve(case: _Case, aim: Aim) -> Solved:
    answers = len(case.scores)
    if not case.times:
        never = Lacking(reason="cannot be promised: none comes on this line, so every such answer is a mistake")
        return Solved(
            class_name=case.class_name,
            photographs=case.photographs,
            answers=answers,
            chosen=None,
            lacking=never,
            curve=(),
        )
    # What the answers at hand must come to so that it is the target on the line.
    target = reweigh(aim.target_purity, 1 / case.times)
    steps = find_threshold(case.scores, case.right, target, aim.confidence)
    curve = _curve(case, steps, aim.confidence)
    return Solved(
        class_name=case.class_name,
        photographs=case.photographs,
        answers=answers,
        chosen=None if steps.chosen is None else curve[steps.chosen],
        lacking=_lacking(case, steps, target, aim.confidence) if steps.chosen is None else None,
        curve=curve,
    )


def _curve(case: _Case, steps: Steps, confidence: float) -> tuple[Point, ...]:
    bounds = lower_bound(steps.right, steps.accepted, confidence)
    columns = (steps.thresholds.tolist(), steps.accepted.tolist(), steps.right.tolist(), bounds.tolist())
    return tuple(
        Point(
            threshold=threshold,
            accepted=accepted,
            purity=reweigh(right / accepted, case.times),
            bound=reweigh(bound, case.times),
            recovery=right / case.photographs if case.photographs else None,
        )
        for threshold, accepted, right, bound in zip(*columns, strict=True)
    )


def _lacking(case: _Case, steps: Steps, target: float, confidence: float) -> Lacking:
    fewest = fewest_answers(target, confidence)
    at_least = f"even without a mistake it takes {fewest} accepted answers"
    if not len(steps.accepted):
        reason = f"cannot be promised: no photograph is given this answer; {at_least}"
        return Lacking(reason=reason, fewest_accepted=fewest)
    # With more photographs the search would start at these; where there are none, at whatever comes first.
    seen = int(np.searchsorted(steps.accepted, np.int64(steps.sure)))
    accepted, purity = int(steps.accepted[seen]), float(steps.right[seen] / steps.accepted[seen])
    shown = f"of the {accepted} surest answers {reweigh(purity, case.times):.1%} are right"
    needed = answers_needed(target, confidence, purity)
    if needed is None:
        reason = f"cannot be promised from any number of photographs: {shown}; take a better model or a lower target"
        return Lacking(reason=f"{reason} ({at_least})", fewest_accepted=fewest)
    photographs = math.ceil(case.photographs * needed / accepted)
    reason = f"cannot be promised from {case.photographs} photographs: {shown}, and at that rate it takes about"
    return Lacking(
        reason=f"{reason} {photographs} for {needed} accepted answers; {at_least}",
        fewest_accepted=fewest,
        needed_accepted=needed,
        needed_photographs=photographs,
    )
