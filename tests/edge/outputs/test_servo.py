"""Servos as output lines, on a fake of the kernel's PWM files that refuses what the kernel refuses."""

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.config import GpiodOutputs, Input, Servo
from sortline_edge.outputs import gpio, pwm, servo
from sortline_edge.outputs.devices import open_devices
from sortline_edge.outputs.pwm import PwmChannel
from sortline_edge.outputs.servo import ServoLines
from sortline_edge.outputs.wiring import Wiring

MS = 1_000_000
PI5 = "1f00098000.pwm"


class Kernel:
    """The folder of PWM chips, and what the kernel does when a file in it is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "class"
        self.taken: set[int] = set()
        self.forbidden: set[str] = set()
        self.broken: set[Path] = set()
        self.written: list[tuple[str, str]] = []
        self.now_ns = 0
        self.slept_s: list[float] = []
        for number, device in enumerate((PI5, "fe20c000.pwm")):
            chip = self.folder / f"pwmchip{number}"
            chip.mkdir(parents=True)
            (folder / "devices" / device).mkdir(parents=True)
            (chip / "device").symlink_to(folder / "devices" / device)
            (chip / "npwm").write_text("4\n")

    def write(self, path: Path, text: str) -> None:
        if path.name in self.forbidden:
            raise self.error(errno.EACCES)
        if path in self.broken:
            raise self.error(errno.EIO)
        if path.name in {"export", "unexport"}:
            self.give(path.parent, int(text), path.name)
        else:
            self.apply(path.parent, path.name, int(text))
        self.written.append((path.name, text))

    def give(self, chip: Path, channel: int, what: str) -> None:
        place = chip / f"pwm{channel}"
        if channel >= 4 or (what == "unexport" and not place.exists()):
            raise self.error(errno.ENODEV)
        if what == "export" and (place.exists() or channel in self.taken):
            raise self.error(errno.EBUSY)
        if what == "export":
            place.mkdir()
            for name in ("period", "duty_cycle", "enable"):
                (place / name).write_text("0\n")
        else:
            for file in place.iterdir():
                file.unlink()
            place.rmdir()

    def apply(self, place: Path, name: str, value: int) -> None:
        if not place.exists():
            raise self.error(errno.ENOENT)
        state = self.state(place) | {name: value}
        if not state["period"] or state["duty_cycle"] > state["period"] or state["enable"] not in {0, 1}:
            raise self.error(errno.EINVAL)
        (place / name).write_text(f"{value}\n")

    def state(self, place: Path) -> dict[str, int]:
        return {file.name: int(file.read_text()) for file in place.iterdir()}

    def channel(self, number: int = 2, chip: int = 0) -> dict[str, int] | None:
        place = self.folder / f"pwmchip{chip}" / f"pwm{number}"
        return self.state(place) if place.exists() else None

    def width_us(self, number: int = 2) -> float | None:
        """Length of the pulses that the servo gets; None: none."""
        state = self.channel(number)
        return state["duty_cycle"] / 1000 if state and state["enable"] else None

    def claim(self, *servos: Servo) -> ServoLines:
        opener = partial(PwmChannel, folder=self.folder, write=self.write, sleep=self.slept_s.append)
        return ServoLines(servos, open_channel=opener, now_ns=lambda: self.now_ns, sleep=self.slept_s.append)

    @staticmethod
    def error(number: int) -> OSError:
        return OSError(number, os.strerror(number))


def gate(line: int = 500, channel: int = 2, **changes: Any) -> Servo:
    return Servo(line=line, channel=channel, **{"chip": PI5, "rest_us": 1000, "active_us": 1800} | changes)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_a_servo_rests_when_it_is_claimed_and_goes_where_it_is_set(kernel: Kernel) -> None:
    lines = kernel.claim(gate(), gate(501, channel=3, rest_us=2000, active_us=1200))
    assert (kernel.width_us(2), kernel.width_us(3)) == (1000, 2000)
    assert kernel.channel(2)["period"] == 20_000_000
    lines.set({500: True})
    assert (kernel.width_us(2), kernel.width_us(3)) == (1800, 2000)
    lines.set({500: False, 501: True})
    assert (kernel.width_us(2), kernel.width_us(3)) == (1000, 1200)


def test_a_servo_at_rest_loses_its_signal_after_a_while_and_gets_it_again(kernel: Kernel) -> None:
    lines = kernel.claim(gate(idle_ms=400))
    assert lines.next_ns == 400 * MS
    lines.set({500: True})
    assert lines.next_ns is None
    kernel.now_ns = 1000 * MS
    lines.set({500: False})
    lines.tick(1400 * MS - 1)
    assert kernel.width_us() == 1000
    lines.tick(1400 * MS)
    assert kernel.width_us() is None
    assert lines.next_ns is None
    lines.set({500: True})
    assert kernel.width_us() == 1800


def test_a_servo_without_idle_time_keeps_its_signal(kernel: Kernel) -> None:
    lines = kernel.claim(gate(idle_ms=0))
    assert lines.next_ns is None
    lines.tick(10**18)
    assert kernel.width_us() == 1000


def test_closing_brings_it_to_rest_in_time_and_gives_the_channel_back(kernel: Kernel) -> None:
    lines = kernel.claim(gate())
    lines.set({500: True})
    kernel.written.clear()
    lines.close()
    lines.close()
    assert kernel.written == [("duty_cycle", "1000000"), ("enable", "0"), ("unexport", "2")]
    assert kernel.slept_s == [servo.RETURN_S]
    assert kernel.channel() is None
    with pytest.raises(HardwareError, match="line 500 is no servo that is claimed"):
        lines.set({500: True})


def test_a_servo_that_fails_leaves_no_other_away_from_rest(kernel: Kernel) -> None:
    lines = kernel.claim(gate(), gate(line=501, channel=3))
    lines.set({500: True, 501: True})
    kernel.broken.add(kernel.folder / "pwmchip0" / "pwm2" / "duty_cycle")
    kernel.written.clear()
    with pytest.raises(HardwareError, match="channel 2 of PWM chip"):
        lines.close()
    assert ("duty_cycle", "1000000") in kernel.written
    assert kernel.slept_s == [servo.RETURN_S]
    assert (kernel.channel(), kernel.channel(3)) == (None, None)


def test_closing_does_not_wait_for_a_servo_at_rest(kernel: Kernel) -> None:
    lines = kernel.claim(gate())
    lines.tick(lines.next_ns)
    lines.close()
    assert kernel.slept_s == []
    assert kernel.channel() is None


def test_a_line_that_is_no_servo_is_refused_and_nothing_moves(kernel: Kernel) -> None:
    lines = kernel.claim(gate())
    with pytest.raises(HardwareError, match=r"line 7 is no servo that is claimed, only \[500\]"):
        lines.set({500: True, 7: True})
    assert kernel.width_us() == 1000


def test_what_a_killed_process_left_behind_is_taken_over(kernel: Kernel) -> None:
    chip = kernel.folder / "pwmchip0"
    kernel.give(chip, 2, "export")
    for name, value in (("period", 25_000_000), ("duty_cycle", 22_000_000), ("enable", 1)):
        kernel.apply(chip / "pwm2", name, value)
    kernel.claim(gate())
    assert kernel.channel() == {"period": 20_000_000, "duty_cycle": 1_000_000, "enable": 1}


def test_a_channel_that_another_station_holds_is_refused(kernel: Kernel) -> None:
    lines = kernel.claim(gate())
    with pytest.raises(HardwareError, match=f"channel 2 of PWM chip {PI5} is held by another station"):
        kernel.claim(gate(501, channel=3), gate())
    assert kernel.channel(3) is None
    assert kernel.width_us() == 1000
    lines.close()
    kernel.claim(gate())


def test_a_channel_that_the_kernel_uses_is_refused(kernel: Kernel) -> None:
    kernel.taken.add(2)
    with pytest.raises(HardwareError, match=r"channel 2 of PWM chip .* is in use by the kernel"):
        kernel.claim(gate())


def test_an_unknown_chip_is_refused_with_those_there_are(kernel: Kernel, tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match=r"'pwm.9'; this machine has 1f00098000.pwm, fe20c000.pwm; correct"):
        kernel.claim(gate(chip="pwm.9"))
    with pytest.raises(HardwareError, match="no PWM chip at all; load its overlay"):
        PwmChannel(PI5, 0, 20_000, folder=tmp_path / "nothing")


def test_a_channel_beyond_the_chip_is_refused(kernel: Kernel) -> None:
    with pytest.raises(HardwareError, match=r"channel 4 of PWM chip .* does not exist, only 0 to 3"):
        kernel.claim(gate(channel=4))


@pytest.mark.parametrize("name", ["export", "period"])
def test_files_that_may_not_be_written_name_the_group(kernel: Kernel, name: str) -> None:
    kernel.forbidden.add(name)
    with pytest.raises(HardwareError, match=f"{name} may not be written by this user; add the user to the group"):
        kernel.claim(gate())
    assert kernel.channel() is None


def test_files_are_waited_for_until_udev_has_given_them(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    monkeypatch.setattr(pwm.os, "access", lambda *_: next(answers))
    kernel.claim(gate())
    assert kernel.slept_s == [pwm.PERMISSION_PAUSE_S] * 2


def test_a_setting_that_the_kernel_refuses_is_named(kernel: Kernel) -> None:
    lines = kernel.claim(gate())
    kernel.apply(kernel.folder / "pwmchip0" / "pwm2", "duty_cycle", 0)
    kernel.apply(kernel.folder / "pwmchip0" / "pwm2", "period", 1_500_000)
    with pytest.raises(HardwareError, match="refused duty_cycle 1800000: Invalid argument; check the chip"):
        lines.set({500: True})


def test_an_attribute_is_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "period").touch()
    pwm.write_attribute(tmp_path / "period", "5")
    assert (tmp_path / "period").read_text() == "5"
    with pytest.raises(FileNotFoundError):
        pwm.write_attribute(tmp_path / "duty", "5")


class TestBesideAGpioChip:
    @pytest.fixture
    def opened(self, kernel: Kernel, board: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(gpio, "GpioLines", partial(gpio.GpioLines, devices=board.folder))
        monkeypatch.setattr(gpio, "GpioInputs", partial(gpio.GpioInputs, devices=board.folder))
        monkeypatch.setattr(servo, "ServoLines", lambda servos: kernel.claim(*servos))
        settings = GpiodOutputs(chip="pinctrl-rp1", servos=(gate(),))

        def opened(*lines: int, inputs: tuple[int, ...] = ()) -> Any:
            wiring = Wiring(lines, inputs=dict.fromkeys(inputs, "edge"))
            return open_devices(settings, wiring, tuple(Input(line=line) for line in inputs))

        return opened

    def test_each_line_goes_where_it_belongs(self, opened: Any, kernel: Kernel, board: Any) -> None:
        devices = opened(5, 500, inputs=(3,))
        devices.lines.set({5: True, 500: True})
        assert (board.levels()[5], kernel.width_us()) == (True, 1800)
        devices.lines.set({500: False})
        assert (board.levels()[5], kernel.width_us()) == (True, 1000)
        assert board.device().consumers == {5: "sortline", 3: "sortline"}
        devices.lines.close()
        assert (board.levels()[5], kernel.channel()) == (False, None)

    def test_servos_alone_need_no_line(self, opened: Any, kernel: Kernel, board: Any) -> None:
        opened(500).lines.set({500: True})
        assert kernel.width_us() == 1800
        assert board.device().consumers == {}

    def test_nothing_stays_claimed_when_something_cannot_be_had(self, opened: Any, kernel: Kernel, board: Any) -> None:
        kernel.taken.add(2)
        with pytest.raises(HardwareError, match="in use by the kernel"):
            opened(5, 500, inputs=(3,))
        assert board.device().consumers == {}
