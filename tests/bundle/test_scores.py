"""Scores: logarithms of a softmax that no logit can break."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sortline_bundle.scores import cross_entropy, fit_temperature, log_scores

logits = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(2, 6)), elements=st.floats(-1e4, 1e4, width=32))
temperatures = st.floats(0.05, 20)


@given(logits, temperatures)
def test_scores_add_up_to_one(some, temperature):
    scores = np.exp(log_scores(some, temperature))
    assert scores.dtype == np.float64
    assert scores.shape == some.shape
    np.testing.assert_allclose(scores.sum(axis=-1), 1, rtol=1e-12)


@given(logits, temperatures, st.integers(-(2**20), 2**20))
def test_adding_to_all_logits_changes_nothing(some, temperature, shift):
    # Numbers to which the shift can be added without rounding.
    some = np.round(some)
    moved = (some.astype(np.float64) + shift).astype(np.float64)
    np.testing.assert_allclose(log_scores(moved, temperature), log_scores(some, temperature), atol=1e-6)


@given(logits, temperatures)
def test_temperature_divides_and_keeps_the_order(some, temperature):
    scores = log_scores(some, temperature)
    np.testing.assert_array_equal(scores, log_scores(some.astype(np.float64) / temperature))
    np.testing.assert_allclose(
        scores[:, 1:] - scores[:, :1], (some[:, 1:].astype(np.float64) - some[:, :1]) / temperature, atol=1e-8
    )


def test_heat_levels_and_cold_sharpens():
    some = np.array([1, 2, 4], np.float32)
    warm, plain, cold = (np.exp(log_scores(some, temperature)) for temperature in (5, 1, 0.2))
    np.testing.assert_allclose(plain, np.exp([1, 2, 4]) / np.exp([1, 2, 4]).sum())
    assert warm.max() < plain.max() < cold.max()


def test_one_image_or_a_batch_is_the_same():
    some = np.arange(12, dtype=np.float32).reshape(2, 2, 3) ** 2
    whole = log_scores(some, 1.5)
    for row in np.ndindex(2, 2):
        np.testing.assert_array_equal(whole[row], log_scores(some[row], 1.5))


def test_the_largest_logits_break_nothing():
    largest = np.finfo(np.float32).max
    scores = log_scores(np.array([largest, -largest, 0], np.float32))
    assert scores[0] == 0
    assert np.isfinite(scores).all()


def test_cross_entropy_is_the_mean_negative_log_of_the_true_score():
    some = np.log(np.array([[0.5, 0.5], [0.25, 0.75]], np.float32))
    expected = -(math.log(0.5) + math.log(0.75)) / 2
    assert cross_entropy(some, np.array([0, 1])) == pytest.approx(expected, rel=1e-6)
    assert cross_entropy(some * 3, np.array([0, 1]), 3.0) == pytest.approx(expected, rel=1e-6)


@given(st.integers(2, 10))
def test_knowing_nothing_costs_the_logarithm_of_the_number_of_classes(classes):
    labels = np.arange(classes)
    assert cross_entropy(np.zeros((classes, classes), np.float32), labels) == pytest.approx(math.log(classes))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_made_the_answers_is_found(temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (4000, 5)).astype(np.float32)
    cooled = np.exp(logits / temperature)
    scores = cooled / cooled.sum(axis=1, keepdims=True)
    labels = np.array([random.choice(5, p=row / row.sum()) for row in scores.astype(np.float64)])
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.1)


def test_photographs_that_are_all_right_do_not_make_the_model_certain() -> None:
    logits = np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 5] * 4
    temperature = fit_temperature(logits, np.array([0, 1, 2, 3] * 5))
    best = 1 / (1 + 3 * math.exp(-4 / temperature))
    assert best == pytest.approx(21 / 22, abs=0.002)


def test_few_photographs_hardly_move_what_was_right_before_and_many_do() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 3, (4000, 3)).astype(np.float32)
    scores = np.exp(log_scores(logits, 2.0))
    labels = np.array([random.choice(3, p=row / row.sum()) for row in scores])
    few, many = (fit_temperature(logits[:count], labels[:count], spread=0.1) for count in (20, 4000))
    assert 1 < few < fit_temperature(logits[:20], labels[:20])
    assert few < 1.3
    assert many == pytest.approx(2.0, rel=0.1)
