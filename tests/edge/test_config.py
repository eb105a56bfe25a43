"""The station file: good ones load whole, everything else is refused by name."""

from pathlib import Path

import pytest

from sortline_bundle.errors import ConfigError
from sortline_edge.config import BeltCamera, Deciding, GpiodOutputs, Timing, load_station

GOOD = """
name = "line 3"
bundle = "waste.sortline"
reject = "rest"
[camera]
driver = "belt"
items = "photographs"
count = 7
[belt]
speed_mm_s = 250
mm_per_px = 0.5
[[bins]]
name = "glass"
classes = ["bottle", "jar"]
line = 17
distance_mm = 450
delay_ms = 20
[[bins]]
name = "cans"
classes = ["can"]
line = 27
distance_mm = 600.5
dwell_ms = 90
[outputs]
driver = "gpiod"
chip = "pinctrl-rp1"
active_low = true
[timing]
heartbeat_ms = 300
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "station.toml"


def test_a_good_file_loads(path: Path) -> None:
    path.write_text(GOOD)
    station = load_station(path)
    assert (station.name, station.bundle, station.reject) == ("line 3", "waste.sortline", "rest")
    assert station.camera == BeltCamera(items="photographs", count=7)
    assert station.outputs == GpiodOutputs(chip="pinctrl-rp1", active_low=True)
    assert (station.timing, station.deciding) == (Timing(heartbeat_ms=300), Deciding())
    assert station.model.runtime == "auto"
    assert station.lines == (17, 27)
    glass, cans = station.bins
    assert (glass.delay_ms, glass.dwell_ms, cans.delay_ms, cans.dwell_ms) == (20, 150, 0, 90)
    assert (station.bin_of("jar"), station.bin_of("can"), station.bin_of("paper")) == (glass, cans, None)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("line = 17", "line = 17\ncolour = 1", r"`bins\[0\]`: .*unknown field `colour`"),
        ("[belt]", "[belts]", r"unknown field `belts`|missing required field `belt`"),
        ("count = 7", "cuont = 7", r"`camera`: .*unknown field `cuont`"),
        ("speed_mm_s = 250\n", "", r"`belt`: .*missing required field `speed_mm_s`"),
        ('name = "line 3"\n', "", "missing required field `name`"),
        ("distance_mm = 450\n", "", r"`bins\[0\]`: .*missing required field `distance_mm`"),
        ("line = 17", 'line = "17"', r"`bins\[0\].line`: Expected `int`, got `str`, received '17'"),
        ("line = 17", "line = true", r"`bins\[0\].line`: Expected `int`, got `bool`, received True"),
        ("line = 17", "line = -1", r"`bins\[0\].line`: Expected `int` >= 0, received -1"),
        ("line = 17", "line = 512", r"`bins\[0\].line`: Expected `int` <= 511, received 512"),
        ("line = 17", f"line = {10**30}", r"`bins\[0\].line`: Expected `int` <= 511, received 10+$"),
        ('name = "glass"', "name = 5", r"`bins\[0\].name`: Expected `str`, got `int`, received 5"),
        ('name = "glass"', 'name = "../etc"', r"`bins\[0\].name`: .*received '../etc'"),
        ('name = "glass"', 'name = "glass\\n"', r"`bins\[0\].name`: .*received 'glass\\n'"),
        ('["bottle", "jar"]', "[]", r"`bins\[0\].classes`: Expected `array` of length >= 1"),
        ('["bottle", "jar"]', '"bottle"', r"`bins\[0\].classes`: Expected `array`, got `str`, received 'bottle'"),
        ("speed_mm_s = 250", "speed_mm_s = 0", r"`belt.speed_mm_s`: Expected `float` >= 1.0, received 0"),
        ("speed_mm_s = 250", 'speed_mm_s = "fast"', "`belt.speed_mm_s`: Expected `float`, got `str`, received 'fast'"),
        ("mm_per_px = 0.5", "mm_per_px = 1e-9", r"`belt.mm_per_px`: Expected `float` >= 0.001, received 1e-09"),
        ("distance_mm = 450", "distance_mm = 1e300", r"`bins\[0\].distance_mm`: .*<= 1000000.0, received 1e\+300"),
        ("delay_ms = 20", "delay_ms = -1", r"`bins\[0\].delay_ms`: Expected `float` >= 0.0, received -1"),
        ("count = 7", "count = 0", r"`camera.count`: Expected `int` >= 1, received 0"),
        ("count = 7", 'cut = "knife"', r"`camera.cut`: .*received 'knife'"),
        ("count = 7", "frames_per_s = 1e9", r"`camera.frames_per_s`: Expected `float` <= 1000.0, received 1000000000"),
        ("heartbeat_ms = 300", "heartbeat_ms = 5", r"`timing.heartbeat_ms`: Expected `float` >= 20.0, received 5"),
        (
            "[timing]",
            '[model]\nruntime = "tensorflow"\n[timing]',
            r"`model.runtime`: .*may be 'auto', 'litert', 'tflite-r",
        ),
        ("active_low = true", "active_low = 1", r"`outputs.active_low`: Expected `bool`, got `int`, received 1"),
        ("[timing]", "[model]\nthreads = 0\n[timing]", r"`model.threads`: .*>= 1.*received 0"),
        ("[timing]", "[model]\nthreads = 9\n[timing]", r"`model.threads`: .*<= 8.*received 9"),
        ("[timing]", '[model]\nthreads = "all"\n[timing]', r"`model.threads`: .*received 'all'"),
        ('driver = "belt"', 'driver = "usb"', r"`camera.driver`: .*received 'usb'"),
        ('driver = "gpiod"', 'driver = "relay"', r"`outputs.driver`: .*received 'relay'"),
        ('driver = "belt"\n', "", r"`camera`: .*missing required field `driver`"),
        ("line = 27", "line = 17", "output line 17 is used by more than one bin; give each bin its own"),
        ('name = "cans"', 'name = "glass"', "bin name 'glass' is used by more than one bin"),
        ('name = "cans"', 'name = "rest"', "bin name 'rest' is used by more than one bin"),
        ('["can"]', '["can", "jar"]', "class 'jar' is used by more than one bin"),
        ('["can"]', '["can", "can"]', "class 'can' is used by more than one bin"),
        ("[belt]", "[belt", "not TOML: .*line 9"),
        ("count = 7", "count = 7\ncount = 8", "not TOML: .*overwrite"),
        ("count = 7", "count = " + "[" * 5000, "not TOML"),
    ],
)
def test_what_is_wrong_is_refused_by_name(path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_station(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
@pytest.mark.parametrize("key", ["distance_mm = 450", "speed_mm_s = 250", "heartbeat_ms = 300"])
def test_what_is_no_finite_number_is_refused(path: Path, key: str, value: str) -> None:
    path.write_text(GOOD.replace(key, f"{key.split(' = ', maxsplit=1)[0]} = {value}"))
    with pytest.raises(ConfigError, match=value):
        load_station(path)


@pytest.mark.parametrize(("stated", "threads"), [("", "auto"), ('threads = "auto"', "auto"), ("threads = 8", 8)])
def test_threads_are_a_number_or_measured(path: Path, stated: str, threads: int | str) -> None:
    path.write_text(f"{GOOD}[model]\n{stated}\n")
    assert load_station(path).model.threads == threads


def test_a_station_without_bins_is_refused(path: Path) -> None:
    before, _, rest = GOOD.partition("[[bins]]")
    path.write_text("bins = []\n" + before + "[outputs]" + rest.partition("[outputs]")[2])
    with pytest.raises(ConfigError, match="`bins`: Expected `array` of length >= 1"):
        load_station(path)


def test_a_file_that_is_not_utf_8_is_refused(path: Path) -> None:
    path.write_bytes(GOOD.replace("line 3", "Straße").encode("latin-1"))
    with pytest.raises(ConfigError, match="not TOML: 'utf-8' codec"):
        load_station(path)


def test_a_file_that_cannot_be_read_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"station.toml cannot be read: No such file"):
        load_station(path)
    path.mkdir()
    with pytest.raises(ConfigError, match=r"station.toml cannot be read: Is a directory"):
        load_station(path)
