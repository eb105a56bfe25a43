"""When a frame was taken, and how many were lost before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.camera.timing import find_clock, frames_since, middle_of_exposure

NS = st.integers(0, 10**18)


@given(now_ns=NS, age_ns=st.integers(0, 10**9), ahead_ns=st.integers(2 * 10**9, 10**15), boottime=st.booleans())
def test_the_clock_by_which_a_frame_is_fresh_is_found(now_ns: int, age_ns: int, ahead_ns: int, boottime: bool) -> None:
    clocks = {"monotonic": now_ns, "boottime": now_ns + ahead_ns}
    name = "boottime" if boottime else "monotonic"
    stamps = find_clock(clocks[name] - age_ns, now_ns, clocks)
    assert stamps is not None
    assert stamps.name == name
    assert clocks[name] - age_ns - stamps.ahead_ns == now_ns - age_ns


@given(now_ns=NS, off_ns=st.integers(10**9 + 1, 10**15) | st.integers(-(10**15), -1))
def test_a_stamp_from_the_future_or_over_a_second_old_is_of_no_clock(now_ns: int, off_ns: int) -> None:
    assert find_clock(now_ns - off_ns, now_ns, {"monotonic": now_ns}) is None


@given(fps=st.floats(1, 240), lost=st.integers(0, 10_000), early=st.floats(-0.45, 0.45))
def test_lost_frames_are_counted_whatever_the_jitter(fps: float, lost: int, early: float) -> None:
    period_ns = round(1e9 / fps)
    assert frames_since(round((lost + 1 + early) * period_ns), period_ns) == lost + 1


def test_two_frames_are_never_one() -> None:
    assert frames_since(1, 50_000_000) == 1


@pytest.mark.parametrize(("exposure_ns", "middle_ns"), [(0, 1000), (400, 800)])
def test_the_stamp_is_the_end_of_the_first_rows_exposure(exposure_ns: int, middle_ns: int) -> None:
    assert middle_of_exposure(1000, exposure_ns) == middle_ns
