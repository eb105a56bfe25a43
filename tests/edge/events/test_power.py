"""What is on the disk after `kill -9` and after a power cut: everything up to some batch, and nothing twice."""

import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FRAME, HEADER = 1024 + 24, 32
BATCHES = 12

WRITER = """
import sys, time
from pathlib import Path
from sortline_edge.clocks import MonotonicClock
from sortline_edge.config import Events
from sortline_edge.events import EventStore, store
from sortline_edge.events.file import EventFile
from sortline_edge.records import Record

store._EVERY_S = 0.002

def kept(file, entries, dropped, write=EventFile.write):
    write(file, entries, dropped)
    if entries:
        print("kept", entries[-1].item, flush=True)

EventFile.write = kept
events = EventStore(Path(sys.argv[1]), Events(), station="line 3", bundle="0123456789ab", clock=MonotonicClock())
item = 0
while True:
    item += 1
    events.put(Record(item=item, seen_ns=item, decided_ns=item, closed_ns=item, looks=1, scores=(1.0,),
        class_name="can", bin="cans", outcome="binned", cause="sorted", late_ms=None, confirmed=None, bundle="b"))
    time.sleep(0.0001)
"""


@pytest.mark.parametrize("seed", range(10))
def test_a_killed_station_loses_nothing_that_was_on_the_disk_and_nothing_is_there_twice(kit, machine, path, seed):
    draw = random.Random(seed)
    lives, kept_before = 2, []
    for _ in range(lives):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(draw.randint(1, 40)):
                line = process.stdout.readline()
            for _ in range(draw.randint(0, 20_000)):
                pass  # somewhere in the next batch
            process.send_signal(signal.SIGKILL)
            said = [line, *process.stdout]
        on_disk = max(int(line.split()[1]) for line in said if line.endswith("\n"))
        items = kit.items_in(path)
        new = items[len(kept_before) :]
        assert items[: len(kept_before)] == kept_before
        assert new == list(range(1, len(new) + 1))
        assert len(new) >= on_disk
        assert kit.is_sound(path)
        kept_before = items
    with machine.store(path) as store:
        store.put(kit.record(7))
    assert kit.items_in(path) == [*kept_before, 7]
    assert not machine.said


class Cuts(NamedTuple):
    """A database that is being written: its bytes before the log, the log, and where in it each batch was complete."""

    database: bytes
    log: bytes
    ends: list[int]
    checkpointed: bytes


@pytest.fixture(scope="module")
def cuts(kit, tmp_path_factory):
    path = tmp_path_factory.mktemp("cuts") / "events.db"
    machine, log, ends = kit.machine(), Path(f"{path}-wal"), []
    with closing(machine.file(path)) as file:
        file.write([kit.record(0)], 0)
    with closing(machine.file(path)) as file:
        for batch in range(1, BATCHES + 1):
            file.write([kit.record(batch)] * (30 * (batch % 3) + 1), 0)  # some fill a page, some need new ones
            ends.append(log.stat().st_size)
        before, whole = path.read_bytes(), log.read_bytes()
    return Cuts(before, whole, ends, path.read_bytes())


def opened(kit, folder, database, log):
    path = folder / "events.db"
    for old in folder.iterdir():
        old.unlink()
    path.write_bytes(database)
    Path(f"{path}-wal").write_bytes(log)
    assert kit.is_sound(path)
    return kit.items_in(path)


def rows(batches):
    return [0] + [batch for batch in range(1, batches + 1) for _ in range(30 * (batch % 3) + 1)]


@given(cut=st.floats(0, 1), tail=st.sampled_from(["absent", "zero", "old", "torn"]), data=st.data())
@settings(deadline=None, max_examples=80)
def test_a_power_cut_while_the_log_is_written_loses_what_was_not_synced_and_no_more(
    kit, cuts, tmp_path_factory, cut, tail, data
):
    """The log is on the card up to the last sync; behind that may be a part of it, nothing, or anything."""
    at = round(cut * len(cuts.log))
    rest = len(cuts.log) - at
    behind = {
        "absent": b"",
        "zero": bytes(rest),
        "old": cuts.log[:rest],  # what a log that is written over again had there
        "torn": b"".join(
            cuts.log[start : start + 512] if data.draw(st.booleans()) else bytes(512)
            for start in range(at, min(len(cuts.log), at + 8 * 512), 512)
        ),
    }[tail]
    items = opened(kit, tmp_path_factory.mktemp("cut"), cuts.database, cuts.log[:at] + behind)
    synced = sum(end <= at for end in cuts.ends)
    assert items in [rows(batches) for batches in range(synced, BATCHES + 1)]


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_a_power_cut_while_the_log_goes_into_the_database_loses_nothing(kit, cuts, tmp_path_factory, seed):
    """Any of the database's pages may be old, new or torn then; the log is whole until all of them are synced."""
    draw = random.Random(seed)
    old = cuts.database.ljust(len(cuts.checkpointed), b"\0")
    size = draw.randint(len(cuts.database), len(cuts.checkpointed)) // 512 * 512
    mixed = b"".join(draw.choice((old, cuts.checkpointed))[start : start + 512] for start in range(0, size, 512))
    assert opened(kit, tmp_path_factory.mktemp("cut"), mixed, cuts.log) == rows(BATCHES)


def test_every_batch_is_synced_before_the_next(kit, cuts, machine, path):
    # What the two tests above take for granted: each batch is whole frames of the log, and the log is synced for each.
    assert all((end - HEADER) % FRAME == 0 for end in cuts.ends)
    assert cuts.ends == sorted(set(cuts.ends))
    with closing(machine.file(path)) as file:
        assert [file._db.execute(f"PRAGMA {what}").fetchone()[0] for what in ("journal_mode", "synchronous")] == [
            "wal",
            2,
        ]
