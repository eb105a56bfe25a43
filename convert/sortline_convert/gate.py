"""May this file ship? What it answers is held against what the float model answers to the same photographs.

Few photographs leave much to chance. A limit is broken when the figure lies beyond it and chance alone would not have
brought it there (one-sided exact tests); a figure that lies beyond it by less is told, and passes.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError, DeadOutput, GateRefused, NotFinite
from sortline_bundle.scores import log_scores
from sortline_bundle.strict import Table, convert

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]
Verdict = Literal["held", "by chance", "broken"]

# One wrong refusal in twenty, where a figure lies at its limit.
_DOUBT = 0.05


class Limits(Table, frozen=True, kw_only=True):
    """How far the file that ships may be from the float model.

    Attributes:
        agreement: Least share of photographs with the same answer from both.
        agreement_trusted: The same, of those whose score reaches its threshold.
        accuracy_drop: Largest fall of the share right.
        recall_drop: Largest fall of any class's recall.
        score_drift: Largest mean difference of the score of the float model's answer.
        saturated: Largest share of answers at the end of what the output can say.
    """

    agreement: float = 0.97
    agreement_trusted: float = 0.99
    accuracy_drop: float = 0.005
    recall_drop: float = 0.02
    score_drift: float = 0.03
    saturated: float = 0.01


class Check(Table, frozen=True, kw_only=True):
    """One figure against its limit.

    Attributes:
        name: A field of `Limits`.
        value: What was measured; None where there was nothing to measure it on.
        limit: It may not be passed.
        verdict: `held`; `by chance`: beyond the limit by no more than chance explains; or `broken`.
        detail: Counts, for people.
    """

    name: str
    value: float | None
    limit: float
    verdict: Verdict
    detail: str


class Answers(Table, frozen=True, kw_only=True):
    """Both files on the same photographs.

    Attributes:
        float32: `(N, C) float32` logits of the float file.
        shipped: `(N, C) float32` logits of the file that would ship, dequantised.
        labels: `(N,) int64` true classes.
        ends: Lowest and highest logit that the shipped file can say; None where it is not quantised.
    """

    float32: Logits
    shipped: Logits
    labels: Labels
    ends: tuple[float, float] | None


def read_limits(pairs: Sequence[str]) -> Limits:
    """`name=value` pairs over the defaults.

    Raises:
        ConfigError: an unknown name, or no number from 0 to 1.
    """
    given: dict[str, object] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            number = float(text)
        except ValueError:
            raise ConfigError(f"--limit {pair!r} is not name=number") from None
        if not 0 <= number <= 1:
            raise ConfigError(f"--limit {name} must be from 0 to 1, received {text}")
        given[name] = number
    unknown = given.keys() - set(Limits.__struct_fields__)
    if unknown:
        names = ", ".join(Limits.__struct_fields__)
        raise ConfigError(f"--limit {min(unknown)!r} is unknown; there are {names}")
    return convert(given, Limits, error=ConfigError, where="--limit")


def refuse_the_dead(logits: Logits, class_names: Sequence[str], title: str) -> None:
    """Refuse answers that are none: `(N, C) float32` logits to different photographs.

    Raises:
        NotFinite: NaN or infinity.
        DeadOutput: an output, or all of them, that nothing changes.
    """
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise NotFinite(
            f"the {title} file answers NaN or infinity to {broken} of {len(logits)} photographs; train anew"
        )
    still = np.ptp(logits, axis=0) == 0
    if still.all():
        raise DeadOutput(f"the {title} file gives the same answer to all {len(logits)} photographs; train anew")
    if still.any():
        name = class_names[int(still.argmax())]
        raise DeadOutput(
            f"the {title} file says the same of {name!r} to all {len(logits)} photographs: its weights are lost"
        )


def judge(
    answers: Answers, temperature: float, thresholds: NDArray[np.float64], names: Sequence[str], limits: Limits
) -> tuple[Check, ...]:
    """Every check of the gate.

    Args:
        answers: On photographs that neither file was made from.
        temperature: Of the shipped file.
        thresholds: `(C,)` of the shipped file.
        names: The C classes.
        limits: What may not be passed.
    """
    floats, ours = answers.float32.argmax(axis=1), answers.shipped.argmax(axis=1)
    same = floats == ours
    scores = np.exp(log_scores(answers.shipped, temperature))
    trusted = scores.max(axis=1) >= thresholds[ours]
    before, after = floats == answers.labels, ours == answers.labels
    places = np.arange(len(floats))
    drift = np.abs(scores - np.exp(log_scores(answers.float32, temperature)))[places, floats]
    return (
        _at_least("agreement", same, limits.agreement),
        _at_least("agreement_trusted", same[trusted], limits.agreement_trusted),
        _fall("accuracy_drop", before, after, limits.accuracy_drop, chance=limits.accuracy_drop),
        _worst_recall(before, after, answers.labels, names, limits.recall_drop),
        _plain("score_drift", float(drift.mean()), limits.score_drift, f"largest {drift.max():.3f}"),
        _saturation(answers, limits.saturated),
    )


def refuse(checks: Sequence[Check]) -> None:
    """Raises GateRefused: naming every check that is broken."""
    broken = [
        f"{check.name} {check.value:.4f} against {check.limit:g} ({check.detail})"
        for check in checks
        if check.verdict == "broken"
    ]
    if broken:
        raise GateRefused(f"the file is too far from the trained model: {'; '.join(broken)}")


def _at_least(name: str, good: NDArray[np.bool_], limit: float) -> Check:
    """A share that must reach a limit; broken where so few would be rare at the limit itself."""
    from scipy.stats import binom

    count, right = len(good), int(good.sum())
    if count == 0:
        return Check(name=name, value=None, limit=limit, verdict="held", detail="no photographs")
    verdict: Verdict = "held"
    if right / count < limit:
        verdict = "broken" if binom.cdf(right, count, limit) < _DOUBT else "by chance"
    return Check(name=name, value=right / count, limit=limit, verdict=verdict, detail=f"{right} of {count}")


def _fall(
    name: str,
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    limit: float,
    *,
    chance: float,
    doubt: float = _DOUBT,
) -> Check:
    """A share that may not fall by more than a limit: McNemar's exact test, on the photographs that changed.

    Of those, half and half are lost and won where nothing falls, and so many more are lost as make up a fall.

    Args:
        name: Of the check.
        before: `(N,) bool`, right by the float model.
        after: By the file.
        limit: The fall.
        chance: Fall that is tested against: broken is what would be rare if the true fall were this one.
        doubt: How rare.
    """
    from scipy.stats import binom

    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    fall = (lost - won) / len(before)
    verdict: Verdict = "held"
    if fall > limit:
        share_lost = min(1.0, (1 + chance * len(before) / (lost + won)) / 2)
        verdict = "broken" if binom.sf(lost - 1, lost + won, share_lost) < doubt else "by chance"
    detail = f"{lost} lost and {won} won of {len(before)}"
    return Check(name=name, value=fall, limit=limit, verdict=verdict, detail=detail)


def _worst_recall(
    before: NDArray[np.bool_], after: NDArray[np.bool_], labels: Labels, names: Sequence[str], limit: float
) -> Check:
    """The class that falls furthest. No class may fall at all, beyond chance; each is tested as one of so many."""
    there = [nth for nth in range(len(names)) if (labels == nth).any()]
    doubt = _DOUBT / len(there)
    falls = []
    for nth in there:
        own = labels == nth
        falls.append((names[nth], _fall("recall_drop", before[own], after[own], limit, chance=0.0, doubt=doubt)))
    order = {"held": 0, "by chance": 1, "broken": 2}
    name, worst = max(falls, key=lambda pair: (order[pair[1].verdict], pair[1].value or 0))
    return Check(
        name=worst.name, value=worst.value, limit=limit, verdict=worst.verdict, detail=f"{name}: {worst.detail}"
    )


def _plain(name: str, value: float, limit: float, detail: str) -> Check:
    return Check(name=name, value=value, limit=limit, verdict="held" if value <= limit else "broken", detail=detail)


def _saturation(answers: Answers, limit: float) -> Check:
    if answers.ends is None:
        return Check(name="saturated", value=None, limit=limit, verdict="held", detail="the output is not quantised")
    low, high = answers.ends
    best = answers.shipped.max(axis=1)
    inside = (best > low) & (best < high)
    kept = _at_least("saturated", inside, 1 - limit)
    stuck = int((~inside).sum())
    detail = f"{stuck} of {len(best)} best logits at an end"
    return Check(name="saturated", value=stuck / len(best), limit=limit, verdict=kept.verdict, detail=detail)
