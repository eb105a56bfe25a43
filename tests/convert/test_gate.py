"""The gate: figures against limits, and what chance explains."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError, DeadOutput, GateRefused, NotFinite
from sortline_convert.gate import Answers, Check, Limits, judge, read_limits, refuse, refuse_the_dead

NAMES = ("can", "card", "tray")
WORSE = ("held", "by chance", "broken")


def logits_of(answers, sure=4.0):
    """Logits that give these answers."""
    return (sure * np.eye(len(NAMES), dtype=np.float32))[np.asarray(answers)]


def judged(float32, shipped, labels, *, limits=None, ends=None, thresholds=(0.0, 0.0, 0.0)):
    """The checks by name; answers are classes, or logits."""
    float32, shipped = (one if np.ndim(one) == 2 else logits_of(one) for one in (float32, shipped))
    answers = Answers(float32=float32, shipped=shipped, labels=np.asarray(labels, np.int64), ends=ends)
    checks = judge(answers, 1.0, np.array(thresholds), NAMES, limits or Limits())
    assert tuple(check.name for check in checks) == Limits.__struct_fields__
    return {check.name: check for check in checks}


def changed(answers, count):
    """The first so many answers turned into others."""
    other = np.array(answers)
    other[:count] = (other[:count] + 1) % len(NAMES)
    return other


def sequences(least=1):
    return st.lists(st.integers(0, 2), min_size=least, max_size=60)


@given(sequences(), st.data())
def test_the_same_answers_hold_every_check(answers, data):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(answers), max_size=len(answers)))
    assert {check.verdict for check in judged(answers, answers, labels).values()} == {"held"}


@given(st.integers(1, 400), st.data())
def test_more_other_answers_never_look_better(count, data):
    answers = np.arange(count) % len(NAMES)
    fewer = data.draw(st.integers(0, count))
    more = data.draw(st.integers(fewer, count))
    for name in ("agreement", "agreement_trusted", "accuracy_drop", "recall_drop", "score_drift"):
        better, worse = (judged(answers, changed(answers, wrong), answers)[name] for wrong in (fewer, more))
        assert WORSE.index(better.verdict) <= WORSE.index(worse.verdict), name


@given(st.integers(0, 2**32), st.integers(2, 80))
def test_the_order_of_the_photographs_does_not_matter(seed, count):
    random = np.random.default_rng(seed)
    float32, shipped = random.normal(0, 3, (2, count, len(NAMES))).astype(np.float32)
    labels, order = random.integers(0, 3, count), random.permutation(count)
    ends = (float(shipped.min()), float(shipped.max()))
    thresholds = random.random(3)
    one = judged(float32, shipped, labels, ends=ends, thresholds=thresholds)
    other = judged(float32[order], shipped[order], labels[order], ends=ends, thresholds=thresholds)
    for name, check in one.items():
        assert other[name].value == pytest.approx(check.value, nan_ok=True)
        assert (other[name].verdict, other[name].detail) == (check.verdict, check.detail)


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        (424, "held"),  # 97.03 %
        (423, "by chance"),  # 96.8 %
        (422, "by chance"),  # 96.6 %
        (418, "by chance"),  # 95.7 %: so few or fewer come up 7 times in 100 at 97 %
        (417, "broken"),  # and this 4.8 times
        (393, "broken"),  # 90 %
    ],
)
def test_agreement_of_437_photographs(right, verdict):
    answers = np.arange(437) % 3
    check = judged(answers, changed(answers, 437 - right), answers)["agreement"]
    assert check.verdict == verdict
    assert check.value == right / 437
    assert check.detail == f"{right} of 437"


def test_only_answers_from_the_threshold_on_are_trusted():
    answers = np.arange(100) % 3
    shipped = logits_of(changed(answers, 50))
    shipped[:50] *= 0.1  # where it differs it is not sure
    found = judged(answers, shipped, answers, thresholds=(0.9, 0.9, 0.9))
    assert (found["agreement_trusted"].detail, found["agreement_trusted"].verdict) == ("50 of 50", "held")
    assert found["agreement"].verdict == "broken"
    none = judged(answers, shipped, answers, thresholds=(1.0, 1.0, 1.0))["agreement_trusted"]
    assert (none.value, none.verdict, none.detail) == (None, "held", "no photographs")


def test_the_threshold_is_that_of_the_answer_of_the_file_that_ships():
    float32, shipped = np.array([0] * 20 + [1] * 30), np.array([0] * 15 + [2] * 5 + [1] * 30)
    found = judged(float32, shipped, float32, thresholds=(0.0, 1.0, 0.0))["agreement_trusted"]
    assert found.detail == "15 of 20"
    found = judged(float32, shipped, float32, thresholds=(0.0, 1.0, 1.0))["agreement_trusted"]
    assert found.detail == "15 of 15"


@pytest.mark.parametrize(
    ("lost", "won", "verdict"),
    [
        (1, 0, "held"),  # a fall of 0.5 points, no more than the limit
        (2, 0, "by chance"),  # of two changes both for the worse: one in four
        (4, 0, "by chance"),  # 1/16
        (5, 0, "by chance"),  # at the limit of a photograph net, three of five changes are for the worse: 0.6 ** 5
        (6, 0, "broken"),  # (7 / 12) ** 6: 0.039
        (9, 5, "by chance"),  # of 14 changes 9 or more for the worse: 0.21
        (30, 14, "broken"),  # of 44, 30 or more: 0.011
        (14, 30, "held"),
    ],
)
def test_a_fall_of_accuracy_by_mcnemars_test(lost, won, verdict):
    labels = np.zeros(200, np.int64)
    float32, shipped = np.zeros(200, np.int64), np.zeros(200, np.int64)
    shipped[:lost] = 1
    float32[lost : lost + won] = 1
    check = judged(float32, shipped, labels)["accuracy_drop"]
    assert check.verdict == verdict
    assert check.value == pytest.approx((lost - won) / 200)
    assert check.detail == f"{lost} lost and {won} won of 200"


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [
        (5, "by chance"),  # one in 32, but the worst of three classes is looked at
        (6, "broken"),  # one in 64: under one in 60
    ],
)
def test_recall_is_tested_as_one_of_as_many_classes_as_there_are(lost, verdict):
    labels = np.repeat([0, 1, 2], 100)
    shipped = labels.copy()
    shipped[100 : 100 + lost] = 0
    check = judged(labels, shipped, labels)["recall_drop"]
    assert check.verdict == verdict
    assert check.detail == f"card: {lost} lost and 0 won of 100"
    assert check.value == pytest.approx(lost / 100)


def test_the_class_that_breaks_is_named_before_one_that_falls_further_by_chance():
    labels = np.array([0] * 1000 + [1] * 10)
    shipped = labels.copy()
    shipped[:100] = 2  # 10 %, broken
    shipped[-2:] = 2  # 20 %, of ten
    check = judged(labels, shipped, labels)["recall_drop"]
    assert (check.verdict, check.detail[:3]) == ("broken", "can")


def test_score_drift_is_of_the_float_models_answer():
    float32 = np.log(np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]], np.float32))
    shipped = np.log(np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], np.float32))
    check = judged(float32, shipped, [0, 0])["score_drift"]
    assert check.value == pytest.approx((0.1 + 0.3) / 2, abs=1e-6)
    assert check.verdict == "broken"
    assert check.detail == "largest 0.300"


@pytest.mark.parametrize(("stuck", "verdict"), [(0, "held"), (4, "held"), (5, "by chance"), (9, "broken")])
def test_answers_at_the_end_of_what_the_output_can_say(stuck, verdict):
    answers = np.arange(400) % 3
    shipped = logits_of(answers)
    shipped[:stuck] *= 2
    check = judged(answers, shipped, answers, ends=(-1.0, 8.0))["saturated"]
    assert (check.value, check.verdict) == (stuck / 400, verdict)
    assert check.detail == f"{stuck} of 400 best logits at an end"


def test_a_float_output_has_no_ends():
    check = judged([0, 1], [0, 1], [0, 1])["saturated"]
    assert (check.value, check.verdict) == (None, "held")


def test_all_that_is_broken_is_named_and_nothing_else():
    checks = [
        Check(name="agreement", value=0.9, limit=0.97, verdict="broken", detail="90 of 100"),
        Check(name="score_drift", value=0.01, limit=0.03, verdict="held", detail=""),
        Check(name="accuracy_drop", value=0.02, limit=0.005, verdict="by chance", detail=""),
        Check(name="saturated", value=0.5, limit=0.01, verdict="broken", detail="50 of 100 best logits at an end"),
    ]
    with pytest.raises(GateRefused) as caught:
        refuse(checks)
    assert str(caught.value) == (
        "the file is too far from the trained model: agreement 0.9000 against 0.97 (90 of 100);"
        " saturated 0.5000 against 0.01 (50 of 100 best logits at an end)"
    )
    refuse(checks[1:3])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_answers_that_are_no_numbers(value):
    logits = logits_of([0, 1, 2, 0])
    logits[2, 1] = value
    with pytest.raises(NotFinite, match="the int8 file answers NaN or infinity to 1 of 4 photographs"):
        refuse_the_dead(logits, NAMES, "int8")


def test_an_output_that_nothing_moves():
    logits = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    refuse_the_dead(logits, NAMES, "int8")
    logits[:, 1] = 0.25
    with pytest.raises(DeadOutput, match="says the same of 'card' to all 20"):
        refuse_the_dead(logits, NAMES, "int8")


def test_limits_are_read_over_the_defaults():
    assert read_limits([]) == Limits()
    assert read_limits(["agreement=0.9", "saturated=0"]) == Limits(agreement=0.9, saturated=0)


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("agreement", "'agreement' is not name=number"),
        ("agreement=high", "'agreement=high' is not name=number"),
        ("agreement=1.5", "agreement must be from 0 to 1, received 1.5"),
        ("agreement=nan", "agreement must be from 0 to 1, received nan"),
        ("agrement=0.9", "'agrement' is unknown; there are agreement, agreement_trusted"),
    ],
)
def test_limits_that_are_none(pair, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_limits([pair])
