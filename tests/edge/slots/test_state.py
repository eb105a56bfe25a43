"""What becomes of slots by what happens to them, for any sequence of events."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import BundleError, ConfigError, SortlineError
from sortline_edge.slots import state as states
from sortline_edge.slots.state import Slot, State


def slot(version: int) -> Slot:
    return Slot(number=version, name="waste", version=version, bundle=f"bundle {version}", file=f"file {version}")


def put(state: State, version: int) -> State:
    return states.confirm(states.begin_trial(state, slot(version)), slot(version).bundle)


EVENTS: dict[str, Callable[[State, int], State]] = {
    "install": lambda state, version: states.begin_trial(state, slot(version)),
    "confirm": lambda state, version: states.confirm(state, slot(version).bundle),
    "start": lambda state, _: states.count_start(state),
    "give up": lambda state, _: states.give_up(state),
    "withdraw": lambda state, _: states.withdraw(state),
    "go back": lambda state, _: states.go_back(state),
    "lose": lambda state, version: states.lose(state, {version}),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(1, 4)), max_size=40))
def test_whatever_happens_the_floor_never_falls_and_a_good_bundle_stays(events: list[tuple[str, int]]) -> None:
    state = put(State(), 1)
    for name, version in events:
        before = state
        try:
            state = EVENTS[name](state, version)
        except SortlineError:
            assert state is before
        assert state.floor >= before.floor
        if state.floor > before.floor:
            assert name == "confirm"
        if name != "lose" and before.good is not None:
            assert state.good is not None
        if state.trial is not None and before.trial is None:
            assert name == "install"
            assert state.trial.slot.bundle not in before.failed
        if state.good != before.good and name not in ("lose", "go back"):
            assert name == "confirm"


def test_a_bundle_that_is_never_confirmed_is_given_up_after_three_starts() -> None:
    state = states.begin_trial(put(State(), 1), slot(2))
    for _ in range(3):
        state = states.count_start(state)
        assert state.current == slot(2)
    state = states.count_start(state)
    assert state.current == slot(1)
    with pytest.raises(BundleError, match="failed its trial on this station before"):
        states.begin_trial(state, slot(2))


def test_the_first_bundle_has_nothing_to_fall_back_on_and_is_kept_trying() -> None:
    state = states.begin_trial(State(), slot(1))
    for _ in range(10):
        state = states.count_start(state)
    assert state.current == slot(1)


def test_evidence_for_another_bundle_confirms_nothing() -> None:
    state = states.begin_trial(put(State(), 1), slot(2))
    with pytest.raises(ConfigError, match="what is on trial is bundle 2, and what was seen working is bundle 1"):
        states.confirm(state, slot(1).bundle)


def test_going_back_ends_a_trial_first_then_takes_the_one_before_and_then_there_is_none() -> None:
    state = states.begin_trial(put(put(State(), 1), 2), slot(3))
    state = states.go_back(state)
    assert (state.current, state.floor) == (slot(2), 2)
    state = states.go_back(state)
    assert (state.current, state.floor) == (slot(1), 2)
    with pytest.raises(ConfigError, match="no bundle to go back to"):
        states.go_back(state)
