"""Files and folders are whole or not there, whatever happens meanwhile."""

import errno
import os
import stat

import pytest

from sortline_bundle.files import read_at_most, write_new, write_whole


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


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_new_file_is_as_open_as_it_shall_be_and_never_takes_the_place_of_another(tmp_path, mode):
    path = tmp_path / "file"
    write_new(path, b"data", mode=mode)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"data", mode)
    for target in (path, tmp_path / "link"):
        if target != path:
            target.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileExistsError):
            write_new(target, b"other", mode=mode)
    assert path.read_bytes() == b"data"
    assert not (tmp_path / "elsewhere").exists()


def test_a_new_file_that_could_not_be_written_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_new(tmp_path / "file", b"data")
    assert tree(tmp_path) == {}


def test_a_file_is_read_to_one_byte_more_than_it_may_have(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert [read_at_most(tmp_path / "file", limit) for limit in (3, 4, 5, 6)] == [b"1234", b"12345", b"12345", b"12345"]
    assert len(read_at_most(tmp_path.joinpath("/dev/zero"), 1000)) == 1001
