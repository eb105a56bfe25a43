"""The event store keeps what is put in, in its order, and nothing that befalls the disk stops who puts it in."""

import math
import os
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError, TryAgainError
from sortline_edge.events import store as store_module
from sortline_edge.events.file import EventFile
from sortline_edge.events.read import EventReader, Wanted
from sortline_edge.records import Record

WHOLE = st.integers(-(2**62), 2**62)
RECORDS = st.builds(
    Record, item=WHOLE, seen_ns=st.integers(0, 2**60), decided_ns=WHOLE, closed_ns=WHOLE, looks=st.integers(0, 100),
    scores=st.lists(st.floats(0, 1), max_size=5).map(tuple), class_name=st.none() | st.text(), bin=st.text(),
    outcome=st.sampled_from(["binned", "rejected", "missed"]), cause=st.text(),
    late_ms=st.none() | st.floats(allow_nan=False), confirmed=st.none() | st.booleans(), bundle=st.text(),
)  # fmt: skip


@given(records=st.lists(RECORDS, max_size=8))
@settings(deadline=None, max_examples=40)
def test_what_was_put_in_before_the_end_is_there_after_it_value_by_value(kit, records):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        with kit.machine().store(path) as store:
            for record in records:
                store.put(record)
        kept = kit.records_in(path)
        assert [to_six_digits(record) for record in records] == kept
        assert store.dropped == 0


def to_six_digits(record):
    return Record(
        **{name: getattr(record, name) for name in Record.__struct_fields__}
        | {"scores": tuple(round(score, 6) for score in record.scores)}
    )


def test_a_score_that_is_no_number_does_not_stop_the_others(kit, machine, path):
    with machine.store(path) as store:
        store.put(kit.record(1, scores=(math.nan, 0.5), late_ms=math.nan))
        store.put(kit.record(2))
    odd, plain = kit.records_in(path)
    assert math.isnan(odd.scores[0])
    assert (odd.scores[1], odd.late_ms, plain) == (0.5, None, kit.record(2))


@given(message=st.text(st.characters(exclude_categories=[])))
@example("no such file: \udcff")
@settings(deadline=None, max_examples=25)
def test_a_note_is_kept_whatever_is_in_it(kit, message):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        machine = kit.machine()
        with machine.store(path) as store:
            store.note("interlock", 5, message)
        with EventReader(path) as reader:
            (noted,) = reader.occurrences(Wanted(), 9)
        readable = message.encode(errors="backslashreplace").decode()
        assert (noted.unix_ns, noted.kind, noted.message) == (machine.epoch_ns + 5, "interlock", readable)
        assert not machine.said


def test_a_run_of_the_station_is_noted_though_nothing_happens(machine, path):
    machine.store(path).close()
    with closing(sqlite3.connect(path)) as db:
        (row,) = db.execute("SELECT station, bundle, boot, began_ns, offset_ns, dropped FROM sessions").fetchall()
    boot = Path("/proc/sys/kernel/random/boot_id")
    expected = boot.read_text().strip() if boot.exists() else ""
    assert row == ("line 3", "0123456789ab", expected, 0, machine.epoch_ns, 0)


def test_a_second_run_goes_on_in_the_same_file(kit, machine, path):
    for item in (1, 2):
        with machine.store(path) as store:
            store.put(kit.record(item))
    with EventReader(path) as reader:
        assert [(kept.session, kept.record.item) for kept in reader.items(Wanted())] == [(1, 1), (2, 2)]


def test_what_comes_after_the_end_is_counted(kit, machine, path):
    store = machine.store(path)
    store.close()
    store.put(kit.record())
    store.close()
    assert (store.dropped, kit.items_in(path)) == (1, [])


def test_a_full_disk_is_said_once_and_what_does_not_fit_into_memory_is_counted(
    kit, machine, path, full_disk, monkeypatch
):
    monkeypatch.setattr(store_module, "HELD", 5)
    monkeypatch.setattr(store_module, "_EVERY_S", 0.001)
    failed, written = threading.Event(), threading.Event()

    def heard():
        (written if "again" in machine.said[-1] else failed).set()

    machine.heard = heard
    with machine.store(path) as store:
        for item in range(12):
            store.put(kit.record(item))
        assert failed.wait(60)
        assert store.dropped == 7
        full_disk()
        assert written.wait(60)
        store.put(kit.record(12))
    assert kit.items_in(path) == [0, 1, 2, 3, 4, 12]
    first, second = machine.said
    assert "cannot be written: disk I/O error; sorting goes on, and up to 5 entries wait until it can" in first
    assert second == "events are written again; 7 entries were lost, for which there was no room"
    with EventReader(path) as reader:
        assert reader.dropped() == 7


def test_what_a_full_disk_does_not_take_until_the_end_is_said_to_be_lost(kit, machine, path, full_disk):
    with machine.store(path) as store:
        store.put(kit.record())
        store.put(kit.record())
    assert machine.said[-1] == "events: 2 entries could not be written and are lost"
    full_disk()
    with machine.store(path) as store:
        store.put(kit.record(3))
    assert kit.items_in(path) == [3]


