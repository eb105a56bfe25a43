"""Files and folders are whole or not there, whatever happens meanwhile."""

import errno
import os
import stat

import pytest

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import whole_folder, write_whole


def tree(folder):
    """Every file below with its bytes, and every folder with None, hidden ones included."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")}


def fail(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_written_with_the_folders_above_it(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    write_whole(path, b"data")
    assert tree(tmp_path) == {"new": None, "new/folder": None, "new/folder/file": b"data"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_draft_lies_on_the_same_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "another disk"))  # drafts there would fail
    write_whole(tmp_path / "file", b"data")
    with whole_folder(tmp_path / "run"):
        pass
    assert tree(tmp_path) == {"file": b"data", "run": None}


def test_an_old_file_is_replaced(tmp_path):
    (tmp_path / "file").write_bytes(b"old and longer")
    write_whole(tmp_path / "file", b"new")
    assert tree(tmp_path) == {"file": b"new"}


def test_the_new_file_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    path, calls = tmp_path / "file", []
    fsync = os.fsync

    def watched(handle):
        calls.append((stat.S_ISDIR(os.fstat(handle).st_mode), os.fstat(handle).st_size, path.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(path, b"data")
    assert calls[0] == (False, 4, False)
    assert calls[1][0]
    assert calls[1][2]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_failure_at_any_step_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step, old):
    if old is not None:
        (tmp_path / "file").write_bytes(old)
    before = tree(tmp_path)
    monkeypatch.setattr(step, fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", b"new")
    assert tree(tmp_path) == before


def test_an_interruption_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"new")
    assert tree(tmp_path) == {"file": b"old"}


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "there", b"new")
    assert tree(tmp_path) == {"there": None}


def test_a_folder_appears_only_when_it_is_filled(tmp_path):
    path = tmp_path / "new" / "run"
    with whole_folder(path) as draft:
        (draft / "inner").mkdir()
        (draft / "inner" / "file").write_bytes(b"data")
        assert not path.exists()
        assert draft.name.startswith(".")
    assert tree(path) == {"inner": None, "inner/file": b"data"}
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "run").mkdir()
    with whole_folder(tmp_path / "run") as draft:
        (draft / "file").write_bytes(b"data")
    assert tree(tmp_path) == {"run": None, "run/file": b"data"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_failure_inside_leaves_no_folder(tmp_path, error):
    def fill():
        with whole_folder(tmp_path / "run") as draft:
            (draft / "inner").mkdir()
            (draft / "inner" / "file").write_bytes(b"data")
            raise error

    with pytest.raises(error):
        fill()
    assert tree(tmp_path) == {}


def test_a_folder_that_cannot_take_its_name_is_removed(tmp_path, monkeypatch):
    def fill():
        with whole_folder(tmp_path / "run") as draft:
            (draft / "file").write_bytes(b"data")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        fill()
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_overwritten(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "file":
        path.write_bytes(b"precious")
    else:
        path.mkdir()
        (path / "file").write_bytes(b"precious")
    before = tree(tmp_path)
    with pytest.raises(ConfigError, match=f"{path} exists already; choose another place"), whole_folder(path):
        pytest.fail("entered")
    assert tree(tmp_path) == before


def test_what_appeared_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "run"

    def fill():
        with whole_folder(path) as draft:
            (draft / "file").write_bytes(b"mine")
            path.mkdir()
            (path / "file").write_bytes(b"theirs")

    with pytest.raises(OSError, match="not empty"):
        fill()
    assert tree(tmp_path) == {"run": None, "run/file": b"theirs"}


def test_all_of_a_folder_and_then_its_name_is_on_the_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    with whole_folder(tmp_path / "run") as draft:
        (draft / "below").mkdir()
        (draft / "below" / "model").write_bytes(b"all of it")
        assert not synced
    inside = [tmp_path / "run", tmp_path / "run" / "below", tmp_path / "run" / "below" / "model"]
    assert set(synced[:-1]) == {path.stat().st_ino for path in inside}
    assert synced[-1] == tmp_path.stat().st_ino
