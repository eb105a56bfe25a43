"""Both line drivers, held to one contract; the GPIO one on a fake of gpiod that refuses what the kernel refuses."""

import errno
import inspect
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ClassVar

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.outputs.gpio import GpioLines
from sortline_edge.outputs.recorder import Recorder

gpiod = pytest.importorskip("gpiod")
Value, Direction = gpiod.line.Value, gpiod.line.Direction


@dataclass
class Device:
    """A chip as the kernel knows it: who holds which line, and how high each line is."""

    label: str
    num_lines: int = 8
    consumers: dict[int, str] = field(default_factory=dict)
    high: dict[int, bool] = field(default_factory=dict)
    forbidden: bool = False
    calls: int = 0


class LineRequest:
    def __init__(self, req: Any) -> None:
        self.device, self.settings = req
        self.released = False

    def __bool__(self) -> bool:
        return not self.released

    def set_values(self, values: Any) -> None:
        if self.released:
            raise gpiod.RequestReleasedError
        if set(values) - set(self.settings):
            raise ValueError("[Errno 22] Invalid argument")
        if any(self.settings[line].direction != Direction.OUTPUT for line in values):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        self.device.calls += 1
        for line, value in values.items():
            self.device.high[line] = (value == Value.ACTIVE) != self.settings[line].active_low

    def release(self) -> None:
        for line in self.settings if not self.released else ():
            del self.device.consumers[line]
        self.released = True


class Chip:
    devices: ClassVar[dict[str, Device]] = {}

    def __init__(self, path: str) -> None:
        path = os.path.realpath(path)
        if path not in self.devices:
            raise OSError(errno.ENODEV, "No such device")
        if self.devices[path].forbidden:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.device = self.devices[path]
        self.closed = False

    def __enter__(self) -> "Chip":
        self.refuse_closed()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed = True

    def refuse_closed(self) -> None:
        if self.closed:
            raise gpiod.ChipClosedError

    def get_info(self) -> Any:
        self.refuse_closed()
        return gpiod.ChipInfo("gpiochip", self.device.label, self.device.num_lines)

    def get_line_info(self, line: Any) -> Any:
        self.refuse_closed()
        consumer = self.device.consumers.get(line)
        return gpiod.LineInfo(line, "", consumer is not None, consumer or "", 2, False, 1, 1, 1, 1, False, 0)

    def request_lines(
        self, config: Any, consumer: Any = None, event_buffer_size: Any = None, output_values: Any = None
    ) -> LineRequest:
        self.refuse_closed()
        settings = {line: its for lines, its in config.items() for line in lines}
        if any(line >= self.device.num_lines for line in settings):
            raise ValueError("line offset of out range")
        if any(line in self.device.consumers for line in settings):
            raise OSError(errno.EBUSY, "Device or resource busy")
        self.device.consumers |= dict.fromkeys(settings, consumer or "?")
        request = LineRequest((self.device, settings))
        request.set_values({line: its.output_value for line, its in settings.items()})
        return request


def fake_gpiod(devices: dict[str, Device]) -> ModuleType:
    fake = ModuleType("gpiod")
    vars(fake).update(LineSettings=gpiod.LineSettings, line=gpiod.line, LineRequest=LineRequest)
    vars(fake).update(Chip=type("Chip", (Chip,), {"devices": devices}))
    vars(fake).update(is_gpiochip_device=lambda path: os.path.realpath(path) in devices)
    return fake


