"""What lies in the file: its tables, how a record becomes a row and a row a record, and the kinds of its errors."""

import math
import sqlite3
from typing import Any, NamedTuple, cast

import msgspec

from sortline_edge.records import Outcome, Record

APPLICATION, VERSION = 0x736F7274, 1
"""What the file says it is (`file events.db` shows it), and the version of its tables."""

# No index: each would be one more page to write for every batch, and a whole file is read in a second or two.
# Times are those of the station's own clock, which never goes back. What hour that was is the session's business:
# a board that learns the time from the network after an hour has then the right time for that hour as well.
TABLES = """
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, station TEXT NOT NULL, bundle TEXT NOT NULL, boot TEXT NOT NULL,
    began_ns INTEGER NOT NULL, offset_ns INTEGER NOT NULL, dropped INTEGER NOT NULL
);
CREATE TABLE items (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, item INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL, decided_ns INTEGER NOT NULL, closed_ns INTEGER NOT NULL,
    looks INTEGER NOT NULL, scores TEXT NOT NULL, class_name TEXT, bin TEXT NOT NULL,
    outcome TEXT NOT NULL, cause TEXT NOT NULL, late_ms REAL, confirmed INTEGER, bundle TEXT NOT NULL
);
CREATE TABLE occurrences (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL
);
CREATE VIEW items_in_time AS
    SELECT items.*, items.seen_ns + sessions.offset_ns AS unix_ns
    FROM items CROSS JOIN sessions ON sessions.id = items.session;
CREATE VIEW occurrences_in_time AS
    SELECT occurrences.*, occurrences.at_ns + sessions.offset_ns AS unix_ns
    FROM occurrences CROSS JOIN sessions ON sessions.id = occurrences.session;
"""

FIELDS = Record.__struct_fields__
ADD_ITEM = f"INSERT INTO items (session, {', '.join(FIELDS)}) VALUES ({', '.join('?' * (len(FIELDS) + 1))})"  # noqa: S608
ADD_OCCURRENCE = "INSERT INTO occurrences (session, at_ns, kind, message) VALUES (?, ?, ?, ?)"

_SCORE_DIGITS = 6


class Occurrence(NamedTuple):
    """Something that happened to the station: what kind of thing, when (station's clock), and a sentence."""

    at_ns: int
    kind: str
    message: str


def error_code(cause: sqlite3.Error) -> int:
    """The kind of an error, without what SQLite adds in the higher bits."""
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF


def to_row(record: Record) -> tuple[object, ...]:
    """A record's values in the order of `FIELDS`.

    Scores become a JSON list of numbers to the sixth decimal: SQLite's own functions can read it, what is nought to a
    thousand classes takes four bytes each, and no score is calibrated better than that. What is no number is null.
    """
    scores = msgspec.json.encode([round(float(score), _SCORE_DIGITS) for score in record.scores]).decode()
    confirmed = None if record.confirmed is None else int(record.confirmed)
    kept = {"scores": scores, "confirmed": confirmed}
    return tuple(kept.get(name, getattr(record, name)) for name in FIELDS)


def to_record(row: tuple[Any, ...]) -> Record:
    """The record of a row in the order of `FIELDS`."""
    values = dict(zip(FIELDS, row, strict=True))
    scores = msgspec.json.decode(values["scores"], type=tuple[float | None, ...])
    values["scores"] = tuple(math.nan if score is None else score for score in scores)
    values["confirmed"] = None if values["confirmed"] is None else bool(values["confirmed"])
    return Record(**values | {"outcome": cast("Outcome", values["outcome"])})
