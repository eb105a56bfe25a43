"""Items as files for other programs: CSV, JSON lines, Parquet. Streamed, and whole or not there."""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import writing_whole
from sortline_edge.events.read import Kept
from sortline_edge.records import Record

COLUMNS = ("seen_at", "session", "unix_ns", *Record.__struct_fields__)
"""Of every format, in this order: when the item was first seen (UTC), which run of the station it was, the same moment
as unix time, and the fields of the record."""

Export = Callable[[Path, Iterable[Kept]], None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 10_000


def moment(unix_ns: int) -> datetime:
    """A unix time as a moment in UTC, to the microsecond below."""
    return _EPOCH + timedelta(microseconds=unix_ns // 1000)


def to_csv(path: Path, items: Iterable[Kept]) -> None:
    """One line an item, under a line of names. Empty is None, scores are a JSON list.

    Raises:
        OSError: it cannot be written; `path` is as it was.
    """
    encode = msgspec.json.Encoder().encode
    with writing_whole(path) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(COLUMNS)
        for values in map(_values, items):
            values["seen_at"] = values["seen_at"].isoformat(timespec="microseconds")
            values["scores"] = encode(values["scores"]).decode()
            if values["confirmed"] is not None:
                values["confirmed"] = "true" if values["confirmed"] else "false"
            writer.writerow(values.values())


def to_jsonl(path: Path, items: Iterable[Kept]) -> None:
    """One JSON object a line.

    Raises:
        OSError: it cannot be written; `path` is as it was.
    """
    encode = msgspec.json.Encoder().encode
    with writing_whole(path) as file:
        for item in items:
            file.write(encode(_values(item)) + b"\n")


def to_parquet(path: Path, items: Iterable[Kept]) -> None:
    """Columns of the types that they are, `seen_at` to the microsecond, scores a list.

    Raises:
        ConfigError: pyarrow is not installed.
        OSError: it cannot be written; `path` is as it was.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        message = "Parquet files need pyarrow, which is not installed: pip install 'sortline[parquet]', or take --csv"
        raise ConfigError(message) from None
    whole, text = pa.int64(), pa.string()
    types = {
        "seen_at": pa.timestamp("us", tz="UTC"), "session": whole, "unix_ns": whole, "item": whole, "seen_ns": whole,
        "decided_ns": whole, "closed_ns": whole, "looks": whole, "scores": pa.list_(pa.float64()), "class_name": text,
        "bin": text, "outcome": text, "cause": text, "late_ms": pa.float64(), "confirmed": pa.bool_(), "bundle": text,
    }  # fmt: skip
    schema = pa.schema([(name, types[name]) for name in COLUMNS])
    with writing_whole(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in _in_parts(map(_values, items)):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _values(kept: Kept) -> dict[str, Any]:
    record = {name: getattr(kept.record, name) for name in Record.__struct_fields__}
    return {"seen_at": moment(kept.unix_ns), "session": kept.session, "unix_ns": kept.unix_ns, **record}


def _in_parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, _AT_ONCE)):
        yield part
