"""The schedule: rides in, pulses out, each once, in time, and never over the middle of the way to a stranger."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.config import Bin
from sortline_edge.ports import Pulse
from sortline_edge.schedule import HELD_BACK_NS, Ride, Scheduler

MS = 1_000_000
SPEED_MM_S = 250.0
BINS = (
    Bin(name="a", classes=("a",), line=1, distance_mm=250, delay_ms=20, dwell_ms=150),
    Bin(name="b", classes=("b",), line=2, distance_mm=400, delay_ms=0, dwell_ms=300),
    Bin(name="c", classes=("c",), line=3, distance_mm=700, delay_ms=75, dwell_ms=80),
)
HORIZON_NS = 4_000 * MS
ROUNDING_NS = 2

gaps_ms = st.integers(5, 900)
bins = st.sampled_from([None, *BINS])
belts = st.lists(st.tuples(gaps_ms, bins), min_size=1, max_size=12)


def rides_of(belt: list[tuple[int, Bin | None]]) -> list[Ride]:
    rides, middle_ns = [], 0
    for item, (gap_ms, bin_) in enumerate(belt):
        middle_ns += gap_ms * MS
        rides.append(Ride(item, middle_ns, bin_))
    return rides


def arrival_ns(middle_ns: float, bin_: Bin) -> float:
    return middle_ns + 1e9 * bin_.distance_mm / SPEED_MM_S


def command_ns(ride: Ride, bin_: Bin) -> int:
    """When the command goes out for a pulse that nothing trims."""
    return round(arrival_ns(ride.middle_ns, bin_) - bin_.dwell_ms * MS / 2 - bin_.delay_ms * MS)


def drain(scheduler: Scheduler, now_ns: int, step_ns: int) -> Iterator[tuple[int, Pulse]]:
    while scheduler.waiting:
        for pulse in scheduler.due(now_ns):
            yield now_ns, pulse
        now_ns += step_ns


@given(belt=belts, order=st.randoms(use_true_random=False), step_ms=st.integers(5, 140))
def test_a_gate_is_open_for_its_item_and_for_no_stranger(
    belt: list[tuple[int, Bin | None]], order, step_ms: int
) -> None:
    rides = rides_of(belt)
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    shuffled = order.sample(rides, len(rides))
    assert all(scheduler.plan(ride, 0) for ride in shuffled)
    handed = [pulse for _, pulse in drain(scheduler, 0, step_ms * MS)]
    assert sorted(pulse.item for pulse in handed) == [ride.item for ride in rides if ride.bin]
    for pulse in handed:
        ride = rides[pulse.item]
        assert ride.bin is not None
        assert pulse.line == ride.bin.line
        opens_ns, closes_ns = (at_ns + ride.bin.delay_ms * MS for at_ns in (pulse.on_ns, pulse.off_ns))
        assert opens_ns <= arrival_ns(ride.middle_ns, ride.bin) + ROUNDING_NS
        assert arrival_ns(ride.middle_ns, ride.bin) < closes_ns
        assert pulse.off_ns - pulse.on_ns <= ride.bin.dwell_ms * MS
        for other in rides:
            half_way_ns = arrival_ns((ride.middle_ns + other.middle_ns) / 2, ride.bin)
            if other.bin is not ride.bin and other.middle_ns < ride.middle_ns:
                assert opens_ns >= half_way_ns - ROUNDING_NS
            if other.bin is not ride.bin and other.middle_ns > ride.middle_ns:
                assert closes_ns <= half_way_ns + ROUNDING_NS


@given(
    belt=belts,
    leads_ms=st.lists(st.integers(-200, 4000), min_size=12, max_size=12),
    step_ms=st.sampled_from([7, 40, 140, 400, 1100]),
)
def test_every_planned_pulse_is_handed_over_once_and_before_it_is_due(
    belt: list[tuple[int, Bin | None]], leads_ms: list[int], step_ms: int
) -> None:
    rides = rides_of(belt)
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    planned, handed, now_ns = set(), [], 0
    scheduler.due(-step_ms * MS)  # no item is planned in the first frame that shows it
    decided_ns = {ride.item: ride.middle_ns + lead * MS for ride, lead in zip(rides, leads_ms, strict=False)}
    while decided_ns or scheduler.waiting:
        for ride in rides:
            if decided_ns.get(ride.item, now_ns + 1) <= now_ns:
                del decided_ns[ride.item]
                timely = scheduler.plan(ride, now_ns)
                assert timely == (ride.bin is None or command_ns(ride, ride.bin) >= now_ns)
                if timely and ride.bin:
                    planned.add(ride.item)
        for pulse in scheduler.due(now_ns):
            assert pulse.on_ns >= now_ns
            if 2 * step_ms * MS <= HELD_BACK_NS:
                untrimmed_ns = command_ns(rides[pulse.item], rides[pulse.item].bin)
                assert untrimmed_ns - now_ns <= HELD_BACK_NS
            handed.append(pulse.item)
        now_ns += step_ms * MS
    assert sorted(handed) == sorted(planned)


def test_a_pulse_is_held_back_until_its_time_and_no_longer() -> None:
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    ride = Ride(1, 0, BINS[0])
    scheduler.plan(ride, 0)
    on_ns = command_ns(ride, BINS[0])
    assert scheduler.due(on_ns - HELD_BACK_NS - 1) == []
    assert scheduler.waiting == 1
    assert [pulse.on_ns for pulse in scheduler.due(on_ns - HELD_BACK_NS)] == [on_ns]
    assert scheduler.waiting == 0
    assert scheduler.due(on_ns) == []


def test_a_late_item_gets_no_pulse_but_keeps_strangers_gates_off_it() -> None:
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    late, next_ = Ride(1, 0, BINS[0]), Ride(2, 100 * MS, BINS[1])
    assert not scheduler.plan(late, command_ns(late, BINS[0]) + 1)
    assert scheduler.plan(next_, 0)
    ((_, pulse),) = drain(scheduler, 0, MS)
    assert pulse.item == 2
    assert pulse.on_ns == arrival_ns(50 * MS, BINS[1])


def test_neighbours_for_one_bin_share_its_open_gate() -> None:
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    for item in (1, 2):
        scheduler.plan(Ride(item, 10 * MS * item, BINS[1]), 0)
    pulses = [pulse for _, pulse in drain(scheduler, 0, MS)]
    assert [pulse.off_ns - pulse.on_ns for pulse in pulses] == [300 * MS, 300 * MS]


def test_pulses_come_in_the_order_they_begin() -> None:
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    for item, middle_ms in enumerate((90, 10, 50)):
        scheduler.plan(Ride(item, middle_ms * MS, BINS[0]), 0)
    assert [pulse.item for pulse in scheduler.due(1000 * MS)] == [1, 2, 0]


@pytest.mark.parametrize("apart_ms", [0, 5])
def test_side_by_side_for_two_bins_both_still_meet_their_open_gate(apart_ms: int) -> None:
    scheduler = Scheduler(SPEED_MM_S, HORIZON_NS)
    rides = (Ride(1, 0, BINS[0]), Ride(2, apart_ms * MS, BINS[1]))
    for ride in rides:
        assert scheduler.plan(ride, 0)
    for _, pulse in drain(scheduler, 0, MS):
        ride = rides[pulse.item - 1]
        assert ride.bin is not None
        assert pulse.on_ns <= arrival_ns(ride.middle_ns, ride.bin) - ride.bin.delay_ms * MS < pulse.off_ns
