"""The schedule with everything wired: pulses, codes, recalls, inputs and an emergency stop, in any order."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.config import CodeSignal, Input
from sortline_edge.outputs.pulses import Schedule
from sortline_edge.outputs.step import Step
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import (
    Answered,
    Code,
    Coded,
    Command,
    Edge,
    MadeSafe,
    Pulse,
    Recall,
    Report,
    Suppressed,
    Switched,
)

MS = 1_000_000
LATE_NS = 5 * MS
GATES, CODE, STROBE = (5, 6), (7, 8), 9
ACKNOWLEDGE, STOP, EYE = 20, 21, 22
STANDING = CodeSignal(lines=CODE, reject_code=3)
STROBED = CodeSignal(lines=CODE, strobe=STROBE, setup_ms=2, answer_ms=20)
ANSWERED = CodeSignal(lines=CODE, strobe=STROBE, acknowledge=Input(line=ACKNOWLEDGE), setup_ms=2, answer_ms=20)
AT_ONCE = CodeSignal(lines=CODE, strobe=STROBE, acknowledge=Input(line=ACKNOWLEDGE), setup_ms=0, answer_ms=20)


def pulse(on_ms: float, off_ms: float, line: int = 5, item: int = 0) -> Pulse:
    return Pulse(line=line, on_ns=round(on_ms * MS), off_ns=round(off_ms * MS), item=item)


def code(value: int, at_ms: float, item: int = 0) -> Code:
    return Code(value=value, at_ns=round(at_ms * MS), item=item)


class Bench:
    """A schedule, the levels its steps led to, all it reported, and what must be so after every step."""

    def __init__(self, signal: CodeSignal | None = None) -> None:
        strobe = () if signal is None or signal.strobe is None else (STROBE,)
        lines = (*GATES, *(() if signal is None else CODE), *strobe)
        inputs = {STOP: "stop", EYE: "edge"} | ({ACKNOWLEDGE: "edge"} if signal and signal.acknowledge else {})
        self.signal = signal
        self.schedule = Schedule(Wiring(lines, signal, inputs), late_ns=LATE_NS, heartbeat_ns=10**15)
        self.levels = dict.fromkeys(lines, False)
        self.reports: list[Report] = []
        self.inputs = dict.fromkeys(inputs, False)
        self.history: list[dict[int, bool]] = [dict(self.levels)]

    def do(self, step: Step) -> Step:
        self.levels |= step.levels
        self.reports += step.reports
        self.history.append(dict(self.levels))
        if self.inputs[STOP]:
            assert not any(self.levels.values())
        return step

    def accept(self, *commands: Command) -> None:
        for command in commands:
            self.schedule.accept(command)

    def advance(self, now_ms: float) -> Step:
        return self.do(self.schedule.advance(round(now_ms * MS)))

    def edge(self, line: int, active: bool, at_ms: float) -> Step:
        step = self.schedule.edge(line, active, round(at_ms * MS))
        self.inputs[line] = active
        return self.do(step)

    def run_until(self, end_ms: float) -> None:
        while (due_ns := self.schedule.next_ns) is not None and due_ns <= end_ms * MS:
            self.do(self.schedule.advance(due_ns))
            after_ns = self.schedule.next_ns
            assert after_ns is None or after_ns > due_ns

    def value(self, levels: dict[int, bool] | None = None) -> int:
        return sum(1 << bit for bit, line in enumerate(CODE) if (levels or self.levels)[line])

    def of(self, kind: type) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]

    def fate(self, item: int) -> list[str]:
        """What became of an item's command, by its reports."""
        begun = ["begun" for report in self.of(Switched) if report.active and report.item == item]
        coded = ["begun" for report in self.of(Coded) if report.item == item]
        return begun + coded + [report.reason for report in self.of(Suppressed) if report.item == item]


times = st.integers(0, 60)
ops = st.one_of(
    st.tuples(st.just("pulse"), st.sampled_from(GATES), times, st.integers(1, 30)),
    st.tuples(st.just("code"), st.integers(0, 3), times),
    st.tuples(st.just("recall"), st.none() | st.integers(0, 8)),
    st.tuples(st.just("edge"), st.sampled_from((ACKNOWLEDGE, STOP, EYE)), st.booleans()),
    st.tuples(st.just("run")),  # in time, as the process does when nothing holds it up
    st.tuples(st.just("jump")),  # late, as when something does
)
plans = st.lists(st.tuples(st.integers(0, 15), ops), max_size=40)
signals = st.sampled_from((STANDING, STROBED, ANSWERED, AT_ONCE))


