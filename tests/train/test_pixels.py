"""Pixels and outlines are made once per photograph, whatever happens to the process, the disk or the folder."""

import errno
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sortline_bundle.errors import PhotographError, TryAgainError
from sortline_bundle.photographs import load_image
from sortline_bundle.preprocess import InputSpec, preprocess
from sortline_train import rows
from sortline_train.pixels import find_cache, open_pixels
from sortline_train.rows import Rows, Shelf, fetch

SPEC = InputSpec(height=32, width=48)

# Opens the pixels of the photographs it is given, with two rows a file, and prints a digest of them.
CHILD = """
import hashlib, json, sys
from pathlib import Path
from sortline_bundle.preprocess import InputSpec
from sortline_train import rows
from sortline_train.pixels import open_pixels
rows.FILE_ROWS = 2
paths, digests, cache = json.loads(sys.stdin.readline())
pixels = open_pixels([Path(path) for path in paths], digests, InputSpec(height=32, width=48), Path(cache))
print(hashlib.sha256(pixels[:].tobytes()).hexdigest())
"""


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def album(tmp_path):
    """Makes a folder of photographs, no two alike."""

    def make(count, salt=0):
        folder = tmp_path / f"album-{salt}"
        folder.mkdir()
        for nth in range(count):
            noise = np.random.default_rng((salt, nth)).integers(0, 256, (40 + nth, 60, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / f"{nth:02d}.png")
        return sorted(folder.iterdir())

    return make


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(rows, "FILE_ROWS", 2)


def straight(paths, spec=SPEC):
    """The pixels without a cache."""
    pixels = np.empty((len(paths), spec.height, spec.width, 3), np.uint8)
    for path, row in zip(paths, pixels, strict=True):
        preprocess(load_image(path), spec, row)
    return pixels


def start(paths, digests, cache):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdin.write(json.dumps([[str(path) for path in paths], digests, str(cache)]).encode() + b"\n")
    child.stdin.flush()
    return child


def digests_of(paths):
    return [sha256(path.read_bytes()) for path in paths]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def kept(cache):
    return sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())


class Counting:
    """A kind of row that says how often it was made: every photograph's is full of one number."""

    def __init__(self, cache, kind="numbers", meanwhile=lambda: None):
        self.shelf = Shelf(cache, kind, "recipe", (4, 5))
        self.made = []
        self.meanwhile = meanwhile

    def fetch(self, numbers, limit_bytes=10**9):
        def fill(nth, row):
            if numbers[nth] == 99:
                raise PhotographError(f"number {nth} is bad")
            self.made.append(numbers[nth])
            self.meanwhile()
            row[:] = numbers[nth]

        return fetch(self.shelf, [sha256(bytes([number])) for number in numbers], fill, limit_bytes)


def test_pixels_are_what_the_contract_makes_of_each_photograph(album, cache, small_files):
    paths = album(5)
    pixels = open_pixels(paths, digests_of(paths), SPEC, cache)
    assert pixels.shape == (5, 32, 48, 3)
    np.testing.assert_array_equal(pixels[:], straight(paths))


def test_rows_are_read_only_and_leave_the_files_alone(album, cache):
    paths = album(3)
    for _ in range(2):  # made, and found
        pixels = open_pixels(paths, digests_of(paths), SPEC, cache)
        with pytest.raises(ValueError, match="read-only"):
            pixels[1][:] = 0
        batch = pixels[[0, 1]]
        batch[:] = 0  # a copy
        np.testing.assert_array_equal(pixels[:], straight(paths))


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.one_of(
        st.slices(12),
        st.lists(st.integers(-1, 0), max_size=5),
        st.lists(st.booleans(), min_size=12, max_size=12),
    ),
)
def test_rows_are_indexed_as_an_array_is(order, chosen):
    files = [np.arange(12, dtype=np.uint8).reshape(3, 2, 2), np.arange(12, 24, dtype=np.uint8).reshape(3, 2, 2)]
    view = Rows(files, np.array([divmod(nth, 3) for nth in order]), (2, 2))
    whole = np.concatenate(files)[order]
    assert len(view) == len(whole)
    if isinstance(chosen, list):
        boolean = chosen and isinstance(chosen[0], bool)
        chosen = np.array(chosen[: len(order)] if boolean else chosen, bool if boolean else np.int64)
    np.testing.assert_array_equal(view[chosen], whole[chosen])
    np.testing.assert_array_equal(view.select(chosen)[:], whole[chosen])
    np.testing.assert_array_equal(np.stack(list(view)), whole)
    assert view.select(chosen).shape == whole[chosen].shape


