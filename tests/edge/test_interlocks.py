"""Interlocks: named causes that come once, go by their own way back, and never get lost on the way."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.interlocks import CAUSES, CauseName, Change, Interlocks, Standing, log_line

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
S = 1_000_000_000
BY_RESET = [name for name, cause in CAUSES.items() if cause.back == "reset"]
BY_ITSELF = [name for name, cause in CAUSES.items() if cause.back == "by itself"]
STOPS = [name for name, cause in CAUSES.items() if cause.effect in {"halts", "stops"}]
BLOCKS = [name for name, cause in CAUSES.items() if cause.effect == "blocks"]

tells = st.tuples(st.just("tell"), st.sampled_from(sorted(CAUSES)), st.sampled_from(["paper", "cans"]), st.booleans())
turns = st.lists(
    st.tuples(st.integers(0, 4 * S), tells | st.sampled_from([("reset",), ("tick",)])), max_size=60
)  # what happens, and how long after the one before


def tell(locks: Interlocks, cause: CauseName, present: bool, now_ns: int = 0, about: str = "") -> Change | None:
    about = about or ("paper" if cause in BLOCKS else "")
    reason = f"{cause} came" if present else f"{cause} went"
    return locks.tell(cause, present=present, now_ns=now_ns, reason=reason, about=about)


def play(locks: Interlocks, turns: list) -> list[tuple[tuple, list[Change]]]:
    """Do each turn; what it was and what it changed."""
    now_ns, played = 0, []
    for pause_ns, turn in turns:
        now_ns += pause_ns
        match turn:
            case ("tell", cause, about, present):
                change = tell(locks, cause, present, now_ns, about)
                played.append((turn, [] if change is None else [change]))
            case ("reset",):
                played.append((turn, locks.reset(now_ns)))
            case ("tick",):
                played.append((turn, locks.tick(now_ns)))
    return played


@given(turns=turns)
def test_what_came_and_what_went_alternate_and_nothing_is_lost(turns: list) -> None:
    locks = Interlocks()
    there: dict[tuple[str, str], Change] = {}
    for turn, changes in play(locks, turns):
        for change in changes:
            key = (change.cause, change.about)
            assert change.reason
            if change.entered:
                assert key not in there
                assert change.lasted_ms is None
                there[key] = change
            else:
                assert change.lasted_ms == (change.at_ns - there.pop(key).at_ns) / 1e6
        if turn[0] == "tell" and turn[3]:
            assert turn[1:3] in there  # whatever is told to be the case is present afterwards
    standing = [Standing(change.cause, change.about, change.at_ns, change.reason) for change in there.values()]
    assert sorted(locks.present) == sorted(standing)


@given(turns=turns)
def test_it_sorts_exactly_when_nothing_stops_it(turns: list) -> None:
    locks = Interlocks()
    for nth in range(len(turns)):
        play(locks, turns[nth : nth + 1])
        present = locks.present
        assert locks.sorting == (not any(standing.cause in STOPS for standing in present))
        assert locks.blocked == {standing.about for standing in present if standing.cause in BLOCKS}
        assert locks.state == (present[0].cause if present else "sorting")
        assert locks.sorting or locks.state in STOPS


@given(turns=turns)
def test_each_cause_goes_by_its_own_way_back_and_no_other(turns: list) -> None:
    for turn, changes in play(Interlocks(), turns):
        for change in changes:
            if not change.entered:
                assert (turn[0] == "reset") == (CAUSES[change.cause].back == "reset")


@given(turns=turns)
def test_everything_goes_once_its_condition_is_over_and_somebody_has_looked(turns: list) -> None:
    locks = Interlocks()
    play(locks, turns)
    end_ns = sum(pause_ns for pause_ns, _ in turns)
    for standing in locks.present:
        tell(locks, standing.cause, False, end_ns, standing.about)
    later_ns = end_ns + 60 * S
    locks.reset(later_ns)
    locks.tick(later_ns)
    assert locks.present == []


@pytest.mark.parametrize("cause", [name for name in BY_RESET if CAUSES[name].lasts])
def test_a_reset_does_nothing_while_the_condition_is_there(cause: CauseName) -> None:
    locks = Interlocks()
    tell(locks, cause, True)
    assert locks.reset(S) == []
    tell(locks, cause, False, 2 * S)
    assert locks.state == cause
    [change] = locks.reset(3 * S)
    assert (change.cause, change.entered, change.reason, change.lasted_ms) == (cause, False, "reset", 3000)
    assert locks.sorting


def test_a_condition_that_came_back_before_the_reset_is_not_over() -> None:
    locks = Interlocks()
    tell(locks, "emergency stop", True)
    tell(locks, "emergency stop", False, S)
    tell(locks, "emergency stop", True, 2 * S)
    assert locks.reset(3 * S) == []
    assert not locks.sorting


def test_what_cannot_be_seen_to_end_is_over_with_the_reset() -> None:
    locks = Interlocks()
    tell(locks, "actuator overdue", True, about="paper")
    assert locks.blocked == {"paper"}
    assert [change.about for change in locks.reset(S)] == ["paper"]
    assert not locks.blocked


@pytest.mark.parametrize("cause", BY_ITSELF)
def test_what_goes_by_itself_goes_after_it_was_over_for_its_time(cause: CauseName) -> None:
    over_ns = round(CAUSES[cause].over_s * S)
    locks = Interlocks()
    assert tell(locks, cause, True).entered
    changes = [tell(locks, cause, False, S), *locks.tick(S + max(0, over_ns - 1)), *locks.tick(S + over_ns)]
    [change] = [change for change in changes if change is not None]
    assert (change.at_ns, change.reason) == (S + over_ns, f"{cause} went")


def test_what_flickers_is_one_change() -> None:
    locks = Interlocks()
    changes = [tell(locks, "camera stale", True, 0)]
    for nth in range(1, 20):
        changes += [tell(locks, "camera stale", bool(nth % 2), nth * S // 2), *locks.tick(nth * S // 2)]
    assert [change.entered for change in changes if change] == [True]


def test_what_is_told_to_be_over_again_and_again_goes_in_time() -> None:
    locks = Interlocks()
    tell(locks, "camera stale", True)
    told = [tell(locks, "camera stale", False, nth * S // 10) for nth in range(10, 21)]
    assert [change.at_ns for change in told if change] == [2 * S]


def test_a_reset_does_not_hasten_what_goes_by_itself() -> None:
    locks = Interlocks()
    tell(locks, "camera stale", True)
    tell(locks, "camera stale", False, S)
    assert locks.reset(S + 1) == []
    assert locks.state == "camera stale"


def test_the_first_reason_is_the_one_that_stays() -> None:
    locks = Interlocks()
    locks.tell("camera stale", present=True, now_ns=S, reason="no frame for 0.5 s")
    locks.tell("camera stale", present=True, now_ns=2 * S, reason="no frame for 1.5 s")
    assert locks.present == [("camera stale", "", S, "no frame for 0.5 s")]


def test_of_several_the_worst_names_the_state() -> None:
    locks = Interlocks()
    for cause in reversed(CAUSES):
        tell(locks, cause, True)
        assert locks.state == cause
    assert [standing.cause for standing in locks.present] == list(CAUSES)


def test_a_cause_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="'jam' was told without a reason"):
        Interlocks().tell("jam", present=True, now_ns=0, reason="")


@pytest.mark.parametrize("cause", BLOCKS)
def test_a_block_of_no_bin_is_refused(cause: CauseName) -> None:
    with pytest.raises(ValueError, match="without the name of a bin"):
        Interlocks().tell(cause, present=True, now_ns=0, reason="it is", about="")


def test_every_cause_that_can_be_named_is_in_the_table() -> None:
    assert tuple(CAUSES) == get_args(CauseName)


@pytest.mark.parametrize("cause", CAUSES)
def test_what_only_a_person_ends_tells_the_person_how(cause: CauseName) -> None:
    assert CAUSES[cause].todo.endswith(".")
    assert ("press reset" in CAUSES[cause].todo) == (CAUSES[cause].back == "reset")


def test_the_log_says_what_came_why_and_what_to_do() -> None:
    locks = Interlocks()
    came = locks.tell("jam", present=True, now_ns=S, reason="covered for\n 3.2 s", about="entry eye")
    tell(locks, "jam", False, 2 * S, "entry eye")
    [went] = locks.reset(5 * S)
    assert log_line(came) == (
        "state: halted: jam, entry eye (covered for 3.2 s). Take away what is stuck before the eye, then press reset."
    )
    assert log_line(went) == "state: over after 4.0 s: jam, entry eye (reset)"


@pytest.mark.parametrize(("cause", "word"), [("camera stale", "stopped"), ("bin full", "blocked")])
def test_the_log_says_what_a_cause_does(cause: CauseName, word: str) -> None:
    assert log_line(tell(Interlocks(), cause, True)).startswith(f"state: {word}: {cause}")


@pytest.mark.parametrize("entered", [True, False])
def test_a_change_is_written_and_read_back(entered: bool) -> None:
    change = Change(at_ns=5, cause="bin full", about="paper", entered=entered, reason="it is", lasted_ms=None)
    assert msgspec.json.decode(msgspec.json.encode(change), type=Change) == change


def test_the_page_shows_the_table_as_it_is() -> None:
    does = {"blocks": "blocks the bin"}
    rows = ["| state | when | what it does | what ends it | what to do |", "|---|---|---|---|---|"]
    for name, cause in CAUSES.items():
        after = f", after {cause.over_s:g} s" if cause.over_s else ""
        rows.append(
            f"| {name} | {cause.when} | {does.get(cause.effect, cause.effect)} | {cause.back}{after} | {cause.todo} |"
        )
    table = "\n".join(rows)
    assert f"\n\n{table}\n\n" in PAGE.read_text(encoding="utf-8"), f"put this into docs/states.md:\n\n{table}\n"
