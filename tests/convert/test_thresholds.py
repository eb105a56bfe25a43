import hashlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError, SortlineError
from sortline_convert.promises import Aim, Thresholds
from sortline_convert.thresholds import Answered, solve_thresholds

NAMES = ("glass", "paper", "tray")


def answered(rows, names=NAMES):
    """Photographs as (true class, answer, score of it), the rest of the score shared by the others."""
    scores = np.full((len(rows), len(names)), 0.0)
    for row, (_, answer, score) in zip(scores, rows, strict=True):
        row[:] = (1 - score) / (len(names) - 1)
        row[answer] = score
    digests = [hashlib.sha256(str(nth).encode()).hexdigest() for nth in range(len(rows))]
    return Answered(scores, np.array([truth for truth, _, _ in rows], np.int64), digests, names)


def drawn(seed, photographs=400, names=NAMES):
    """A model that is as often right as it says."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(photographs):
        answer, score = random.integers(len(names)), 1 - 0.5 * random.random() ** 4
        other = (answer + random.integers(1, len(names))) % len(names)
        rows.append((int(answer if random.random() < score else other), int(answer), float(score)))
    return answered(rows, names)


def shuffled(photographs, order):
    digests = [photographs.digests[nth] for nth in order]
    return Answered(photographs.scores[order], photographs.labels[order], digests, photographs.class_names)


HAND = [(0, 0, 0.99)] * 40 + [(1, 0, 0.8)] * 10 + [(1, 1, 0.98)] * 20 + [(2, 2, 0.97)] * 12 + [(2, 1, 0.9)] * 2


def test_the_figures_of_a_case_counted_by_hand():
    found = solve_thresholds(answered(HAND), Aim(target_purity=0.9))
    glass = found.of("glass")
    assert (glass.photographs, glass.answers, glass.lacking) == (40, 50, None)
    assert glass.chosen is not None
    assert glass.chosen.threshold == pytest.approx(0.8)
    assert (glass.chosen.accepted, glass.chosen.purity, glass.chosen.recovery) == (40, 1.0, 1.0)
    assert glass.chosen.bound == pytest.approx(0.05 ** (1 / 40))
    assert [(point.accepted, point.purity) for point in glass.curve] == [(40, 1.0), (50, 0.8)]
    assert [found.of(name).chosen for name in ("paper", "tray")] == [None, None]


def test_what_cannot_be_promised_says_what_it_takes():
    found = solve_thresholds(answered(HAND), Aim(target_purity=0.9))
    tray = found.of("tray")
    assert tray.chosen is None
    assert tray.lacking is not None
    assert (tray.lacking.fewest_accepted, tray.lacking.needed_accepted) == (29, 29)
    assert tray.lacking.needed_photographs == 34  # 14 gave 12 answers
    assert tray.lacking.reason == (
        "cannot be promised from 14 photographs: of the 12 surest answers 100.0% are right, and at that rate it takes"
        " about 34 for 29 accepted answers; even without a mistake it takes 29 accepted answers"
    )


def test_surest_answers_below_the_target_are_not_mended_by_photographs():
    rows = [(0, 0, 0.99)] * 80 + [(1, 0, 0.99)] * 20 + [(1, 1, 0.9)] * 30
    lacking = solve_thresholds(answered(rows, NAMES[:2]), Aim(target_purity=0.9)).of("glass").lacking
    assert lacking is not None
    assert (lacking.needed_accepted, lacking.needed_photographs) == (None, None)
    assert "of the 100 surest answers 80.0% are right; take a better model or a lower target" in lacking.reason


def test_a_class_that_is_never_answered_has_no_threshold():
    found = solve_thresholds(answered([(0, 0, 0.9)] * 50 + [(2, 0, 0.5)]), Aim(target_purity=0.9))
    for name in ("paper", "tray"):
        lacking = found.of(name).lacking
        assert lacking is not None
        assert "no photograph is given this answer; even without a mistake it takes 29" in lacking.reason


def test_one_threshold_for_all_holds_for_every_class():
    found = solve_thresholds(answered(HAND), Aim(target_purity=0.9, scope="overall"))
    (only,) = found.solved
    assert all(found.of(name) is only for name in NAMES)
    assert (only.class_name, only.photographs, only.answers) == (None, 84, 84)
    assert only.chosen is not None
    assert (only.chosen.accepted, only.chosen.recovery) == (74, 72 / 84)
    assert only.chosen.threshold == pytest.approx(0.8)


def test_a_rarer_class_needs_a_higher_threshold_and_its_purity_is_that_of_the_line():
    rows = [(0, 0, 0.99)] * 90 + [(1, 0, 0.95)] * 2 + [(0, 0, 0.9)] * 8 + [(1, 1, 0.99)] * 98
    photographs = answered(rows, NAMES[:2])
    even = solve_thresholds(photographs, Aim(target_purity=0.9, mix=(0.49, 0.51))).of("glass")
    rare = solve_thresholds(photographs, Aim(target_purity=0.9, mix=(0.25, 0.75))).of("glass")
    assert even.chosen is not None
    assert rare.chosen is not None
    assert (even.chosen.threshold, rare.chosen.threshold) == (0, pytest.approx(0.95))
    # 98 of 98 items of glass against 2 of 100 of paper, of which three come for each of glass.
    assert rare.curve[-1].purity == pytest.approx(0.25 / (0.25 + 0.75 * 0.02))
    assert rare.curve[-1].bound < 0.9 <= rare.chosen.bound


def test_a_class_that_never_comes_cannot_be_promised():
    rows = [(nth, nth, 0.99) for nth in range(3)] * 50
    found = solve_thresholds(answered(rows), Aim(target_purity=0.9, mix=(0.5, 0.5, 0)))
    lacking = found.of("tray").lacking
    assert lacking is not None
    assert "none comes on this line" in lacking.reason
    assert lacking.fewest_accepted is None
    assert found.of("glass").chosen is not None


@given(st.integers(0, 200), st.randoms(use_true_random=False), st.sampled_from([None, (0.5, 0.2, 0.3)]))
def test_the_order_of_the_photographs_does_not_matter(seed, random, mix):
    photographs = drawn(seed, 150)
    order = random.sample(range(150), 150)
    aim = Aim(target_purity=0.9, confidence=0.8, mix=mix)
    assert solve_thresholds(shuffled(photographs, order), aim) == solve_thresholds(photographs, aim)


@given(st.integers(0, 200))
def test_a_class_that_neither_comes_nor_is_answered_changes_nothing_for_the_others(seed):
    photographs = drawn(seed, 150)
    more = photographs._replace(
        scores=np.hstack([photographs.scores, np.zeros((150, 1))]), class_names=(*NAMES, "wood")
    )
    aim = Aim(target_purity=0.9, confidence=0.8)
    assert solve_thresholds(more, aim).solved[:3] == solve_thresholds(photographs, aim).solved


def test_an_even_mix_of_evenly_many_photographs_changes_nothing():
    photographs = answered([(nth % 3, (nth + (nth % 40 == 0)) % 3, 0.6 + nth / 1500) for nth in range(600)])
    aim = Aim(target_purity=0.95)
    mixed = solve_thresholds(photographs, msgspec.structs.replace(aim, mix=(1 / 3, 1 / 3, 1 / 3)))
    plain = solve_thresholds(photographs, aim)
    assert [one.chosen and one.chosen.threshold for one in mixed.solved] == [
        one.chosen and one.chosen.threshold for one in plain.solved
    ]


def test_what_is_solved_can_be_written_and_read():
    found = solve_thresholds(drawn(1), Aim(target_purity=0.95))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Thresholds) == found


@pytest.mark.parametrize(
    "aim", [{"target_purity": 1.0}, {"target_purity": 0.0}, {"target_purity": 0.9, "confidence": 1.0}]
)
def test_an_aim_that_cannot_be_had_is_refused(aim):
    field = "confidence" if "confidence" in aim else "target_purity"
    with pytest.raises(ConfigError, match=f"`{field}`: Expected `float` [<>] "):
        solve_thresholds(drawn(1), Aim(**aim))


@pytest.mark.parametrize(
    "wrong",
    [
        answered(HAND)._replace(labels=np.zeros(3, np.int64)),
        answered(HAND)._replace(digests=["00"]),
        answered(HAND)._replace(class_names=("glass", "paper")),
    ],
)
def test_values_that_do_not_belong_together_are_refused(wrong):
    with pytest.raises(SortlineError, match="do not fit"):
        solve_thresholds(wrong, Aim(target_purity=0.9))


@pytest.mark.parametrize("mix", [(0.5, 0.5), (1.0, 0.0, 0.0)])
def test_a_mix_of_other_classes_or_of_one_is_refused(mix):
    with pytest.raises(SortlineError, match="does not fit 3 classes"):
        solve_thresholds(answered(HAND), Aim(target_purity=0.9, mix=mix))
