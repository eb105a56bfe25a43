"""The output process as the station sees it, with real processes that really die."""

import fcntl
import json
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.config import CodeSignal, GpiodOutputs, Input, Inputs, RecorderOutputs, Timing
from sortline_edge.config.wiring import Encoder
from sortline_edge.outputs import ProcessOutputs, open_outputs, wire
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import (
    Answered,
    Code,
    Coded,
    Counted,
    Edge,
    MadeSafe,
    Pulse,
    Recall,
    Report,
    Suppressed,
    Switched,
)

LINES = (5, 6)
PLAIN = Wiring(LINES)
SECOND_NS = 1_000_000_000


def pulse(on_ns: int, off_ns: int, line: int = 5, item: int = 0) -> Pulse:
    return Pulse(line=line, on_ns=on_ns, off_ns=off_ns, item=item)


class Station:
    """Output processes on the recorder's file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outputs.jsonl"
        self.pipe = folder / "inputs.pipe"
        self.errors = folder / "errors.txt"
        self.opened: list[ProcessOutputs] = []

    def open(self, heartbeat_ms: float = 10_000, late_ms: float = 1_000, wiring: Wiring = PLAIN) -> ProcessOutputs:
        timing = Timing(heartbeat_ms=heartbeat_ms, late_ms=late_ms)
        self.opened.append(ProcessOutputs(self.settings, wiring, timing))
        return self.opened[-1]

    @property
    def settings(self) -> RecorderOutputs:
        return RecorderOutputs(path=str(self.path), inputs=str(self.pipe))

    def play(self, *edges: tuple[int, bool]) -> None:
        rows = [json.dumps({"line": line, "active": active}) + "\n" for line, active in edges]
        # As the shell's `>` would; a line at a time, for the pipe takes no more than it holds.
        with self.pipe.open("w") as pipe:
            pipe.writelines(rows)

    def open_active(self, heartbeat_ms: float = 10_000) -> ProcessOutputs:
        """Outputs with line 5 active for a minute."""
        outputs = self.open(heartbeat_ms)
        now_ns = time.monotonic_ns()
        outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS)])
        reports_until(outputs, lambda report: isinstance(report, Switched) and report.active)
        return outputs

    def rows(self, line: int) -> list[tuple[int, bool]]:
        rows = [json.loads(row) for row in self.path.read_text().splitlines()]
        return [(row["at_ns"], row["active"]) for row in rows if row["line"] == line]

    def wait_until_released(self) -> None:
        """The recorder holds its file until its process ends; the kernel wakes us then."""
        with self.path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def reports_until(outputs: ProcessOutputs, wanted: Callable[[Report], bool]) -> list[Report]:
    seen: list[Report] = []
    while not any(map(wanted, seen)):
        readable, _, _ = select.select([outputs], [], [], 30)
        assert readable, seen
        seen += outputs.reports()
    return seen


def is_safe(report: Report) -> bool:
    return isinstance(report, MadeSafe)


def children() -> set[str]:
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path)
    yield station
    for outputs in station.opened:
        outputs.close()


def test_a_pulse_is_carried_out_in_its_time(station: Station) -> None:
    outputs = station.open()
    now_ns = time.monotonic_ns()
    sent = pulse(now_ns + SECOND_NS // 50, now_ns + SECOND_NS // 25, item=3)
    outputs.send([sent])
    begun, ended = reports_until(outputs, lambda report: isinstance(report, Switched) and not report.active)
    (_, claimed), (on_ns, on), (off_ns, off) = station.rows(5)
    assert [claimed, on, off] == [False, True, False]
    assert sent.on_ns <= on_ns <= begun.at_ns == sent.on_ns + begun.late_ns
    assert sent.off_ns <= off_ns <= ended.at_ns == sent.off_ns + ended.late_ns
    assert {row[1] for row in station.rows(6)} == {False}


def test_more_pulses_than_a_packet_holds_all_arrive(station: Station) -> None:
    outputs = station.open()
    count = 2 * wire.COMMANDS_PER_PACKET + 1
    outputs.send([pulse(-(10**18) - item, -(10**18), item=item) for item in range(count, 0, -1)])
    seen = reports_until(outputs, lambda report: report.item == 1)
    assert {report.item for report in seen} == set(range(1, count + 1))


def test_an_overdue_pulse_is_suppressed(station: Station) -> None:
    outputs = station.open(late_ms=5)
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns - SECOND_NS, now_ns + 60 * SECOND_NS, item=3)])
    (report,) = reports_until(outputs, lambda _: True)
    assert isinstance(report, Suppressed)
    assert report.late_ns >= SECOND_NS


def test_a_pulse_that_cannot_be_is_refused_before_any_is_sent(station: Station) -> None:
    outputs = station.open()
    now_ns = time.monotonic_ns()
    with pytest.raises(ValueError, match="line 9"):
        outputs.send([pulse(now_ns, now_ns + SECOND_NS), pulse(now_ns, now_ns + SECOND_NS, line=9)])
    outputs.close()
    assert [type(report) for report in outputs.reports()] == [MadeSafe]


def test_closing_makes_safe_and_leaves_no_process(station: Station) -> None:
    before = children()
    outputs = station.open_active()
    outputs.close()
    outputs.close()
    assert station.rows(5)[-1][1] is False
    assert children() == before
    assert is_safe(outputs.reports()[-1])
    with pytest.raises(HardwareError, match="made safe"):
        outputs.reports()
    with pytest.raises(HardwareError, match="made safe"):
        outputs.beat()


def test_without_beats_everything_is_made_safe(station: Station) -> None:
    outputs = station.open_active(heartbeat_ms=100)
    reports = reports_until(outputs, is_safe)
    assert reports[-1].reason == "the sender gave no beat for 100 ms"
    assert station.rows(5)[-1][1] is False
    with pytest.raises(HardwareError, match="no beat for 100 ms"):
        outputs.reports()
    with pytest.raises(HardwareError, match="no beat for 100 ms"):
        outputs.send([])


def test_asked_to_stop_the_process_makes_safe_and_says_so(station: Station) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGTERM)
    assert "asked to stop" in reports_until(outputs, is_safe)[-1].reason
    assert station.rows(5)[-1][1] is False


def test_the_reason_is_heard_also_when_the_process_left_packets_unread(station: Station) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGSTOP)
    os.waitpid(outputs.pid, os.WUNTRACED)
    for _ in range(3):
        outputs.beat()
    os.kill(outputs.pid, signal.SIGTERM)
    os.kill(outputs.pid, signal.SIGCONT)
    os.waitid(os.P_PID, outputs.pid, os.WEXITED | os.WNOWAIT)
    assert "asked to stop" in reports_until(outputs, is_safe)[-1].reason


def test_ctrl_c_of_the_terminal_does_not_reach_the_lines(station: Station) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGINT)
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + SECOND_NS // 100, line=6)])
    reports_until(outputs, lambda report: isinstance(report, Switched) and report.line == 6 and not report.active)
    assert station.rows(5)[-1][1] is True


def test_the_death_of_the_process_is_a_hardware_error(station: Station) -> None:
    outputs = station.open_active()
    os.kill(outputs.pid, signal.SIGKILL)
    with pytest.raises(HardwareError, match="killed by signal 9"):
        reports_until(outputs, is_safe)
    with pytest.raises(HardwareError, match="killed by signal 9"):
        outputs.beat()


def test_a_driver_that_fails_ends_the_process_with_its_reason(station: Station) -> None:
    outputs = station.open_active()
    resource.prlimit(outputs.pid, resource.RLIMIT_FSIZE, (0, 0))
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + SECOND_NS, line=6)])
    assert "cannot be written: File too large" in reports_until(outputs, is_safe)[-1].reason
    with pytest.raises(HardwareError, match="cannot be written"):
        outputs.reports()


def test_a_process_that_reads_nothing_is_killed(station: Station) -> None:
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


def test_a_station_gets_the_lines_and_inputs_of_its_file(world: Any, tmp_path: Path) -> None:
    inputs = Inputs(emergency_stop=Input(line=12), encoder=Encoder(line=13, mm_per_count=1), reset=Input(line=14))
    described = world.station(inputs=inputs, outputs=RecorderOutputs(inputs="inputs.pipe"))
    with open_outputs(described, tmp_path) as outputs:
        seen = reports_until(outputs, lambda report: isinstance(report, Edge) and report.line == 14)
        assert {(report.line, report.active) for report in seen} == {(12, False), (14, False)}
        assert stat.S_ISFIFO((tmp_path / "inputs.pipe").stat().st_mode)
        rows = [json.loads(row) for row in (tmp_path / "outputs.jsonl").read_text().splitlines()]
        assert [row["line"] for row in rows] == sorted(described.lines)


def test_a_second_process_on_the_same_lines_fails_at_the_start(station: Station) -> None:
    station.open()
    before = children()
    with pytest.raises(HardwareError, match="held by another station"):
        station.open()
    assert children() == before


def test_a_process_that_cannot_even_start_fails_with_its_exit_code(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    before = children()
    with pytest.raises(HardwareError, match="exit code 1"):
        station.open()
    assert children() == before


def test_an_emergency_stop_is_not_left_to_the_station(station: Station) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "stop"}))
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS, item=1), pulse(now_ns + 50 * SECOND_NS, 2**60, item=2)])
    reports_until(outputs, lambda report: isinstance(report, Switched))
    station.play((12, True))
    # Nothing is sent here: the station need not even be awake.
    *_, stopped, ended, left_out = reports_until(outputs, lambda report: isinstance(report, Suppressed))
    assert (stopped.line, stopped.active) == (12, True)
    assert (ended.line, ended.active, ended.item) == (5, False, None)
    assert stopped.at_ns <= ended.at_ns
    assert (left_out.item, left_out.reason) == (2, "stopped")
    assert station.rows(5)[-1][1] is False
    outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS, item=3)])
    (left_out,) = reports_until(outputs, lambda report: True)
    assert (left_out.item, left_out.reason) == (3, "stopped")
    station.play((12, False))
    reports_until(outputs, lambda report: isinstance(report, Edge))
    assert station.rows(5)[-1][1] is False
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS, item=4)])
    reports_until(outputs, lambda report: isinstance(report, Switched) and report.active)
    assert station.rows(5)[-1][1] is True


def test_a_code_is_handed_over_by_strobe_and_acknowledgement(station: Station) -> None:
    code = CodeSignal(lines=(5, 6), strobe=7, acknowledge=Input(line=12), answer_ms=10_000)
    outputs = station.open(wiring=Wiring((5, 6, 7), code, {12: "edge"}))
    outputs.send([Code(value=2, at_ns=time.monotonic_ns(), item=1)])
    (*_, coded) = reports_until(outputs, lambda report: isinstance(report, Coded))
    while not station.rows(7)[-1][1]:
        pass  # as a PLC waits for the strobe: it looks
    station.play((12, True), (12, False))
    seen = reports_until(outputs, lambda report: isinstance(report, Answered))
    (answered,) = (report for report in seen if isinstance(report, Answered))
    assert (coded.value, answered.item, answered.in_time) == (2, 1, True)
    assert [active for _, active in station.rows(5)] == [False]
    (_, (code_ns, _), (code_off_ns, _)) = station.rows(6)
    (_, (strobe_ns, up), (strobe_off_ns, down)) = station.rows(7)
    assert (up, down) == (True, False)
    assert code_ns + 1_000_000 <= strobe_ns < strobe_off_ns == code_off_ns


def test_what_is_recalled_is_not_carried_out(station: Station) -> None:
    outputs = station.open()
    due_ns = time.monotonic_ns() + SECOND_NS // 20
    outputs.send([pulse(due_ns, due_ns + 1, item=1), pulse(due_ns, due_ns + SECOND_NS // 100, 6, item=2)])
    outputs.send([Recall(item=1)])
    seen = reports_until(outputs, lambda report: isinstance(report, Switched) and not report.active)
    assert {report.item for report in seen} == {2}


def test_an_encoder_is_counted(station: Station) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={13: "count"}))
    station.play(*[(13, True), (13, False)] * 1000)
    seen = reports_until(outputs, lambda report: report.count == 1000)
    assert {type(report) for report in seen} == {Counted}
    assert len(seen) < 100


def test_a_chattering_input_neither_floods_the_station_nor_keeps_a_gate_open(station: Station) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "edge"}))
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + SECOND_NS // 50)])
    station.play(*[(12, True), (12, False)] * 2000, (12, True))
    seen = reports_until(outputs, lambda report: isinstance(report, Switched) and not report.active)
    while [report.active for report in seen if isinstance(report, Edge)][-1] is False:
        seen += reports_until(outputs, lambda report: isinstance(report, Edge))
    assert len(seen) < 1000


def test_an_input_that_is_played_wrongly_makes_everything_safe(station: Station) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "edge"}))
    station.play((9, True))
    assert "line 9 is not one of the inputs [12]" in reports_until(outputs, is_safe)[-1].reason


def test_inputs_without_wires_are_inactive_and_that_is_said(
    station: Station, capfd: pytest.CaptureFixture[str]
) -> None:
    wiring = Wiring(LINES, inputs={12: "edge", 13: "count", 14: "stop"})
    with ProcessOutputs(RecorderOutputs(path=str(station.path)), wiring, Timing(heartbeat_ms=10_000)) as outputs:
        seen = reports_until(outputs, lambda report: report.line == 14)
        assert [(report.line, report.active) for report in seen] == [(12, False), (14, False)]
    assert "no input is wired" in capfd.readouterr().err


@pytest.fixture
def bare(station: Station) -> Iterator[socket.socket]:
    """A connection to an output process without the client that would keep to its rules."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs, station.errors.open("w") as errors:
            command = [sys.executable, "-m", "sortline_edge.outputs"]
            process = subprocess.Popen(command, stdin=theirs.fileno(), stderr=errors)
        wiring = Wiring(LINES, inputs={12: "edge"})
        timing = Timing(heartbeat_ms=10_000)
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


