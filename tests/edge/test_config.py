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


CODED = (
    GOOD.replace("line = 17", "code = 1").replace("line = 27", "code = 2").replace("600.5", "450\ndelay_ms = 20")
    + """
[signal]
kind = "code"
lines = [5, 6]
strobe = 13
acknowledge = {line = 26, bias = "pull-down"}
[inputs]
emergency_stop = {line = 22, active_low = true}
encoder = {line = 23, mm_per_count = 1.25}
eye = {line = 24, distance_mm = -220, debounce_ms = 2}
"""
)


def test_a_good_file_with_inputs_and_codes_loads(path: Path) -> None:
    path.write_text(CODED)
    station = load_station(path)
    assert station.lines == (5, 6, 13)
    assert [bin_.code for bin_ in station.bins] == [1, 2]
    assert {name: input_.line for name, input_ in station.wired.items()} == {
        "inputs.emergency_stop": 22,
        "inputs.encoder": 23,
        "inputs.eye": 24,
        "signal.acknowledge": 26,
    }


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("code = 1\n", "code = 2\n", "code 2 is used more than once"),
        ("code = 1\n", "code = 0\n", "code 0 is used more than once"),
        ("code = 1\n", "code = 4\n", "code 4 does not go onto 2 lines, which can say 0 to 3"),
        ("code = 1\n", "", "bin 'glass' has no `code`, which it needs where `signal.kind` is `code`"),
        (
            "code = 1\n",
            "code = 1\nline = 3\n",
            "bin 'glass' has `line`, which means nothing where `signal.kind` is `code`",
        ),
        ("distance_mm = 450\n", "distance_mm = 451\n", "the bins differ in `distance_mm` or `delay_ms`"),
        ("strobe = 13\n", "", "`signal.acknowledge` needs a `signal.strobe`"),
        ("{line = 26,", "{line = 6,", "line 6 is used more than once"),
        ("{line = 22,", "{line = 13,", "line 13 is used more than once"),
        ("encoder =", "wheel =", "`inputs`: .*unknown field `wheel`"),
        ("speed_mm_s = 250", "speed_mm_s = 250\ntolerance = 1", "`belt.tolerance`: Expected `float` < 1.0"),
        ("encoder = {line = 23, mm_per_count = 1.25}", "", None),
        ("[timing]", '[deciding]\ntrigger = "eye"\n[timing]', None),
        (
            "eye = {line = 24, distance_mm = -220, debounce_ms = 2}",
            "[deciding]\ntrigger = 'eye'",
            "there is no `inputs.eye`",
        ),
        ("encoder = {line = 23, mm_per_count = 1.25}", "[belt]\nmeasured_by = 'encoder'", "not TOML"),
        ("speed_mm_s = 250", "speed_mm_s = 250\nmeasured_by = 'encoder'", None),
        ("[timing]", "[guard]\nhot_c = 70\ncool_c = 75\n[timing]", "`guard.cool_c` is above `guard.hot_c`"),
    ],
)
def test_tables_that_do_not_fit_each_other_are_refused(path: Path, old: str, new: str, complaint: str | None) -> None:
    assert old in CODED
    path.write_text(CODED.replace(old, new, 1))
    if complaint is None:
        load_station(path)
        return
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_station(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_encoder_that_is_not_there_cannot_measure(path: Path) -> None:
    path.write_text(GOOD.replace("speed_mm_s = 250", "speed_mm_s = 250\nmeasured_by = 'encoder'"))
    with pytest.raises(ConfigError, match=r"`belt.measured_by` is `encoder`, but there is no `inputs.encoder`"):
        load_station(path)


def test_codes_mean_nothing_for_gates_with_pulses(path: Path) -> None:
    path.write_text(GOOD.replace("line = 17", "line = 17\ncode = 1"))
    with pytest.raises(
        ConfigError, match=r"bin 'glass' has `code`, which means nothing where `signal.kind` is `pulse`"
    ):
        load_station(path)


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
        ("line = 17", 'line = "17"', r"`bins\[0\].line`: Expected `int \| null`, got `str`, received '17'"),
        ("line = 17", "line = true", r"`bins\[0\].line`: Expected `int \| null`, got `bool`, received True"),
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
        ("line = 27", "line = 17", "line 17 is used more than once; give each its own"),
        ('name = "cans"', 'name = "glass"', "bin name 'glass' is used more than once"),
        ('name = "cans"', 'name = "rest"', "bin name 'rest' is used more than once"),
        ('["can"]', '["can", "jar"]', "class 'jar' is used more than once"),
        ('["can"]', '["can", "can"]', "class 'can' is used more than once"),
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
