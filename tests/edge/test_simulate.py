"""`sortline simulate` from its options to its books, with a classifier that goes by colour."""

import argparse
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.manifest import Member
from sortline_edge import simulation
from sortline_edge.commands import simulate
from sortline_edge.commands.staging import conditions, default_station, list_faults, on_belt, stage
from sortline_edge.config import BeltCamera, Fault, FolderCamera, PicameraCamera
from sortline_edge.config.twin import KINDS
from sortline_edge.interlocks import Change
from sortline_edge.profile import Profile
from sortline_edge.twin.dials import DIALS, parse_fault
from sortline_edge.twin.stays import stays

STATION = """
name = "s"
bundle = "none"
[camera]
driver = "belt"
items = "photographs"
count = 7
jitter = 0.1
[[camera.faults]]
kind = "light-step"
at_s = 3
[belt]
speed_mm_s = 300
mm_per_px = 0.5
[[bins]]
name = "red bin"
classes = ["red"]
line = 1
distance_mm = 400
[outputs]
driver = "recorder"
"""


def options(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    return parser.parse_args(["waste.sortline", *map(str, words)])


@pytest.fixture
def bundle(world: Any) -> Bundle:
    """Of the colours; it has no model."""
    manifest = world.manifest()
    members = {**manifest.members, "model.tflite": Member(size=1, sha256="1" * 64)}
    return Bundle(msgspec.structs.replace(manifest, members=members), {}, "d" * 64, b"", ())


@pytest.fixture
def station_file(tmp_path: Path) -> Path:
    """With a belt for its camera, a bin for red things, and a fault."""
    path = tmp_path / "station.toml"
    path.write_text(STATION)
    return path


def profile(sha256: str = "1" * 64, look_ms: float = 20.0) -> Profile:
    return Profile(
        board="pi", machine="aarch64", cores=4, runtime="litert 2", threads=1, model_sha256=sha256,
        frame_ms=(4.0,), look_ms=(look_ms,), output_late_ms=(0.1,),
    )  # fmt: skip


@pytest.fixture
def simulated(
    bundle: Bundle, world: Any, coloured_items: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., str]:
    """Runs the command in this process, with a classifier that is never wrong; gives what it printed."""
    monkeypatch.setattr(simulate, "open_bundle", lambda _: bundle)
    monkeypatch.setattr(simulation, "TfliteClassifier", lambda *_: world.classifier())
    monkeypatch.setattr(simulate, "available_cores", lambda: 1)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> str:
        belt = ("--items", coloured_items, "--item-mm", 45, "--gap", 40, "--count", 6)
        assert simulate.run(options(*belt, *words)) == 0
        return capsys.readouterr().out

    return run


def test_what_the_station_file_says_of_its_belt_counts(bundle: Bundle, station_file: Path) -> None:
    station = stage(options("--station", station_file), bundle)
    assert station.camera == BeltCamera(
        items=str(station_file.parent / "photographs"), count=7, jitter=0.1, faults=(Fault(kind="light-step", at_s=3),)
    )
    assert station.belt.speed_mm_s == 300


def test_each_option_turns_one_thing_and_faults_are_added(bundle: Bundle, station_file: Path) -> None:
    given = {name: 2 if dial.kind is int else 0.5 for name, dial in DIALS.items()} | {"speed": 450, "frames_per_s": 12}
    words = [word for name, value in given.items() for word in ("--" + name.replace("_", "-"), value)]
    faults = ("--fault", "belt-slips", "--fault", "gate-dead:at_s=7,for_s=1.5,bin=red bin", "--cut", "card")
    station = stage(options("--station", station_file, "--items", "/x", *words, *faults), bundle)
    assert {name: getattr(getattr(station, dial.table), dial.field) for name, dial in DIALS.items()} == given
    assert isinstance(station.camera, BeltCamera)
    assert (station.camera.items, station.camera.cut) == ("/x", "card")
    assert station.camera.faults == (
        Fault(kind="light-step", at_s=3),
        Fault(kind="belt-slips", at_s=5),
        Fault(kind="gate-dead", at_s=7, for_s=1.5, bin="red bin"),
    )


def test_of_a_real_camera_its_rate_its_exposure_and_its_view_are_kept(world: Any) -> None:
    camera = PicameraCamera(width=1280, height=960, frames_per_s=60.0, exposure_ms=3.0)
    station = on_belt(world.station(camera=camera), Path("photographs"))
    assert station.camera == BeltCamera(items="photographs", frames_per_s=60.0, exposure_ms=3.0)
    assert station.belt.mm_per_px == 1.0  # as much belt in a picture of half as many pixels
    folder = on_belt(world.station(camera=FolderCamera(path="x", frames_per_s=9)), Path("photographs"))
    assert folder.camera == BeltCamera(items="photographs", frames_per_s=9)


def test_without_a_station_file_there_is_a_gate_for_each_class(bundle: Bundle) -> None:
    station = default_station(bundle)
    assert [bin_.classes for bin_ in station.bins] == [(name,) for name in bundle.manifest.class_names]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--realtime", "--board", "p.json"), r"--realtime and --board do not go together: .*; leave out one of them"),
        (("--realtime", "--sketch"), r"--realtime and --sketch do not go together"),
        (("--realtime", "--sweep", "speed=1/2"), r"--realtime and --sweep do not go together"),
        (("--sketch", "--save-video", "v.mp4"), r"--sketch and --save-video do not go together"),
        (("--sweep", "speed=1/2", "--save-video", "v.mp4"), r"--sweep and --save-video do not go together"),
        (("--realtime", "--fault", "camera-stalls"), r"faults happen in virtual time only; leave out --realtime"),
        (("--fault", "emergency-stop"), r"the command line: .*needs `inputs.emergency_stop`, which is not wired"),
        (("--jitter", "2"), r"the command line: `camera.jitter`"),
        (("--station", "none.toml"), r"station file none.toml cannot be read"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: tuple[str, ...], complaint: str, bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match=complaint):
        stage(options("--items", "photographs", *words), bundle)


def test_items_must_come_from_somewhere(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="--items is missing: the class folders of photographs"):
        stage(options(), bundle)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--threshold", "1.5"), r"--threshold: received 1.5, may be 0 to 1"),
        (("--board", "none.json"), r"profile none.json cannot be read"),
    ],
)
def test_conditions_that_cannot_be_are_refused(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        conditions(options(*words))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--target-purity", "0.9"), r"--target-purity is for --sweep"),
        (("--sweep", "speed=300/400", "--target-purity", "1"), r"received 1, may be above 0 and below 1"),
    ],
)
def test_a_target_is_for_a_sweep_and_a_share(
    words: tuple[str, ...], complaint: str, simulated: Callable[..., str]
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        simulated(*words)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tea-spilt", r"--fault tea-spilt: there is no fault 'tea-spilt'; there are camera-stalls, .*board-hot"),
        ("camera-stalls:", r"'' is none of at_s=, for_s=, amount=, bin="),
        ("camera-stalls:when=3", r"'when=3' is none of"),
        ("camera-stalls:at_s=soon", r"`at_s`: received 'soon', must be a number"),
        ("camera-stalls:for_s=0", r"--fault camera-stalls:for_s=0: `for_s`"),
    ],
)
def test_a_fault_that_is_none_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_fault(text)


