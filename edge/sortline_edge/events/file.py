"""The event file as its one writer has it: batches go in whole or not at all, and it never grows beyond its size."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from sortline_bundle.errors import ConfigError, TryAgainError
from sortline_bundle.files import lock_alone
from sortline_edge.clocks import Clock
from sortline_edge.events.schema import (
    ADD_ITEM,
    ADD_OCCURRENCE,
    APPLICATION,
    TABLES,
    VERSION,
    Occurrence,
    error_code,
    to_row,
)
from sortline_edge.records import Record

Entry = Record | Occurrence
Say = Callable[[str], None]

_CLOCK_MOVED_NS = 50_000_000  # what is less may be this process waiting for the processor between two readings
_SHARE = 64  # so many parts has the file, of which the oldest goes when it is full
# Most batches change one page, so small pages are less to write: a third less than with SQLite's usual 4096.
_PAGE_BYTES = 1024
_CHECKPOINT_PAGES = 4000
_LONGEST_WAL = 8_000_000
_VACUUM_PAGES = 1000
_UNWRITABLE = (TypeError, OverflowError, UnicodeError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Session(NamedTuple):
    """One run of the station: its name, the digest of its bundle, and which boot of the board this is."""

    station: str
    bundle: str
    boot: str


class EventFile:
    """The database. For one thread at a time.

    Every batch is on the disk when `write` returns: the write-ahead log is synced at each commit (`synchronous=FULL`;
    with `NORMAL` a power cut would take what the kernel has not written yet, half a minute and more). The log goes into
    the database only every four megabytes, so that pages which change often are written there once.

    Args:
        path: The database; made when missing.
        max_mb: It does not grow beyond.
        session: This run.
        clock: The station's.
        wall_ns: What time it is, unix time.
        say: Told in a sentence what happened to the file.

    Raises:
        ConfigError: it cannot be written there, another station writes it, or another program's data are in it.
    """

    def __init__(
        self, path: Path, max_mb: int, session: Session, *, clock: Clock, wall_ns: Callable[[], int], say: Say
    ) -> None:
        self._path = path.resolve()  # by whatever name: one file, one lock
        self._max_bytes = max_mb * 1_000_000
        self._about = session
        self._clock, self._wall_ns, self._say = clock, wall_ns, say
        self._began_ns = clock.now_ns()
        self._session: int | None = None
        self._offset_ns = self._dropped = self._inode = 0
        self._db: sqlite3.Connection | None = None
        self._lock: int | None = _open_alone(self._path)
        try:
            self._db = self._open()
        except sqlite3.Error as cause:
            if error_code(cause) == sqlite3.SQLITE_CANTOPEN:
                self.close()
                raise ConfigError(f"events file {path} cannot be opened: {cause}; correct `events.path`") from None
        except BaseException:
            self.close()
            raise

    def write(self, entries: Sequence[Entry], dropped: int) -> None:
        """Add a batch in one transaction; it lies on the disk afterwards.

        Args:
            entries: In the order in which they happened.
            dropped: How many entries were lost in this session so far.

        Raises:
            TryAgainError: it could not be written; nothing of it was.
            ValueError: there is a value in it that cannot be written ever; nothing of it was.
        """
        try:
            try:
                self._write(entries, dropped)
            except sqlite3.Error as cause:
                self._let_go()  # whatever state the connection is in: the next begins anew
                if error_code(cause) not in _DAMAGED:
                    raise
                self._set_aside(str(cause))
                self._write(entries, dropped)
        except _UNWRITABLE as cause:
            raise ValueError(f"{type(cause).__name__}: {cause}") from cause
        except (sqlite3.Error, OSError) as cause:
            self._let_go()
            raise TryAgainError(f"events file {self._path} cannot be written: {cause}") from None

    def close(self) -> None:
        """Put the log into the database and let go of it. Harmless when repeated."""
        self._let_go()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, entries: Sequence[Entry], dropped: int) -> None:
        if self._db is not None and not _is_there(self._path, self._inode):
            self._let_go()
            self._say(f"events file {self._path} was taken away; a new one is begun")
        db = self._db = self._db or self._open()
        if _ask(db, "page_count") * _ask(db, "page_size") > self._max_bytes:  # `max_mb` was more once
            # As a script, since `execute` takes one step of it, and a step is a page.
            db.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")
        offset_ns = self._measure_offset_ns()
        db.execute("BEGIN IMMEDIATE")
        try:
            self._make_room(db)
            if self._session is None:
                row = (*self._about, self._began_ns, offset_ns, dropped)
                session = db.execute("INSERT INTO sessions VALUES (NULL, ?, ?, ?, ?, ?, ?)", row).lastrowid
            else:
                session = self._session
                offset_ns = self._follow_clock(db, session, offset_ns)
            if dropped != self._dropped:
                db.execute("UPDATE sessions SET dropped = ? WHERE id = ?", (dropped, session))
            db.executemany(ADD_ITEM, ((session, *to_row(entry)) for entry in entries if isinstance(entry, Record)))
            db.executemany(ADD_OCCURRENCE, ((session, *entry) for entry in entries if isinstance(entry, Occurrence)))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._session, self._offset_ns, self._dropped = session, offset_ns, dropped

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Delete the oldest until a sixteenth of the file is free, which holds any batch; its pages are used again."""
        page = _ask(db, "page_size")
        while (_ask(db, "page_count") - _ask(db, "freelist_count")) * page > self._max_bytes * 15 // 16:
            deleted = sum(_delete_oldest(db, table) for table in ("items", "occurrences"))
            db.execute(
                "DELETE FROM sessions WHERE id < (SELECT min(session) FROM (SELECT * FROM"
                " (SELECT session FROM items ORDER BY id LIMIT 1) UNION ALL SELECT * FROM"
                " (SELECT session FROM occurrences ORDER BY id LIMIT 1)))"
            )
            if not deleted:
                break

    def _follow_clock(self, db: sqlite3.Connection, session: int, offset_ns: int) -> int:
        """Note that the board's clock was set, if it was; return the offset that is in the file then."""
        moved_ns = offset_ns - self._offset_ns
        if abs(moved_ns) < _CLOCK_MOVED_NS:
            return self._offset_ns
        db.execute("UPDATE sessions SET offset_ns = ? WHERE id = ?", (offset_ns, session))
        message = f"the board's clock was set by {moved_ns / 1e9:+.3f} s"
        db.execute(ADD_OCCURRENCE, (session, self._clock.now_ns(), "clock", message))
        return offset_ns

    def _measure_offset_ns(self) -> int:
        """Unix time less the station's clock, by the closest of three pairs of readings."""
        readings = []
        for _ in range(3):
            before_ns, wall_ns, after_ns = self._clock.now_ns(), self._wall_ns(), self._clock.now_ns()
            readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
        return min(readings)[1]

    def _open(self) -> sqlite3.Connection:
        try:
            db = _connect(self._path)
        except sqlite3.DatabaseError as cause:
            if error_code(cause) not in _DAMAGED:
                raise
            self._set_aside(str(cause))
            db = _connect(self._path)
        self._inode = self._path.stat().st_ino
        known = db.execute(
            "SELECT count(*) FROM sessions WHERE id = ? AND began_ns = ?", (self._session, self._began_ns)
        )
        if not known.fetchone()[0]:
            self._session = None  # another file than before
        return db

    def _set_aside(self, why: str) -> None:
        """Move the file and its log out of the way, in place of what was moved before: one is enough for the disk."""
        aside = f"{self._path}.damaged"
        for suffix in ("-wal", ""):
            source, target = Path(f"{self._path}{suffix}"), Path(f"{aside}{suffix}")
            if source.exists():
                source.replace(target)
            else:
                target.unlink(missing_ok=True)
        Path(f"{self._path}-shm").unlink(missing_ok=True)
        self._say(f"events file {self._path} cannot be used ({why}): it was moved to {aside}, and a new one is begun")

    def _let_go(self) -> None:
        if self._db is not None:
            db, self._db = self._db, None
            db.close()