def play(bench: Bench, plan: list[tuple[int, Any]]) -> tuple[list[Command], set[int], int]:
    """Returns the commands that were accepted, the items that a recall may have met, and the time at the end, in ms."""
    accepted: list[Command] = []
    recalled: set[int] = set()
    now_ms = 0
    for gap_ms, (what, *how) in plan:
        now_ms += gap_ms
        item = len(accepted)
        match what, how:
            case "pulse", (line, on_ms, length_ms):
                accepted.append(pulse(on_ms, on_ms + length_ms, line, item))
                bench.accept(accepted[-1])
            case "code", (value, at_ms):
                accepted.append(code(value, at_ms, item))
                bench.accept(accepted[-1])
            case "recall", (of,):
                recalled |= {of} if of is not None else set(range(item))
                bench.accept(Recall(item=of))
            case "edge", (line, active) if line in bench.inputs:
                bench.edge(line, active, now_ms)
            case "run", _:
                bench.run_until(now_ms)
            case "jump", _:
                step = bench.advance(now_ms)
                ended = {report.item for report in bench.of(Switched) if report.active}
                lasting = {its.line for its in accepted if its.item in ended and outlasts(its, now_ms)}
                assert {line for line in GATES if bench.levels[line]} <= lasting, step
    return accepted, recalled, now_ms


def outlasts(command: Command, now_ms: int) -> bool:
    return isinstance(command, Pulse) and command.off_ns > now_ms * MS


@given(plans, signals)
def test_every_command_begins_or_is_left_out_or_was_recalled_once(plan: list[Any], signal: CodeSignal) -> None:
    bench = Bench(signal)
    accepted, recalled, now_ms = play(bench, plan)
    bench.run_until(now_ms + 1000)
    for command in accepted:
        fate = bench.fate(command.item)
        assert len(fate) == 1 or (not fate and command.item in recalled), (command, fate)


@given(plans, signals)
def test_nothing_is_active_after_safe_and_a_stop(plan: list[Any], signal: CodeSignal) -> None:
    # That nothing is active during a stop, `Bench` holds after every step.
    bench = Bench(signal)
    _, _, now_ms = play(bench, plan)
    bench.edge(STOP, True, now_ms)
    bench.edge(STOP, False, now_ms)
    bench.run_until(now_ms + 1000)
    assert not any(bench.levels.values())
    bench.accept(code(3, now_ms + 1000), pulse(now_ms + 1000, now_ms + 2000))
    bench.run_until(now_ms + 1001)
    bench.do(bench.schedule.make_safe((now_ms + 1002) * MS, "why not"))
    assert not any(bench.levels.values())
    assert bench.reports[-1] == MadeSafe(at_ns=(now_ms + 1002) * MS, reason="why not")
    assert bench.edge(STOP, True, now_ms + 1003) == bench.advance(now_ms + 1004) == Step()
    assert bench.schedule.next_ns is None


@given(plans, st.sampled_from((STROBED, ANSWERED, AT_ONCE)))
def test_a_code_never_changes_into_another_nor_under_its_strobe(plan: list[Any], signal: CodeSignal) -> None:
    bench = Bench(signal)
    _, _, now_ms = play(bench, plan)
    bench.run_until(now_ms + 1000)
    for before, after in pairwise(bench.history):
        if bench.value(before) != bench.value(after):
            assert 0 in (bench.value(before), bench.value(after))
            assert not before[STROBE] or not after[STROBE]
    assert len(bench.of(Answered)) <= len(bench.of(Coded))
    assert len({report.item for report in bench.of(Answered)}) == len(bench.of(Answered))


@given(plans)
def test_without_strobe_the_lines_say_the_last_code_or_reject(plan: list[Any]) -> None:
    bench = Bench(STANDING)
    accepted, _, now_ms = play(bench, [step for step in plan if step[1][:2] != ("edge", STOP)])
    bench.run_until(now_ms + 1000)
    due_ns = {command.item: command.at_ns for command in accepted if isinstance(command, Code)}
    said, standing_ns = 0, None
    for report in bench.reports:
        if isinstance(report, Coded):
            said, standing_ns = report.value, due_ns[report.item]
        elif isinstance(report, Suppressed) and due_ns.get(report.item, -1) >= (standing_ns or 0):
            said, standing_ns = STANDING.reject_code, due_ns[report.item]
    assert bench.value() == said


