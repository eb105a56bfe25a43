"""What the wires say of the simulated belt: edges and counts, in time order, at their true times."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.config import Fault
from sortline_edge.ports import Counted, Edge, Pulse, Report

S, MS = 1_000_000_000, 1_000_000
EYE_MM = -250.0


def edges(heard: list[Report], line: int) -> list[tuple[int, bool]]:
    """Time and level of each edge of a line."""
    return [(report.at_ns, report.active) for report in heard if isinstance(report, Edge) and report.line == line]


def counts(heard: list[Report]) -> list[tuple[int, int]]:
    return [(report.at_ns, report.count) for report in heard if isinstance(report, Counted)]


def when(world: Any, middle_mm: float) -> int:
    return int(world.motion.when_ns(middle_mm))


kinds = st.sampled_from(["eye-covered", "eye-free", "eye-glitches", "belt-stands", "belt-slips", "emergency-stop"])
some_faults = st.lists(
    st.builds(
        lambda kind, at_s, for_s: Fault(kind=kind, at_s=at_s, for_s=for_s), kinds, st.floats(0, 8), st.floats(0.001, 4)
    ),
    max_size=4,
)


@given(
    gaps_mm=st.lists(st.floats(1, 200), max_size=12),
    faults=some_faults,
    debounce_ms=st.sampled_from([0, 1, 5]),
    start_ns=st.sampled_from([0, 3 * S + 1]),
    every_s=st.sampled_from([0.02, 0.04, 0.2]),
)
def test_edges_alternate_and_come_in_time_order(
    world: Any, twin: Any, gaps_mm: list[float], faults: list[Fault], debounce_ms: float, start_ns: int, every_s: float
) -> None:
    station = twin.wired(world.station(), debounce_ms=debounce_ms)
    middles = [300 + sum(gaps_mm[: nth + 1]) for nth in range(len(gaps_mm))]
    belt = twin.world(station, twin.riders(middles), faults, start_ns, jitter=0.1, seed=4)
    heard = twin.listen(station, belt, 10, every_s=every_s)
    times = [report.at_ns for report in heard]
    assert times == sorted(times)
    for line in set(twin.lines.values()) - {twin.lines["encoder"]}:
        levels = [level for _, level in edges(heard, line)]
        assert all(before != after for before, after in pairwise(levels))
    assert [count for _, count in counts(heard)] == sorted({count for _, count in counts(heard)})


def test_the_level_of_every_input_is_told_at_the_start(world: Any, twin: Any) -> None:
    station = twin.wired(world.station(), code=True)
    heard = twin.listen(station, twin.world(station, start_ns=5 * S), 0.01)
    assert {report.line: report.active for report in heard if isinstance(report, Edge)} == {
        input_.line: name == "inputs.belt_running" for name, input_ in station.wired.items() if name != "inputs.encoder"
    }
    assert {report.at_ns for report in heard} == {5 * S}


def test_an_eye_is_covered_from_an_items_front_to_its_back(world: Any, twin: Any) -> None:
    station = twin.wired(world.station(), eye_mm=EYE_MM)
    belt = twin.world(station, twin.riders([600, 640, 900]))
    # The second touches the first: to the eye they are one.
    assert edges(twin.listen(station, belt, 5), twin.lines["eye"]) == [
        (0, False),
        (when(belt, 600 + EYE_MM - 20), True),
        (when(belt, 640 + EYE_MM + 20), False),
        (when(belt, 900 + EYE_MM - 20), True),
        (when(belt, 900 + EYE_MM + 20), False),
    ]


def test_an_eye_beyond_the_gates_sees_only_what_is_left(world: Any, twin: Any) -> None:
    station = twin.wired(world.station(), eye_mm=800.0)
    faults = [Fault(kind="gate-open", at_s=0, for_s=4, bin="red bin"), Fault(kind="items-fall", at_s=0)]
    belt = twin.world(station, twin.riders([400, 800]), faults[:1])
    # At 2.8 s the first is at the first gate, which stays open; the second comes there at 4.4 s.
    assert [at_ns for at_ns, level in edges(twin.listen(station, belt, 9), twin.lines["eye"]) if level] == [
        when(belt, 800 + 800 - 20)
    ]


@pytest.mark.parametrize(
    ("debounce_ms", "kind", "expected"),
    [
        (0, "eye-covered", [(0, False), (1000, True), (3000, False)]),
        (20, "eye-covered", [(0, False), (1020, True), (3020, False)]),
        (0, "eye-free", [(0, False)]),
    ],
)
def test_a_stuck_eye_says_what_it_is_stuck_at(
    world: Any, twin: Any, debounce_ms: float, kind: Any, expected: list[tuple[int, bool]]
) -> None:
    station = twin.wired(world.station(), debounce_ms=debounce_ms)
    belt = twin.world(station, twin.riders([650]), [Fault(kind=kind, at_s=1, for_s=2)])
    assert edges(twin.listen(station, belt, 5), twin.lines["eye"]) == [(at * MS, level) for at, level in expected]


def test_glitches_are_seen_unless_the_input_is_debounced(world: Any, twin: Any) -> None:
    many = []
    for debounce_ms in (0, 3):
        station = twin.wired(world.station(), debounce_ms=debounce_ms)
        belt = twin.world(station, (), [Fault(kind="eye-glitches", at_s=1, for_s=10, amount=4)], seed=3)
        many.append(edges(twin.listen(station, belt, 12), twin.lines["eye"])[1:])
    assert 40 < len(many[0]) < 140
    assert many[1] == []
    assert all(S <= at_ns <= 11 * S + 2 * MS for at_ns, _ in many[0])


def test_the_encoder_counts_the_true_way_and_tells_it_ten_times_a_second(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    belt = twin.world(station, (), [Fault(kind="belt-stands", at_s=2, for_s=1)], jitter=0.2)
    told = counts(twin.listen(station, belt, 5))
    for at_ns, count in told:
        assert belt.motion.way_mm(at_ns) == pytest.approx(2 * count, abs=1e-4)
    pauses = [after - before for (before, _), (after, _) in pairwise(told)]
    assert sorted(pauses)[-2] <= 100 * MS
    assert max(pauses) == pytest.approx(S, abs=100 * MS)


@pytest.mark.parametrize(("kind", "amount", "share"), [("encoder-misses", 0.3, 0.7), ("encoder-extra", 0.3, 1.3)])
def test_a_noisy_encoder_counts_wrong_by_its_share(
    world: Any, twin: Any, kind: Any, amount: float, share: float
) -> None:
    station = twin.wired(world.station())
    belt = twin.world(station, (), [Fault(kind=kind, at_s=0, for_s=60, amount=amount)])
    assert counts(twin.listen(station, belt, 40))[-1][1] == pytest.approx(share * 40 * 250 / 2, rel=0.03)


def test_a_dead_encoder_says_nothing_and_goes_on_where_it_was(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    belt = twin.world(station, (), [Fault(kind="encoder-dead", at_s=1, for_s=3)])
    told = counts(twin.listen(station, belt, 6))
    assert not [at_ns for at_ns, _ in told if S <= at_ns < 4 * S]
    assert told[-1][1] == pytest.approx(3 * 250 / 2, abs=30)


def test_a_standing_belt_says_so_unless_that_is_the_fault(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    faults = [Fault(kind="belt-stands", at_s=1, for_s=2), Fault(kind="belt-stands-unseen", at_s=5, for_s=1)]
    heard = twin.listen(station, twin.world(station, (), faults), 8)
    assert edges(heard, twin.lines["running"]) == [(0, True), (1 * S, False), (3 * S, True)]


def test_an_emergency_stop_is_released_and_then_reset(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    heard = twin.listen(station, twin.world(station, (), [Fault(kind="emergency-stop", at_s=1, for_s=2)]), 8)
    assert edges(heard, twin.lines["stop"]) == [(0, False), (1 * S, True), (3 * S, False)]
    assert edges(heard, twin.lines["reset"]) == [(0, False), (4 * S, True), (4300 * MS, False)]
    assert edges(heard, twin.lines["running"]) == [(0, True), (1 * S, False), (4 * S, True)]


def test_a_bin_is_full_for_a_while(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    heard = twin.listen(station, twin.world(station, (), [Fault(kind="bin-full", at_s=1, for_s=2, bin="green bin")]), 4)
    assert edges(heard, twin.lines["full"] + 1) == [(0, False), (1 * S, True), (3 * S, False)]
    assert edges(heard, twin.lines["full"]) == [(0, False)]


@given(
    gaps_mm=st.lists(st.floats(60, 200), min_size=1, max_size=12),
    openings=st.lists(st.tuples(st.integers(0, 2), st.integers(500, 9000), st.integers(20, 1500)), max_size=8),
    faults=some_faults,
    spread_ms=st.sampled_from([0.0, 15.0]),
)
def test_each_item_lands_exactly_once_and_the_chute_eyes_see_it(
    world: Any,
    twin: Any,
    gaps_mm: list[float],
    openings: list[tuple[int, int, int]],
    faults: list[Fault],
    spread_ms: float,
) -> None:
    station = twin.wired(world.station())
    middles = [300 + sum(gaps_mm[: nth + 1]) for nth in range(len(gaps_mm))]
    belt = twin.world(station, twin.riders(middles), faults, gate_spread_ms=spread_ms, jitter=0.05)
    waiting = [
        Pulse(line=line, on_ns=on_ms * MS, off_ns=(on_ms + for_ms) * MS, item=nth)
        for nth, (line, on_ms, for_ms) in enumerate(openings)
    ]

    def act(outputs: Any, now_ns: int) -> None:
        outputs.send([pulse for pulse in waiting if now_ns <= pulse.on_ns < now_ns + 40 * MS])

    heard = twin.listen(station, belt, 40, act=act)
    fates = [belt.fate(item) for item in belt.traffic.riders]
    assert len(fates) == len(middles)
    assert set(fates) <= {*(bin_.name for bin_ in station.bins), station.reject}
    for nth, bin_ in enumerate(station.bins):
        seen = sum(level for _, level in edges(heard, twin.lines["chute"] + nth))
        landed = fates.count(bin_.name)
        assert seen <= landed  # two may fall past the eye as one
        assert (seen > 0) == (landed > 0)


def test_a_chute_eye_sees_an_item_some_time_after_its_gate(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    faults = [
        Fault(kind="gate-open", at_s=0, for_s=20, bin="green bin"),
        Fault(kind="chute-eye-dead", at_s=5, for_s=2, bin="green bin"),
        Fault(kind="chute-blocked", at_s=8, for_s=1, bin="green bin"),
    ]
    belt = twin.world(station, twin.riders([400, 900]), faults)
    first, gone, blocked, freed = edges(twin.listen(station, belt, 10), twin.lines["chute"] + 1)[1:]
    # The second comes to its gate at 5.2 s and is not seen.
    assert 80 * MS < first[0] - when(belt, 400 + 400) < 160 * MS
    assert gone[0] - first[0] == 60 * MS
    assert (blocked, freed) == ((8 * S, True), (9 * S, False))


def test_items_that_fall_off_land_nowhere(world: Any, twin: Any, coloured_items: Any) -> None:
    from sortline_edge.clocks import VirtualClock
    from sortline_edge.twin.world import LOST

    faults = (
        Fault(kind="items-fall", at_s=4, for_s=60, amount=0.5),
        Fault(kind="gate-open", at_s=0, for_s=100, bin="red bin"),
    )
    camera = twin.start(world.station(), coloured_items, VirtualClock(), count=60, faults=faults)
    twin.film(camera)
    fates = {rider.number: camera.world.fate(rider) for rider in camera.riders}
    assert set(fates.values()) == {LOST, "red bin"}
    before = [rider.number for rider in camera.riders if rider.middle_mm < 4 * 250]
    assert before
    assert all(fates[number] == "red bin" for number in before)
    assert 15 < list(fates.values()).count(LOST) < 45


def test_the_plc_answers_the_strobe_unless_it_is_silent(world: Any, twin: Any) -> None:
    station = twin.wired(world.station(), code=True)
    belt = twin.world(station, (), [Fault(kind="plc-silent", at_s=2, for_s=1)])
    belt.senses.open(0)
    said = []
    for at_ns, strobe in ((S, True), (S + 50 * MS, False), (2 * S, True), (2 * S + 50 * MS, False), (4 * S, True)):
        while (due_ns := belt.senses.next_ns(at_ns)) is not None:
            said += belt.senses.advance(due_ns)
        belt.senses.see({2: strobe, 0: True}, at_ns)
        belt.senses.see({1: strobe}, at_ns)
    while (due_ns := belt.senses.next_ns(5 * S)) is not None:
        said += belt.senses.advance(due_ns)
    rises = edges(said, twin.lines["acknowledge"])
    assert [level for _, level in rises] == [True, False, True]
    for (at_ns, _), asked_ns in zip(rises, (S, S + 50 * MS, 4 * S), strict=True):
        assert 4 * MS <= at_ns - asked_ns <= 10 * MS
