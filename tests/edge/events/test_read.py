"""What `sortline events` shows and writes is what the station put in, also while it writes."""

import csv
import json
import os
import shutil
import sqlite3
import tempfile
import tracemalloc
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from sortline_bundle.errors import ConfigError, HardwareError, TryAgainError
from sortline_edge.events.asked import asked_ns
from sortline_edge.events.export import COLUMNS, to_csv, to_jsonl, to_parquet
from sortline_edge.events.read import EventReader, Kept, Wanted
from sortline_edge.events.summary import sum_up
from sortline_edge.records import Record

WHOLE = st.integers(-(2**62), 2**62)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
RECORDS = st.builds(
    Record, item=WHOLE, seen_ns=WHOLE, decided_ns=WHOLE, closed_ns=WHOLE, looks=st.integers(0, 100),
    scores=st.lists(st.floats(0, 1), max_size=5).map(tuple), class_name=st.none() | TEXT, bin=TEXT,
    outcome=st.sampled_from(["binned", "rejected", "missed"]), cause=TEXT,
    late_ms=st.none() | st.floats(allow_nan=False, allow_infinity=False), confirmed=st.none() | st.booleans(),
    bundle=TEXT,
)  # fmt: skip
KEPT = st.builds(Kept, session=st.integers(1, 1000), unix_ns=WHOLE, record=RECORDS)


def from_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = {name: (int(row[name]) if name.endswith("_ns") else row[name]) for name in row}
            yield values | {
                "seen_at": row["seen_at"], "session": int(row["session"]), "item": int(row["item"]),
                "looks": int(row["looks"]), "scores": json.loads(row["scores"]),
                "class_name": row["class_name"] or None, "late_ms": float(row["late_ms"]) if row["late_ms"] else None,
                "confirmed": {"": None, "true": True, "false": False}[row["confirmed"]],
            }  # fmt: skip


def from_jsonl(path):
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    return map(json.loads, lines)


def from_parquet(path):
    return parquet.read_table(path).to_pylist()


