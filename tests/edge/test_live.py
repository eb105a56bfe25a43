"""What a live station says, keeps and watches, moment by moment."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sortline_edge.clocks import VirtualClock
from sortline_edge.config import Events
from sortline_edge.events.store import EventStore
from sortline_edge.life.board import Board
from sortline_edge.life.notify import Notifier
from sortline_edge.live import Live
from sortline_edge.ports import MadeSafe
from sortline_edge.runner import Moment
from sortline_edge.station import Core, Step

S = 1_000_000_000


class Place:
    """A live station whose frames, board and service manager are ours."""

    def __init__(self, world: Any, folder: Path, store: EventStore | None, *, as_json: bool = False) -> None:
        self.clock = VirtualClock()
        self.core = Core(world.station(), world.brain())
        self.runner = SimpleNamespace(outputs_answer=True)
        zone = folder / "class" / "thermal" / "thermal_zone0"
        zone.mkdir(parents=True)
        self.temperature = zone / "temp"
        self.warm(40)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(0)
        self.notifier = Notifier({"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000"})
        self.said: list[str] = []
        self.log: list[str] = []
        self.live = Live(
            world.station().guard,
            self.core,
            self.runner,
            self.clock,
            self.notifier,
            store,
            Board(folder),
            as_json=as_json,
            write=self.said.append,
            log=self.log.append,
        )
        self.frames = iter(world.film([world.thing(20, 60), world.thing(400, 60, colour=(0, 0, 0))]))

    def close(self) -> None:
        self.notifier.close()
        self.manager.close()

    def warm(self, degrees: float) -> None:
        self.temperature.write_text(f"{round(degrees * 1000)}\n")

    def turn(self, reports: Any = ()) -> Step:
        frame = next(self.frames)
        self.clock.wait_until_ns(frame.captured_ns)
        self.core.see(frame)
        step = self.core.act(frame.captured_ns)
        self.live.take(Moment(frame, step, list(reports)))
        return step

    def idle(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.wait_until_ns(self.clock.now_ns() + S)
            self.live.take(Moment(None, self.core.act(self.clock.now_ns()), []))

    @property
    def told(self) -> list[str]:
        """What the service manager was told since the last look."""
        found = []
        while True:
            try:
                found.append(self.manager.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def place(world: Any, tmp_path: Path) -> Iterator[Place]:
    place = Place(world, tmp_path, None)
    yield place
    place.close()


def test_decisions_are_for_people_to_read(place: Place) -> None:
    while not place.said:
        place.turn()
    assert place.said == ["item 1: red 1.00 -> red bin, 3 looks\n"]
    place.turn([MadeSafe(at_ns=5, reason="it was asked to")])
    assert place.said[1:] == ["outputs safe: it was asked to\n"]


def test_everything_that_happens_is_a_json_line(world: Any, tmp_path: Path) -> None:
    place = Place(world, tmp_path, None, as_json=True)
    while not place.said:
        place.turn()
    place.core.tell("camera stale", place.clock.now_ns(), "no frame", present=True)
    place.turn()
    assert [json.loads(line)["type"] for line in place.said] == ["decision", "state"]
    place.close()


def test_a_board_that_gets_hot_is_a_state_until_it_has_cooled_down(place: Place) -> None:
    place.idle(2)
    place.warm(90)
    place.idle(2)
    place.warm(80)  # cooler than hot, hotter than cool
    place.idle(2)
    assert [line.partition(" (")[0] for line in place.log] == ["state: stopped: board hot"]
    place.warm(70)
    place.idle(2)
    assert place.log[1].startswith("state: over after 4.0 s: board hot")


def test_a_temperature_that_cannot_be_read_changes_nothing(place: Place) -> None:
    place.temperature.unlink()
    place.idle(3)
    assert place.log == []


def test_the_service_manager_hears_how_it_is_and_that_it_lives(place: Place) -> None:
    while not place.said:
        place.turn()
    place.idle(2)
    told = place.told
    assert "STATUS=sorting; 1 items: red bin 1" in told
    assert "WATCHDOG=1" in told
    place.core.tell("camera stale", place.clock.now_ns(), "no frame", present=True)
    place.idle(2)
    told = place.told
    assert "WATCHDOG=1" not in told
    assert told[-1].startswith("STATUS=camera stale; ")


class FullDisk:
    """A store that takes nothing for a while."""

    failing = False

    def note(self, kind: str, at_ns: int, message: str) -> None:
        pass


def test_a_store_that_cannot_write_is_a_state_for_as_long(world: Any, tmp_path: Path) -> None:
    store = FullDisk()
    place = Place(world, tmp_path, store)
    place.idle(2)
    store.failing = True
    place.idle(30)
    assert [line.partition(" (")[0] for line in place.log] == ["state: warning: events not written"]
    store.failing = False
    place.idle(15)
    assert place.log[1].startswith("state: over after 40")
    place.close()


def test_items_and_states_are_kept(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = VirtualClock()
    with EventStore(tmp_path / "events.db", Events(), station="test", bundle="c0105", clock=clock) as store:
        place = Place(world, tmp_path, store)
        while not place.said:
            place.turn()
        place.core.tell("bundle refused", place.clock.now_ns(), "it is damaged", present=True)
        place.turn()
        place.live.end(place.core.close(place.clock.now_ns()))
        place.close()
    from sortline_bundle.command import main

    assert main(["events", str(tmp_path / "events.db"), "--jsonl", str(tmp_path / "items.jsonl")]) == 0
    (item,) = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert (item["item"], item["outcome"], item["cause"]) == (1, "missed", "station ended")
    assert place.said[-1] == "item 1: missed (station ended)\n"
    capsys.readouterr()
    assert main(["events", str(tmp_path / "events.db"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["occurrences"]
    assert any("bundle refused (it is damaged)" in its["message"] for its in told if its["kind"] == "state")