def test_a_standing_code_stays_until_the_next() -> None:
    bench = Bench(STANDING)
    bench.accept(code(1, 10, item=1), code(2, 50, item=2))
    assert bench.advance(10).levels == {7: True}
    assert bench.advance(49) == Step()
    assert bench.advance(50).levels == {7: False, 8: True}
    assert bench.of(Coded)[1] == Coded(value=2, at_ns=50 * MS, late_ns=0, item=2)
    assert bench.schedule.next_ns is None


def test_a_late_standing_code_says_reject_unless_a_later_items_code_stands() -> None:
    bench = Bench(STANDING)
    bench.accept(code(1, 10, item=1))
    assert bench.advance(10).levels == {7: True}
    bench.accept(code(2, 5, item=2))
    assert bench.advance(11).levels == {}
    bench.accept(code(2, 20, item=3))
    assert bench.advance(26).levels == {8: True}
    assert bench.value() == STANDING.reject_code
    assert bench.of(Suppressed) == [
        Suppressed(item=2, late_ns=6 * MS, reason="late"),
        Suppressed(item=3, late_ns=6 * MS, reason="late"),
    ]


def test_a_code_is_handed_over_step_by_step() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    assert bench.advance(10).levels == {8: True}
    assert bench.advance(11) == Step()
    assert bench.advance(12).levels == {STROBE: True}
    step = bench.edge(ACKNOWLEDGE, True, 15)
    assert step.levels == {8: False, STROBE: False}
    assert step.reports[1:] == (Answered(item=1, at_ns=15 * MS, in_time=True),)
    bench.accept(code(1, 30, item=2))
    assert bench.advance(30) == Step()
    bench.edge(ACKNOWLEDGE, False, 33)
    assert bench.advance(33).levels == {7: True}
    assert bench.of(Coded)[-1] == Coded(value=1, at_ns=33 * MS, late_ns=3 * MS, item=2)


def test_the_setup_begins_when_the_code_is_on_the_lines() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    bench.advance(10)
    bench.schedule.carried_out(11 * MS)
    assert bench.advance(12) == Step()
    bench.schedule.carried_out(12 * MS)
    assert bench.schedule.next_ns == 13 * MS
    assert bench.advance(13).levels == {STROBE: True}


def test_without_an_answer_the_code_falls_and_the_next_has_its_turn() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    bench.run_until(100)
    assert bench.of(Answered) == [Answered(item=1, at_ns=32 * MS, in_time=False)]
    assert not any(bench.levels.values())
    bench.accept(code(1, 101, item=2))
    assert bench.advance(101).levels == {7: True}


@pytest.mark.parametrize(("wait_ms", "fate"), [(5, "begun"), (6, "busy")])
def test_a_code_waits_for_the_one_before_as_long_as_it_may_be_late(wait_ms: int, fate: str) -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1), code(1, 20, item=2))
    bench.run_until(12)
    bench.edge(ACKNOWLEDGE, True, 14)
    bench.run_until(20 + wait_ms - 1)
    bench.edge(ACKNOWLEDGE, False, 20 + wait_ms)
    bench.advance(20 + wait_ms)
    assert bench.fate(2) == [fate]


def test_a_plc_that_holds_its_answer_stops_codes_and_nothing_else() -> None:
    bench = Bench(ANSWERED)
    bench.edge(ACKNOWLEDGE, True, 0)
    bench.accept(code(2, 10, item=1), code(1, 20, item=2), pulse(30, 60, item=3))
    bench.run_until(50)
    assert [bench.fate(item) for item in (1, 2, 3)] == [["begun"], ["busy"], ["begun"]]
    assert not any(levels[STROBE] for levels in bench.history)
    assert bench.of(Answered) == [Answered(item=1, at_ns=32 * MS, in_time=False)]


def test_an_answer_before_the_strobe_is_none() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    bench.advance(10)
    bench.edge(ACKNOWLEDGE, True, 11)
    assert bench.advance(12).levels == {}
    bench.edge(ACKNOWLEDGE, False, 14)
    assert bench.advance(14).levels == {STROBE: True}
    assert not bench.of(Answered)


