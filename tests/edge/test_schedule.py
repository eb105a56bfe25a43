"""The schedule: rides in, pulses out, each once, in time, and never over the middle of the way to a stranger."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.config import Belt, Bin, CodeSignal, FolderCamera, RecorderOutputs, Station
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Code, Pulse, Recall
from sortline_edge.schedule import HELD_BACK_NS, Ride, Scheduler

MS = 1_000_000
SPEED_MM_S = 250.0
BINS = (
    Bin(name="a", classes=("a",), line=1, distance_mm=250, delay_ms=20, dwell_ms=150),
    Bin(name="b", classes=("b",), line=2, distance_mm=400, delay_ms=0, dwell_ms=300),
    Bin(name="c", classes=("c",), line=3, distance_mm=700, delay_ms=75, dwell_ms=80),
)
ROUNDING_NS = 3

gaps_ms = st.integers(5, 900)
bins = st.sampled_from([None, *BINS])
belts = st.lists(st.tuples(gaps_ms, bins), min_size=1, max_size=12)


def station_of(*bins: Bin, signal: CodeSignal | None = None) -> Station:
    camera, outputs, belt = FolderCamera(path="none"), RecorderOutputs(), Belt(speed_mm_s=SPEED_MM_S, mm_per_px=0.5)
    made = Station(name="test", bundle="none", camera=camera, belt=belt, bins=bins, outputs=outputs)
    return made if signal is None else msgspec.structs.replace(made, signal=signal)


def new_scheduler(*bins: Bin, signal: CodeSignal | None = None) -> Scheduler:
    return Scheduler(station_of(*(bins or BINS), signal=signal), Odometer(SPEED_MM_S, 0))


def riding(item: int, middle_ms: float, bin_: Bin | None) -> Ride:
    """An item whose middle passes the picture's at a time, on a belt that goes at its speed."""
    return Ride(item, middle_ms * SPEED_MM_S / 1e3, bin_)


def rides_of(belt: list[tuple[int, Bin | None]]) -> list[Ride]:
    rides, middle_ms = [], 0
    for item, (gap_ms, bin_) in enumerate(belt):
        middle_ms += gap_ms
        rides.append(riding(item, middle_ms, bin_))
    return rides


def arrival_ns(way_mm: float, bin_: Bin) -> float:
    return 1e9 * (way_mm + bin_.distance_mm) / SPEED_MM_S


def command_ns(ride: Ride, bin_: Bin) -> int:
    """When the command goes out for a pulse that nothing trims."""
    return round(arrival_ns(ride.way_mm, bin_)) - round(bin_.delay_ms * MS) - round(bin_.dwell_ms * MS / 2)


def drain(scheduler: Scheduler, now_ns: int, step_ns: int) -> Iterator[tuple[int, Pulse]]:
    while scheduler.waiting:
        for command in scheduler.due(now_ns).commands:
            assert isinstance(command, Pulse)
            yield now_ns, command
        now_ns += step_ns