def test_a_disk_that_hangs_does_not_hold_up_the_end(kit, machine, path, monkeypatch):
    monkeypatch.setattr(store_module, "_CLOSING_S", 0.001)
    goes_on = threading.Event()
    monkeypatch.setattr(EventFile, "write", lambda *_: goes_on.wait())
    store = machine.store(path)
    store.put(kit.record())
    store.close()
    assert machine.said == ["events: the disk does not answer; 1 entries are lost"]
    goes_on.set()


def test_a_batch_that_fails_leaves_nothing_of_itself(kit, machine, path, full_disk):
    file = machine.file(path)
    with pytest.raises(TryAgainError, match=r"events.db cannot be written: disk I/O error"):
        file.write([kit.record(1), kit.record(2)], 0)
    full_disk()
    file.write([kit.record(2), kit.record(3)], 0)
    file.close()
    assert kit.items_in(path) == [2, 3]


def test_a_file_that_somebody_locks_is_written_later(kit, machine, path):
    file = machine.file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TryAgainError, match="database is locked"):
            file.write([kit.record(1)], 0)
    file.write([kit.record(1)], 0)
    file.close()
    assert kit.items_in(path) == [1]


@given(garbage=st.binary(min_size=100, max_size=9000))
@settings(deadline=None, max_examples=15)
def test_what_is_no_database_is_moved_aside(kit, garbage):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        path.write_bytes(garbage)
        machine = kit.machine()
        with machine.store(path) as store:
            store.put(kit.record())
        assert kit.items_in(path) == [1]
        assert Path(f"{path}.damaged").read_bytes() == garbage
        (said,) = machine.said
        assert said.startswith(f"events file {path} cannot be used (file is not a database): it was moved to {path}.da")


def test_what_turns_out_damaged_while_it_is_written_is_moved_aside(kit, machine, path):
    with closing(machine.file(path)) as file:
        file.write([kit.record(item) for item in range(2000)], 0)
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\x55" * (len(data) - 8192))  # the tables' names are still there, the rows are not
    with machine.store(path) as store:
        store.put(kit.record(5))
    assert kit.items_in(path) == [5]
    assert len(machine.said) == 1
    assert "malformed" in machine.said[0]
    assert Path(f"{path}.damaged").stat().st_size == len(data)


def test_a_file_of_another_version_is_moved_aside(kit, machine, path):
    machine.store(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    with machine.store(path) as store:
        store.put(kit.record())
    assert kit.items_in(path) == [1]
    assert "(its tables are of version 2, this sortline knows 1): it was moved" in machine.said[0]


def test_another_programs_database_is_left_alone(machine, path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE addresses (name)")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"events.db holds another program's data; correct `events.path`"):
        machine.store(path)
    assert path.read_bytes() == before


def test_a_file_that_is_taken_away_is_begun_anew(kit, machine, path):
    with closing(machine.file(path)) as file:
        file.write([kit.record(1)], 0)
        path.rename(f"{path}.old")
        file.write([kit.record(2)], 0)
    assert kit.items_in(path) == [2]
    assert machine.said == [f"events file {path} was taken away; a new one is begun"]


def test_a_file_that_is_deleted_to_make_room_is_begun_anew(kit, machine, path, full_disk):
    with closing(machine.file(path)) as file:
        full_disk()
        file.write([kit.record(1)], 0)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TryAgainError):
                file.write([kit.record(2)], 0)
        path.unlink()
        file.write([kit.record(2)], 0)
    assert kit.items_in(path) == [2]


def test_nothing_is_said_to_be_written_again_that_is_not(machine, path, full_disk, monkeypatch):
    monkeypatch.setattr(store_module, "_EVERY_S", 0.001)
    tried = threading.Semaphore(0)
    write = EventFile.write

    def counted(*arguments):
        tried.release()
        write(*arguments)

    monkeypatch.setattr(EventFile, "write", counted)
    store = machine.store(path)
    assert all(tried.acquire(timeout=60) for _ in range(3))  # though there is nothing to write
    assert len(machine.said) == 1
    full_disk()
    store.close()
    assert machine.said[1:] == ["events are written again; 0 entries were lost, for which there was no room"]


@pytest.mark.parametrize("value", [{"class_name": object()}, {"looks": 2**70}, {"bin": "\udcff"}, {"scores": ("x",)}])
def test_an_item_that_cannot_be_written_takes_no_other_with_it(kit, machine, path, value):
    with machine.store(path) as store:
        for record in (kit.record(1), kit.record(2, **value), kit.record(3)):
            store.put(record)
    assert kit.items_in(path) == [1, 3]
    assert store.dropped == 1
    (said,) = machine.said
    assert said.startswith("events: Record(item=")
    assert " is lost, for it cannot be written: " in said


def test_two_stations_cannot_share_a_file(kit, machine, path):
    path.with_name("link.db").symlink_to(path)
    with machine.store(path):
        for name in ("events.db", "link.db"):
            with pytest.raises(ConfigError, match=r"events.db is written by another station; stop it or give"):
                machine.store(path.with_name(name))
    with machine.store(path) as store:
        store.put(kit.record())
    assert kit.items_in(path) == [1]


def test_a_folder_that_may_not_be_written_is_refused(machine, path):
    path.parent.chmod(0o555)
    root = os.geteuid() == 0
    if root:  # who may write everywhere
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match=r"events.db cannot be written: Permission denied; give access there"):
            machine.store(path)
    finally:
        if root:
            os.seteuid(0)
        path.parent.chmod(0o755)
    assert not machine.said


