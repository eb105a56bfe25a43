"""From looks to one verdict."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.manifest import Calibration
from sortline_edge.decide import weigh

logit = st.floats(-20, 20, width=32)
looks_at_an_item = st.lists(st.tuples(logit, logit, logit, logit), min_size=1, max_size=5)


def as_arrays(looks: list[tuple[float, ...]]) -> list[Any]:
    return [np.array(look, np.float32) for look in looks]


@given(looks=looks_at_an_item, order=st.randoms(use_true_random=False))
def test_the_order_of_the_looks_does_not_matter(world: Any, looks: list[tuple[float, ...]], order: Any) -> None:
    one = weigh(as_arrays(looks), world.manifest())
    other = weigh(as_arrays(order.sample(looks, len(looks))), world.manifest())
    assert one.score == pytest.approx(other.score, abs=1e-5)
    assert 0.25 - 1e-6 <= one.score <= 1 + 1e-6


@given(look=st.tuples(logit, logit, logit, logit), often=st.integers(1, 5))
def test_the_same_look_again_changes_nothing(world: Any, look: tuple[float, ...], often: int) -> None:
    one, many = weigh(as_arrays([look]), world.manifest()), weigh(as_arrays([look] * often), world.manifest())
    assert many.class_name == one.class_name
    assert many.score == pytest.approx(one.score, abs=1e-5)


def test_a_sure_look_counts_for_more_than_one_that_does_not_know(world: Any) -> None:
    verdict = weigh(as_arrays([(0.1, 0, 0, 0), (0, 6, 0, 0)]), world.manifest())
    assert verdict.class_name == "green"


def test_log_scores_are_averaged(world: Any) -> None:
    verdict = weigh(as_arrays([(2, 0, 0, 0), (0, 1, 0, 0)]), world.manifest())
    assert verdict.class_name == "red"
    assert verdict.score == pytest.approx(np.exp(1) / (np.exp(1) + np.exp(0.5) + 2), abs=1e-6)


@pytest.mark.parametrize(("threshold", "doubt"), [(0.5, None), (0.5001, "doubtful")])
def test_a_score_is_trusted_from_the_threshold_on(world: Any, threshold: float, doubt: str | None) -> None:
    even = np.array([0, 0, -200, -200], np.float32)
    verdict = weigh([even], world.manifest(threshold))
    assert verdict.score == pytest.approx(0.5)
    assert verdict.doubt == doubt


def test_what_no_class_is_likelier_than_not_for_is_unknown(world: Any) -> None:
    verdict = weigh(as_arrays([(0, 0, 0, -200)]), world.manifest(0.4))
    assert verdict.scores == pytest.approx((1 / 3, 1 / 3, 1 / 3, 0))
    assert verdict.doubt == "unknown"


@pytest.mark.parametrize(
    ("looks", "doubt"), [([(9, 0, 0, 0), (0, 8, 0, 0)], "mixed"), ([(9, 0, 0, 0), (0, 2, 0, 0)], None)]
)
def test_looks_that_are_each_sure_of_another_class_are_mixed(world: Any, looks: Any, doubt: str | None) -> None:
    assert weigh(as_arrays(looks), world.manifest(0.5)).doubt == doubt


@given(looks=looks_at_an_item)
def test_all_scores_come_along_in_the_bundles_order(world: Any, looks: list[tuple[float, ...]]) -> None:
    verdict = weigh(as_arrays(looks), world.manifest())
    assert sum(verdict.scores) == pytest.approx(1, abs=1e-5)
    assert max(verdict.scores) == verdict.score == verdict.scores[list(world.palette).index(verdict.class_name)]


def test_a_higher_temperature_makes_less_sure(world: Any) -> None:
    look = as_arrays([(4, 0, 0, 0)])
    warm = msgspec.structs.replace(world.manifest(), calibration=Calibration(method="temperature", temperature=2.0))
    cold_score, warm_score = weigh(look, world.manifest()).score, weigh(look, warm).score
    assert cold_score == pytest.approx(np.exp(4) / (np.exp(4) + 3), abs=1e-6)
    assert warm_score == pytest.approx(np.exp(2) / (np.exp(2) + 3), abs=1e-6)