def test_fault_help_lists_every_kind_and_needs_no_bundle(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--fault", "help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == list_faults()
    for line, (name, kind) in zip(list_faults().splitlines(), KINDS.items(), strict=True):
        assert line.startswith(f"{name} ")
        assert kind.about in line


def test_the_belt_document_has_every_kind_of_fault() -> None:
    page = (Path(__file__).parents[2] / "docs" / "belt.md").read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        amount = f"{kind.amount.usual:g}: {kind.amount.what}" if kind.amount else ""
        needs = f"`{kind.needs}`" if kind.needs else ""
        assert f"| `{name}` | {kind.about} | {amount} | {needs} | {'yes' if kind.by_hand else ''} |" in page
    table = page[page.index("| kind |") :].partition("\n\n")[0]
    assert len(table.splitlines()) == 2 + len(KINDS)


def test_a_run_tells_its_books_its_states_and_what_it_was_under(simulated: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "pi.json").write_bytes(profile("2" * 64).to_json())
    under = ("--board", tmp_path / "pi.json", "--threshold", 0.3, "--fault", "camera-stalls:at_s=4,for_s=2")
    figures = json.loads(simulated("--json", "--count", 14, *under))
    assert figures["items"] == 14
    assert set(figures["station"]) == {"binned", "rejected", "missed"}
    low, high = figures["purity_interval"]
    assert low < figures["purity"] <= high
    (state,) = figures["states"]
    assert (state["cause"], state["times"], state["not_left"]) == ("camera stale", 1, 0)
    assert 1 < state["seconds"] < 4
    assert figures["restarts"] == 0
    told = " ".join(figures["notes"])
    assert "trusted from 0.3" in told
    assert "As fast as pi (aarch64, 4 cores, litert 2, model on 1 thread)" in told
    assert "measured with another model" in told

    text = simulated("--count", 14, *under, "--report", tmp_path / "report.html")
    assert "camera stale" in text
    assert "overall purity 100.0% (" in text
    page = html.unescape((tmp_path / "report.html").read_text())
    assert "<td>camera stale</td><td>stops</td><td>1</td>" in page
    assert all(note in page for note in figures["notes"])
    assert page.count('alt="camera picture') > 0


def test_a_board_that_is_too_slow_shows_as_late_items(simulated: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "slow.json").write_bytes(profile(look_ms=2500.0).to_json())
    slow = json.loads(simulated("--json", "--sketch", "--board", tmp_path / "slow.json"))
    fast = json.loads(simulated("--json", "--sketch"))
    assert fast["recovery"] == 1
    assert fast["losses"] == {}
    assert slow["recovery"] < 0.5
    assert not any("another model" in note for note in slow["notes"])


def test_items_of_few_photographs_are_said_to_be_so(simulated: Callable[..., str]) -> None:
    assert "20 items were cut from 8 photographs" in simulated("--sketch", "--count", 20)
    assert "photographs: for other" not in simulated("--sketch")


def test_a_sweep_names_a_point_and_draws_a_map(simulated: Callable[..., str], tmp_path: Path) -> None:
    sweep = ("--sweep", "speed=250/500,threshold=0.2/0.9", "--target-purity", "0.5")
    swept = json.loads(simulated("--json", *sweep))
    assert swept["axes"] == {"speed": [250, 500], "threshold": [0.2, 0.9]}
    assert [point["at"]["speed"] for point in swept["points"]] == [250, 250, 500, 500]
    answer = swept["answer"]
    assert answer["verdict"] == "kept"
    assert answer["point"]["at"]["speed"] == 500
    assert answer["point"] in swept["points"]
    text = simulated(*sweep, "--report", tmp_path / "map.html")
    assert answer["said"] in " ".join(text.split())
    assert "speed 500" in (tmp_path / "map.html").read_text()
    few = json.loads(simulated("--json", *sweep[:2]))["answer"]
    assert few["verdict"] == "unsure"
    assert few["items_needed"] > 70


def test_stays_add_up_what_came_and_went() -> None:
    def change(cause: str, *, entered: bool, lasted_ms: float | None = None, about: str = "") -> Change:
        return Change(
            at_ns=0, cause=cause, about=about, entered=entered, reason=f"{cause} {about}", lasted_ms=lasted_ms
        )

    made = stays(
        [
            change("camera stale", entered=True),
            change("bin full", entered=True, about="red"),
            change("camera stale", entered=False, lasted_ms=1500),
            change("camera stale", entered=True),
            change("bin full", entered=True, about="blue"),
            change("camera stale", entered=False, lasted_ms=500),
            change("bin full", entered=False, about="blue", lasted_ms=250),
        ]
    )
    assert [(stay.cause, stay.about, stay.times, stay.seconds, stay.not_left) for stay in made] == [
        ("camera stale", "", 2, 2.0, 0),
        ("bin full", "red", 1, 0.0, 1),
        ("bin full", "blue", 1, 0.25, 0),
    ]
    assert [stay.effect for stay in made] == ["stops", "blocks", "blocks"]