def test_a_folder_that_is_not_there_and_a_folder_in_place_of_the_file_are_refused(machine, path):
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        machine.store(path / "events.db")
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        machine.store(path)


def test_a_board_that_learns_the_time_late_has_it_right_from_the_start_on(kit, machine, path):
    machine.epoch_ns = 0  # 1970, as a board without a clock begins
    file = machine.file(path)
    file.write([kit.record(1)], 0)
    machine.clock.wait_until_ns(10**9)
    machine.epoch_ns += 49_000_000  # less than what counts as set
    file.write([kit.record(2)], 0)
    machine.clock.wait_until_ns(2 * 10**9)
    machine.epoch_ns = 1_800_000_000 * 10**9
    file.write([kit.record(3)], 0)
    machine.epoch_ns -= 3600 * 10**9  # back, which the order of the items does not follow
    file.write([kit.record(4)], 0)
    file.close()
    hour_ns = 1_800_000_000 * 10**9 - 3600 * 10**9
    with EventReader(path) as reader:
        kept = list(reader.items(Wanted()))
    assert [(item.record.item, item.unix_ns) for item in kept] == [(n, hour_ns + n * 10**9) for n in (1, 2, 3, 4)]
    assert kit.notes_in(path, "clock") == [
        "the board's clock was set by +1800000000.000 s",
        "the board's clock was set by -3600.000 s",
    ]


def test_the_file_never_grows_beyond_its_size_and_the_oldest_go_first(kit, machine, path):
    file, batch, biggest = machine.file(path, max_mb=4), 256, 0
    for start in range(0, 60_000, batch):
        file.write([kit.record(item) for item in range(start, start + batch)], 0)
        biggest = max(biggest, path.stat().st_size)
    file.close()
    items = kit.items_in(path)
    assert items == list(range(items[0], start + batch))
    assert 20_000 < len(items) < 50_000
    assert max(biggest, path.stat().st_size) <= 4_000_000
    assert kit.is_sound(path)


def test_occurrences_alone_do_not_fill_the_disk_either_and_few_items_outlive_many_of_them(kit, machine, path):
    with closing(machine.file(path, max_mb=4)) as file:
        file.write([kit.record(item) for item in range(128)], 0)
    for nth in range(40):
        with closing(machine.file(path, max_mb=4)) as file:
            file.write([store_module.Occurrence(nth, "interlock", "x" * 400)] * 256, 0)
    assert path.stat().st_size <= 4_000_000
    with EventReader(path) as reader:
        assert 5000 < len(reader.occurrences(Wanted(), 20_000)) < 9000
        assert reader.count(Wanted()) > 20
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM sessions").fetchone()[0] <= 41


def test_sessions_go_with_the_last_of_their_items(kit, machine, path):
    for _ in range(6):
        with closing(machine.file(path, max_mb=4)) as file:
            for start in range(0, 20_000, 250):
                file.write([kit.record(start + item) for item in range(250)], 0)
    with closing(sqlite3.connect(path)) as db:
        sessions = [row[0] for row in db.execute("SELECT id FROM sessions ORDER BY id")]
        used = [row[0] for row in db.execute("SELECT DISTINCT session FROM items ORDER BY session")]
    assert sessions == used
    assert 6 in sessions
    assert 1 not in sessions


def test_a_file_that_may_be_smaller_from_now_on_shrinks(kit, machine, path):
    with closing(machine.file(path, max_mb=16)) as file:
        for start in range(0, 100_000, 250):
            file.write([kit.record(start + item) for item in range(250)], 0)
    assert path.stat().st_size > 8_000_000
    with closing(machine.file(path, max_mb=4)) as file:
        for item in range(100_000, 100_020):
            file.write([kit.record(item)], 0)
    assert path.stat().st_size <= 4_000_000
    assert kit.items_in(path)[-21:] == list(range(99_999, 100_020))


def test_a_damaged_file_takes_the_place_of_the_one_before(kit, machine, path):
    for byte in (b"a", b"b"):
        path.write_bytes(byte * 200)
        machine.store(path).close()
    assert Path(f"{path}.damaged").read_bytes() == b"b" * 200
    assert sorted(p.name for p in path.parent.iterdir()) == [".events.db.lock", "events.db", "events.db.damaged"]
