"""Native chatter is held back below Python, and shown when something went wrong."""

import os
import subprocess
import sys

import pytest

from sortline_bundle.progress import progress
from sortline_bundle.quiet import quiet


@pytest.fixture(autouse=True)
def _nobody_wants_to_see_it(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)


def chatter():
    """Write as a library below Python does, and as a child process does."""
    os.write(1, b"native out\n")
    os.write(2, b"native error\n")
    subprocess.run([sys.executable, "-c", "print('child out')"], check=True)


def test_all_streams_are_held_back_and_work_again_afterwards(capfd):
    os.write(1, b"before\n")
    with quiet():
        chatter()
    os.write(1, b"after\n")
    os.write(2, b"native after\n")
    assert capfd.readouterr() == ("before\nafter\n", "native after\n")


@pytest.mark.parametrize("fails", [False, True])
def test_what_python_still_held_in_its_buffers_stays_on_its_own_side(fails):
    code = f"""
import sys
from sortline_bundle.quiet import quiet
print("before")
with quiet():
    print("inside")
    print("inside too", file=sys.stderr)
    1 / {0 if fails else 1}
print("after")
"""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=buffered, check=False)
    assert done.stdout == ("before\n" if fails else "before\nafter\n")
    for line in ("inside\n", "inside too\n", "ZeroDivisionError"):
        assert (line in done.stderr) == fails


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(3)])
def test_what_was_held_back_is_shown_when_the_block_raises(capfd, error):
    def fail():
        with quiet():
            chatter()
            raise error

    with pytest.raises(type(error)):
        fail()
    os.write(1, b"after\n")
    out, shown = capfd.readouterr()
    assert out == "after\n"
    for line in ("native out", "native error", "child out"):
        assert shown.count(line) == 1


def test_bytes_that_are_no_text_do_not_hide_the_error(capfd):
    def fail():
        with quiet():
            os.write(2, b"\xff\xfe\n")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fail()
    assert "\ufffd" in capfd.readouterr().err


def test_one_may_lie_inside_another(capfd):
    def fail():
        with quiet():
            os.write(2, b"outer\n")
            with quiet():
                os.write(2, b"inner\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "outer\n"


def test_nothing_is_held_back_from_somebody_who_asked(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quiet():
        os.write(1, b"native out\n")
        os.write(2, b"native error\n")
    assert capfd.readouterr() == ("native out\n", "native error\n")


def test_no_file_stays_open():
    def handles():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 no path is wanted

    with quiet():
        pass
    before = handles()
    for _ in range(10):
        with quiet():
            chatter()
        with pytest.raises(ZeroDivisionError), quiet():
            raise ZeroDivisionError
    assert handles() == before


def test_progress_shows_nothing_where_there_is_no_terminal(capfd):
    with progress("drawing", 3) as advance:
        advance(1)
        advance(2)
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal_counts_and_is_gone_when_done(monkeypatch, capfd):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress("drawing", 3) as advance:
        advance(3)
    out, shown = capfd.readouterr()
    assert out == ""
    assert "drawing" in shown
    assert "3/3" in shown
    assert shown.rstrip().endswith("\x1b[2K")