class Board:
    """A machine with GPIO chips, as far as a driver can tell."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *labels: str) -> None:
        self.folder = folder
        self.devices = {str(folder / f"gpiochip{number}"): Device(label) for number, label in enumerate(labels)}
        for path in self.devices:
            Path(path).touch()
        monkeypatch.setitem(sys.modules, "gpiod", fake_gpiod(self.devices))

    def claim(self, *lines: int, chip: str = "pinctrl-rp1", active_low: bool = False) -> GpioLines:
        return GpioLines(chip, lines, active_low=active_low, devices=self.folder)

    def device(self, label: str = "pinctrl-rp1") -> Device:
        return next(device for device in self.devices.values() if device.label == label)

    def levels(self) -> dict[int, bool]:
        return self.device().high


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
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch, "raspberrypi-exp-gpio", "pinctrl-rp1")


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


def test_the_chip_is_found_by_its_label_whatever_its_number(board: Board) -> None:
    board.claim(5, chip="raspberrypi-exp-gpio")
    assert board.device("raspberrypi-exp-gpio").consumers == {5: "sortline"}
    assert board.device("pinctrl-rp1").consumers == {}


def test_a_second_name_of_a_chip_is_the_same_chip(board: Board) -> None:
    (board.folder / "gpiochip9").symlink_to(board.folder / "gpiochip1")
    board.claim(5).set({5: True})
    assert board.levels() == {5: True}


def test_active_low_lines_rest_high(board: Board) -> None:
    lines = board.claim(5, 6, active_low=True)
    assert board.levels() == {5: True, 6: True}
    lines.set({5: True})
    assert board.levels() == {5: False, 6: True}
    lines.close()
    assert board.levels() == {5: True, 6: True}


def test_several_lines_are_set_by_one_call(board: Board) -> None:
    lines = board.claim(5, 6)
    before = board.device().calls
    lines.set({5: True, 6: True})
    assert board.device().calls == before + 1


def test_an_unknown_label_is_refused_with_the_labels_found(board: Board) -> None:
    with pytest.raises(HardwareError, match=r"pinctrl-bcm2711.*this machine has pinctrl-rp1, raspberrypi-exp-gpio"):
        board.claim(5, chip="pinctrl-bcm2711")


def test_a_machine_without_chips_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HardwareError, match="no GPIO chip at all"):
        Board(tmp_path, monkeypatch).claim(5)


def test_two_chips_of_one_label_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HardwareError, match="2 GPIO chips have the label 'mcp23017'"):
        Board(tmp_path, monkeypatch, "mcp23017", "mcp23017").claim(5, chip="mcp23017")


def test_a_file_that_is_no_chip_is_passed_over(board: Board) -> None:
    (board.folder / "gpiochip7").touch()
    board.claim(5)
    assert board.levels() == {5: False}


def test_a_busy_line_names_who_uses_it(board: Board) -> None:
    board.device().consumers[6] = "spi0 CS0"
    with pytest.raises(HardwareError, match="line 6 by spi0 CS0 is in use"):
        board.claim(5, 6)
    assert board.device().consumers == {6: "spi0 CS0"}


def test_a_line_beyond_the_chip_is_refused_with_the_range(board: Board) -> None:
    with pytest.raises(HardwareError, match=r"has lines 0 to 7, not \[8\]"):
        board.claim(5, 8)


def test_a_chip_that_may_not_be_opened_names_the_group(board: Board) -> None:
    board.device().forbidden = True
    with pytest.raises(HardwareError, match="add the user to group gpio"):
        board.claim(5)


def test_a_chip_that_went_away_is_a_hardware_error(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = board.claim(5)

    def gone(values: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(lines._request, "set_values", gone)
    with pytest.raises(HardwareError, match="refused to set"):
        lines.set({5: True})
    with pytest.raises(HardwareError):
        lines.close()
    assert board.device().consumers == {}


def test_without_the_package_the_error_says_what_to_install(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(HardwareError, match=r"pip install 'sortline\[edge\]'"):
        board.claim(5)


def _signature(function: Any) -> list[tuple[str, Any, Any]]:
    return [(its.name, its.kind, its.default) for its in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("fake", [Chip, LineRequest])
def test_the_fake_takes_the_arguments_that_the_binding_takes(fake: type) -> None:
    real = getattr(gpiod, fake.__name__)
    shared = [name for name, its in vars(fake).items() if inspect.isfunction(its) and name != "refuse_closed"]
    assert len(shared) >= 3
    for name in shared:
        assert _signature(vars(fake)[name]) == _signature(vars(real)[name]), name


def test_the_fake_knows_a_chip_by_its_path_as_the_binding_does() -> None:
    assert _signature(fake_gpiod({}).is_gpiochip_device) == _signature(gpiod.is_gpiochip_device)
    assert not gpiod.is_gpiochip_device("/dev/null")
    with pytest.raises(OSError, match="No such device"):
        gpiod.Chip("/dev/null")
    with pytest.raises(OSError, match="No such device"):
        fake_gpiod({}).Chip("/dev/null")