def _open_alone(path: Path) -> int:
    try:
        path.open("ab").close()
        # Not the database itself: SQLite loses its own locks when a process closes a second handle of that file.
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o644)
        alone = lock_alone(lock)
    except OSError as cause:
        message = f"events file {path} cannot be written: {cause.strerror}; give access there, or correct `events.path`"
        raise ConfigError(message) from None
    if not alone:
        os.close(lock)
        raise ConfigError(f"events file {path} is written by another station; stop it or give this one its own file")
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application, version = _ask(db, "application_id"), _ask(db, "user_version")
    if not empty and application != APPLICATION:
        raise ConfigError(f"events file {path} holds another program's data; correct `events.path`")
    if not empty and version != VERSION:
        error = sqlite3.DatabaseError(f"its tables are of version {version}, this sortline knows {VERSION}")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB  # for this sortline it is none
        raise error
    db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # this and the next count only for a new file
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    db.execute(f"PRAGMA journal_size_limit = {_LONGEST_WAL}")
    if empty:
        heading = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
        db.executescript(f"BEGIN;{heading}{TABLES}COMMIT;")


def _delete_oldest(db: sqlite3.Connection, table: str) -> int:
    """Delete a sixty-fourth of a table, so that what is kept of each goes back equally far; return how many rows."""
    first, last = db.execute(f"SELECT min(id), max(id) FROM {table}").fetchone()  # noqa: S608
    if first is None:
        return 0
    end = first + (last - first) // _SHARE + 1
    return db.execute(f"DELETE FROM {table} WHERE id < ?", (end,)).rowcount  # noqa: S608


def _ask(db: sqlite3.Connection, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])


def _is_there(path: Path, inode: int) -> bool:
    try:
        return path.stat().st_ino == inode
    except OSError:
        return False
