"""The small watches: covered for too long, too many in a row, too hot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.watch import Heat, InARow, Lasting, Silence

S = 1_000_000_000


def test_an_eye_is_covered_too_long_only_without_a_break() -> None:
    eye = Lasting(3)
    assert not eye.lasts(10 * S)
    eye.see(present=True, at_ns=10 * S)
    eye.see(present=True, at_ns=12 * S)
    assert not eye.lasts(13 * S)
    assert eye.lasts(13 * S + 1)
    eye.see(present=False, at_ns=14 * S)
    assert not eye.lasts(20 * S)
    eye.see(present=True, at_ns=20 * S)
    assert not eye.lasts(23 * S)
    assert eye.lasts(24 * S)


@given(confirmed=st.lists(st.booleans(), max_size=40), limit=st.integers(1, 5))
def test_a_gate_is_overdue_after_so_many_in_a_row_each_time_anew(confirmed: list[bool], limit: int) -> None:
    overdue, row = InARow(limit), 0
    for one in confirmed:
        row = 0 if one else row + 1
        assert overdue.add("paper", good=one) == (row == limit)
        row %= limit


def test_each_bin_has_its_own_count() -> None:
    overdue = InARow(2)
    assert not overdue.add("paper", good=False)
    assert not overdue.add("cans", good=False)
    assert overdue.add("paper", good=False)
    assert not overdue.add("cans", good=True)


def test_a_plc_is_silent_until_it_answers() -> None:
    silence = Silence(3)
    assert [silence.answered(in_time=heard) for heard in (False, False, True, False, False)] == [False] * 5
    assert [silence.answered(in_time=heard) for heard in (False, False, True)] == [True, True, False]


@pytest.mark.parametrize("start", [None, 50.0])
def test_a_hot_board_stays_hot_until_it_is_cool(start: float | None) -> None:
    heat = Heat(84, 78)
    readings = [start, 84, 84.1, 80, None, 78, 77.9, None, 83]
    assert [heat.read(reading) for reading in readings] == [False, False, True, True, True, True, *[False] * 3]