@given(belt=belts, order=st.randoms(use_true_random=False), step_ms=st.integers(5, 140))
def test_a_gate_is_open_for_its_item_and_for_no_stranger(
    belt: list[tuple[int, Bin | None]], order, step_ms: int
) -> None:
    rides = rides_of(belt)
    scheduler = new_scheduler()
    shuffled = order.sample(rides, len(rides))
    assert all(scheduler.plan(ride, 0) for ride in shuffled)
    handed = [pulse for _, pulse in drain(scheduler, 0, step_ms * MS)]
    assert sorted(pulse.item for pulse in handed) == [ride.item for ride in rides if ride.bin]
    for pulse in handed:
        ride = rides[pulse.item]
        assert ride.bin is not None
        assert pulse.line == ride.bin.line
        opens_ns, closes_ns = (at_ns + ride.bin.delay_ms * MS for at_ns in (pulse.on_ns, pulse.off_ns))
        assert opens_ns <= arrival_ns(ride.way_mm, ride.bin) + ROUNDING_NS
        assert arrival_ns(ride.way_mm, ride.bin) < closes_ns
        assert pulse.off_ns - pulse.on_ns <= ride.bin.dwell_ms * MS
        for other in rides:
            half_way_ns = arrival_ns((ride.way_mm + other.way_mm) / 2, ride.bin)
            if other.bin is not ride.bin and other.way_mm < ride.way_mm:
                assert opens_ns >= half_way_ns - ROUNDING_NS
            if other.bin is not ride.bin and other.way_mm > ride.way_mm:
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
    scheduler = new_scheduler()
    planned, handed, now_ns = set(), [], 0
    scheduler.due(-step_ms * MS)  # no item is planned in the first frame that shows it
    decided_ns = {
        ride.item: round(1e9 * ride.way_mm / SPEED_MM_S) + lead * MS
        for ride, lead in zip(rides, leads_ms, strict=False)
    }
    while decided_ns or scheduler.waiting:
        for ride in rides:
            if decided_ns.get(ride.item, now_ns + 1) <= now_ns:
                del decided_ns[ride.item]
                timely = scheduler.plan(ride, now_ns)
                assert timely == (ride.bin is None or command_ns(ride, ride.bin) >= now_ns)
                if timely and ride.bin:
                    planned.add(ride.item)
        for command in scheduler.due(now_ns).commands:
            if isinstance(command, Recall):  # a stranger was decided on since, and needs the gate closed
                handed.remove(command.item)
                continue
            assert command.on_ns >= now_ns
            if 2 * step_ms * MS <= HELD_BACK_NS:
                untrimmed_ns = command_ns(rides[command.item], rides[command.item].bin)
                assert untrimmed_ns - now_ns <= HELD_BACK_NS
            handed.append(command.item)
        now_ns += step_ms * MS
    assert sorted(handed) == sorted(planned)


def test_a_pulse_is_held_back_until_its_time_and_no_longer() -> None:
    scheduler = new_scheduler()
    ride = riding(1, 0, BINS[0])
    scheduler.plan(ride, 0)
    on_ns = command_ns(ride, BINS[0])
    assert scheduler.due(on_ns - HELD_BACK_NS - 1) == ([], [])
    assert scheduler.waiting == 1
    assert [pulse.on_ns for pulse in scheduler.due(on_ns - HELD_BACK_NS).commands] == [on_ns]
    assert scheduler.waiting == 0
    assert scheduler.due(on_ns) == ([], [])


def test_a_late_item_gets_no_pulse_but_keeps_strangers_gates_off_it() -> None:
    scheduler = new_scheduler()
    late, next_ = riding(1, 0, BINS[0]), riding(2, 100, BINS[1])
    assert not scheduler.plan(late, command_ns(late, BINS[0]) + 1)
    assert scheduler.plan(next_, 0)
    ((_, pulse),) = drain(scheduler, 0, MS)
    assert pulse.item == 2
    assert pulse.on_ns == arrival_ns(50 * SPEED_MM_S / 1e3, BINS[1])


def test_neighbours_for_one_bin_share_its_open_gate() -> None:
    scheduler = new_scheduler()
    for item in (1, 2):
        scheduler.plan(riding(item, 10 * item, BINS[1]), 0)
    pulses = [pulse for _, pulse in drain(scheduler, 0, MS)]
    assert [pulse.off_ns - pulse.on_ns for pulse in pulses] == [300 * MS, 300 * MS]


def test_pulses_come_in_the_order_they_begin() -> None:
    scheduler = new_scheduler()
    for item, middle_ms in enumerate((90, 10, 50)):
        scheduler.plan(riding(item, middle_ms, BINS[0]), 0)
    assert [pulse.item for pulse in scheduler.due(950 * MS).commands] == [1, 2, 0]


@pytest.mark.parametrize("apart_ms", [0, 5])
def test_side_by_side_for_two_bins_both_still_meet_their_open_gate(apart_ms: int) -> None:
    scheduler = new_scheduler()
    rides = (riding(1, 0, BINS[0]), riding(2, apart_ms, BINS[1]))
    for ride in rides:
        assert scheduler.plan(ride, 0)
    for _, pulse in drain(scheduler, 0, MS):
        ride = rides[pulse.item - 1]
        assert ride.bin is not None
        assert pulse.on_ns <= arrival_ns(ride.way_mm, ride.bin) - ride.bin.delay_ms * MS < pulse.off_ns


