"""`sortline events` as it is typed."""

import csv
import json
import time
from datetime import UTC, datetime

import pytest
from pyarrow import parquet

from sortline_bundle.command import main
from sortline_edge.config import load_station

STATION = """
name = "line 3"
bundle = "waste.sortline"
[camera]
driver = "folder"
path = "frames"
[belt]
speed_mm_s = 250
mm_per_px = 0.5
[[bins]]
name = "cans"
classes = ["can"]
line = 17
distance_mm = 450
[outputs]
driver = "recorder"
"""


@pytest.fixture
def station(kit, machine, tmp_path):
    """A station file whose store holds thirty items, one a second, the newest a minute old."""
    file = tmp_path / "station.toml"
    file.write_text(STATION + '[events]\npath = "kept.db"\n')
    machine.epoch_ns = (int(time.time()) - 90) * 10**9
    with machine.store(tmp_path / "kept.db") as store:
        for item in range(30):
            missed = item % 10 == 9
            outcome = {"outcome": "missed", "cause": "late", "late_ms": None, "confirmed": None} if missed else {}
            store.put(kit.record(item, **outcome))
        store.note("interlock", 5 * 10**9, "emergency stop [pressed]: all outputs off")
    return file


def run(capsys, *words):
    code = main(["events", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_without_a_table_nothing_is_kept(capsys, tmp_path):
    file = tmp_path / "station.toml"
    file.write_text(STATION)
    assert load_station(file).events is None
    code, _, error = run(capsys, file)
    assert code == 3
    assert "station.toml has no table `[events]`, so nothing is kept; add one, and start the station anew" in error


def test_the_station_file_says_where_and_how_much(tmp_path):
    file = tmp_path / "station.toml"
    file.write_text(STATION + "[events]\n")
    events = load_station(file).events
    assert (events.path, events.max_mb) == ("events.db", 256)


def test_the_newest_twenty_are_shown_with_what_happened(capsys, station, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run(capsys, station)
    assert code == 0
    rows = [line for line in out.splitlines() if "│" in line and "can" in line]
    assert [int(row.split("│")[2]) for row in rows] == list(range(10, 30))
    assert "missed: late" in rows[-1]
    assert "emergency stop [pressed]: all outputs off" in out
    assert out.splitlines()[-1] == "20 of 30 items"


def test_what_is_asked_for_is_shown(capsys, station, machine):
    database = station.with_name("kept.db")
    half = datetime.fromtimestamp(machine.epoch_ns // 10**9 + 15, UTC).isoformat()
    for words, items in (
        (["--limit", "2"], [28, 29]),
        (["--outcome", "missed"], [9, 19, 29]),
        (["--bin", "paper"], []),
        (["--since", "1d", "--until", half], list(range(15))),
    ):
        code, out, _ = run(capsys, database, "--json", *words)
        found = json.loads(out)
        assert code == 0
        assert [item["item"] for item in found["items"]] == items, words
    assert found["count"] == 15
    assert found["occurrences"][0]["message"].startswith("emergency stop")


def test_the_summary_adds_up(capsys, station, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run(capsys, station, "--summary", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["bins"] == [
        {"bin": "cans", "binned": 27, "rejected": 0, "missed": 3, "watched": 27, "confirmed": 27}
    ]  # fmt: skip
    assert found["causes"][1] == {"outcome": "missed", "cause": "late", "items": 3}
    assert (found["items"], found["late_p99_ms"], found["confirmed_share"], found["dropped"]) == (30, 0.25, 1.0, 0)
    code, out, _ = run(capsys, station, "--summary")
    assert code == 0
    assert "100.0% of 27" in out
    assert "outputs late by 0.25 ms (half), 0.25 ms (99 of 100); arrived 100.0%; entries lost 0" in out
    assert "purity" not in out


def test_a_summary_of_nothing_is_possible(capsys, station):
    code, out, _ = run(capsys, station, "--summary", "--bin", "x")
    assert code == 0
    assert "outputs late by - ms (half), - ms (99 of 100); arrived -; entries lost 0" in " ".join(out.split())


def test_files_are_written_with_all_that_is_asked_for(capsys, station, tmp_path):
    targets = {name: tmp_path / "out" / f"items.{name}" for name in ("csv", "jsonl", "parquet")}
    words = [word for name, target in targets.items() for word in (f"--{name}", target)]
    code, out, error = run(capsys, station, *words)
    assert (code, out) == (0, "")
    assert error == "".join(f"{name}: {target}\n" for name, target in targets.items())
    with targets["csv"].open(newline="") as file:
        in_csv = [int(row["item"]) for row in csv.DictReader(file)]
    in_jsonl = [json.loads(line)["item"] for line in targets["jsonl"].read_text().splitlines()]
    in_parquet = parquet.read_table(targets["parquet"])["item"].to_pylist()
    assert in_csv == in_jsonl == in_parquet == list(range(30))
    run(capsys, station, "--jsonl", targets["jsonl"], "--limit", "3")
    assert len(targets["jsonl"].read_text().splitlines()) == 3


def test_the_events_are_not_overwritten_by_themselves(capsys, station):
    database = station.with_name("kept.db")
    before = database.read_bytes()
    code, _, error = run(capsys, station, "--csv", database)
    assert code == 3
    assert "kept.db would overwrite the events themselves; name another file" in error
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--limit", "0"], "--limit 0 shows nothing; say 1 or more"),
        (["--since", "noon"], "'noon' is no time: say how long ago"),
    ],
)
def test_what_cannot_be_asked_is_refused(capsys, station, words, complaint):
    code, _, error = run(capsys, station, *words)
    assert code == 3
    assert complaint in error