def test_an_answer_that_is_read_late_is_judged_by_its_own_time() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    bench.run_until(12)
    assert bench.edge(ACKNOWLEDGE, True, 33).reports[-1] == Answered(item=1, at_ns=33 * MS, in_time=False)


def test_without_an_answering_plc_the_strobe_stands_for_its_time() -> None:
    bench = Bench(STROBED)
    bench.accept(code(2, 10, item=1))
    bench.run_until(31)
    assert bench.levels[STROBE]
    assert bench.advance(32).levels == {8: False, STROBE: False}
    assert not bench.of(Answered)


def test_lines_rest_before_the_next_code() -> None:
    bench = Bench(STROBED)
    bench.accept(code(2, 10, item=1), code(1, 30, item=2))
    bench.run_until(33.999)
    assert not any(bench.levels.values())
    assert bench.advance(34).levels == {7: True}


def test_a_late_code_is_not_handed_over() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    assert bench.advance(16) == Step(reports=(Suppressed(item=1, late_ns=6 * MS),))


def test_a_stop_ends_everything_at_once_and_what_comes_is_left_out() -> None:
    bench = Bench()
    bench.accept(pulse(10, 90, item=1), pulse(50, 90, item=2))
    bench.advance(10)
    step = bench.edge(STOP, True, 20)
    assert step.levels == {5: False}
    assert step.reports == (
        Edge(line=STOP, active=True, at_ns=20 * MS),
        Switched(line=5, active=False, at_ns=20 * MS, late_ns=0),
        Suppressed(item=2, late_ns=-30 * MS, reason="stopped"),
    )
    bench.accept(pulse(40, 90, item=3))
    assert bench.schedule.next_ns == 20 * MS
    assert bench.advance(30) == Step(reports=(Suppressed(item=3, late_ns=-10 * MS, reason="stopped"),))
    bench.edge(STOP, False, 60)
    assert bench.schedule.next_ns is None
    bench.accept(pulse(70, 90, item=4))
    assert bench.advance(70).levels == {5: True}


def test_a_second_stop_finds_what_the_first_left() -> None:
    bench = Bench(ANSWERED)
    bench.accept(code(2, 10, item=1))
    bench.run_until(12)
    bench.edge(STOP, True, 13)
    bench.edge(STOP, False, 14)
    bench.edge(ACKNOWLEDGE, True, 15)
    bench.accept(code(1, 16, item=2))
    bench.run_until(20)
    assert not any(bench.levels.values())
    assert not bench.of(Answered)
    bench.edge(ACKNOWLEDGE, False, 20)
    assert bench.advance(20).levels == {7: True}


def test_a_recall_is_for_one_item_or_all_and_for_what_has_not_begun() -> None:
    bench = Bench(STANDING)
    bench.accept(pulse(10, 30, item=1), pulse(20, 30, item=2), pulse(25, 30, 6, item=3), code(1, 15, item=1))
    bench.advance(10)
    bench.accept(Recall(item=1), Recall(item=2))
    bench.run_until(100)
    assert [bench.fate(item) for item in (1, 2, 3)] == [["begun"], [], ["begun"]]
    bench.accept(pulse(110, 120, item=4), code(1, 120, item=5), Recall())
    assert bench.schedule.next_ns is None


@pytest.mark.parametrize(
    ("signal", "bad", "reason"),
    [
        (None, code(1, 5), "no code lines"),
        (STANDING, code(4, 5), "which say 0 to 3"),
        (STANDING, code(-1, 5), "does not go onto the lines"),
        (STANDING, pulse(1, 2, line=7), r"line 7, which is not one of \[5, 6\]"),
        (STROBED, pulse(1, 2, line=STROBE), "line 9, which is not one of"),
    ],
)
def test_a_command_that_cannot_be_is_refused(signal: CodeSignal | None, bad: Command, reason: str) -> None:
    bench = Bench(signal)
    with pytest.raises(ValueError, match=reason):
        bench.accept(bad)
    assert bench.schedule.next_ns is None


def test_an_edge_of_no_input_is_refused() -> None:
    with pytest.raises(ValueError, match="line 5, which is none of the inputs"):
        Bench().schedule.edge(5, True, 0)
