"""What is published is what is in the tree: a wheel made the way an index would get it, through the sdist."""

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from sortline_bundle.command import VERBS

ROOT = Path(__file__).parents[2]
ROOMS = ("bundle", "train", "convert", "edge", "fleet")
EXTRAS = {"train", "convert", "edge", "parquet", "tflite", "picamera2", "fleet"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation: the backend is among the test dependencies, so nothing is fetched.
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, cwd="/", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of_the_tree():
    """Every file of the five packages, named as it is from its room."""
    return {
        path.relative_to(ROOT / room).as_posix(): room
        for room in ROOMS
        for path in (ROOT / room / f"sortline_{room}").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_wheel_holds_the_five_packages_whole_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == set(files_of_the_tree())
    assert {f"sortline_{room}/py.typed" for room in ROOMS} <= held


def test_the_sdist_holds_the_five_packages_whole(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"{room}/{name}" for name, room in files_of_the_tree().items()} <= held
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile", "constraints.txt"} <= held
    assert Path(__file__).relative_to(ROOT).as_posix() in held


def test_the_wheel_offers_the_extras_that_the_verbs_ask_for(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = BytesParser().parsebytes(archive.read(name))
    assert set(metadata.get_all("Provides-Extra")) == EXTRAS
    assert {verb.extra for verb in VERBS.values()} <= EXTRAS


def test_the_installed_wheel_answers(wheel, tmp_path):
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            str(tmp_path),
            str(wheel),
        ]
    )
    where = run(
        [sys.executable, "-c", "import sortline_bundle.command as module; print(module.__file__)"],
        PYTHONPATH=str(tmp_path),
    )
    assert Path(where.strip()).is_relative_to(tmp_path)
    answer = run([sys.executable, "-m", "sortline_bundle.command", "--help"], PYTHONPATH=str(tmp_path))
    assert all(verb in answer for verb in VERBS)
