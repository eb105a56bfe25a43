"""Outputs in virtual time: exact, and failing as the output process fails."""

from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import Fault
from sortline_edge.ports import MadeSafe, Pulse, Switched
from sortline_edge.twin.outputs import VirtualOutputs

S, MS = 1_000_000_000, 1_000_000


def pulse(on_ms: int, off_ms: int, line: int = 1) -> Pulse:
    return Pulse(line=line, on_ns=on_ms * MS, off_ns=off_ms * MS, item=1)


def open_(world: Any, twin: Any, clock: VirtualClock, *faults: Fault) -> VirtualOutputs:
    station = world.station()
    return VirtualOutputs(station, clock, twin.world(station, (), faults))


def test_lines_are_switched_exactly_on_time(world: Any, twin: Any) -> None:
    clock = VirtualClock()
    outputs = open_(world, twin, clock)
    outputs.send([pulse(10, 20)])
    clock.wait_until_ns(15 * MS)
    assert [(report.active, report.at_ns) for report in outputs.reports()] == [(True, 10 * MS)]
    clock.wait_until_ns(50 * MS)
    assert [(report.active, report.at_ns) for report in outputs.reports()] == [(False, 20 * MS)]
    assert outputs.reports() == []
    with pytest.raises(ValueError, match="line 7"):
        outputs.send([pulse(60, 70), pulse(60, 70, line=7)])
    clock.wait_until_ns(100 * MS)
    assert outputs.reports() == []  # none of them was taken


def test_what_was_due_before_a_command_came_happened_before_it(world: Any, twin: Any) -> None:
    clock = VirtualClock()
    outputs = open_(world, twin, clock)
    outputs.send([pulse(10, 20)])
    clock.wait_until_ns(100 * MS)
    outputs.send([pulse(100, 110)])
    clock.wait_until_ns(200 * MS)
    assert [report.at_ns for report in outputs.reports()] == [10 * MS, 20 * MS, 100 * MS, 110 * MS]


def test_the_gates_of_the_world_move(world: Any, twin: Any) -> None:
    clock, station = VirtualClock(), world.station()
    belt = twin.world(station)
    outputs = VirtualOutputs(station, clock, belt)
    outputs.send([pulse(100, 200)])
    clock.wait_until_ns(240 * MS)
    outputs.reports()
    # Its delay is 20 ms.
    assert [belt.gates.is_open(station.bins[1], at_ms * MS) for at_ms in (119, 120, 219, 220)] == [
        False,
        True,
        True,
        False,
    ]
    assert not belt.gates.is_open(station.bins[0], 150 * MS)


def test_without_a_beat_everything_is_made_safe(world: Any, twin: Any) -> None:
    clock = VirtualClock()
    outputs = open_(world, twin, clock)
    clock.wait_until_ns(10 * S)  # the watch begins with the first beat
    outputs.send([pulse(10_010, 20_000)])
    clock.wait_until_ns(11 * S)
    on, off, safe = outputs.reports()
    assert (on.at_ns, off.at_ns, safe.at_ns) == (10_010 * MS, 10_250 * MS, 10_250 * MS)
    assert isinstance(safe, MadeSafe)
    assert safe.reason == "the sender gave no beat for 250 ms"
    for call in (outputs.beat, outputs.reports, lambda: outputs.send([pulse(12_000, 12_001)])):
        with pytest.raises(HardwareError, match="the outputs were made safe: the sender gave no beat for 250 ms"):
            call()


def test_an_output_process_that_dies_is_safe_and_starts_again_when_it_can(world: Any, twin: Any) -> None:
    clock, station = VirtualClock(), world.station()
    belt = twin.world(station, (), [Fault(kind="outputs-die", at_s=1, for_s=2)])
    outputs = VirtualOutputs(station, clock, belt)
    clock.wait_until_ns(900 * MS)
    outputs.send([pulse(950, 1500)])
    clock.wait_until_ns(1100 * MS)
    with pytest.raises(HardwareError, match="made safe: the output process was killed by signal 9"):
        outputs.beat()
    on, off, safe = outputs.reports()
    assert (on.at_ns, off.at_ns, safe.at_ns) == (950 * MS, 1 * S, 1 * S)
    assert not belt.gates.is_open(station.bins[1], 1200 * MS)
    with pytest.raises(HardwareError, match=r"the output process was killed by signal 9 .* it was not ready yet"):
        VirtualOutputs(station, clock, belt)
    clock.wait_until_ns(3 * S)
    again = VirtualOutputs(station, clock, belt)
    again.send([pulse(3_010, 3_020)])
    clock.wait_until_ns(3_200 * MS)
    assert [report.at_ns for report in again.reports() if isinstance(report, Switched)] == [3_010 * MS, 3_020 * MS]


def test_opened_anew_the_inputs_are_told_as_they_are_now_and_counts_begin_anew(world: Any, twin: Any) -> None:
    clock, station = VirtualClock(), twin.wired(world.station())
    belt = twin.world(station, (), [Fault(kind="belt-stands", at_s=1, for_s=10)])
    VirtualOutputs(station, clock, belt).close()
    clock.wait_until_ns(5 * S)
    outputs = VirtualOutputs(station, clock, belt)
    told = {report.line: report for report in outputs.reports()}
    assert not told[twin.lines["running"]].active
    assert {report.at_ns for report in told.values()} == {5 * S}
    clock.wait_until_ns(12 * S)
    counts = [report.count for report in outputs.reports() if report.line == twin.lines["encoder"]]
    assert counts[-1] == pytest.approx(250 / 2, abs=20)


def test_closing_makes_everything_safe_and_may_be_repeated(world: Any, twin: Any) -> None:
    clock = VirtualClock()
    outputs = open_(world, twin, clock)
    outputs.send([pulse(10, 200)])
    clock.wait_until_ns(100 * MS)
    outputs.close()
    outputs.close()
    assert [type(report) for report in outputs.reports()] == [Switched, Switched, MadeSafe]
