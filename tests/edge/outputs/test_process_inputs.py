"""The output process with inputs that are played: an emergency stop, a PLC, an encoder, a loose wire."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sortline_edge.config import CodeSignal, Input, Inputs, RecorderOutputs, Timing
from sortline_edge.config.wiring import Encoder
from sortline_edge.outputs import ProcessOutputs, open_outputs
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import Answered, Code, Coded, Counted, Edge, Pulse, Recall, Suppressed, Switched

LINES = (5, 6)
SECOND_NS = 1_000_000_000


def pulse(on_ns: int, off_ns: int, line: int = 5, item: int = 0) -> Pulse:
    return Pulse(line=line, on_ns=on_ns, off_ns=off_ns, item=item)


def test_a_station_gets_the_lines_and_inputs_of_its_file(world: Any, station: Any, tmp_path: Path) -> None:
    inputs = Inputs(emergency_stop=Input(line=12), encoder=Encoder(line=13, mm_per_count=1), reset=Input(line=14))
    described = world.station(inputs=inputs, outputs=RecorderOutputs(inputs="inputs.pipe"))
    with open_outputs(described, tmp_path) as outputs:
        seen = station.until(outputs, lambda report: isinstance(report, Edge) and report.line == 14)
        assert {(report.line, report.active) for report in seen} == {(12, False), (14, False)}
        assert stat.S_ISFIFO((tmp_path / "inputs.pipe").stat().st_mode)
        rows = [json.loads(row) for row in (tmp_path / "outputs.jsonl").read_text().splitlines()]
        assert [row["line"] for row in rows] == sorted(described.lines)


def test_an_emergency_stop_is_not_left_to_the_station(station: Any) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "stop"}))
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS, item=1), pulse(now_ns + 50 * SECOND_NS, 2**60, item=2)])
    station.until(outputs, lambda report: isinstance(report, Switched))
    station.play((12, True))
    # Nothing is sent here: the station need not even be awake.
    *_, stopped, ended, left_out = station.until(outputs, lambda report: isinstance(report, Suppressed))
    assert (stopped.line, stopped.active) == (12, True)
    assert (ended.line, ended.active, ended.item) == (5, False, None)
    assert stopped.at_ns <= ended.at_ns
    assert (left_out.item, left_out.reason) == (2, "stopped")
    assert station.rows(5)[-1][1] is False
    outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS, item=3)])
    (left_out,) = station.until(outputs, lambda report: True)
    assert (left_out.item, left_out.reason) == (3, "stopped")
    station.play((12, False))
    station.until(outputs, lambda report: isinstance(report, Edge))
    assert station.rows(5)[-1][1] is False
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + 60 * SECOND_NS, item=4)])
    station.until(outputs, lambda report: isinstance(report, Switched) and report.active)
    assert station.rows(5)[-1][1] is True


def test_a_stop_that_waits_goes_before_a_pulse_that_is_due(station: Any) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "stop"}))
    due_ns = time.monotonic_ns() + SECOND_NS
    outputs.send([pulse(due_ns, due_ns + SECOND_NS)])
    station.until(outputs, lambda report: isinstance(report, Edge))
    os.kill(outputs.pid, signal.SIGSTOP)
    os.waitpid(outputs.pid, os.WUNTRACED)
    station.play((12, True))
    time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
    os.kill(outputs.pid, signal.SIGCONT)
    (*_, left_out) = station.until(outputs, lambda report: isinstance(report, Suppressed))
    assert left_out.reason == "stopped"
    assert [active for _, active in station.rows(5)] == [False]


def test_a_code_is_handed_over_by_strobe_and_acknowledgement(station: Any) -> None:
    code = CodeSignal(lines=(5, 6), strobe=7, acknowledge=Input(line=12), answer_ms=10_000)
    outputs = station.open(wiring=Wiring((5, 6, 7), code, {12: "edge"}))
    outputs.send([Code(value=2, at_ns=time.monotonic_ns(), item=1)])
    (*_, coded) = station.until(outputs, lambda report: isinstance(report, Coded))
    while not station.rows(7)[-1][1]:
        pass  # as a PLC waits for the strobe: it looks
    station.play((12, True), (12, False))
    seen = station.until(outputs, lambda report: isinstance(report, Answered))
    (answered,) = (report for report in seen if isinstance(report, Answered))
    assert (coded.value, answered.item, answered.in_time) == (2, 1, True)
    assert [active for _, active in station.rows(5)] == [False]
    (_, (code_ns, _), (code_off_ns, _)) = station.rows(6)
    (_, (strobe_ns, up), (strobe_off_ns, down)) = station.rows(7)
    assert (up, down) == (True, False)
    assert code_ns + 1_000_000 <= strobe_ns < strobe_off_ns == code_off_ns


def test_what_is_recalled_is_not_carried_out(station: Any) -> None:
    outputs = station.open()
    due_ns = time.monotonic_ns() + SECOND_NS // 20
    outputs.send([pulse(due_ns, due_ns + 1, item=1), pulse(due_ns, due_ns + SECOND_NS // 100, 6, item=2)])
    outputs.send([Recall(item=1)])
    seen = station.until(outputs, lambda report: isinstance(report, Switched) and not report.active)
    assert {report.item for report in seen} == {2}


def test_an_encoder_is_counted(station: Any) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={13: "count"}))
    station.play(*[(13, True), (13, False)] * 1000)
    seen = station.until(outputs, lambda report: report.count == 1000)
    assert {type(report) for report in seen} == {Counted}
    assert len(seen) < 100


def test_a_chattering_input_neither_floods_the_station_nor_keeps_a_gate_open(station: Any) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "edge"}))
    now_ns = time.monotonic_ns()
    outputs.send([pulse(now_ns, now_ns + SECOND_NS // 50)])
    station.play(*[(12, True), (12, False)] * 2000, (12, True))
    seen = station.until(outputs, lambda report: isinstance(report, Switched) and not report.active)
    while [report.active for report in seen if isinstance(report, Edge)][-1] is False:
        seen += station.until(outputs, lambda report: isinstance(report, Edge))
    assert len(seen) < 1000


def test_an_input_that_is_played_wrongly_makes_everything_safe(station: Any) -> None:
    outputs = station.open(wiring=Wiring(LINES, inputs={12: "edge"}))
    station.play((9, True))
    assert "line 9 is not one of the inputs [12]" in station.until_safe(outputs)[-1].reason


def test_inputs_without_wires_are_inactive_and_that_is_said(station: Any, capfd: pytest.CaptureFixture[str]) -> None:
    wiring = Wiring(LINES, inputs={12: "edge", 13: "count", 14: "stop"})
    with ProcessOutputs(RecorderOutputs(path=str(station.path)), wiring, Timing(heartbeat_ms=10_000)) as outputs:
        seen = station.until(outputs, lambda report: report.line == 14)
        assert [(report.line, report.active) for report in seen] == [(12, False), (14, False)]
    assert "no input is wired" in capfd.readouterr().err


def test_the_process_starts_without_what_only_the_station_needs() -> None:
    """It has real-time priority and little to do; pictures and models are not its business."""
    code = "import sys, sortline_edge.outputs.process; print(sorted({'cv2', 'numpy', 'PIL'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
