"""The store on a disk that fails, and on a real one."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from forgetful_disk import ForgetfulFs
from hypothesis import given
from hypothesis import strategies as st
from small_stores import bundle, identify, open_store, put, put_on_trial

from sortline_bundle.errors import BundleError, ConfigError, HardwareError, ModelRefused, TryAgainError
from sortline_edge.slots.fs import DiskFs
from sortline_edge.slots.install import Done, install, self_test
from sortline_edge.slots.place import CURRENT, FILE, JOURNAL, SLOTS
from sortline_edge.slots.station import opened_store
from sortline_edge.slots.store import Store

ONE, TWO, THREE = bundle(1), bundle(2), bundle(3)


def with_one() -> ForgetfulFs:
    fs = ForgetfulFs()
    put(open_store(fs), ONE)
    return fs.after("all kept")


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_step_that_fails_leaves_what_was_current(code: int, for_good: bool) -> None:
    nth, failure = 0, ""
    while nth == 0 or failure:
        nth += 1
        fs = with_one()
        store = open_store(fs)
        fs.fails_at, fs.for_good = (nth, OSError(code, os.strerror(code))), for_good
        failure = ""
        try:
            put_on_trial(store, TWO)
        except HardwareError as error:
            failure = str(error)
        if failure:
            assert os.strerror(code) in failure
            assert store.state.current is not None
            assert store.state.current.version == 1
        # After the next start, whatever of the attempt is on the disk, one of the two is whole.
        again = open_store(fs.after("all kept"))
        assert again.state.current is not None
        assert again.state.current.version in (1, 2)
    assert nth > 10


def test_a_card_that_gives_back_something_else_is_found_out_and_nothing_stays() -> None:
    fs = with_one()
    store, read = open_store(fs), fs.read
    fs.read = lambda name, limit: read(name, limit)[:-1]  # type: ignore[method-assign]
    with pytest.raises(HardwareError, match="does not give back what was written"):
        store.stage(TWO, identify(TWO))
    assert fs.names(SLOTS) == ["1"]


def test_without_room_old_slots_go_first_and_then_it_is_refused() -> None:
    fs = with_one()
    store = open_store(fs)
    store.stage(THREE, identify(THREE))
    fs.free = 1000
    with pytest.raises(HardwareError, match="room for 0 kB"):
        store.stage(TWO, identify(TWO))
    assert fs.names(SLOTS) == ["1"]


def test_a_read_only_card_is_no_reason_to_stop() -> None:
    fs = with_one()
    put_on_trial(open_store(fs), TWO)
    fs.fails_at, fs.for_good, fs.steps = (1, OSError(errno.EROFS, "Read-only file system")), True, 0
    said: list[str] = []
    store = open_store(fs, said)
    store.count_start()
    assert store.state.current is not None
    assert store.state.current.version == 1, "what cannot be counted cannot be on trial"
    assert any("Read-only" in line for line in said)


def test_bit_rot_in_what_is_current_is_found_at_the_start() -> None:
    fs = with_one()
    put(open_store(fs), TWO)
    fs.write(f"{SLOTS}/2/{FILE}", TWO.replace(b"model", b"modem", 1))
    said: list[str] = []
    store = open_store(fs, said)
    assert store.state.current is not None
    assert store.state.current.version == 1
    assert fs.target(CURRENT) == f"{SLOTS}/1"
    assert "slot 2 is damaged" in said[0]


def test_with_all_slots_damaged_there_is_no_bundle_and_no_guess() -> None:
    fs = with_one()
    fs.write(f"{SLOTS}/1/{FILE}", b"rubbish")
    store = open_store(fs)
    assert store.state.current is None
    assert fs.target(CURRENT) is None


@pytest.mark.parametrize("journal", [b"", b"{}", b"[1, 2", b"\xff" * 99, b'{"format": "sortline-slots-9"}', None])
def test_a_lost_journal_is_made_anew_and_the_floor_with_it(journal: bytes | None) -> None:
    fs = with_one()
    put(open_store(fs), TWO)
    if journal is None:
        fs.remove(JOURNAL)
    else:
        fs.write(JOURNAL, journal)
    store = open_store(fs)
    assert store.state.current is not None
    assert (store.state.current.version, store.state.floor) == (2, 2)
    # Nobody knows that it was confirmed: so it must prove itself again, with the other to fall back on.
    assert store.state.trial is not None
    assert store.state.good is not None
    assert store.state.good.version == 1


def test_gc_removes_what_nothing_refers_to_and_nothing_else() -> None:
    fs = ForgetfulFs()
    store = open_store(fs)
    for data in (ONE, TWO, THREE):
        put(store, data)
    put_on_trial(store, bundle(4))
    assert store.gc() == [1]
    assert sorted(fs.names(SLOTS)) == ["2", "3", "4"]


class Refuses:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, path: Path) -> None:
        raise self.error


def passes(path: Path) -> None:
    """Nothing is wrong."""


def test_a_bundle_that_fails_its_test_is_gone_and_not_tried_again() -> None:
    fs = with_one()
    store = open_store(fs)
    with pytest.raises(BundleError, match="golden"):
        install(store, TWO, identify(TWO), Path(), Refuses(BundleError("golden images differ")))
    assert store.state.current is not None
    assert store.state.current.version == 1
    assert fs.names(SLOTS) == ["1"]
    with pytest.raises(BundleError, match="before"):
        install(store, TWO, identify(TWO), Path(), passes)
    store.forget(identify(TWO).digest)
    assert install(store, TWO, identify(TWO), Path(), passes) is Done.ON_TRIAL


@pytest.mark.parametrize("error", [ConfigError("no runtime"), TryAgainError("busy"), KeyboardInterrupt()])
def test_a_test_that_could_not_be_made_is_not_held_against_the_bundle(error: BaseException) -> None:
    store = open_store(with_one())
    with pytest.raises(type(error)):
        install(store, TWO, identify(TWO), Path(), Refuses(error))
    assert store.state.current is not None
    assert store.state.current.version == 1
    assert install(store, TWO, identify(TWO), Path(), passes) is Done.ON_TRIAL


def test_a_second_time_nothing_is_written() -> None:
    fs = with_one()
    store = open_store(fs)
    steps = fs.steps
    assert install(store, ONE, identify(ONE), Path(), Refuses(AssertionError())) is Done.IN_USE
    assert fs.steps == steps


def test_a_trial_that_the_power_cut_before_its_test_is_tested_when_it_is_run_again() -> None:
    fs = with_one()
    put_on_trial(open_store(fs), TWO)
    store = open_store(fs.after("all kept"))
    with pytest.raises(BundleError, match="golden"):
        install(store, TWO, identify(TWO), Path(), Refuses(BundleError("golden\x1b[2J images differ")))
    assert store.state.current is not None
    assert store.state.current.version == 1
    assert store.state.history[-1].what == "given up: golden?[2J images differ"


def test_only_one_process_at_a_time_changes_a_store(tmp_path: Path) -> None:
    with (
        opened_store(tmp_path, lambda _: None),
        pytest.raises(TryAgainError, match="another sortline is changing"),
        opened_store(tmp_path, lambda _: None),
    ):
        pass
    with opened_store(tmp_path, lambda _: None) as store:
        assert store.state.current is None


def test_a_store_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    with pytest.raises(ConfigError, match="others may write"):
        DiskFs(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "slots").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match="leads elsewhere"):
        DiskFs(tmp_path)
    with pytest.raises(ConfigError, match="make the folder first"):
        DiskFs(tmp_path / "nothing")


CHANGE = """
import sys; sys.path.insert(0, sys.argv[2])
from pathlib import Path
import small_stores as small
from sortline_edge.slots.fs import DiskFs
store = small.open_store(DiskFs(Path(sys.argv[1])))
version = store.state.floor
while True:
    version += 1
    store.confirm(small.put_on_trial(store, small.bundle(version)))
    store.gc()
    print("confirmed", flush=True)
