"""The truth about the belt: how far it has gone, and when it has gone so far."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.config import Fault
from sortline_edge.twin.faults import Faults, Window
from sortline_edge.twin.motion import Motion, belt_factors

S = 1_000_000_000


@st.composite
def motions(draw: st.DrawFn) -> Motion:
    windows = st.builds(
        lambda begin_s, for_s, factor: Window(round(begin_s * S), round((begin_s + for_s) * S), factor),
        st.floats(0, 30),
        st.floats(0.01, 10),
        st.sampled_from([0.0, 0.5, 0.9, 1.3]),
    )
    return Motion(
        draw(st.floats(1, 2000)),
        draw(st.sampled_from([0, 3 * S, 10**14])),
        jitter=draw(st.sampled_from([0.0, 0.02, 0.5])),
        seed=draw(st.integers(0, 9)),
        factors=draw(st.lists(windows, max_size=4)),
    )


@given(motion=motions(), at_s=st.floats(0, 60))
def test_way_and_time_are_each_others_inverse(motion: Motion, at_s: float) -> None:
    at_ns = motion.start_ns + round(at_s * S)
    way_mm = motion.way_mm(at_ns)
    when_ns = motion.when_ns(way_mm)
    assert motion.way_mm(when_ns) == pytest.approx(way_mm, abs=2e-5, rel=1e-9)
    # Where the belt stands the way is reached before, never after.
    assert when_ns <= at_ns + 100
    if motion.way_mm(at_ns - 1_000_000) < way_mm:
        assert when_ns > at_ns - 1_000_100


@given(motion=motions(), times_s=st.lists(st.floats(-1, 60), min_size=2))
def test_the_belt_never_goes_back_nor_faster_than_it_may(motion: Motion, times_s: list[float]) -> None:
    times_ns = sorted(motion.start_ns + round(time_s * S) for time_s in times_s)
    ways = [motion.way_mm(max(0, at_ns)) for at_ns in times_ns]
    assert all(before <= after + 1e-6 for before, after in pairwise(ways))
    assert ways[0] >= 0


@given(motion=motions(), at_s=st.floats(0.01, 60))
def test_the_speed_is_how_the_way_changes(motion: Motion, at_s: float) -> None:
    at_ns = motion.start_ns + round(at_s * S)
    step_ns = 100_000
    speeds = [motion.speed_mm_s(at_ns + apart_ns) for apart_ns in (-step_ns, 0, step_ns)]
    if max(speeds) - min(speeds) < 0.001 * max(speeds):  # not over the edge of a stop
        gone_mm = motion.way_mm(at_ns + step_ns) - motion.way_mm(at_ns - step_ns)
        assert gone_mm / (2 * step_ns / S) == pytest.approx(speeds[1], rel=2e-3, abs=1e-2)


def test_a_steady_belt_goes_its_speed_from_its_start() -> None:
    motion = Motion(250, 2 * S)
    assert [motion.way_mm(at_s * S) for at_s in (0, 2, 3, 6)] == [0, 0, 250, 1000]
    assert motion.when_ns(500) == 4 * S
    assert motion.when_ns(-3) == 2 * S
    assert [motion.speed_mm_s(at_s * S) for at_s in (1, 2, 9)] == [0, 250, 250]


@given(seed=st.integers(0, 99), jitter=st.sampled_from([0.01, 0.1, 0.5]))
def test_jitter_wanders_by_its_share_and_comes_to_nothing_in_the_long_run(seed: int, jitter: float) -> None:
    motion = Motion(100, jitter=jitter, seed=seed)
    speeds = [motion.speed_mm_s(at * S // 10) for at in range(1000)]
    assert 100 * (1 - jitter) <= min(speeds) < 100 * (1 - jitter / 3)
    assert 100 * (1 + jitter / 3) < max(speeds) <= 100 * (1 + jitter)
    assert motion.way_mm(3600 * S) == pytest.approx(360_000, abs=200 * jitter)


def test_faults_stop_and_slow_and_hurry_the_belt() -> None:
    faults = (
        Fault(kind="belt-stands", at_s=1, for_s=2),
        Fault(kind="belt-slips", at_s=5, for_s=1, amount=0.5),
        Fault(kind="belt-fast", at_s=7, for_s=1, amount=0.2),
        Fault(kind="emergency-stop", at_s=9, for_s=1),
        Fault(kind="belt-stands-unseen", at_s=20, for_s=1),
    )
    motion = Motion(100, factors=belt_factors(Faults(faults, 0)))
    ways = [motion.way_mm(at_s * S) for at_s in (1, 3, 5, 6, 7, 8, 9, 11, 12, 20, 21)]
    # The emergency stop lets go only with the reset, a second after it was released.
    assert ways == pytest.approx([100, 100, 300, 350, 450, 570, 670, 670, 770, 1570, 1570])
    assert motion.stands() == [(1 * S, 3 * S), (9 * S, 11 * S), (20 * S, 21 * S)]
    assert motion.when_ns(100) == 1 * S
    assert motion.when_ns(100.001) > 3 * S
