"""The schedule of pulses: times in, levels and reports out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.outputs.pulses import Schedule
from sortline_edge.outputs.step import Step
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import MadeSafe, Pulse, Report, Suppressed, Switched

LATE_NS = 5
LINES = (5, 6)


def pulse(on_ns: int, off_ns: int, line: int = 5, item: int = 0) -> Pulse:
    return Pulse(line=line, on_ns=on_ns, off_ns=off_ns, item=item)


class Bench:
    """A schedule, the levels its steps led to and all it reported."""

    def __init__(self, heartbeat_ns: int = 10**9) -> None:
        self.schedule = Schedule(Wiring(LINES), late_ns=LATE_NS, heartbeat_ns=heartbeat_ns)
        self.levels = dict.fromkeys(LINES, False)
        self.reports: list[Report] = []

    def do(self, step: Step) -> None:
        self.levels |= step.levels
        self.reports += step.reports

    def run_to_the_end(self) -> None:
        while (due_ns := self.schedule.next_ns) is not None:
            self.do(self.schedule.advance(due_ns))
            assert self.schedule.next_ns != due_ns

    @property
    def begun(self) -> list[int | None]:
        return [report.item for report in self.reports if isinstance(report, Switched) and report.active]

    @property
    def suppressed(self) -> list[int]:
        return [report.item for report in self.reports if isinstance(report, Suppressed)]


spans = st.tuples(st.sampled_from(LINES), st.integers(0, 100), st.integers(1, 40))
# Per call: how long after the one before, and the pulses handed over before it.
calls = st.lists(st.tuples(st.integers(0, 20), st.lists(spans, max_size=3)), max_size=20)


@given(calls)
def test_lines_are_active_exactly_while_a_begun_pulse_lasts(plan: list[tuple[int, list[Any]]]) -> None:
    bench, pulses, now_ns = Bench(), [], 0
    for gap_ns, sent in plan:
        now_ns += gap_ns
        for line, on_ns, length_ns in sent:
            pulses.append(pulse(on_ns, on_ns + length_ns, line, item=len(pulses)))
            bench.schedule.accept(pulses[-1])
        bench.do(bench.schedule.advance(now_ns))
        lasting = {pulses[item].line for item in bench.begun if pulses[item].on_ns <= now_ns < pulses[item].off_ns}
        assert {line for line, active in bench.levels.items() if active} == lasting
    bench.run_to_the_end()
    assert not any(bench.levels.values())
    assert sorted(bench.begun + bench.suppressed) == list(range(len(pulses)))


@given(st.lists(spans, max_size=20))
def test_pulses_known_in_time_are_never_late(plan: list[Any]) -> None:
    bench = Bench()
    for item, (line, on_ns, length_ns) in enumerate(plan):
        bench.schedule.accept(pulse(on_ns, on_ns + length_ns, line, item))
    bench.run_to_the_end()
    assert sorted(bench.begun) == list(range(len(plan)))
    assert all(report.late_ns == 0 for report in bench.reports if isinstance(report, Switched))


@given(calls, st.integers(0, 60))
def test_after_make_safe_nothing_is_active_ever_again(plan: list[tuple[int, list[Any]]], now_ns: int) -> None:
    bench = Bench()
    for _, sent in plan:
        for line, on_ns, length_ns in sent:
            bench.schedule.accept(pulse(on_ns, on_ns + length_ns, line))
    bench.do(bench.schedule.advance(now_ns))
    step = bench.schedule.make_safe(now_ns, "why not")
    assert step.levels == dict.fromkeys(LINES, False)
    assert step.reports[-1] == MadeSafe(at_ns=now_ns, reason="why not")
    assert bench.schedule.next_ns is None
    assert bench.schedule.advance(10**6) == Step()
    assert bench.schedule.make_safe(now_ns, "again") == Step()
    with pytest.raises(ValueError, match="made safe"):
        bench.schedule.accept(pulse(10**6, 10**6 + 1))


def test_overlapping_pulses_of_a_line_are_one() -> None:
    bench = Bench()
    bench.schedule.accept(pulse(10, 30, item=1))
    bench.schedule.accept(pulse(20, 40, item=2))
    steps = [bench.schedule.advance(now_ns) for now_ns in (10, 20, 30, 40)]
    assert [step.levels for step in steps] == [{5: True}, {}, {}, {5: False}]
    assert steps[3].reports == (Switched(line=5, active=False, at_ns=40, late_ns=0, item=2),)


@pytest.mark.parametrize(("now_ns", "begins"), [(10 + LATE_NS, True), (11 + LATE_NS, False)])
def test_a_pulse_begins_up_to_the_limit_late_and_not_later(now_ns: int, begins: bool) -> None:
    bench = Bench()
    bench.schedule.accept(pulse(10, 100, item=7))
    bench.do(bench.schedule.advance(now_ns))
    assert bench.levels[5] is begins
    assert bench.suppressed == ([] if begins else [7])


def test_a_pulse_whose_time_is_over_is_suppressed_however_short_it_was() -> None:
    bench = Bench()
    bench.schedule.accept(pulse(10, 12, item=7))
    bench.do(bench.schedule.advance(12))
    assert bench.reports == [Suppressed(item=7, late_ns=2)]


@pytest.mark.parametrize(("bad", "reason"), [(pulse(5, 5), "not after its begin"), (pulse(0, 5, line=9), "not one of")])
def test_a_pulse_that_cannot_be_is_refused(bad: Pulse, reason: str) -> None:
    bench = Bench()
    with pytest.raises(ValueError, match=reason):
        bench.schedule.accept(bad)
    assert bench.schedule.next_ns is None


def test_the_heartbeat_is_watched_from_the_first_beat_on() -> None:
    schedule = Schedule(Wiring(LINES), late_ns=LATE_NS, heartbeat_ns=100)
    assert not schedule.lost(10**6)
    schedule.beat(1000)
    assert schedule.next_ns == 1100
    assert not schedule.lost(1099)
    assert schedule.lost(1100)
