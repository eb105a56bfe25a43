import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_convert.purity import answers_needed, fewest_answers, find_threshold, lower_bound, reweigh

# Few different scores, so that many tie.
answers = st.lists(st.tuples(st.integers(0, 12), st.floats(0, 1)), max_size=300).map(
    lambda pairs: (
        np.array([step / 12 for step, _ in pairs], np.float64),
        # The surer an answer, the likelier it is right.
        np.array([luck <= 0.5 + step / 20 for step, luck in pairs], np.bool_),
    )
)
shares = st.floats(0.5, 0.99)


def chosen(scores, right, target=0.9, confidence=0.95):
    steps = find_threshold(scores, right, target, confidence)
    return None if steps.chosen is None else (steps.thresholds[steps.chosen], steps.accepted[steps.chosen])


# Newcombe, Statistics in Medicine 17 (1998), table I, method 5; an end of a 95 % interval is a 97.5 % bound.
@pytest.mark.parametrize(
    ("right", "tries", "low"), [(81, 263, 0.2527), (15, 148, 0.0578), (0, 20, 0.0), (1, 29, 0.0009)]
)
def test_the_bound_is_clopper_and_pearsons(right, tries, low):
    assert lower_bound(np.array([right]), np.array([tries]), 0.975)[0] == pytest.approx(low, abs=5e-5)


def test_the_bound_without_a_mistake_is_a_root_of_the_doubt():
    assert lower_bound(np.array([10]), np.array([10]), 0.95)[0] == pytest.approx(0.05 ** (1 / 10))


@pytest.mark.parametrize(
    ("target", "confidence", "fewest"), [(0.98, 0.95, 149), (0.95, 0.95, 59), (0.9, 0.95, 29), (0.99, 0.99, 459)]
)
def test_without_a_mistake_it_takes_so_many_answers(target, confidence, fewest):
    assert target**fewest <= 1 - confidence < target ** (fewest - 1)
    assert fewest_answers(target, confidence) == fewest
    assert answers_needed(target, confidence, 1.0) == fewest


def test_the_answers_needed_with_mistakes_are_those_whose_bound_reaches_the_target():
    assert answers_needed(0.9, 0.95, 0.95) == 107  # with 5.35 mistakes
    right = np.array([102, 101])
    assert (lower_bound(right, np.array([107, 107]), 0.95) >= 0.9).tolist() == [True, False]


@pytest.mark.parametrize("purity", [0.3, 0.98])
def test_no_number_of_answers_is_enough_for_a_target_that_is_not_exceeded(purity):
    assert answers_needed(0.98, 0.95, purity) is None


def test_149_answers_without_a_mistake_carry_98_percent_and_148_do_not():
    scores, right = np.repeat([0.999, 0.5], [149, 50]), np.repeat([True, False], [149, 50])
    assert chosen(scores, right, 0.98) == (pytest.approx(0.5), 149)
    assert chosen(scores[1:], right[1:], 0.98) is None


def test_the_threshold_lies_above_the_first_score_left_out_and_below_the_last_accepted():
    steps = find_threshold(np.array([0.9, 0.7, 0.7, 0.4]), np.array([True] * 4), 0.5, 0.5)
    assert steps.accepted.tolist() == [1, 3, 4]
    assert 0.7 < steps.thresholds[0] < 0.7 + 1e-8
    assert 0.4 < steps.thresholds[1] < 0.4 + 1e-8
    assert steps.thresholds[2] == 0
    assert steps.chosen == 2


def test_scores_closer_than_two_machines_compute_are_accepted_together():
    steps = find_threshold(np.array([0.9, 0.9 + 1e-13, 0.5]), np.array([True] * 3), 0.5, 0.5)
    assert steps.accepted.tolist() == [2, 3]


def test_the_search_stops_at_the_first_failure_although_a_lower_threshold_would_pass():
    # 29 right ones carry 90 %; one wrong does not, until there are 46.
    right = np.array([True] * 29 + [False] + [True] * 100)
    scores = np.linspace(0.99, 0.6, len(right))
    assert chosen(scores, right) == (pytest.approx(scores[29]), 29)
    # Had the surest answers been at hand in greater number, the search would have started beyond the mistake.
    assert chosen(np.linspace(0.99, 0.975, len(right)), right) == (0, 130)


def test_no_answers_carry_nothing():
    steps = find_threshold(np.zeros(0), np.zeros(0, np.bool_), 0.9, 0.95)
    assert steps.chosen is None
    assert len(steps.accepted) == len(steps.thresholds) == 0


@given(answers, shares, shares)
def test_what_is_chosen_accepts_what_it_says_and_its_bound_reaches_the_target(case, target, confidence):
    scores, right = case
    steps = find_threshold(scores, right, target, confidence)
    for threshold, accepted, hits in zip(*steps[:3], strict=True):
        above = scores >= threshold
        assert (above.sum(), right[above].sum()) == (accepted, hits)
    if steps.chosen is not None:
        bounds = lower_bound(steps.right, steps.accepted, confidence)
        assert bounds[steps.chosen] >= target - 1e-9
        assert steps.accepted[steps.chosen] >= fewest_answers(target, confidence)


@given(answers, shares, st.randoms(use_true_random=False))
def test_the_order_of_the_answers_does_not_matter(case, target, random):
    scores, right = case
    order = np.array(random.sample(range(len(scores)), len(scores)), np.int64)
    assert chosen(scores[order], right[order], target) == chosen(scores, right, target)


@given(answers, shares, shares)
def test_a_higher_target_never_has_a_lower_threshold(case, one, other):
    low, high = chosen(*case, min(one, other)), chosen(*case, max(one, other))
    if low and high:
        assert low[0] <= high[0]


@given(answers, shares, shares, shares)
def test_what_can_be_promised_surely_can_be_promised_less_surely(case, target, one, other):
    bold, careful = chosen(*case, target, min(one, other)), chosen(*case, target, max(one, other))
    if careful:
        assert bold
        assert bold[0] <= careful[0]


@given(st.floats(0, 1), st.floats(0.01, 100))
def test_reweighing_multiplies_the_odds_and_can_be_undone(share, times):
    assert reweigh(reweigh(share, times), 1 / times) == pytest.approx(share)
    assert reweigh(0.5, 3) == 0.75
