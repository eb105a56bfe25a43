"""When a gate of the simulated belt stood open."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.config import Bin, Fault
from sortline_edge.ports import Coded, MadeSafe, Suppressed, Switched
from sortline_edge.twin.faults import Faults
from sortline_edge.twin.gates import GateLog

S, MS = 1_000_000_000, 1_000_000
GATE = Bin(name="a", classes=("a",), line=1, distance_mm=1, delay_ms=30)


def switched(line: int, at_ms: int, *, active: bool, late_ns: int = 0) -> Switched:
    return Switched(line=line, active=active, at_ns=at_ms * MS, late_ns=late_ns)


def opened(log: GateLog, times_ms: tuple[int, ...], bin_: Bin = GATE) -> list[bool]:
    return [log.is_open(bin_, at_ms * MS) for at_ms in times_ms]


def test_a_gate_is_open_one_actuator_delay_after_its_line_is_active() -> None:
    log = GateLog()
    log.take([switched(1, 100, active=True), switched(1, 150, active=True)])
    log.take([switched(1, 200, active=False, late_ns=7), MadeSafe(at_ns=0, reason="end")])
    log.take([switched(1, 300, active=True), Suppressed(item=9, late_ns=99)])
    for delay_ms in (0, 30):
        bin_ = Bin(name="a", classes=("a",), line=1, distance_mm=1, delay_ms=delay_ms)
        times = tuple(at + delay_ms for at in (99, 100, 160, 199, 200, 299, 300, 9_999))
        assert opened(log, times, bin_) == [False, True, True, True, False, False, True, True]
    assert not log.is_open(Bin(name="b", classes=("b",), line=2, distance_mm=1), 150 * MS)
    assert log.worst_late_ns == 7


@given(
    spread_ms=st.floats(0, 20),
    seed=st.integers(0, 9),
    openings=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=1, max_size=20),
)
def test_a_gate_with_spread_is_open_where_none_could_miss_it(
    spread_ms: float, seed: int, openings: list[tuple[int, int]]
) -> None:
    log, at_ms, spans = GateLog(spread_ns=spread_ms * MS, seed=seed), 0, []
    for pause_ms, for_ms in openings:
        spans.append((at_ms + pause_ms, at_ms + pause_ms + for_ms))
        at_ms += pause_ms + for_ms
        log.take([switched(1, spans[-1][0], active=True), switched(1, spans[-1][1], active=False)])
    far_ms = 3 * spread_ms
    for at_ms in range(0, spans[-1][1] + 200, 7):
        open_ = log.is_open(GATE, at_ms * MS)
        if any(begin + 30 + far_ms <= at_ms < end + 30 - far_ms for begin, end in spans):
            assert open_
        if not any(begin + 30 - far_ms <= at_ms < end + 30 + far_ms for begin, end in spans):
            assert not open_


def test_delays_differ_from_opening_to_opening() -> None:
    log = GateLog(spread_ns=5 * MS, seed=1)
    opening_ms = []
    for nth in range(40):
        log.take([switched(1, 1000 * nth, active=True), switched(1, 1000 * nth + 500, active=False)])
        opening_ms.append(next(at for at in range(500) if log.is_open(GATE, (1000 * nth + at) * MS)))
    assert 25 <= sum(opening_ms) / 40 <= 36
    assert len(set(opening_ms)) > 8


def test_gates_that_are_dead_stuck_or_slow() -> None:
    faults = (
        Fault(kind="gate-dead", at_s=1, for_s=1, bin="a"),
        Fault(kind="gate-open", at_s=3, for_s=1, bin="a"),
        Fault(kind="gate-slow", at_s=5, for_s=1, bin="a", amount=50),
    )
    log = GateLog(Faults(faults, 0))
    for begin_ms in (500, 1500, 5100):
        log.take([switched(1, begin_ms, active=True), switched(1, begin_ms + 100, active=False)])
    assert opened(log, (550, 1550, 3500, 5140, 5190, 5290)) == [True, False, True, False, True, False]
    other = Bin(name="b", classes=("b",), line=1, distance_mm=1, delay_ms=30)
    assert opened(log, (1550, 3500, 5140), other) == [True, False, True]


def test_a_code_opens_its_bins_gate_until_the_next_code(world: Any, twin: Any) -> None:
    red, green, _ = twin.wired(world.station(), code=True).bins
    log = GateLog(Faults((Fault(kind="plc-silent", at_s=3, for_s=1),), 0))
    log.take(
        [
            Coded(value=value, at_ns=at_ms * MS, late_ns=2, item=1)
            for value, at_ms in ((1, 1000), (2, 2000), (0, 2500), (1, 3500))
        ]
    )
    assert opened(log, (1019, 1020, 2019, 2020, 3600), red) == [False, True, True, False, False]
    assert opened(log, (2019, 2020, 2519, 2520), green) == [False, True, True, False]
    assert log.worst_late_ns == 2
