"""The output process as the station sees it, with real processes that really die."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.config import GpiodOutputs, Timing
from sortline_edge.outputs import open_outputs, wire
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import (
    Edge,
    MadeSafe,
    Pulse,
    Report,
    Suppressed,
    Switched,
)

LINES = (5, 6)
PLAIN = Wiring(LINES)
SECOND_NS = 1_000_000_000


def pulse(on_ns: int, off_ns: int, line: int = 5, item: int = 0) -> Pulse:
    return Pulse(line=line, on_ns=on_ns, off_ns=off_ns, item=item)


def children() -> set[str]:
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


def test_a_pulse_is_carried_out_in_its_time(station: Any) -> None:
    outputs = station.open()
    now_ns = time.monotonic_ns()
    sent = pulse(now_ns + SECOND_NS // 50, now_ns + SECOND_NS // 25, item=3)
    outputs.send([sent])
    begun, ended = station.until(outputs, lambda report: isinstance(report, Switched) and not report.active)
    (_, claimed), (on_ns, on), (off_ns, off) = station.rows(5)
    assert [claimed, on, off] == [False, True, False]
    assert sent.on_ns <= on_ns <= begun.at_ns == sent.on_ns + begun.late_ns
    assert sent.off_ns <= off_ns <= ended.at_ns == sent.off_ns + ended.late_ns
    assert {row[1] for row in station.rows(6)} == {False}


def test_more_pulses_than_a_packet_holds_all_arrive(station: Any) -> None:
    outputs = station.open()
    count = 2 * wire.COMMANDS_PER_PACKET + 1
    outputs.send([pulse(-(10**18) - item, -(10**18), item=item) for item in range(count, 0, -1)])
    seen = station.until(outputs, lambda report: report.item == 1)
    assert {report.item for report in seen} == set(range(1, count + 1))


def test_an_overdue_pulse_is_suppressed(station: Any) -> None:
    outputs = station.open(late_ms=5)
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns - SECOND_NS, now_ns + 60 * SECOND_NS, item=3)])
    (report,) = station.until(outputs, lambda _: True)
    assert isinstance(report, Suppressed)
    assert report.late_ns >= SECOND_NS


def test_a_pulse_that_cannot_be_is_refused_before_any_is_sent(station: Any) -> None:
    outputs = station.open()
    now_ns = time.monotonic_ns()
    with pytest.raises(ValueError, match="line 9"):
        outputs.send([pulse(now_ns, now_ns + SECOND_NS), pulse(now_ns, now_ns + SECOND_NS, line=9)])
    outputs.close()
    assert [type(report) for report in outputs.reports()] == [MadeSafe]


def test_closing_makes_safe_and_leaves_no_process(station: Any) -> None:
    before = children()
    outputs = station.open_active()
    outputs.close()
    outputs.close()
    assert station.rows(5)[-1][1] is False
    assert children() == before
    assert isinstance(outputs.reports()[-1], MadeSafe)
    with pytest.raises(HardwareError, match="made safe"):
        outputs.reports()
    with pytest.raises(HardwareError, match="made safe"):
        outputs.beat()


def test_without_beats_everything_is_made_safe(station: Any) -> None:
    outputs = station.open_active(heartbeat_ms=100)
    reports = station.until_safe(outputs)
    assert reports[-1].reason == "the sender gave no beat for 100 ms"
    assert station.rows(5)[-1][1] is False
    with pytest.raises(HardwareError, match="no beat for 100 ms"):
        outputs.reports()
    with pytest.raises(HardwareError, match="no beat for 100 ms"):
        outputs.send([])


def test_asked_to_stop_the_process_makes_safe_and_says_so(station: Any) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGTERM)
    assert "asked to stop" in station.until_safe(outputs)[-1].reason
    assert station.rows(5)[-1][1] is False


def test_the_reason_is_heard_also_when_the_process_left_packets_unread(station: Any) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGSTOP)
    os.waitpid(outputs.pid, os.WUNTRACED)
    for _ in range(3):
        outputs.beat()
    os.kill(outputs.pid, signal.SIGTERM)
    os.kill(outputs.pid, signal.SIGCONT)
    os.waitid(os.P_PID, outputs.pid, os.WEXITED | os.WNOWAIT)
    assert "asked to stop" in station.until_safe(outputs)[-1].reason


def test_ctrl_c_of_the_terminal_does_not_reach_the_lines(station: Any) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGINT)
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + SECOND_NS // 100, line=6)])
    station.until(outputs, lambda report: isinstance(report, Switched) and report.line == 6 and not report.active)
    assert station.rows(5)[-1][1] is True


def test_the_death_of_the_process_is_a_hardware_error(station: Any) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGKILL)
    with pytest.raises(HardwareError, match="killed by signal 9"):
        station.until_safe(outputs)
    with pytest.raises(HardwareError, match="killed by signal 9"):
        outputs.beat()


def test_a_driver_that_fails_ends_the_process_with_its_reason(station: Any) -> None:
    outputs = station.open_active()
    resource.prlimit(outputs.pid, resource.RLIMIT_FSIZE, (0, 0))
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + SECOND_NS, line=6)])
    assert "cannot be written: File too large" in station.until_safe(outputs)[-1].reason
    with pytest.raises(HardwareError, match="cannot be written"):
        outputs.reports()


def test_a_process_that_reads_nothing_is_killed(station: Any) -> None:
    outputs = station.open()
    os.kill(outputs.pid, signal.SIGSTOP)
    with pytest.raises(HardwareError, match="stuck"):
        all(outputs.beat() is None for _ in range(100_000))
    station.wait_until_released()


@pytest.mark.skipif(any(Path("/dev").glob("gpiochip*")), reason="the error is that of a machine without GPIO")
def test_a_chip_that_is_not_there_fails_at_the_start(world: Any) -> None:
    before = children()
    with pytest.raises(HardwareError, match="no GPIO chip has the label 'pinctrl-rp1'"):
        open_outputs(world.station(outputs=GpiodOutputs(chip="pinctrl-rp1")))
    assert children() == before


def test_a_second_process_on_the_same_lines_fails_at_the_start(station: Any) -> None:
    station.open()
    before = children()
    with pytest.raises(HardwareError, match="held by another station"):
        station.open()
    assert children() == before


def test_a_process_that_cannot_even_start_fails_with_its_exit_code(
    station: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    before = children()
    with pytest.raises(HardwareError, match="exit code 1"):
        station.open()
    assert children() == before


@pytest.fixture
def bare(station: Any) -> Iterator[socket.socket]:
    """A connection to an output process without the client that would keep to its rules."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs, station.errors.open("w") as errors:
            command = [sys.executable, "-m", "sortline_edge.outputs"]
            process = subprocess.Popen(command, stdin=theirs.fileno(), stderr=errors)
        wiring = Wiring(LINES, inputs={12: "edge"})
        timing = Timing(heartbeat_ms=10_000, late_ms=1_000)
        ours.send(wire.encode(wire.Begin(settings=station.settings, wiring=wiring, inputs=(), timing=timing)))
        assert isinstance(wire.decode_answer(ours.recv(wire.PACKET_BYTES)), wire.Ready)
        yield ours
    process.wait(30)


