"""The systemd unit: systemd itself takes it without a word, and it opens no more than the drivers need."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from sortline_bundle.command import main
from sortline_bundle.errors import ConfigError
from sortline_bundle.strict import Table
from sortline_edge.config import Events, FolderCamera, GpiodOutputs, Guard, RecorderOutputs
from sortline_edge.config.cameras import CameraSettings
from sortline_edge.config.wiring import Servo
from sortline_edge.life import unit
from sortline_edge.life.unit import service_unit
from sortline_edge.outputs.process import REALTIME_PRIORITY

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
PYTHON = Path(sys.executable)
FILE = Path("/etc/sortline/station.toml")
# Ten times what `systemd-analyze security` shows; 100 is a unit without any protection, above 50 it says "exposed".
MOST_EXPOSED = 15

STATION = """
name = "line 1"
bundle = "waste.sortline"
camera = { driver = "folder", path = "frames" }
belt = { speed_mm_s = 250, mm_per_px = 0.5 }
outputs = { driver = "gpiod", chip = "pinctrl-rp1" }
[[bins]]
name = "paper"
classes = ["paper"]
line = 17
distance_mm = 600
"""


class BoardCamera(Table, frozen=True, kw_only=True, tag_field="driver", tag="picamera2"):
    """A driver that opens devices."""


@pytest.fixture
def make(world: Any) -> Callable[..., str]:
    """The unit of a test station with some tables changed."""

    def build(file: Path = FILE, systemd: int = 252, user: str = "sortline", **changes: object) -> str:
        return service_unit(world.station(**changes), file, user=user, python=PYTHON, systemd=systemd)

    return build


def settings(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.partition("=")[0] == key]


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ANALYZE), *words], capture_output=True, text=True, check=False)


def systemd_here() -> int:
    return int(analyze("--version").stdout.split()[1])


def write(folder: Path, text: str) -> Path:
    """A unit whose programs are there: where systemd runs there is a `kill`, here there may be none."""
    path = folder / unit.NAME
    path.write_text(text.replace("/bin/kill", str(PYTHON)))
    return path


CASES = [
    pytest.param({}, id="recorder"),
    pytest.param({"outputs": GpiodOutputs(chip="pinctrl-rp1")}, id="gpiod"),
    pytest.param({"camera": BoardCamera(), "outputs": GpiodOutputs(chip="pinctrl-rp1")}, id="camera and gpiod"),
    pytest.param({"file": Path('/srv/a "quoted" $HOME 100% \\ folder/station.toml')}, id="a strange folder"),
]


@needs_systemd
@pytest.mark.parametrize("changes", CASES)
def test_systemd_takes_it_without_a_word(make: Callable[..., str], tmp_path: Path, changes: dict[str, Any]) -> None:
    done = analyze("verify", write(tmp_path, make(systemd=systemd_here(), **changes)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_takes_what_the_command_writes_for_awkward_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a $HOME 100% folder"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(PYTHON)
    text = STATION.replace('driver = "gpiod", chip = "pinctrl-rp1"', 'driver = "recorder", path = "../lines.jsonl"')
    (folder / "station.toml").write_text(text)
    monkeypatch.chdir(folder / "bin")
    assert main(["service", "../station.toml", "--python", "../bin/python", "--write", str(tmp_path)]) == 0
    written = (tmp_path / unit.NAME).read_text()
    done = analyze("verify", write(tmp_path, written))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert settings(written, "ReadWritePaths") == [f'"{tmp_path}"']
    [program] = settings(written, "ExecStart")
    assert program.startswith(f'"{tmp_path}/a $HOME 100%% folder/bin/python" ')
    assert program.endswith(f' "{tmp_path}/a $$HOME 100%% folder/station.toml"')


@needs_systemd
def test_systemd_has_something_to_say_about_a_wrong_key(make: Callable[..., str], tmp_path: Path) -> None:
    done = analyze("verify", write(tmp_path, make().replace("WatchdogSec", "WatchdogSecs")))
    assert "WatchdogSecs" in done.stderr


@needs_systemd
@pytest.mark.parametrize("changes", CASES)
def test_systemd_finds_it_protected(make: Callable[..., str], tmp_path: Path, changes: dict[str, Any]) -> None:
    unit_file = write(tmp_path, make(**changes))
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", unit_file)
    assert done.returncode == 0, done.stdout


def test_a_station_without_devices_may_open_none(make: Callable[..., str]) -> None:
    text = make(outputs=RecorderOutputs())
    assert settings(text, "DevicePolicy") == ["closed"]
    assert settings(text, "DeviceAllow") == settings(text, "SupplementaryGroups") == []
    assert settings(text, "RestrictAddressFamilies") == ["AF_UNIX"]


def test_wires_need_the_chip_and_nothing_else(make: Callable[..., str]) -> None:
    text = make(outputs=GpiodOutputs(chip="pinctrl-rp1"))
    assert settings(text, "DeviceAllow") == ["char-gpiochip rw"]
    assert settings(text, "SupplementaryGroups") == ["gpio"]
    assert settings(text, "ReadWritePaths") == []


def test_a_camera_of_the_board_needs_its_devices(make: Callable[..., str]) -> None:
    text = make(camera=BoardCamera())
    assert settings(text, "DeviceAllow") == ["char-video4linux rw", "char-media rw", "char-dma_heap rw"]
    assert settings(text, "SupplementaryGroups") == ["video"]
    assert settings(text, "RestrictAddressFamilies") == ["AF_UNIX AF_NETLINK"]


def test_every_camera_there_is_has_its_needs() -> None:
    drivers = {camera.__struct_config__.tag for camera in get_args(CameraSettings)}
    assert not drivers - set(unit.CAMERAS), "say in life/unit.py which devices the driver opens"


@pytest.mark.parametrize(
    ("path", "folder"), [("lines.jsonl", "/etc/sortline"), ("/var/lib/sortline/lines.jsonl", "/var/lib/sortline")]
)
def test_only_what_the_station_writes_to_can_be_written(make: Callable[..., str], path: str, folder: str) -> None:
    text = make(outputs=RecorderOutputs(path=path))
    assert settings(text, "ProtectSystem") == ["strict"]
    assert settings(text, "ReadWritePaths") == [f'"{folder}"']
    kept = make(outputs=GpiodOutputs(chip="pinctrl-rp1"), events=Events(path=path))
    assert settings(kept, "ReadWritePaths") == [f'"{folder}"']
    both = make(outputs=RecorderOutputs(path=path), events=Events(path=path))
    assert settings(both, "ReadWritePaths") == [f'"{folder}"']


def test_a_station_with_a_store_may_confirm_what_is_on_trial_there(make: Callable[..., str]) -> None:
    text = make(bundle="/var/lib/sortline/current/bundle.sortline", outputs=GpiodOutputs(chip="pinctrl-rp1"))
    assert settings(text, "ReadWritePaths") == ['"/var/lib/sortline"']


def test_only_servos_may_write_to_the_kernels_files(make: Callable[..., str]) -> None:
    assert settings(make(), "ProtectKernelTunables") == ["yes"]
    servo = Servo(line=500, chip="pwmchip0", channel=0, rest_us=1000, active_us=2000)
    moved = make(outputs=GpiodOutputs(chip="pinctrl-rp1", servos=(servo,)))
    assert settings(moved, "ProtectKernelTunables") == []


@pytest.mark.parametrize(
    ("file", "bundle", "protect"),
    [
        ("/etc/sortline/station.toml", "a.sortline", "read-only" if PYTHON.is_relative_to("/root") else "yes"),
        ("/home" + "/pi/station.toml", "a.sortline", "read-only"),
        ("/etc/sortline/station.toml", "/home" + "/pi/a.sortline", "read-only"),
    ],
)
def test_homes_are_hidden_unless_the_station_lives_in_one(
    make: Callable[..., str], file: str, bundle: str, protect: str
) -> None:
    assert settings(make(file=Path(file), bundle=bundle), "ProtectHome") == [protect]


@pytest.mark.parametrize(
    "changes",
    [
        {"events": Events(path="/home" + "/pi/events.db")},
        {"outputs": RecorderOutputs(path="/home" + "/pi/lines.jsonl")},
        {"camera": FolderCamera(path="/home" + "/pi/frames")},
    ],
)
def test_a_home_that_the_station_uses_is_not_hidden(make: Callable[..., str], changes: dict[str, Any]) -> None:
    assert settings(make(**changes), "ProtectHome") == ["read-only"]


def test_the_pipe_to_play_inputs_can_be_made(make: Callable[..., str]) -> None:
    text = make(outputs=RecorderOutputs(path="/srv/a/lines.jsonl", inputs="/srv/b/wires"))
    assert settings(text, "ReadWritePaths") == ['"/srv/a"', '"/srv/b"']


@pytest.mark.parametrize(("lost_s", "watchdog"), [(10, "30"), (60, "120")])
def test_the_station_ends_itself_long_before_the_watchdog_does(
    make: Callable[..., str], lost_s: float, watchdog: str
) -> None:
    assert settings(make(guard=Guard(camera_lost_after_s=lost_s)), "WatchdogSec") == [watchdog]


def test_the_output_process_may_have_the_priority_it_asks_for(make: Callable[..., str]) -> None:
    assert settings(make(), "LimitRTPRIO") == [str(REALTIME_PRIORITY)]
    assert settings(make(), "RestrictRealtime") == settings(make(), "MemoryDenyWriteExecute") == []


@pytest.mark.parametrize(
    ("systemd", "pauses"),
    [(252, {"RestartSec": ["5"]}), (257, {"RestartSec": ["1"], "RestartSteps": ["5"], "RestartMaxDelaySec": ["30"]})],
)
def test_it_is_started_again_for_ever_with_pauses(
    make: Callable[..., str], systemd: int, pauses: dict[str, list[str]]
) -> None:
    text = make(systemd=systemd)
    assert settings(text, "Restart") == ["on-failure"]
    assert settings(text, "StartLimitIntervalSec") == ["0"]
    found = {key: settings(text, key) for key in ("RestartSec", "RestartSteps", "RestartMaxDelaySec")}
    assert {key: value for key, value in found.items() if value} == pauses


@pytest.mark.parametrize("user", ["", "two words", "a\nExecStart=x", "%h"])
def test_what_is_no_users_name_is_refused(make: Callable[..., str], user: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a user's name"):
        make(user=user)


def test_a_path_that_would_break_a_line_is_refused(make: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match="cannot stand in a systemd unit"):
        make(file=Path("/srv/a\nExecStartPre=x/station.toml"))


@pytest.mark.parametrize("letter", ['"', "'", "\\"])
def test_a_program_that_systemd_would_not_start_is_refused(world: Any, letter: str) -> None:
    with pytest.raises(ConfigError, match="systemd starts no program whose path has quotes or backslashes"):
        service_unit(world.station(), FILE, user="sortline", python=Path(f"/srv/a{letter}b/python"))


def test_the_command_prints_the_unit_or_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "station.toml"
    file.write_text(STATION)
    words = ["service", str(file), "--user", "belt", "--python", "/opt/sortline/bin/python"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    start = f'"/opt/sortline/bin/python" "-P" "-m" "sortline_bundle.command" "run" "--wait" "{file}"'
    assert settings(printed, "ExecStart") == [start]
    assert settings(printed, "User") == ["belt"]
    assert main([*words, "--write", str(tmp_path / "units")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'units' / unit.NAME}\n"
    assert (tmp_path / "units" / unit.NAME).read_text() == printed


def test_a_wrong_station_file_gives_no_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "station.toml"
    file.write_text(STATION.replace("speed_mm_s = 250", "speed_mm_s = 0"))
    assert main(["service", str(file)]) == ConfigError.exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert "speed_mm_s" in said.err