"""


def test_a_process_that_is_killed_anywhere_leaves_a_whole_bundle(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    random_s = random.Random(0)
    newest = 0
    for _ in range(12):
        command = [sys.executable, "-c", CHANGE, str(tmp_path), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "confirmed\n"
            time.sleep(random_s.uniform(0, 0.05))  # the moment is what is tried, nothing is awaited
            process.send_signal(signal.SIGKILL)
        identify((tmp_path / CURRENT / FILE).read_bytes())
        store = open_store(DiskFs(tmp_path))
        assert store.state.current is not None
        assert identify((tmp_path / store.path(store.state.current)).read_bytes()).version >= newest
        newest = store.state.floor
    assert newest > 0


def make_store(tmp_path: Path) -> Callable[[], Store]:
    return lambda: open_store(DiskFs(tmp_path))


def test_a_real_disk_does_what_the_forgetful_one_does(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    again = make_store(tmp_path)
    put(again(), ONE)
    put(again(), TWO)
    assert (tmp_path / CURRENT / FILE).read_bytes() == TWO
    again().go_back()
    assert (tmp_path / CURRENT / FILE).read_bytes() == ONE
    assert again().gc() == [2]
    (tmp_path / JOURNAL).unlink()
    assert again().state.current == again().state.good
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURRENT, JOURNAL, SLOTS]


@given(st.binary(max_size=300))
def test_a_journal_of_any_bytes_costs_no_bundle(journal: bytes) -> None:
    fs = with_one()
    fs.write(JOURNAL, journal)
    store = open_store(fs)
    assert store.state.current is not None
    assert store.state.current.version == 1
    assert store.state.floor == 1


def test_a_test_that_hangs_is_ended_and_held_against_the_bundle(
    bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sortline_edge.slots.install.TEST_S", 0.001)
    store = open_store(with_one())
    with pytest.raises(ModelRefused, match="was not done after"):
        install(store, TWO, identify(TWO), Path(), lambda _: self_test(bundle_path))
    assert store.state.failed == (identify(TWO).digest,)


def test_a_test_that_is_killed_is_held_against_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (killed := tmp_path / "python").write_text("#!/bin/sh\nkill -SEGV $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(ModelRefused, match="ended by signal 11"):
        self_test(tmp_path / "any.sortline")