def test_a_belt_that_stands_takes_its_items_gates_along() -> None:
    scheduler = new_scheduler()
    ride = riding(1, 0, BINS[0])
    scheduler.plan(ride, 0)
    on_ns = command_ns(ride, BINS[0])
    (sent,), _ = scheduler.due(on_ns - 200 * MS)
    scheduler.odometer.stand(on_ns - 100 * MS)
    assert scheduler.due(on_ns - 100 * MS) == ([Recall(item=1)], [])
    assert scheduler.due(on_ns + 5_000 * MS) == ([], [])
    scheduler.odometer.go(on_ns + 9_900 * MS)
    (again,), _ = scheduler.due(on_ns + 9_900 * MS)
    assert isinstance(sent, Pulse)
    assert again == msgspec.structs.replace(sent, on_ns=sent.on_ns + 10_000 * MS, off_ns=sent.off_ns + 10_000 * MS)


def test_a_pulse_that_the_belts_speed_has_moved_is_sent_anew() -> None:
    scheduler = new_scheduler()
    scheduler.plan(riding(1, 0, BINS[0]), 0)
    on_ns = command_ns(riding(1, 0, BINS[0]), BINS[0])
    (sent,), _ = scheduler.due(on_ns - 290 * MS)
    scheduler.odometer.pace(SPEED_MM_S / 2, on_ns - 200 * MS)
    recall, mended = scheduler.due(on_ns - 200 * MS).commands
    assert recall == Recall(item=1)
    assert isinstance(sent, Pulse)
    assert isinstance(mended, Pulse)
    # What was still to go takes twice as long; delay and dwell stay what they are.
    left_ns = 200 * MS + (BINS[0].delay_ms + BINS[0].dwell_ms / 2) * MS
    assert mended.on_ns - sent.on_ns == pytest.approx(left_ns, abs=ROUNDING_NS)
    assert scheduler.due(on_ns - 190 * MS) == ([], [])


def test_a_stranger_decided_on_late_still_shortens_the_gate_before_it() -> None:
    scheduler = new_scheduler()
    scheduler.plan(riding(1, 0, BINS[1]), 0)
    on_ns = command_ns(riding(1, 0, BINS[1]), BINS[1])
    (sent,), _ = scheduler.due(on_ns - 290 * MS)
    scheduler.plan(riding(2, 100, BINS[2]), on_ns - 280 * MS)
    commands = scheduler.due(on_ns - 270 * MS).commands
    assert isinstance(sent, Pulse)
    assert commands[:2] == [Recall(item=1), msgspec.structs.replace(sent, off_ns=sent.off_ns - 100 * MS)]


@pytest.mark.parametrize(("shortest_ms", "sent"), [(99.0, [1, 2]), (101.0, [])])
def test_what_its_gate_cannot_open_long_enough_for_is_let_pass(shortest_ms: float, sent: list[int]) -> None:
    far, near = (msgspec.structs.replace(bin_, shortest_ms=shortest_ms, dwell_ms=200.0) for bin_ in (BINS[0], BINS[1]))
    scheduler = new_scheduler(far, near)
    scheduler.plan(riding(1, 0, far), 0)
    scheduler.plan(riding(2, 1, near), 0)  # side by side: half of each opening is left
    due = [scheduler.due(now_ms * MS) for now_ms in range(0, 2000, 10)]
    assert [command.item for one in due for command in one.commands if isinstance(command, Pulse)] == sent
    assert sorted(sent + [item for one in due for item in one.too_close]) == [1, 2]


def test_a_gate_that_cannot_open_again_so_soon_stays_open_for_the_next_of_its_own() -> None:
    slow = msgspec.structs.replace(BINS[0], rest_ms=400.0)
    scheduler = new_scheduler(slow, BINS[1])
    for item, middle_ms in enumerate((0, 200)):
        scheduler.plan(riding(item, middle_ms, slow), 0)
    first, second = (pulse for _, pulse in drain(scheduler, 0, MS))
    assert second.on_ns == first.off_ns


