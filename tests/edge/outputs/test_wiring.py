"""What the station file says of servos and inputs, and what the output process makes of it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sortline_bundle.errors import ConfigError
from sortline_bundle.strict import convert
from sortline_edge.config import CodeSignal, GpiodOutputs, Input, Inputs, Servo, Station, check_station, load_station
from sortline_edge.config.wiring import Encoder, Eye
from sortline_edge.outputs import wire
from sortline_edge.outputs.wiring import Wiring, inputs_of, wiring_of

BASE = """
name = "line 3"
bundle = "waste.sortline"
[camera]
driver = "belt"
items = "photographs"
[belt]
speed_mm_s = 250
mm_per_px = 0.5
[[bins]]
name = "glass"
classes = ["bottle"]
line = 500
distance_mm = 450
[outputs]
driver = "gpiod"
chip = "pinctrl-rp1"
[[outputs.servos]]
line = 500
chip = "1f00098000.pwm"
channel = 2
rest_us = 1000
active_us = 1800
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[[outputs.servos]]\nline = 500", "[[outputs.servos]]\nline = 501", "servo of line 501 moves nothing"),
        ("rest_us = 1000", "rest_us = 499", r"`outputs.servos\[0\].rest_us`: .*>= 500.0, received 499"),
        ("active_us = 1800", "active_us = 2501", r"`outputs.servos\[0\].active_us`: .*<= 2500.0, received 2501"),
        ("active_us = 1800", "active_us = 1800\nperiod_us = 2500", r"`outputs.servos\[0\].period_us`: .*>= 2600.0"),
        ("channel = 2", "channel = -1", r"`outputs.servos\[0\].channel`"),
        ('chip = "1f00098000.pwm"', 'chip = "../pwmchip0"', r"`outputs.servos\[0\].chip`"),
    ],
)
def test_a_servo_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "station.toml"
    path.write_text(BASE)
    assert load_station(path).outputs.servos[0].idle_ms == 1000
    assert old in BASE
    path.write_text(BASE.replace(old, new))
    with pytest.raises(ConfigError, match=complaint):
        load_station(path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"channel": 2}, "servo line 0 is used more than once"), ({"line": 1}, "servo channel '1 of chip' is used more")],
)
def test_two_servos_on_one_line_or_channel_are_refused(world: Any, changes: dict[str, int], complaint: str) -> None:
    one = Servo(line=0, chip="chip", channel=1, rest_us=1000, active_us=1500)
    outputs = GpiodOutputs(chip="chip", servos=(one, msgspec.structs.replace(one, **changes)))
    with pytest.raises(ConfigError, match=complaint):
        check_station(world.station(outputs=outputs), where="here")


def test_the_wiring_is_that_of_the_station(world: Any) -> None:
    signal = CodeSignal(lines=(5, 6), strobe=7, acknowledge=Input(line=12, debounce_ms=1))
    inputs = Inputs(
        emergency_stop=Input(line=20, active_low=True),
        encoder=Encoder(line=21, mm_per_count=0.5, bias="pull-up"),
        eye=Eye(line=22, distance_mm=-50),
    )
    station = world.station(signal=signal, inputs=inputs)
    assert wiring_of(station) == Wiring((5, 6, 7), signal, {12: "edge", 20: "stop", 21: "count", 22: "edge"})
    assert {its.line: its for its in inputs_of(station)} == {
        12: Input(line=12, debounce_ms=1),
        20: Input(line=20, active_low=True),
        21: Input(line=21, bias="pull-up"),
        22: Input(line=22),
    }
    begin = wire.Begin(
        settings=station.outputs, wiring=wiring_of(station), inputs=inputs_of(station), timing=station.timing
    )
    assert wire.decode_begin(wire.encode(begin)) == begin


def test_a_plain_station_has_its_gates_and_nothing_else(world: Any) -> None:
    station = world.station()
    assert wiring_of(station) == Wiring((0, 1, 2))
    assert wiring_of(station).gates == {0, 1, 2}
    assert inputs_of(station) == ()


PAGE = Path(__file__).parents[3] / "docs" / "wiring.md"
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.partition("]")[0].strip("["))
def test_what_the_page_on_wiring_shows_can_be_written_into_a_station_file(example: str) -> None:
    plain = tomllib.loads(BASE.partition("[[outputs.servos]]")[0])
    station = convert(plain | tomllib.loads(example), Station, error=ConfigError, where="the page")
    check_station(station, where="the page")
