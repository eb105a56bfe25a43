import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.calibration import calibration_error, error_by_chance, reliability, wilson


# Values of the Wilson interval as published: Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("right", "tries", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(right, tries, low, high):
    found = wilson(right, tries)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 500).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries))))
def test_the_interval_holds_the_share_and_mirrors(counts):
    right, tries = counts
    found, mirrored = wilson(right, tries), wilson(tries - right, tries)
    assert 0 <= found.low <= right / tries <= found.high <= 1
    assert mirrored.low == pytest.approx(1 - found.high)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    truth, tries = 0.9, 60
    counts = np.random.default_rng(0).binomial(tries, truth, 4000)
    covered = np.mean([wilson(int(right), tries).low <= truth <= wilson(int(right), tries).high for right in counts])
    assert 0.93 < covered < 0.975


def test_a_model_that_knows_how_sure_it_is_has_no_calibration_error():
    confidence = np.repeat([0.6, 0.8], 50)
    right = np.concatenate([np.arange(50) < 30, np.arange(50) < 40])
    bins = reliability(confidence, right)
    assert [(one.photographs, one.accuracy) for one in bins] == [(50, 0.6), (50, 0.8)]
    assert [one.mean_confidence for one in bins] == pytest.approx([0.6, 0.8])
    assert calibration_error(bins) == pytest.approx(0)


def test_the_calibration_error_weighs_each_bin_by_its_photographs():
    bins = reliability(np.repeat([0.5, 1.0], [10, 30]), np.arange(40) >= 3)
    assert [one.photographs for one in bins] == [10, 30]
    assert calibration_error(bins) == pytest.approx(10 / 40 * 0.2)


@pytest.mark.parametrize("shares", [np.full(40, 0.9), np.full(15, 0.99), np.linspace(0.3, 1, 234)])
def test_true_scores_show_the_error_that_chance_brings(shares):
    random = np.random.default_rng(0)
    drawn = [calibration_error(reliability(shares, random.random(len(shares)) < shares)) for _ in range(2000)]
    expected = error_by_chance(reliability(shares, np.ones(len(shares), np.bool_)))
    assert expected == pytest.approx(np.mean(drawn), rel=0.05)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_scores_that_leave_nothing_to_chance_show_none(share):
    assert error_by_chance(reliability(np.full(20, share), np.ones(20, np.bool_))) == 0
