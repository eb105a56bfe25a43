"""The inputs of a GPIO chip, on the fake of gpiod, and those played by hand."""

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.config import Input
from sortline_edge.outputs.gpio import EDGES_AT_ONCE
from sortline_edge.outputs.played import PlayedInputs
from sortline_edge.ports import Edge

gpiod = pytest.importorskip("gpiod")
Direction, Detection = gpiod.line.Direction, gpiod.line.Edge


def test_the_levels_at_the_start_are_told_as_edges(board: Any) -> None:
    board.device().pull(4, high=True)
    inputs = board.watch(
        Input(line=3), Input(line=4), Input(line=2, active_low=True), Input(line=1), counting=(1,), at_ns=7
    )
    told = [(3, False), (4, True), (2, True)]
    assert inputs.levels() == [Edge(line=line, active=active, at_ns=7) for line, active in told]
    assert board.watch(Input(line=5), counting=(5,)).levels() == []


def test_edges_carry_the_kernels_time_and_come_a_few_at_once(board: Any) -> None:
    inputs = board.watch(Input(line=3), Input(line=4, active_low=True))
    for nth in range(EDGES_AT_ONCE + 1):
        board.device().pull(3 + nth % 2, high=nth % 4 < 2, at_ns=100 + nth)
    first = inputs.edges()
    assert first[:2] == [Edge(line=3, active=True, at_ns=100), Edge(line=4, active=False, at_ns=101)]
    assert [edge.at_ns for edge in [*first, *inputs.edges()]] == [100 + nth for nth in range(EDGES_AT_ONCE + 1)]
    assert len(first) == EDGES_AT_ONCE


def test_what_the_levels_say_already_is_not_told_again(board: Any) -> None:
    inputs = board.watch(Input(line=3), at_ns=200)
    board.device().pull(3, high=True, at_ns=199)
    assert inputs.levels() == [Edge(line=3, active=True, at_ns=200)]
    board.device().pull(3, high=False, at_ns=201)
    assert inputs.edges() == [Edge(line=3, active=False, at_ns=201)]


def test_an_encoder_loses_no_count_where_the_kernel_loses_edges(board: Any) -> None:
    inputs = board.watch(Input(line=3), counting=(3,))
    for nth in range(3000):
        board.device().pull(3, high=nth % 2 == 0, at_ns=nth)
    (request,) = board.device().requests
    counted = 0
    while request.events:
        edges = inputs.edges()
        assert all(edge.active for edge in edges)
        counted += sum(edge.times for edge in edges)
    assert counted == 1500


def test_an_emergency_stop_is_not_lost_where_the_kernel_loses_edges(board: Any) -> None:
    inputs = board.watch(Input(line=3), Input(line=4), counting=(3,), at_ns=10**9)
    board.device().pull(4, high=True, at_ns=1)
    for nth in range(5000):
        board.device().pull(3, high=nth % 2 == 0, at_ns=2 + nth)
    (request,) = board.device().requests
    told: list[Edge] = []
    while request.events:
        told += inputs.edges()
    assert [edge for edge in told if edge.line == 4] == [Edge(line=4, active=True, at_ns=10**9)]
    assert sum(edge.times for edge in told if edge.line == 3) == 2500


def test_inputs_are_wired_as_the_file_says(board: Any) -> None:
    board.watch(Input(line=3, bias="pull-up", debounce_ms=2.5, active_low=True), Input(line=4), counting=(4,))
    (request,) = board.device().requests
    button, wheel = request.settings[3], request.settings[4]
    assert (button.bias, button.debounce_period) == (gpiod.line.Bias.PULL_UP, timedelta(milliseconds=2.5))
    assert (button.active_low, wheel.active_low) == (True, False)
    assert (button.edge_detection, wheel.edge_detection) == (Detection.BOTH, Detection.RISING)
    assert {its.event_clock for its in request.settings.values()} == {gpiod.line.Clock.MONOTONIC}
    assert {its.direction for its in request.settings.values()} == {Direction.INPUT}


def test_inputs_and_outputs_of_a_chip_are_claimed_apart_and_alone(board: Any) -> None:
    board.claim(5)
    inputs = board.watch(Input(line=3))
    with pytest.raises(HardwareError, match="line 5 by sortline is in use"):
        board.watch(Input(line=4), Input(line=5))
    with pytest.raises(HardwareError, match=r"lines 0 to 7, not \[9\]; correct the lines of the inputs"):
        board.watch(Input(line=9))
    inputs.close()
    inputs.close()
    assert board.device().consumers == {5: "sortline"}


def test_inputs_that_went_away_are_a_hardware_error(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = board.watch(Input(line=3))

    def gone(*_: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    for name in ("get_values", "read_edge_events"):
        monkeypatch.setattr(inputs._request, name, gone)
    with pytest.raises(HardwareError, match=r"does not let its inputs be read: .*No such device"):
        inputs.levels()
    with pytest.raises(HardwareError, match="does not let its inputs be read"):
        inputs.edges()


class TestPlayedInputs:
    @pytest.fixture
    def pipe(self, tmp_path: Path) -> Path:
        return tmp_path / "inputs.pipe"

    def open(self, pipe: Path) -> PlayedInputs:
        return PlayedInputs(pipe, [3, 4, 5], counting=[5], now_ns=lambda: 7)

    def test_they_are_inactive_until_they_are_played(self, pipe: Path) -> None:
        assert self.open(pipe).levels() == [Edge(line=3, active=False, at_ns=7), Edge(line=4, active=False, at_ns=7)]

    def test_what_is_written_comes_as_edges_line_by_line(self, pipe: Path) -> None:
        inputs = self.open(pipe)
        pipe.write_text('{"line": 3, "active": true}\n{"line": 5, "active": true}\n{"line": 4, "act')
        assert inputs.edges() == [Edge(line=3, active=True, at_ns=7), Edge(line=5, active=True, at_ns=7)]
        pipe.write_text('ive": true}\n')
        assert inputs.edges() == [Edge(line=4, active=True, at_ns=7)]
        inputs.close()
        inputs.close()

    @pytest.mark.parametrize(
        ("row", "complaint"),
        [
            ("on", "malformed"),
            ('{"line": 3}', "missing required field `active`"),
            ('{"line": 3, "active": 1}', "Expected `bool`, got `int`"),
            ('{"line": 3, "active": true, "for_ms": 5}', "unknown field `for_ms`"),
            ('{"line": 9, "active": true}', r"line 9 is not one of the inputs \[3, 4, 5\]"),
        ],
    )
    def test_what_is_no_edge_is_refused(self, pipe: Path, row: str, complaint: str) -> None:
        inputs = self.open(pipe)
        pipe.write_text(row + "\n")
        with pytest.raises(HardwareError, match=complaint):
            inputs.edges()

    def test_a_line_without_end_is_refused(self, pipe: Path) -> None:
        inputs = self.open(pipe)
        pipe.write_text(" " * 8000)
        inputs.edges()
        with pytest.raises(HardwareError, match="end each with a line break"):
            inputs.edges()

    def test_a_file_that_is_no_pipe_is_refused(self, pipe: Path) -> None:
        pipe.touch()
        with pytest.raises(HardwareError, match="is not a named pipe"):
            self.open(pipe)

    def test_a_pipe_that_cannot_be_made_is_refused(self, pipe: Path) -> None:
        with pytest.raises(HardwareError, match=r"No such file.*correct `outputs.inputs`"):
            self.open(pipe / "deeper")
