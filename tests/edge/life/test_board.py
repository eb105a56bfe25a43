"""The board's readings, from folders as a kernel shows them. What cannot be read is None, with a reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sortline_edge.life.board import Board, Readings

ZONE, MONITOR = "class/thermal/thermal_zone{}/temp", "class/hwmon/hwmon{}/{}"
PI_4 = "devices/platform/soc/soc:firmware/get_throttled"
PI_5 = "devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
NO_DRIVER = "the kernel driver raspberrypi-hwmon is not there, or cannot be read"

Kernel = Callable[[dict[str, str]], Board]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Makes a board out of files and their content."""

    def make(files: dict[str, str]) -> Board:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return Board(tmp_path)

    return make


def pi(throttled: str, alarm: str = "0\n", where: str = PI_4) -> dict[str, str]:
    return {
        MONITOR.format(0, "name"): "cpu_thermal\n",
        MONITOR.format(1, "name"): "rpi_volt\n",
        MONITOR.format(1, "in0_lcrit_alarm"): alarm,
        where: throttled,
    }


def test_the_hottest_zone_counts(kernel: Kernel) -> None:
    readings = kernel({ZONE.format(0): "48312\n", ZONE.format(1): "61000\n", ZONE.format(2): "-5000\n"}).read()
    assert readings.temperature_c == 61.0
    assert "temperature_c" not in readings.missing


def test_a_zone_that_cannot_be_read_is_left_out(kernel: Kernel) -> None:
    assert kernel({ZONE.format(0): "nonsense\n", ZONE.format(1): "-5000\n"}).read().temperature_c == -5.0


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "the kernel shows no thermal zone"),
        ({ZONE.format(0): "\n"}, "none of its thermal zones can be read"),
        ({ZONE.format(0): "48°\n"}, "none of its thermal zones can be read"),
    ],
    ids=str,
)
def test_no_temperature_is_none_with_a_reason(kernel: Kernel, files: dict[str, str], why: str) -> None:
    readings = kernel(files).read()
    assert readings.temperature_c is None
    assert readings.missing["temperature_c"] == why


@pytest.mark.parametrize("where", [PI_4, PI_5])
@pytest.mark.parametrize(
    ("bits", "limits", "limited"),
    [
        ("0\n", (), ()),
        ("50005\n", ("undervoltage", "throttled"), ("undervoltage", "throttled")),
        ("0xe0008\n", ("near the temperature limit",), ("frequency capped", "throttled", "near the temperature limit")),
    ],
)
def test_a_raspberry_pi_says_what_limits_it(
    kernel: Kernel, where: str, bits: str, limits: tuple[str, ...], limited: tuple[str, ...]
) -> None:
    readings = kernel(pi(bits, where=where)).read()
    assert (readings.limits, readings.limited) == (limits, limited)
    assert not {"limits", "limited"} & set(readings.missing)


def test_where_nobody_asks_the_firmware_its_zero_is_not_believed(kernel: Kernel) -> None:
    readings = kernel({PI_4: "0\n"}).read()
    assert (readings.limits, readings.limited) == (None, None)
    assert readings.missing["limits"] == readings.missing["limited"] == NO_DRIVER


@pytest.mark.parametrize(("alarm", "limits"), [("0\n", ()), ("1\n", ("undervoltage",))])
@pytest.mark.parametrize("throttled", [None, "nonsense\n"])
def test_a_kernel_with_the_alarm_only_tells_of_undervoltage(
    kernel: Kernel, throttled: str | None, alarm: str, limits: tuple[str, ...]
) -> None:
    files = pi(throttled or "", alarm)
    if throttled is None:
        del files[PI_4]
    readings = kernel(files).read()
    assert readings.limits == limits
    assert readings.limited is None
    assert readings.missing["limited"] == "this kernel tells of undervoltage only, and only of now"


def test_a_driver_that_fails_is_no_good_news(kernel: Kernel) -> None:
    readings = kernel(pi("nonsense\n", "nonsense\n")).read()
    assert (readings.limits, readings.limited) == (None, None)
    assert readings.missing["limits"] == NO_DRIVER


def test_each_look_is_a_new_one(kernel: Kernel, tmp_path: Path) -> None:
    board = kernel({ZONE.format(0): "48000\n"})
    assert board.read().temperature_c == 48
    (tmp_path / ZONE.format(0)).write_text("85000\n")
    assert board.read().temperature_c == 85
    (tmp_path / ZONE.format(0)).unlink()
    assert board.read().temperature_c is None


def test_this_machine_can_be_asked_whatever_it_is() -> None:
    readings = Board().read()
    assert isinstance(readings, Readings)
    unread = {name for name in ("temperature_c", "limits", "limited") if getattr(readings, name) is None}
    assert set(readings.missing) == unread