@pytest.mark.parametrize(
    ("write", "read"),
    [(to_csv, from_csv), (to_jsonl, from_jsonl), (to_parquet, from_parquet)],
    ids=["csv", "jsonl", "parquet"],
)
@given(items=st.lists(KEPT, max_size=6))
@settings(deadline=None, max_examples=40)
def test_every_value_comes_back_out_of_every_format(write, read, items):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items"
        write(path, items)
        rows = list(read(path))
        assert [path] == list(path.parent.iterdir())
    for row, item in zip(rows, items, strict=True):
        assert tuple(row) == COLUMNS
        seen_at = row.pop("seen_at")
        seen_at = seen_at if isinstance(seen_at, datetime) else datetime.fromisoformat(seen_at)
        assert (seen_at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(item.unix_ns / 1e9, abs=1)
        kept = Kept(row.pop("session"), row.pop("unix_ns"), msgspec.convert(row, Record))
        assert kept == item


@pytest.mark.parametrize("write", [to_csv, to_jsonl, to_parquet])
def test_an_export_that_fails_leaves_the_old_file(kit, tmp_path, write):
    def breaking_off():
        yield Kept(1, 2, kit.record())
        raise HardwareError("the card was pulled")

    target = tmp_path / "items"
    target.write_bytes(b"old")
    with pytest.raises(HardwareError):
        write(target, breaking_off())
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == {target: b"old"}


@pytest.mark.parametrize("write", [to_csv, to_jsonl, to_parquet])
def test_an_export_takes_no_more_memory_for_more_items(kit, tmp_path, write):
    def peak(count):
        tracemalloc.start()
        write(tmp_path / "items", (Kept(1, nth, kit.record(nth)) for nth in range(count)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(100)  # imports
    assert peak(40_000) < 1.3 * peak(20_000)


def test_parquet_says_what_to_install(kit, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"need pyarrow, which is not installed: pip install 'sortline\[parquet\]'"):
        to_parquet(tmp_path / "items", [Kept(1, 2, kit.record())])
    assert not list(tmp_path.iterdir())


@given(
    since=st.none() | st.integers(-1, 31),
    until=st.none() | st.integers(-1, 31),
    bin_=st.sampled_from([None, "cans", "paper", "x"]),
    outcome=st.sampled_from([None, "binned", "rejected", "missed"]),
    newest=st.none() | st.integers(1, 40),
)
@settings(deadline=None, max_examples=100)
def test_what_is_wanted_is_what_comes(thirty, since, until, bin_, outcome, newest):
    path, records, epoch_ns = thirty

    def seen(second):
        return None if second is None else epoch_ns + second * 10**9

    wanted = Wanted(since_ns=seen(since), until_ns=seen(until), bin=bin_, outcome=outcome)
    expected = [
        record for record in records
        if (since is None or record.item >= since) and (until is None or record.item < until)
        and bin_ in (None, record.bin) and outcome in (None, record.outcome)
    ]  # fmt: skip
    with EventReader(path) as reader:
        found = [kept.record for kept in reader.items(wanted, newest)]
        assert found == (expected if newest is None else expected[-newest:])
        assert reader.count(wanted) == len(expected)
        summary = sum_up(reader, wanted)
    assert summary.items == len(expected)
    assert sum(book.binned + book.rejected + book.missed for book in summary.bins) == len(expected)
    for book in summary.bins:
        mine = [record for record in expected if record.bin == book.bin]
        assert book.missed == sum(record.outcome == "missed" for record in mine)
        assert book.watched == sum(record.confirmed is not None for record in mine)
        assert book.confirmed == sum(record.confirmed is True for record in mine)
    assert sum(cause.items for cause in summary.causes) == len(expected)
    late = sorted(record.late_ms for record in expected if record.late_ms is not None)
    for percent, figure in ((50, summary.late_p50_ms), (99, summary.late_p99_ms)):
        if not late:
            assert figure is None
        else:
            assert 100 * sum(ms <= figure for ms in late) >= percent * len(late)
            assert 100 * sum(ms < figure for ms in late) < percent * len(late)


@pytest.fixture(scope="module")
def thirty(kit, tmp_path_factory):
    path = tmp_path_factory.mktemp("thirty") / "events.db"
    machine = kit.machine()
    records = [
        kit.record(
            nth, bin=("cans", "paper")[nth % 2], outcome=("binned", "rejected", "missed")[nth % 3],
            cause=("sorted", "doubtful")[nth % 2], late_ms=(None, nth % 7 / 4)[nth % 5 > 0],
            confirmed=(None, True, False)[nth // 3 % 3],
        )
        for nth in range(30)
    ]  # fmt: skip
    with closing(machine.file(path)) as file:
        for record in records:
            file.write([record], 0)
    return path, records, machine.epoch_ns


def test_what_is_added_while_it_is_read_does_not_count(kit, machine, path):
    with closing(machine.file(path)) as file:
        file.write([kit.record(item) for item in range(3000)], 0)
        with EventReader(path) as reader:
            items = reader.items(Wanted())
            first = next(items)
            file.write([kit.record(3000)], 0)
            assert [first.record.item, *(kept.record.item for kept in items)] == list(range(3000))
            assert reader.count(Wanted()) == 3001


def test_reading_does_not_keep_the_log_from_being_used_again(kit, machine, path):
    with closing(machine.file(path, max_mb=64)) as file:
        file.write([kit.record(item) for item in range(3000)], 0)
        with EventReader(path) as reader:
            items = reader.items(Wanted())
            next(items)  # and then the reader is slow
            for _ in range(800):
                file.write([kit.record(1)] * 100, 0)
            assert Path(f"{path}-wal").stat().st_size < 8_000_000
            assert sum(1 for _ in items) == 2999


@pytest.fixture
def locked_folder():
    """A folder of the machine's own for everybody to read, and what makes it one that nobody here may write."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)

        def lock():
            folder.chmod(0o555)
            stack.callback(folder.chmod, 0o755)
            if os.geteuid() == 0:  # who may write everywhere
                stack.callback(os.seteuid, 0)
                os.seteuid(65534)

        yield folder, lock


def test_a_file_in_a_folder_that_may_only_be_read_is_read(kit, machine, locked_folder):
    folder, lock = locked_folder
    with machine.store(folder / "events.db") as store:
        store.put(kit.record())
    lock()
    assert kit.items_in(folder / "events.db") == [1]
    assert sorted(found.name for found in folder.iterdir()) == [".events.db.lock", "events.db"]


def test_a_log_in_a_folder_that_may_only_be_read_is_no_reason_to_leave_it_out(kit, machine, path, locked_folder):
    folder, lock = locked_folder
    with closing(machine.file(path)) as file:
        file.write([kit.record()], 0)
        for suffix in ("", "-wal"):  # as after a power cut
            shutil.copy(f"{path}{suffix}", folder)
    lock()
    with pytest.raises(ConfigError, match=r"events.db cannot be opened; check who may read there, or copy it with"):
        EventReader(folder / "events.db")


def test_what_cannot_be_read_is_refused(kit, machine, path):
    with pytest.raises(ConfigError, match=r"there is no event file .*events.db; a station with a table `\[events\]`"):
        EventReader(path)
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigError, match=r"events.db is no event file; name the one"):
        EventReader(path)
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE addresses (name)")
    with pytest.raises(ConfigError, match=r"events.db is no event file; name the one"):
        EventReader(path)
    path.unlink()
    machine.store(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(ConfigError, match=r"events.db has tables of version 2, this sortline reads 1"):
        EventReader(path)


def test_damage_is_said_with_the_way_to_save_the_rest(kit, machine, path):
    with closing(machine.file(path)) as file:
        file.write([kit.record(item) for item in range(2000)], 0)
    data = path.read_bytes()
    path.write_bytes(data[:16384] + b"\x55" * (len(data) - 16384))
    with EventReader(path) as reader, pytest.raises(HardwareError, match=r"events.db is damaged: .*\.recover` saves"):
        list(reader.items(Wanted()))


def test_a_file_that_somebody_keeps_for_himself_is_for_later(kit, machine, path, monkeypatch):
    machine.store(path).close()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, **options | {"timeout": 0}))
    with closing(connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TryAgainError, match=r"events.db cannot be read: database is locked"):
            EventReader(path)


NOW_NS = 1_795_000_000 * 10**9


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5d", 129_600), ("3w", 1_814_400), ("0s", 0)],
)
def test_how_long_ago(text, seconds):
    assert asked_ns(text, NOW_NS) == NOW_NS - seconds * 10**9


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T06:30Z", datetime(2026, 11, 24, 6, 30, tzinfo=UTC)),
        ("2026-11-24T06:30:01.000002+01:00", datetime(2026, 11, 24, 5, 30, 1, 2, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24).astimezone()),
        ("2026-11-24 06:30", datetime(2026, 11, 24, 6, 30).astimezone()),
    ],
)
def test_a_moment(text, moment):
    assert asked_ns(text, NOW_NS) == round(moment.timestamp() * 1e6) * 1000


@pytest.mark.parametrize("text", ["", "yesterday", "2", "h", "-2h", "2 h", "2026-13-01", "1e3h", "9" * 30 + "s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match=r"is no time: say how long ago \(90s, 30m"):
        asked_ns(text, NOW_NS)