def test_nothing_is_made_twice(cache, small_files):
    Counting(cache).fetch([1, 2, 3, 4, 5])
    grown = Counting(cache)
    found = grown.fetch([7, 5, 4, 3, 6, 2, 1])
    assert sorted(grown.made) == [6, 7]
    assert found[:][:, 0, 0].tolist() == [7, 5, 4, 3, 6, 2, 1]
    shrunk = Counting(cache)
    shrunk.fetch([6, 1])
    assert shrunk.made == []


def test_equal_files_share_a_row(cache):
    counting = Counting(cache)
    assert counting.fetch([3, 1, 3, 3])[:][:, 0, 0].tolist() == [3, 1, 3, 3]
    assert sorted(counting.made) == [1, 3]


def test_photographs_moved_elsewhere_are_known_by_their_content(album, cache):
    paths = album(3)
    digests = digests_of(paths)
    first = open_pixels(paths, digests, SPEC, cache)[:]
    gone = [path.rename(path.with_name(f"gone-{path.name}")) for path in paths]
    for path in gone:
        path.unlink()
    np.testing.assert_array_equal(open_pixels(paths, digests, SPEC, cache)[:], first)


def test_another_size_of_input_has_pixels_of_its_own(album, cache):
    paths = album(2)
    for spec in (SPEC, InputSpec(height=48, width=32)):
        np.testing.assert_array_equal(open_pixels(paths, digests_of(paths), spec, cache)[:], straight(paths, spec))


def test_pixels_of_other_code_or_libraries_are_not_taken_for_these(album, cache, monkeypatch):
    paths = album(1)
    open_pixels(paths, digests_of(paths), SPEC, cache)
    paths[0].rename(paths[0].with_suffix(".away"))
    digests = digests_of([paths[0].with_suffix(".away")])
    open_pixels(paths, digests, SPEC, cache)  # as before: the photograph is not needed
    monkeypatch.setattr("PIL.__version__", "99.0")
    with pytest.raises(PhotographError, match="cannot be read"):
        open_pixels(paths, digests, SPEC, cache)


def test_all_photographs_that_cannot_be_used_are_counted_and_the_first_named(album, cache, small_files):
    paths = album(10)
    for path in paths[1:9]:
        path.write_bytes(b"no image: " + path.name.encode())
    with pytest.raises(PhotographError) as caught:
        open_pixels(paths, digests_of(paths), SPEC, cache)
    message = str(caught.value)
    assert message.startswith(f"{paths[1]} is not an image")
    assert message.endswith("; and 3 more")
    assert [str(path) in message for path in paths] == [1 <= nth < 6 for nth in range(10)]


def test_the_good_rows_beside_a_bad_one_are_kept(cache):
    with pytest.raises(PhotographError, match="number 1 is bad"):
        Counting(cache).fetch([1, 99, 2])
    again = Counting(cache)
    with pytest.raises(PhotographError, match="number 2 is bad"):
        again.fetch([2, 1, 99])
    assert again.made == []


def test_a_photograph_that_changed_meanwhile_is_refused_and_never_kept(album, cache):
    paths = album(3)
    digests = digests_of(paths)
    original = paths[1].read_bytes()
    paths[1].write_bytes(paths[0].read_bytes())
    with pytest.raises(PhotographError, match=f"{paths[1]} has changed since it was looked at"):
        open_pixels(paths, digests, SPEC, cache)
    paths[1].write_bytes(original)
    np.testing.assert_array_equal(open_pixels(paths, digests, SPEC, cache)[:], straight(paths))


def test_a_photograph_that_is_gone_is_named(album, cache):
    paths = album(2)
    digests = digests_of(paths)
    paths[0].unlink()
    with pytest.raises(PhotographError, match=rf"{paths[0]} cannot be read \(No such file"):
        open_pixels(paths, digests, SPEC, cache)


@pytest.mark.timeout(60)  # the pipe is never opened should the child fail before
def test_a_process_killed_in_the_middle_leaves_whole_rows_only(album, cache, small_files):
    paths = album(6)
    digests = digests_of(paths)
    held = paths[3].read_bytes()
    paths[3].unlink()
    os.mkfifo(paths[3])
    child = start(paths, digests, cache)
    with paths[3].open("wb"):  # opens when the child, with its second file half-written, opens it to read
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    names = [path.suffix for path in cache.rglob("*") if path.is_file()]
    assert sorted(names) == [".draft", ".rows"]
    paths[3].unlink()
    paths[3].write_bytes(held)
    for path in paths[:2]:
        path.rename(path.with_suffix(".away"))  # what the first file holds is not made again
    pixels = open_pixels(paths, digests, SPEC, cache)[:]
    for path in paths[:2]:
        path.with_suffix(".away").rename(path)
    np.testing.assert_array_equal(pixels, straight(paths))


