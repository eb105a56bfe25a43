"""`sortline run`, live, as a process: decisions out, and outputs that are safe however it ends."""

import fcntl
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.threads import Chosen
from sortline_edge.clocks import VirtualClock
from sortline_edge.commands.run import check_heartbeat
from sortline_edge.config import Belt, BeltCamera
from sortline_edge.ports import Frame
from sortline_edge.twin.belt import start_belt

SPEED_MM_S = 800
STATION = """
name = "test"
bundle = "{bundle}"
[camera]
{camera}
[belt]
speed_mm_s = 800
mm_per_px = 0.5
[[bins]]
name = "all"
classes = ["bottle", "paper", "tray"]
line = 4
distance_mm = 1400
delay_ms = 10
dwell_ms = {dwell_ms}
[outputs]
driver = "recorder"
path = "lines.jsonl"
[timing]
late_ms = 1000
[deciding]
looks = 2
"""


class Place:
    """A folder with a station file whose one bin takes every class."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder, self.bundle = folder, bundle
        self.file, self.recorder = folder / "station.toml", folder / "lines.jsonl"

    def write(self, camera: str, dwell_ms: int = 100) -> None:
        self.file.write_text(STATION.format(bundle=self.bundle, camera=camera, dwell_ms=dwell_ms))

    def write_belt(self, items: Path, count: int, dwell_ms: int = 100) -> None:
        self.write(f'driver = "belt"\nitems = "{items}"\ncount = {count}\nitem_mm = 60', dwell_ms)

    @property
    def rows(self) -> list[tuple[int, bool]]:
        rows = [json.loads(row) for row in self.recorder.read_text().splitlines()]
        return [(row["at_ns"], row["active"]) for row in rows]

    def wait_until_released(self) -> None:
        """The recorder holds its file until its process ends; the kernel wakes us then."""
        with self.recorder.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """`sortline run` with a line active; what it says is read up to there."""
        command = [sys.executable, "-m", "sortline_bundle.command", "run", str(self.file), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                said = iter(process.stdout.readline, "")
                assert any(event["type"] == "switched" and event["active"] for event in map(json.loads, said))
                assert self.rows[-1][1] is True
                yield process
            finally:
                process.kill()


@pytest.fixture
def place(tmp_path: Path, bundle_path: Path) -> Place:
    return Place(tmp_path, bundle_path)


def events_of(out: str) -> dict[str, list[Any]]:
    events: dict[str, list[Any]] = {"decision": [], "switched": [], "suppressed": [], "safe": [], "record": []}
    for line in out.splitlines():
        event = json.loads(line)
        events[event["type"]].append(event)
    return events


def test_the_simulated_belt_is_sorted_live(
    world: Any, sortline: Callable[..., Any], place: Place, coloured_items: Path
) -> None:
    place.write_belt(coloured_items, count=4)
    ran = sortline("run", place.file, "--json")
    assert ran.exit_code == 0, ran.error
    events = events_of(ran.out)
    assert [event["item"] for event in events["decision"]] == [1, 2, 3, 4]
    assert {(event["bin"], event["reason"]) for event in events["decision"]} == {("all", "sorted")}
    begun = [event["item"] for event in events["switched"] if event["active"]]
    assert sorted(begun + [event["item"] for event in events["suppressed"]]) == [1, 2, 3, 4]
    ended = {event["item"]: event["outcome"] for event in events["record"]}
    assert ended == {item: "binned" if item in begun else "missed" for item in (1, 2, 3, 4)}
    assert not events["safe"]
    assert place.rows[-1][1] is False
    assert re.search(r"golden images within 0\.\d+ \(0\.02 allowed\), runtime litert \d", ran.error)
    assert "camera ended after 4 items: all 4" in ran.error


def test_frames_of_a_folder_are_sorted_as_if_a_camera_took_them(
    world: Any, sortline: Callable[..., Any], place: Place, coloured_items: Path
) -> None:
    settings = BeltCamera(items=str(coloured_items), count=1, item_mm=60)
    belt = start_belt(
        world.station(belt=Belt(speed_mm_s=SPEED_MM_S, mm_per_px=0.5)), settings, coloured_items, VirtualClock()
    )
    (place.folder / "frames").mkdir()
    while isinstance(frame := belt.read(1.0, 1.0), Frame):
        Image.fromarray(frame.image).save(place.folder / "frames" / f"{frame.sequence:04d}.jpg", quality=90)
    place.write('driver = "folder"\npath = "frames"')
    ran = sortline("run", place.file)
    assert ran.exit_code == 0, ran.error
    (said,) = ran.out.splitlines()
    assert said.startswith("item 1: ")
    assert said.endswith("-> all, 2 looks")
    claimed, on, off, *closed = (active for _, active in place.rows)
    assert (claimed, on, off, any(closed)) == (False, True, False, False)


def test_told_to_stop_it_ends_at_once_with_the_outputs_safe(place: Place, coloured_items: Path) -> None:
    place.write_belt(coloured_items, count=100_000, dwell_ms=1500)
    with place.running() as process:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 130
    assert errors.rstrip().endswith("sortline: interrupted")
    assert place.rows[-1][1] is False


def test_another_bundle_is_taken_when_asked_and_refused_when_it_is_damaged(place: Place, coloured_items: Path) -> None:
    whole = place.bundle.read_bytes()
    place.bundle = place.folder / "own.sortline"
    place.bundle.write_bytes(whole)
    place.write_belt(coloured_items, count=100_000)
    with place.running() as process:
        assert process.stdout is not None
        states = (event for line in process.stdout if (event := json.loads(line))["type"] == "state")
        place.bundle.write_bytes(whole[:-500])
        process.send_signal(signal.SIGHUP)
        refused = next(states)
        place.bundle.write_bytes(whole)
        process.send_signal(signal.SIGHUP)
        over = next(states)
    assert (refused["cause"], refused["entered"]) == ("bundle refused", True)
    assert "own.sortline" in refused["reason"]
    assert (over["cause"], over["entered"], over["reason"]) == ("bundle refused", False, "another bundle is in use")


def test_without_a_bundle_it_waits_for_one_if_it_is_told_to(place: Place, coloured_items: Path) -> None:
    whole = place.bundle.read_bytes()
    place.bundle = place.folder / "late.sortline"
    place.write_belt(coloured_items, count=1)
    command = [sys.executable, "-m", "sortline_bundle.command", "run", str(place.file), "--wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("state: stopped: model missing (there is no ")
            process.send_signal(signal.SIGHUP)  # there is nothing to load anew yet
            write_whole(place.bundle, whole)
            said, log = process.communicate(timeout=60)
        finally:
            process.kill()
    assert log.startswith("state: over after ")
    assert "model missing (there is a bundle)" in log.splitlines()[0]
    assert process.returncode == 0
    assert said.startswith("item 1: ")


def test_every_item_is_kept_in_the_event_store(
    sortline: Callable[..., Any], place: Place, coloured_items: Path
) -> None:
    place.write_belt(coloured_items, count=3)
    place.file.write_text(place.file.read_text() + "[events]\n")
    assert sortline("run", place.file).exit_code == 0
    shown = sortline("events", place.file, "--json")
    assert shown.exit_code == 0, shown.error
    assert [item["item"] for item in json.loads(shown.out)["items"]] == [1, 2, 3]


def test_killed_with_a_gate_open_every_output_is_inactive_within_200_ms(place: Place, coloured_items: Path) -> None:
    # The bound is a promise of the product, not a speed: a gate must not stay open when nobody watches the belt.
    place.write_belt(coloured_items, count=100_000, dwell_ms=1500)
    with place.running() as process:
        killed_ns = time.monotonic_ns()
        process.kill()
        place.wait_until_released()
    safe_ns = next(at_ns for at_ns, active in place.rows if at_ns > killed_ns and not active)
    assert (safe_ns - killed_ns) / 1e6 <= 200
    assert not any(active for at_ns, active in place.rows if at_ns > killed_ns)
    assert place.rows[-1][1] is False


def test_a_station_file_that_is_wrong_ends_it_before_anything_is_opened(
    sortline: Callable[..., Any], place: Place, coloured_items: Path
) -> None:
    place.write_belt(coloured_items, count=4)
    place.file.write_text(place.file.read_text().replace('"tray"', '"tin"'))
    ran = sortline("run", place.file)
    assert (ran.exit_code, ran.out) == (3, "")
    assert "bin 'all' takes class 'tin', which the bundle does not know: bottle, paper, tray" in ran.error
    assert not place.recorder.exists()


def test_a_runtime_that_is_not_there_ends_it_before_anything_is_opened(
    sortline: Callable[..., Any], place: Place, coloured_items: Path
) -> None:
    place.write_belt(coloured_items, count=4)
    place.file.write_text(place.file.read_text() + '[model]\nruntime = "tflite-runtime"\n')
    ran = sortline("run", place.file)
    assert (ran.exit_code, ran.out) == (3, "")
    assert "the runtime tflite-runtime is not installed" in ran.error
    assert not place.recorder.exists()


@pytest.mark.parametrize(("look_ms", "fits"), [(124.0, True), (126.0, False)])
def test_a_board_too_slow_for_its_heartbeat_is_told_so(world: Any, look_ms: float, fits: bool) -> None:
    chosen = Chosen(threads=2, medians_ms=(210.0, look_ms))
    if fits:
        check_heartbeat(world.station(), chosen)
        return
    with pytest.raises(ConfigError, match=r"`timing.heartbeat_ms` is 250, but one look at an item takes 126 ms"):
        check_heartbeat(world.station(), chosen)


def test_a_camera_that_is_not_there_ends_it_before_an_output_is_claimed(
    sortline: Callable[..., Any], place: Place
) -> None:
    place.write('driver = "folder"\npath = "nowhere"')
    ran = sortline("run", place.file)
    assert ran.exit_code == 5
    assert "nowhere is not there; correct [camera] path" in ran.error
    assert not place.recorder.exists()
