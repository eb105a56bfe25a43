"""What the tests of the event store share: records, a writer that is driven by hand, and a look into the file."""

import contextlib
import resource
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sortline_edge.clocks import VirtualClock
from sortline_edge.config import Events
from sortline_edge.events import EventStore
from sortline_edge.events.file import EventFile, Session
from sortline_edge.events.read import EventReader, Wanted
from sortline_edge.records import Record

EPOCH_NS = 1_800_000_000 * 10**9


class Kit:
    """Records to put in, and looks into the file."""

    @staticmethod
    def record(item: int = 1, **changes: Any) -> Record:
        values: dict[str, Any] = {
            "item": item, "seen_ns": item * 10**9, "decided_ns": item * 10**9 + 1, "closed_ns": item * 10**9 + 2,
            "looks": 5, "scores": (0.9, 0.1), "class_name": "can", "bin": "cans", "outcome": "binned",
            "cause": "sorted", "late_ms": 0.25, "confirmed": True, "bundle": "0123456789ab",
        }  # fmt: skip
        return Record(**values | changes)

    @staticmethod
    def records_in(path: Path) -> list[Record]:
        with EventReader(path) as reader:
            return [kept.record for kept in reader.items(Wanted())]

    @staticmethod
    def items_in(path: Path) -> list[int]:
        return [record.item for record in Kit.records_in(path)]

    @staticmethod
    def notes_in(path: Path, kind: str) -> list[str]:
        with EventReader(path) as reader:
            return [noted.message for noted in reader.occurrences(Wanted(), 1000) if noted.kind == kind]

    @staticmethod
    def is_sound(path: Path) -> bool:
        with contextlib.closing(sqlite3.connect(path)) as db:
            return bool(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])

    @staticmethod
    def machine() -> "Machine":
        return Machine()


class Machine:
    """A clock of its own, what hour it says it is, and what was said."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.epoch_ns = EPOCH_NS
        self.said: list[str] = []
        self.heard: Callable[[], object] = lambda: None

    def wall_ns(self) -> int:
        return self.epoch_ns + self.clock.now_ns()

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
        self.heard()

    def file(self, path: Path, max_mb: int = 4) -> EventFile:
        session = Session("line 3", "0123456789ab", "boot")
        return EventFile(path, max_mb, session, clock=self.clock, wall_ns=self.wall_ns, say=self.say)

    def store(self, path: Path) -> EventStore:
        return EventStore(
            path,
            Events(),
            station="line 3",
            bundle="0123456789ab",
            clock=self.clock,
            wall_ns=self.wall_ns,
            say=self.say,
        )


@contextlib.contextmanager
def _no_room() -> Iterator[Callable[[], None]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """A disk that takes no file over 4 kB, until what this gives is called."""
    with _no_room() as make_room:
        yield make_room