def test_two_trainings_at_once_have_the_same_pixels(album, cache):
    paths = album(7)
    digests = digests_of(paths)
    children = [start(paths, digests, cache) for _ in range(2)]
    outcomes = [child.communicate() for child in children]
    expected = hashlib.sha256(straight(paths).tobytes()).hexdigest()
    assert [out.decode().strip() for out, _ in outcomes] == [expected, expected], outcomes
    assert [child.returncode for child in children] == [0, 0]
    assert {path.suffix for path in cache.rglob("*") if path.is_file()} == {".rows"}


def test_rows_stay_readable_when_another_process_deletes_their_files(cache, small_files):
    found = Counting(cache).fetch([1, 2, 3])
    for path in cache.rglob("*.rows"):
        path.unlink()
    assert found[:][:, 0, 0].tolist() == [1, 2, 3]


def test_the_rows_not_used_for_longest_make_room(cache, small_files):
    files = {}
    for age, numbers in enumerate(([1, 2], [3, 4], [5, 6])):
        before = set(cache.rglob("*.rows"))
        Counting(cache).fetch(numbers)
        (files[age],) = set(cache.rglob("*.rows")) - before
        os.utime(files[age], (1000 + age, 1000 + age))
    size = files[0].stat().st_size
    Counting(cache).fetch([1])  # now it is the oldest no longer
    Counting(cache, "others").fetch([7, 8], limit_bytes=3 * size)
    assert [files[age].exists() for age in range(3)] == [True, False, True]
    assert kept(cache) == 3 * size


def test_drafts_of_killed_processes_make_room_too(cache, small_files):
    counting = Counting(cache)
    counting.shelf.folder.mkdir(parents=True)
    draft = counting.shelf.folder / ".left.draft"
    draft.write_bytes(bytes(1000))
    os.utime(draft, (1000, 1000))
    counting.fetch([1, 2, 3], limit_bytes=1000)
    assert not draft.exists()


def test_room_is_made_before_it_is_needed(cache, small_files):
    Counting(cache).fetch(list(range(8)))
    sizes = []
    Counting(cache, "others", meanwhile=lambda: sizes.append(kept(cache))).fetch([1, 2], limit_bytes=250)
    assert max(sizes) <= 250


def test_a_draft_that_another_process_deletes_is_good_for_this_run(cache):
    def delete():
        for path in cache.rglob(".*.draft"):
            path.unlink(missing_ok=True)

    assert Counting(cache, meanwhile=delete).fetch([1, 2, 3])[:][:, 0, 0].tolist() == [1, 2, 3]
    assert kept(cache) == 0


def test_files_that_are_not_the_caches_are_left_alone(cache, small_files):
    mine = cache / "folder" / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(bytes(1000))
    Counting(cache).fetch([1, 2, 3], limit_bytes=0)
    assert mine.exists()


@pytest.mark.parametrize("limit_bytes", [0, 150])
def test_more_rows_than_the_limit_are_there_for_this_run_and_not_all_kept(cache, small_files, limit_bytes):
    numbers = list(range(9))
    for _ in range(2):
        assert Counting(cache).fetch(numbers, limit_bytes)[:][:, 0, 0].tolist() == numbers
        assert kept(cache) <= limit_bytes


@pytest.mark.parametrize("damage", [b"", bytes(100)])
def test_a_file_of_the_wrong_length_is_passed_over(cache, damage):
    Counting(cache).fetch([1, 2, 3])
    (path,) = cache.rglob("*.rows")
    path.write_bytes(damage)
    again = Counting(cache)
    assert again.fetch([1, 2, 3])[:][:, 0, 0].tolist() == [1, 2, 3]
    assert sorted(again.made) == [1, 2, 3]


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        with pytest.raises(TryAgainError) as caught:
            Counting(cache).fetch([1, 2, 3])
    assert str(caught.value) == (
        f"{cache}/numbers-recipe cannot take the numbers of 3 photographs: No space left on device; make room there,"
        " or set XDG_CACHE_HOME to another folder, and run again"
    )
    assert kept(cache) == 0
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_limit_on_the_size_of_files_is_a_sentence_too(cache):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
    try:
        with pytest.raises(TryAgainError, match="File too large"):
            Counting(cache).fetch([1, 2, 3])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_shared_cache_is_used_where_it_can_be(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = []
    assert find_cache(tmp_path / "own", said.append) == tmp_path / "sortline" / "pixels"
    assert said == []


def test_a_cache_that_cannot_be_used_is_said_and_the_run_keeps_its_own(tmp_path):
    (tmp_path / "file").touch()
    said = []
    own = tmp_path / "run" / "pixels"
    assert find_cache(own, said.append, tmp_path / "file" / "cache") == own
    assert said == [f"cache: {tmp_path}/file/cache cannot be used (Not a directory); pixels are kept for this run only"]
    assert Counting(own).fetch([1, 2])[:][:, 0, 0].tolist() == [1, 2]
