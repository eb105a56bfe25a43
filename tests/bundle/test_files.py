"""Files and folders are whole or not there, whatever happens meanwhile."""

import errno
import os
import stat

import pytest

from sortline_bundle.files import write_whole


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
    assert tree(tmp_path) == {"file": b"data"}


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
