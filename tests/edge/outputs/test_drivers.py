"""The drivers of lines, held to one contract; GPIO on a fake of gpiod that refuses what the kernel refuses."""

import errno
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.outputs.recorder import Recorder

gpiod = pytest.importorskip("gpiod")


class Paper:
    """The recorder's file, read as levels."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outputs.jsonl"

    def claim(self, *lines: int) -> Recorder:
        return Recorder(self.path, lines)

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.path.read_text().splitlines()]

    def levels(self) -> dict[int, bool]:
        return {row["line"]: row["active"] for row in self.rows()}


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path)


@pytest.fixture(params=["board", "paper"])
def place(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


class TestEveryDriver:
    def test_claimed_lines_are_inactive(self, place: Any) -> None:
        place.claim(5, 6)
        assert place.levels() == {5: False, 6: False}

    def test_lines_go_where_they_are_set_and_others_stay(self, place: Any) -> None:
        lines = place.claim(5, 6, 7)
        lines.set({5: True, 7: True})
        lines.set({5: False})
        assert place.levels() == {5: False, 6: False, 7: True}

    def test_an_unclaimed_line_is_refused_and_nothing_is_set(self, place: Any) -> None:
        lines = place.claim(5)
        with pytest.raises(HardwareError, match=r"line 6 .* not claimed"):
            lines.set({5: True, 6: True})
        assert place.levels() == {5: False}

    def test_closing_makes_every_line_inactive(self, place: Any) -> None:
        lines = place.claim(5, 6)
        lines.set({5: True, 6: True})
        lines.close()
        lines.close()
        assert place.levels() == {5: False, 6: False}

    def test_a_closed_driver_refuses_to_set(self, place: Any) -> None:
        lines = place.claim(5)
        lines.close()
        with pytest.raises(HardwareError, match="used after"):
            lines.set({5: True})
        assert place.levels() == {5: False}

    def test_claimed_lines_cannot_be_claimed_again_until_released(self, place: Any) -> None:
        lines = place.claim(5, 6)
        with pytest.raises(HardwareError):
            place.claim(5)
        lines.close()
        place.claim(5).set({5: True})
        assert place.levels()[5]


def test_a_recorder_dates_the_lines_of_one_call_alike(paper: Paper) -> None:
    paper.claim(5, 6).set({5: True, 6: True})
    *_, first, second = paper.rows()
    assert first["at_ns"] == second["at_ns"]


def test_a_recorder_keeps_what_its_file_held(paper: Paper) -> None:
    paper.claim(5).close()
    before = paper.rows()
    paper.claim(5).close()
    assert paper.rows()[: len(before)] == before


def test_a_recorder_on_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # Not /dev/full: all stations and tests of a machine share it, and a recorder wants its file for itself.
    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        with pytest.raises(HardwareError, match=r"No space left.*make room"):
            Recorder(tmp_path / "lines", [5])


def test_the_chip_is_found_by_its_label_whatever_its_number(board: Any) -> None:
    board.claim(5, chip="raspberrypi-exp-gpio")
    assert board.device("raspberrypi-exp-gpio").consumers == {5: "sortline"}
    assert board.device("pinctrl-rp1").consumers == {}


def test_a_second_name_of_a_chip_is_the_same_chip(board: Any) -> None:
    (board.folder / "gpiochip9").symlink_to(board.folder / "gpiochip1")
    board.claim(5).set({5: True})
    assert board.levels() == {5: True}


def test_active_low_lines_rest_high(board: Any) -> None:
    lines = board.claim(5, 6, active_low=True)
    assert board.levels() == {5: True, 6: True}
    lines.set({5: True})
    assert board.levels() == {5: False, 6: True}
    lines.close()
    assert board.levels() == {5: True, 6: True}


def test_several_lines_are_set_by_one_call(board: Any) -> None:
    lines = board.claim(5, 6)
    before = board.device().calls
    lines.set({5: True, 6: True})
    assert board.device().calls == before + 1


def test_an_unknown_label_is_refused_with_the_labels_found(board: Any) -> None:
    with pytest.raises(HardwareError, match=r"pinctrl-bcm2711.*this machine has pinctrl-rp1, raspberrypi-exp-gpio"):
        board.claim(5, chip="pinctrl-bcm2711")


def test_a_machine_without_chips_says_so(boards: Any) -> None:
    with pytest.raises(HardwareError, match="no GPIO chip at all"):
        boards().claim(5)


def test_two_chips_of_one_label_are_refused(boards: Any) -> None:
    with pytest.raises(HardwareError, match="2 GPIO chips have the label 'mcp23017'"):
        boards("mcp23017", "mcp23017").claim(5, chip="mcp23017")


def test_a_file_that_is_no_chip_is_passed_over(board: Any) -> None:
    (board.folder / "gpiochip7").touch()
    board.claim(5)
    assert board.levels() == {5: False}


def test_a_busy_line_names_who_uses_it(board: Any) -> None:
    board.device().consumers[6] = "spi0 CS0"
    with pytest.raises(HardwareError, match="line 6 by spi0 CS0 is in use"):
        board.claim(5, 6)
    assert board.device().consumers == {6: "spi0 CS0"}


def test_a_line_beyond_the_chip_is_refused_with_the_range(board: Any) -> None:
    with pytest.raises(HardwareError, match=r"has lines 0 to 7, not \[8\]"):
        board.claim(5, 8)


def test_a_chip_that_may_not_be_opened_names_the_group(board: Any) -> None:
    board.device().forbidden = True
    with pytest.raises(HardwareError, match="add the user to group gpio"):
        board.claim(5)


def test_a_chip_that_went_away_is_a_hardware_error(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = board.claim(5)

    def gone(values: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(lines._request, "set_values", gone)
    with pytest.raises(HardwareError, match="refused to set"):
        lines.set({5: True})
    with pytest.raises(HardwareError):
        lines.close()
    assert board.device().consumers == {}


def test_without_the_package_the_error_says_what_to_install(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(HardwareError, match=r"pip install 'sortline\[edge\]'"):
        board.claim(5)


def _signature(function: Any) -> list[tuple[str, Any, Any]]:
    return [(its.name, its.kind, its.default) for its in inspect.signature(function).parameters.values()]


OURS = {"refuse_closed", "is_active", "notice"}


@pytest.mark.parametrize("name", ["Chip", "LineRequest"])
def test_the_fake_takes_the_arguments_that_the_binding_takes(fakes: Any, name: str) -> None:
    fake, real = getattr(fakes, name), getattr(gpiod, name)
    shared = [name for name, its in vars(fake).items() if inspect.isfunction(its) and name not in OURS]
    assert len(shared) >= 3
    for name in shared:
        assert _signature(vars(fake)[name]) == _signature(vars(real)[name]), name


def test_the_fake_knows_a_chip_by_its_path_as_the_binding_does(fakes: Any) -> None:
    assert _signature(fakes.module.is_gpiochip_device) == _signature(gpiod.is_gpiochip_device)
    assert not gpiod.is_gpiochip_device("/dev/null")
    with pytest.raises(OSError, match="No such device"):
        gpiod.Chip("/dev/null")
    with pytest.raises(OSError, match="No such device"):
        fakes.module.Chip("/dev/null")
