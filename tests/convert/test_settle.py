"""Thresholds that ship: promised where that can be, else where the scores themselves expect the purity."""

import numpy as np
import pytest

from sortline_bundle.errors import NotPromised
from sortline_convert.promises import Aim
from sortline_convert.settle import by_hand, settle
from sortline_convert.thresholds import Answered

NAMES = ("can", "tray")


def answered(can, tray, wrong=()):
    """Photographs answered "can" and "tray" with these scores; `wrong` are places of wrong answers."""
    scores = np.array([[score, 1 - score] for score in can] + [[1 - score, score] for score in tray])
    labels = np.array([0] * len(can) + [1] * len(tray))
    labels[list(wrong)] = 1 - labels[list(wrong)]
    return Answered(scores, labels, [f"{nth:04}" for nth in range(len(labels))], NAMES)


def test_what_can_be_promised_is_and_what_cannot_takes_the_expected_purity():
    settled = settle(answered([0.99] * 200, [0.99, 0.95, 0.85, 0.6]), Aim(target_purity=0.9))
    can, tray = settled.specs
    assert (can.target_purity, can.threshold) == (0.9, 0.0)
    assert can.purity_bound >= 0.9
    assert (tray.target_purity, tray.purity_bound) == (None, None)
    assert tray.threshold == 0.85  # 0.99, 0.95 and 0.85 are 0.93 on average; with 0.6 it is 0.8475
    (lacking,) = settled.lacking
    assert lacking.startswith("tray: cannot be promised from 4 photographs")
    assert settled.thresholds.tolist() == [can.threshold, tray.threshold]


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        ([0.7, 0.65, 0.6], 0.9),  # none is so sure: the target itself
        ([0.99, 0.98, 0.97], 0.9),  # all are: no higher than the target
        ([], 0.9),
        ([0.9], 0.9),
    ],
)
def test_where_the_scores_say_little_the_target_itself_is_the_threshold(scores, threshold):
    tray = settle(answered([0.9] * 5, scores), Aim(target_purity=0.9)).specs[1]
    assert tray.threshold == pytest.approx(threshold)


def test_one_threshold_for_all_is_the_same_for_each():
    settled = settle(answered([0.99] * 150, [0.99] * 150), Aim(target_purity=0.95, scope="overall"))
    assert settled.specs[0].threshold == settled.specs[1].threshold
    assert [spec.target_purity for spec in settled.specs] == [None, None]  # it is of both bins together
    assert settled.solved.solved[0].chosen.bound >= 0.95
    settled.refuse_unpromised(must=True)
    few = settle(answered([0.99] * 5, [0.99] * 5), Aim(target_purity=0.95, scope="overall"))
    assert few.lacking[0].startswith("all classes: cannot be promised from 10 photographs")


def test_what_must_be_promised_and_cannot_is_refused_with_every_class_and_what_to_do():
    with pytest.raises(NotPromised) as caught:
        settle(answered([0.99] * 9, [0.98] * 7), Aim(target_purity=0.95)).refuse_unpromised(must=True)
    sentence = str(caught.value)
    assert sentence.startswith("a purity of 0.95 at 0.95 confidence: can: cannot be promised from 9 photographs")
    assert "; tray: cannot be promised from 7 photographs" in sentence
    assert sentence.endswith("lower --target-purity, or ship without the promise by --unproven")


def test_by_hand_there_is_one_threshold_and_no_promise():
    settled = by_hand(0.4, NAMES)
    assert [(spec.name, spec.threshold, spec.target_purity) for spec in settled.specs] == [
        ("can", 0.4, None),
        ("tray", 0.4, None),
    ]
    assert settled.solved is None


def test_of_a_class_that_never_comes_nothing_is_accepted_and_nothing_need_be_promised():
    labels = np.arange(600) % 3
    scores = np.full((600, 3), 0.005)
    scores[np.arange(600), labels] = 0.99
    calibration = Answered(scores, labels, [f"{nth:04}" for nth in range(600)], ("can", "tray", "metal"))
    settled = settle(calibration, Aim(target_purity=0.9, mix=(0.5, 0.5, 0.0)))
    settled.refuse_unpromised(must=True)
    assert [spec.target_purity for spec in settled.specs] == [0.9, 0.9, None]
    assert settled.specs[2].threshold == 1.0
