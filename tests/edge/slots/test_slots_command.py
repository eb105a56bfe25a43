"""`sortline slots` as a technician uses it, with real bundles and keys; and `sortline run` with a bundle on trial."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sortline_bundle.archive import open_bundle, write_bundle

STATION = """
name = "test"
bundle = "{bundle}"
[camera]
driver = "belt"
items = "{items}"
count = 4
item_mm = 60
[belt]
speed_mm_s = 800
mm_per_px = 0.5
[[bins]]
name = "all"
classes = ["bottle", "paper", "tray"]
line = 4
distance_mm = 1400
[outputs]
driver = "recorder"
path = "lines.jsonl"
[timing]
late_ms = 1000
[model]
trial_frames = 20
trial_s = 0.2
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def versions(sharp_bundle_path: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a version of the bundle, perhaps with golden answers that the model does not give."""
    made = open_bundle(sharp_bundle_path)

    def make(version: int, *, broken: bool = False) -> Path:
        path = tmp_path / f"{version}{'-broken' * broken}.sortline"
        manifest = msgspec.structs.replace(made.manifest, version=version)
        if broken:
            golden = tuple(msgspec.structs.replace(one, scores=one.scores[::-1]) for one in manifest.golden)
            manifest = msgspec.structs.replace(manifest, golden=golden)
        write_bundle(path, manifest, made.members)
        return path

    return make


@pytest.fixture
def slots(sortline: Callable[..., Any], store: Path) -> Callable[..., Any]:
    return lambda what, *arguments, **how: sortline("slots", what, *arguments, "--store", store, **how)


def status(slots: Callable[..., Any]) -> dict[str, Any]:
    ran = slots("status", "--json")
    assert ran.exit_code == 0, ran.error
    return dict(json.loads(ran.out))


def test_the_way_of_two_versions_there_and_back(
    slots: Callable[..., Any], versions: Callable[..., Path], store: Path
) -> None:
    refused = slots("install", versions(1))
    assert refused.exit_code == 3
    assert "has no keyring" in refused.error
    assert slots("install", versions(1), "--unsigned", "--confirm").exit_code == 0
    ran = slots("install", versions(2), "--unsigned")
    assert ran.exit_code == 0, ran.error
    assert "version 2 is on trial" in ran.error
    again = slots("install", versions(2), "--unsigned")
    assert (again.exit_code, "on trial" in again.error) == (0, True)
    assert slots("confirm").exit_code == 0
    assert status(slots)["floor"] == 2
    older = slots("install", versions(1), "--unsigned")
    assert older.exit_code == 6
    assert "is older than 2" in older.error
    assert slots("rollback").exit_code == 0
    assert open_bundle(store / "current" / "bundle.sortline").manifest.version == 1
    none = slots("rollback")
    assert none.exit_code == 3
    assert "no bundle to go back to" in none.error
    assert slots("gc").out == "removed 2\n"


def test_a_bundle_that_fails_its_test_is_not_installed(
    slots: Callable[..., Any], versions: Callable[..., Path], store: Path
) -> None:
    assert slots("install", versions(1), "--unsigned", "--confirm").exit_code == 0
    ran = slots("install", versions(2, broken=True), "--unsigned")
    assert ran.exit_code == 6
    assert "golden" in ran.error
    found = status(slots)
    assert (found["good"]["version"], found["trial"], found["floor"]) == (1, None, 1)
    assert [path.name for path in (store / "slots").iterdir()] == ["1"]
    before = slots("install", versions(2, broken=True), "--unsigned")
    assert "failed its trial on this station before" in before.error


def test_signatures_count_once_the_station_trusts_somebody(
    sortline: Callable[..., Any], slots: Callable[..., Any], versions: Callable[..., Path], tmp_path: Path
) -> None:
    keys, ring = tmp_path / "keys", tmp_path / "ring.json"
    keys.mkdir(mode=0o700)
    for name in ("alice", "mallory"):
        made = sortline("keys", "new", keys / name, "--unencrypted")
        assert made.exit_code == 0, made.error
    made = sortline("keys", "ring", "new", "-o", ring, keys / "alice.pub")
    assert made.exit_code == 0, made.error
    assert slots("trust", ring).exit_code == 0
    bundle = versions(1)
    refused = slots("install", bundle)
    assert refused.exit_code == 6
    sortline("sign", bundle, "--key", keys / "mallory.key")
    assert slots("install", bundle, "--unsigned").exit_code == 6, "who has a keyring is not asked to take anybody's"
    sortline("sign", bundle, "--key", keys / "alice.key")
    ran = slots("install", bundle)
    assert ran.exit_code == 0, ran.error
    replayed = slots("trust", ring)
    assert replayed.exit_code == 6


def test_only_the_bundle_that_the_newest_channel_announces_is_taken(
    sortline: Callable[..., Any], slots: Callable[..., Any], versions: Callable[..., Path], tmp_path: Path
) -> None:
    sortline("keys", "new", tmp_path / "alice", "--unencrypted")
    sortline("keys", "ring", "new", "-o", tmp_path / "ring.json", tmp_path / "alice.pub")
    key, bundles, channel = tmp_path / "alice.key", [versions(1), versions(2)], tmp_path / "channel.json"
    channels = []
    for nth, bundle in enumerate(bundles, 1):
        made = sortline("announce", bundle, "-o", channel)
        assert made.exit_code == 0, made.error
        for file in (bundle, channel):
            assert sortline("sign", file, "--key", key).exit_code == 0
        channels.append(tmp_path / f"channel-{nth}.json")
        for end in ("", ".sig"):
            shutil.copy(f"{channel}{end}", f"{channels[-1]}{end}")
    unheard = slots("install", bundles[0], "--unsigned", "--channel", channels[0])
    assert unheard.exit_code == 3
    assert "worth nothing without a keyring" in unheard.error
    assert slots("trust", tmp_path / "ring.json").exit_code == 0
    other = slots("install", bundles[0], "--channel", channels[1])
    assert other.exit_code == 6
    assert "is not the newest" in other.error
    assert slots("install", bundles[1], "--channel", channels[1]).exit_code == 0
    older = slots("install", bundles[1], "--channel", channels[0])
    assert older.exit_code == 6
    assert "channel 1 is older than 2" in older.error


def test_a_stick_that_changes_meanwhile_changes_nothing(
    slots: Callable[..., Any], versions: Callable[..., Path], store: Path, tmp_path: Path
) -> None:
    """The bundle is read once: out of a pipe it could not be read again."""
    data, pipe = versions(1).read_bytes(), tmp_path / "stick.sortline"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    writer.start()
    ran = slots("install", pipe, "--unsigned", timeout=60)
    assert ran.exit_code == 0, ran.error
    assert (store / "current" / "bundle.sortline").read_bytes() == data


def test_a_bundle_for_other_stations_is_refused_before_anything_is_written(
    slots: Callable[..., Any], versions: Callable[..., Path], store: Path
) -> None:
    path = versions(1)
    made = open_bundle(path)
    write_bundle(path, msgspec.structs.replace(made.manifest, stations=("pi5",)), made.members)
    ran = slots("install", path, "--unsigned", "--model", "pi3")
    assert ran.exit_code == 6
    assert "is made for pi5, and this is pi3" in ran.error
    assert not (store / "slots").exists()


def test_garbage_is_refused_before_anything_is_written(slots: Callable[..., Any], tmp_path: Path, store: Path) -> None:
    (tmp_path / "rubbish.sortline").write_bytes(b"PK\x03\x04 rubbish")
    assert slots("install", tmp_path / "rubbish.sortline", "--unsigned").exit_code == 6
    assert slots("install", tmp_path / "nothing.sortline", "--unsigned").exit_code == 6
    assert not (store / "slots").exists()
    store.chmod(0o777)
    assert slots("status").exit_code == 3


def test_a_station_confirms_what_it_sorts_by(
    sortline: Callable[..., Any],
    slots: Callable[..., Any],
    versions: Callable[..., Path],
    store: Path,
    tmp_path: Path,
    coloured_items: Path,
) -> None:
    assert slots("install", versions(1), "--unsigned", "--confirm").exit_code == 0
    assert slots("install", versions(2), "--unsigned").exit_code == 0
    file = tmp_path / "station.toml"
    file.write_text(STATION.format(bundle=store / "current" / "bundle.sortline", items=coloured_items))
    ran = sortline("run", file)
    assert ran.exit_code == 0, ran.error
    assert "has proved itself" in ran.error
    found = status(slots)
    assert (found["good"]["version"], found["trial"], found["floor"]) == (2, None, 2)


def test_a_damaged_keyring_lets_nothing_in_and_stops_nothing_that_is_there(
    slots: Callable[..., Any], versions: Callable[..., Path], store: Path
) -> None:
    assert slots("install", versions(1), "--unsigned", "--confirm").exit_code == 0
    (store / "keyring.json").write_text("{")
    ran = slots("install", versions(2), "--unsigned")
    assert ran.exit_code == 3
    assert "keyring does not hold" in ran.error
    assert status(slots)["good"]["version"] == 1
    assert open_bundle(store / "current" / "bundle.sortline").manifest.version == 1
