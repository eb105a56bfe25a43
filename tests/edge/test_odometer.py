"""The way of the belt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.odometer import Odometer

START_NS = 7_000_000_000_000
MS = 1_000_000

# What can happen to a belt: what, how many ms later, and a number that goes with it (mm read, or a speed).
happenings = st.lists(
    st.tuples(st.sampled_from(["read", "pace", "stand", "go"]), st.integers(0, 700), st.floats(1, 300)), max_size=30
)


def apply(odometer: Odometer, what: str, number: float, at_ns: int) -> None:
    if what in ("read", "pace"):
        getattr(odometer, what)(number, at_ns)
    else:
        getattr(odometer, what)(at_ns)


@given(happenings)
def test_the_belt_never_goes_back_and_its_past_stays_what_it_was(events: list[tuple[str, int, float]]) -> None:
    odometer, now_ns = Odometer(250, START_NS), START_NS
    settled_ns = known_ns = START_NS
    past, standing = {START_NS: 0.0}, False
    for what, after_ms, number in events:
        before_ns, now_ns = now_ns, now_ns + after_ms * MS
        nothing_new = what == ("stand" if standing else "go")
        standing = what == "stand" or (standing and what != "go")
        if now_ns > known_ns and not nothing_new:
            # A reading may mend what was between the newest and itself.
            settled_ns, known_ns = known_ns, now_ns
        apply(odometer, what, number, now_ns)
        for at_ns, way in past.items():
            if at_ns < settled_ns or what != "read":
                assert odometer.way_mm(at_ns) == pytest.approx(way, abs=1e-6)
        past = {at_ns: odometer.way_mm(at_ns) for at_ns in (*past, (before_ns + now_ns) // 2, now_ns)}
        ways = [odometer.way_mm(now_ns + ms * MS) for ms in range(-1500, 1500, 100)]
        assert ways == sorted(ways)


@given(happenings, st.floats(-500, 3000))
def test_when_and_way_agree(events: list[tuple[str, int, float]], way_mm: float) -> None:
    odometer, now_ns = Odometer(250, START_NS), START_NS
    for what, after_ms, number in events:
        now_ns += after_ms * MS
        apply(odometer, what, number, now_ns)
    at_ns = odometer.when_ns(way_mm)
    if at_ns is None:
        assert odometer.speed_mm_s == 0
        assert odometer.way_mm(now_ns + 10**12) < way_mm
    elif at_ns > now_ns or odometer.way_mm(at_ns) <= way_mm + 1:
        # Rounded to a nanosecond. Two readings at the same instant are a jump, which has no time of its own.
        assert odometer.way_mm(at_ns) == pytest.approx(way_mm, abs=1e-3)
        assert odometer.way_mm(at_ns - 1000) <= way_mm


@given(st.floats(10, 2000), st.integers(0, 10**15), st.integers(0, 10_000))
def test_without_readings_it_goes_at_its_speed_from_its_start(speed: float, start_ns: int, ms: int) -> None:
    odometer = Odometer(speed, start_ns)
    assert odometer.way_mm(start_ns) == 0
    assert odometer.way_mm(start_ns + ms * MS) == pytest.approx(speed * ms / 1000)


def test_the_first_reading_is_held_against_the_start_not_against_time_zero() -> None:
    odometer = Odometer(250, START_NS)
    odometer.read(30, START_NS + 100 * MS)
    assert odometer.speed_mm_s == pytest.approx(300)
    assert odometer.way_mm(START_NS + 200 * MS) == pytest.approx(60)


@given(st.floats(50, 1000), st.lists(st.integers(10, 100), min_size=5, max_size=40))
def test_readings_give_the_true_way_and_speed_whatever_speed_was_set(speed: float, pauses_ms: list[int]) -> None:
    odometer, at_ns = Odometer(250, START_NS), START_NS
    for pause_ms in pauses_ms:
        at_ns += pause_ms * MS
        odometer.read(speed * pause_ms / 1000, at_ns)
    assert odometer.speed_mm_s == pytest.approx(speed)
    for ms in range(0, 500, 50):
        assert odometer.way_mm(at_ns + ms * MS) == pytest.approx(speed * (sum(pauses_ms) + ms) / 1000)


def test_a_reading_after_a_stop_does_not_count_the_way_before_it_twice() -> None:
    odometer = Odometer(250, START_NS)
    odometer.read(25, START_NS + 100 * MS)
    odometer.stand(START_NS + 200 * MS)
    odometer.read(25, START_NS + 200 * MS)
    assert odometer.way_mm(START_NS + 900 * MS) == pytest.approx(50)


def test_a_belt_that_stands_carries_nothing_on_until_it_goes() -> None:
    odometer = Odometer(250, START_NS)
    odometer.stand(START_NS + 1000 * MS)
    assert (odometer.speed_mm_s, odometer.when_ns(251)) == (0, None)
    assert odometer.when_ns(250) == START_NS + 1000 * MS
    odometer.go(START_NS + 5000 * MS)
    assert odometer.way_mm(START_NS + 5000 * MS) == 250
    assert odometer.when_ns(500) == START_NS + 6000 * MS
    assert odometer.when_ns(250) == START_NS + 1000 * MS


def test_the_speed_after_a_stop_is_measured_from_then_on() -> None:
    odometer = Odometer(250, START_NS)
    odometer.read(100, START_NS + 1000 * MS)
    odometer.stand(START_NS + 1000 * MS)
    odometer.go(START_NS + 5000 * MS)
    odometer.read(10, START_NS + 5100 * MS)
    assert odometer.speed_mm_s == pytest.approx(100)


def test_another_pace_holds_from_when_it_was_told() -> None:
    odometer = Odometer(250, START_NS)
    odometer.pace(100, START_NS + 1000 * MS)
    assert odometer.way_mm(START_NS + 2000 * MS) == pytest.approx(350)


def test_a_day_of_readings_is_not_kept() -> None:
    odometer = Odometer(250, 0)
    for second in range(1, 1000):
        odometer.read(250, second * 1000 * MS)
    assert odometer.way_mm(900_500 * MS) == pytest.approx(250 * 900.5)
    kept: Any = vars(odometer)["_times"]
    assert len(kept) < 300