@pytest.mark.parametrize("packet", [b"?", b'[{"type":"pulse","line":9,"on_ns":0,"off_ns":1,"item":0}]'])
def test_a_sender_that_breaks_the_rules_is_not_obeyed_any_more(bare: socket.socket, packet: bytes) -> None:
    bare.send(packet)
    _, report = (wire.decode_reports(bare.recv(wire.PACKET_BYTES))[0] for _ in range(2))
    assert "what it may not" in report.reason
    assert bare.recv(wire.PACKET_BYTES) == b""


def test_a_sender_that_never_reads_is_not_served_for_ever(bare: socket.socket, station: Any) -> None:
    packet = wire.encode([pulse(-2, -1)])
    with pytest.raises(ConnectionError):
        all(bare.send(packet) for _ in range(100_000))
    station.wait_until_released()
    assert "does not read its reports" in station.errors.read_text()


def test_what_inputs_say_waits_for_a_sender_that_is_slow_to_read(bare: socket.socket, station: Any) -> None:
    def unread(pulses: list[Pulse], line: int) -> None:
        """Send, and wait without reading until all of it was done."""
        for sent in [*pulses, pulse(time.monotonic_ns(), 2**60, line, item=len(pulses))]:
            bare.send(wire.encode([sent]))
        while not station.rows(line)[-1][1]:
            pass

    unread([pulse(-2, -1, item=item) for item in range(150)], line=5)
    station.play(*[(12, nth % 2 == 0) for nth in range(5)])
    unread([], line=6)
    seen: list[Report] = []
    while not (seen[1:] and isinstance(seen[-1], Edge)):
        seen += wire.decode_reports(bare.recv(wire.PACKET_BYTES))
    assert [(report.line, report.active) for report in seen if isinstance(report, Edge)] == [(12, False), (12, True)]
    assert [report.item for report in seen[1:-1]] == [*range(151), 0]
    # It was told as soon as there was room, not when something else woke the process.
    bare.send(wire.encode([pulse(-2, -1, item=9)]))
    assert [report.item for report in wire.decode_reports(bare.recv(wire.PACKET_BYTES))] == [9]


VISION = """
import select, sys, time
from sortline_edge.config import RecorderOutputs, Timing
from sortline_edge.outputs import ProcessOutputs
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import Pulse

timing = Timing(heartbeat_ms=float(sys.argv[2]), late_ms=1000)
with ProcessOutputs(RecorderOutputs(path=sys.argv[1]), Wiring((5, 6)), timing) as outputs:
    now_ns = time.monotonic_ns()
    outputs.send([Pulse(line=5, on_ns=now_ns, off_ns=now_ns + 60_000_000_000, item=1)])
    while True:
        select.select([outputs], [], [], 0.02)
        outputs.beat()
        for report in outputs.reports():
            print(report, flush=True)
"""


@pytest.mark.parametrize(("fate", "heartbeat_ms", "allowed_ms"), [("SIGKILL", 10_000, 200), ("SIGSTOP", 150, 350)])
def test_no_output_stays_active_without_its_station(
    station: Any, fate: str, heartbeat_ms: int, allowed_ms: int
) -> None:
    # The bound is a promise of the product, not a speed: a gate must not stay open when nobody watches the belt.
    command = [sys.executable, "-c", VISION, str(station.path), str(heartbeat_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as vision:
        try:
            assert "active=True" in vision.stdout.readline()
            assert station.rows(5)[-1][1] is True
            struck_ns = time.monotonic_ns()
            vision.send_signal(signal.Signals[fate])
            station.wait_until_released()
        finally:
            vision.kill()
        _, errors = vision.communicate()
    safe_ns = next(at_ns for at_ns, active in station.rows(5) if not active and at_ns > struck_ns)
    assert [station.rows(line)[-1][1] for line in LINES] == [False, False]
    assert (safe_ns - struck_ns) / 1e6 <= allowed_ms
    if fate == "SIGKILL":
        assert "closed the connection or ended" in errors
