import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import PhotographError, ReleaseError, SortlineError
from sortline_train.evaluation import (
    evaluate,
    most_confused,
    most_doubtful,
    roc_auc,
    worst_mistakes,
)

NAMES = ("bottle", "paper", "tray")


def sure(answers, classes=3, logit=4.0):
    """Logits that give these answers."""
    return np.eye(classes, dtype=np.float32)[answers] * np.float32(logit)


def random_case(seed, photographs, classes):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, photographs)
    logits = (random.normal(size=(photographs, classes)) + 2 * np.eye(classes)[labels]).astype(np.float32)
    return logits, labels


cases = st.builds(random_case, st.integers(0, 10_000), st.integers(1, 300), st.integers(2, 8))


def names(classes):
    return [f"class {nth}" for nth in range(classes)]


def test_the_figures_of_a_case_counted_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = evaluate(sure([0, 0, 1, 1, 1, 0]), labels, NAMES)
    assert found.confusion == ((2, 1, 0), (0, 2, 0), (1, 0, 0))
    assert (found.photographs, found.right, found.accuracy) == (6, 4, pytest.approx(4 / 6))
    bottle, paper, tray = found.classes
    assert (bottle.class_name, bottle.photographs, bottle.answers, bottle.right) == ("bottle", 3, 3, 2)
    assert (bottle.precision, bottle.recall, bottle.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (paper.precision, paper.recall, paper.f1) == pytest.approx((2 / 3, 1, 4 / 5))
    assert found.macro_f1 == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    assert (tray.photographs, tray.recall, tray.f1) == (1, 0, 0)


def test_a_class_never_answered_has_no_precision():
    tray = evaluate(sure([0, 0]), np.array([0, 2]), NAMES).classes[2]
    assert tray.precision is None
    assert tray.recall == 0


def test_a_class_without_photographs_has_no_recall():
    tray = evaluate(sure([0, 2]), np.array([0, 0]), NAMES).classes[2]
    assert tray.recall is None
    assert tray.recall_interval is None
    assert tray.precision == 0


def test_a_class_that_never_comes_up_has_no_f1_and_does_not_weigh():
    found = evaluate(sure([0, 1]), np.array([0, 1]), NAMES)
    assert found.classes[2].f1 is None
    assert found.macro_f1 == 1


def test_cross_entropy_of_even_scores_is_the_logarithm_of_the_classes():
    found = evaluate(np.zeros((5, 3), np.float32), np.array([0, 1, 2, 0, 1]), NAMES)
    assert found.cross_entropy_nats == pytest.approx(np.log(3))


@given(cases)
def test_confusion_counts_every_photograph_once(case):
    logits, labels = case
    found = evaluate(logits, labels, names(logits.shape[1]))
    confusion = np.array(found.confusion)
    assert confusion.sum() == found.photographs == len(labels)
    assert confusion.sum(axis=1).tolist() == np.bincount(labels, minlength=logits.shape[1]).tolist()
    assert np.trace(confusion) == found.right


@given(cases)
def test_the_order_of_the_photographs_does_not_matter(case):
    logits, labels = case
    rounded = np.round(logits)  # many photographs are then equally confident
    order = np.random.default_rng(0).permutation(len(labels))
    one = evaluate(rounded, labels, names(logits.shape[1]))
    other = evaluate(rounded[order], labels[order], names(logits.shape[1]))
    assert other.expected_calibration_error == pytest.approx(one.expected_calibration_error)
    assert [bin_.photographs for bin_ in other.reliability] == [bin_.photographs for bin_ in one.reliability]
    assert other.classes == one.classes
    assert other.roc_auc == one.roc_auc


def test_an_overconfident_model_has_a_calibration_error():
    logits = sure(np.zeros(100, np.int64), 2, np.log(9))  # 90 % sure, right half the time
    found = evaluate(logits, np.arange(100) % 2, ("a", "b"))
    assert found.expected_calibration_error == pytest.approx(0.4, abs=1e-6)


@given(cases)
def test_bins_hold_about_as_many_photographs_each_and_never_few(case):
    logits, labels = case
    found = evaluate(logits, labels, names(logits.shape[1]))
    counts = [one.photographs for one in found.reliability]
    assert sum(counts) == len(labels)
    assert len(counts) == max(1, min(15, len(labels) // 10))
    assert max(counts) - min(counts) <= 1
    confidences = [one.mean_confidence for one in found.reliability]
    assert confidences == sorted(confidences)
    # No binning can lower it further than taking all photographs as one.
    apart = abs(np.average(confidences, weights=counts) - found.accuracy)
    assert apart - 1e-12 <= found.expected_calibration_error <= 1


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=60))
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    scores, positive = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    compared = [np.sign(high - low) / 2 + 0.5 for high in scores[positive] for low in scores[~positive]]
    found = roc_auc(scores, positive)
    assert found == (pytest.approx(np.mean(compared)) if compared else None)


def test_roc_auc_is_told_for_two_classes_only():
    logits, labels = sure([0, 1, 0, 1], 2), np.array([0, 1, 0, 1])
    assert evaluate(logits, labels, ("a", "b")).roc_auc == 1
    assert evaluate(-logits, labels, ("a", "b")).roc_auc == 0
    assert evaluate(sure([0, 1, 2]), np.array([0, 1, 2]), NAMES).roc_auc is None


def test_the_worst_mistakes_are_the_most_confident():
    logits = np.array([[1, 0], [9, 0], [5, 0], [0, 3]], np.float32)
    labels = np.array([1, 0, 1, 0])
    assert worst_mistakes(logits, labels, 10).tolist() == [2, 3, 0]
    assert worst_mistakes(logits, labels, 2).tolist() == [2, 3]
    assert worst_mistakes(logits, logits.argmax(axis=1), 10).tolist() == []


def test_the_most_doubtful_have_two_scores_close_together():
    logits = np.array([[5, 0, 0], [2, 1.9, -9], [0, 0.5, -9], [0, 0, 9]], np.float32)
    assert most_doubtful(logits, 2).tolist() == [1, 2]


def test_the_most_confused_pairs_come_first():
    labels = np.array([0] * 6 + [1] * 3 + [2] * 3)
    found = evaluate(sure([0, 0, 0, 0, 1, 1, 1, 1, 2, 0, 0, 2]), labels, NAMES)
    # Both are made twice; of three trays that is the larger share.
    assert [pair[:3] for pair in most_confused(found, 2)] == [("tray", "bottle", 2), ("bottle", "paper", 2)]
    assert most_confused(found, 1)[0].share == pytest.approx(2 / 3)
    assert len(most_confused(found, 10)) == 3


def test_no_photographs_are_refused():
    with pytest.raises(PhotographError, match="no photographs"):
        evaluate(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), NAMES)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused_with_their_count(broken):
    logits = sure([0, 1, 2])
    logits[1, 2] = broken
    with pytest.raises(ReleaseError, match="1 of 3 photographs"):
        evaluate(logits, np.array([0, 1, 2]), NAMES)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(sure([0, 1]), [0, 1, 2]), (sure([0, 1], 2), [0, 1]), (sure([0, 1]), [0, 3]), (sure([0, 1]), [0, -1])],
)
def test_values_that_do_not_belong_together_are_refused(logits, labels):
    with pytest.raises(SortlineError, match="do not fit"):
        evaluate(logits, np.array(labels), NAMES)