def test_a_gate_that_cannot_open_again_so_soon_lets_its_own_pass_behind_a_stranger() -> None:
    slow = msgspec.structs.replace(BINS[0], rest_ms=400.0)
    scheduler = new_scheduler(slow, BINS[1])
    for item, (middle_ms, bin_) in enumerate([(0, slow), (100, BINS[1]), (200, slow)]):
        scheduler.plan(riding(item, middle_ms, bin_), 0)
    due = [scheduler.due(now_ms * MS) for now_ms in range(0, 3000, 10)]
    assert sorted(command.item for one in due for command in one.commands if isinstance(command, Pulse)) == [0, 1]
    assert [item for one in due for item in one.too_close] == [2]


@given(belt=belts, step_ms=st.integers(5, 100))
def test_codes_are_said_for_every_item_each_half_way_from_the_one_before(
    belt: list[tuple[int, Bin | None]], step_ms: int
) -> None:
    coded = [
        msgspec.structs.replace(bin_, line=None, code=bin_.line, distance_mm=300.0, delay_ms=20.0) for bin_ in BINS
    ]
    named = {bin_.name: bin_ for bin_ in coded}
    rides = [
        Ride(ride.item, ride.way_mm, None if ride.bin is None else named[ride.bin.name]) for ride in rides_of(belt)
    ]
    scheduler = new_scheduler(*coded, signal=CodeSignal(lines=(1, 2), reject_code=0))
    for ride in rides:
        assert scheduler.plan(ride, 0)
    said: list[Code] = []
    now_ns = 0
    while scheduler.waiting:
        said += [command for command in scheduler.due(now_ns).commands if isinstance(command, Code)]
        now_ns += step_ms * MS
    said.sort(key=lambda code: code.at_ns)
    assert [code.item for code in said] == [ride.item for ride in rides]
    assert [code.value for code in said] == [(ride.bin.code if ride.bin else 0) for ride in rides]
    for code, ride, before in zip(said[1:], rides[1:], rides, strict=False):
        like = ride.bin or coded[0]
        assert code.at_ns <= arrival_ns(ride.way_mm, like) - like.delay_ms * MS + ROUNDING_NS
        half_way_ns = arrival_ns((ride.way_mm + before.way_mm) / 2, like) - like.delay_ms * MS
        assert code.at_ns >= half_way_ns - ROUNDING_NS


def test_a_halt_forgets_what_has_not_begun_but_keeps_strangers_gates_off_it() -> None:
    scheduler = new_scheduler()
    scheduler.plan(riding(1, 0, BINS[0]), 0)
    assert scheduler.clear(0) == [1]
    assert scheduler.waiting == 0
    scheduler.plan(riding(2, 100, BINS[1]), 0)
    ((_, pulse),) = drain(scheduler, 0, MS)
    assert pulse.on_ns == arrival_ns(50 * SPEED_MM_S / 1e3, BINS[1])


def test_a_halt_forgets_what_was_handed_over_too_even_when_the_belt_stands_and_goes_again() -> None:
    scheduler = new_scheduler()
    scheduler.plan(riding(1, 0, BINS[0]), 0)
    on_ns = command_ns(riding(1, 0, BINS[0]), BINS[0])
    assert len(scheduler.due(on_ns - 100 * MS).commands) == 1
    assert scheduler.clear(on_ns - 90 * MS) == [1]
    scheduler.odometer.stand(on_ns - 80 * MS)
    assert scheduler.due(on_ns - 70 * MS) == ([], [])
    scheduler.odometer.go(on_ns + 500 * MS)
    assert scheduler.due(on_ns + 510 * MS) == ([], [])
    assert scheduler.waiting == 0


def test_a_stranger_decided_on_late_and_too_near_has_the_gate_before_it_recalled() -> None:
    slow = msgspec.structs.replace(BINS[1], shortest_ms=200.0)
    scheduler = new_scheduler(slow, BINS[2])
    scheduler.plan(riding(1, 0, slow), 0)
    on_ns = command_ns(riding(1, 0, slow), slow)
    assert [command.item for command in scheduler.due(on_ns - 290 * MS).commands] == [1]
    scheduler.plan(riding(2, 50, BINS[2]), on_ns - 280 * MS)
    commands, too_close = scheduler.due(on_ns - 270 * MS)
    assert (commands, too_close) == ([Recall(item=1)], [1])
