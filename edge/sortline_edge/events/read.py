"""Reading an event file, also while a station writes it: what is wanted of it, row by row, and the sums."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import msgspec

from sortline_bundle.errors import ConfigError, HardwareError, TryAgainError
from sortline_edge.events.schema import APPLICATION, FIELDS, VERSION, error_code, to_record
from sortline_edge.records import Outcome, Record

_AT_ONCE = 2000  # rows of one short look into the file: a long one would keep the station from reusing its log
_CLOSED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
_ITEM = ", ".join(("id", "session", "unix_ns", *FIELDS))


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which items. Times are unix times of their first sight; None: whatever it is."""

    since_ns: int | None = None
    until_ns: int | None = None
    bin: str | None = None
    outcome: Outcome | None = None

    def condition(self, *, of_items: bool = True) -> tuple[str, list[object]]:
        """As SQL, with its values; for occurrences only the times count."""
        parts: list[tuple[str, object]] = [("unix_ns >= ?", self.since_ns), ("unix_ns < ?", self.until_ns)]
        if of_items:
            parts += [("bin = ?", self.bin), ("outcome = ?", self.outcome)]
        asked = [(sql, value) for sql, value in parts if value is not None]
        return " AND ".join(["1", *(sql for sql, _ in asked)]), [value for _, value in asked]


class Kept(NamedTuple):
    """An item as it was kept: in which run of the station, when it was first seen (unix time), and its record."""

    session: int
    unix_ns: int
    record: Record


class Noted(NamedTuple):
    """Something that happened: in which run of the station, when (unix time), what kind of thing, and a sentence."""

    session: int
    unix_ns: int
    kind: str
    message: str


class EventReader:
    """An event file, for reading only. Nothing of it is kept in memory, and its writer is never held up.

    Raises:
        ConfigError: there is none, or it is no event file of this sortline.
        HardwareError: it is damaged.
        TryAgainError: it is in use in a way that lasted too long.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained():
            self._db = _connect(path)
            try:
                self._check()
            except BaseException:
                self._db.close()
                raise

    def count(self, wanted: Wanted) -> int:
        """How many items there are."""
        condition, values = wanted.condition()
        return int(self._ask(f"SELECT count(*) FROM items_in_time WHERE {condition}", values)[0][0])  # noqa: S608

    def items(self, wanted: Wanted, newest: int | None = None) -> Iterator[Kept]:
        """The items in the order in which they were closed; with `newest` only so many, from the end."""
        condition, values = wanted.condition()
        after, last = self._span("items_in_time", condition, values, newest)
        query = (
            f"SELECT {_ITEM} FROM items_in_time WHERE id > ? AND id <= ? AND {condition} ORDER BY id LIMIT {_AT_ONCE}"  # noqa: S608
        )
        while rows := self._ask(query, [after, last, *values]):
            for _, session, unix_ns, *fields in rows:
                yield Kept(session, unix_ns, to_record(tuple(fields)))
            after = rows[-1][0]

    def occurrences(self, wanted: Wanted, newest: int) -> list[Noted]:
        """The newest occurrences within the times, the oldest of them first."""
        condition, values = wanted.condition(of_items=False)
        after, last = self._span("occurrences_in_time", condition, values, newest)
        query = "SELECT session, unix_ns, kind, message FROM occurrences_in_time WHERE id > ? AND id <= ? AND "
        return [Noted(*row) for row in self._ask(f"{query}{condition} ORDER BY id", [after, last, *values])]

    def ask_items(self, query: str, wanted: Wanted) -> list[tuple[Any, ...]]:
        """Rows of a query whose `{items}` stands for the items that are wanted."""
        condition, values = wanted.condition()
        return self._ask(query.format(items=f"items_in_time WHERE {condition}"), values)

    def dropped(self) -> int:
        """How many entries the station lost because its disk could not follow, in all runs that are kept."""
        return int(self._ask("SELECT coalesce(sum(dropped), 0) FROM sessions", [])[0][0])

    def close(self) -> None:
        """Let go of the file. Harmless when repeated."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _span(self, view: str, condition: str, values: list[object], newest: int | None) -> tuple[int, int]:
        """The ids to look at: from after the first to the second. What is added meanwhile does not count."""
        (last,) = self._ask(f"SELECT coalesce(max(id), 0) FROM {view}", [])[0]  # noqa: S608
        if newest is None:
            return -1, last
        found = f"SELECT id FROM {view} WHERE id <= ? AND {condition} ORDER BY id DESC LIMIT ?"  # noqa: S608
        (first,) = self._ask(f"SELECT min(id) FROM ({found})", [last, *values, newest])[0]  # noqa: S608
        return (last if first is None else first - 1), last

    def _ask(self, query: str, values: list[object]) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._db.execute(query, values).fetchall()

    def _check(self) -> None:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise ConfigError(f"{self._path} is no event file; name the one of a station's `events.path`")
        if version != VERSION:
            raise ConfigError(
                f"{self._path} has tables of version {version}, this sortline reads {VERSION}; use its own"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as cause:
            code = error_code(cause)
            if code == sqlite3.SQLITE_NOTADB:
                raise ConfigError(f"{self._path} is no event file; name the one of a station's `events.path`") from None
            if code in _CLOSED:
                way = "check who may read there, or copy it with its `-wal` to a folder of your own"
                raise ConfigError(f"{self._path} cannot be opened; {way}") from None
            if code == sqlite3.SQLITE_CORRUPT:
                saved = f"`sqlite3 {self._path} .recover` saves what can be read; then check the card"
                raise HardwareError(f"{self._path} is damaged: {cause}; {saved}") from None
            raise TryAgainError(f"{self._path} cannot be read: {cause}") from None


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise ConfigError(f"there is no event file {path}; a station with a table `[events]` makes one when it runs")
    name = f"file:{quote(str(path.resolve()))}"
    db = sqlite3.connect(f"{name}?mode=ro", uri=True, timeout=5.0, isolation_level=None)
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as cause:
        db.close()
        if error_code(cause) not in _CLOSED or Path(f"{path}-wal").exists():
            raise
        # SQLite reads a log through a file beside it, which cannot be made in a folder that may only be read. Without
        # a log there is nobody who writes.
        return sqlite3.connect(f"{name}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return db