def test_a_sender_that_never_reads_is_not_served_for_ever(bare: socket.socket, station: Station) -> None:
    packet = wire.encode([pulse(-2, -1)])
    with pytest.raises(ConnectionError):
        all(bare.send(packet) for _ in range(100_000))
    station.wait_until_released()
    assert "does not read its reports" in station.errors.read_text()


def test_what_inputs_say_waits_for_a_sender_that_is_slow_to_read(bare: socket.socket, station: Station) -> None:
    edges = [(12, nth % 2 == 0) for nth in range(5)]
    for item in range(150):
        bare.send(wire.encode([pulse(-2, -1, item=item)]))
    station.play(*edges)
    bare.send(wire.encode([pulse(time.monotonic_ns(), 2**60, line=6, item=150)]))
    while not station.rows(6)[-1][1]:
        pass  # nothing may be read before that
    seen: list[Report] = []
    while not (seen[1:] and isinstance(seen[-1], Edge)):
        seen += wire.decode_reports(bare.recv(wire.PACKET_BYTES))
    assert seen[0] == Edge(line=12, active=False, at_ns=seen[0].at_ns)
    assert [report.item for report in seen[1:-1]] == list(range(151))
    assert seen[-1].active is True


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
    station: Station, fate: str, heartbeat_ms: int, allowed_ms: int
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
