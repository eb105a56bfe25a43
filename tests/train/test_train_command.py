"""`sortline train` fed with what people feed it: one sentence, a distinct exit code, and nothing half-written."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


@pytest.fixture
def copy(photographs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(photographs, tmp_path / "photographs"))


@pytest.fixture
def refused(sortline: Callable, recipe: Sequence[str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Trains in vain: gives exit code and sentence, having seen that nothing was left behind."""

    def train(folder: Path, *more: str) -> tuple[int, str]:
        ran = sortline("train", folder, "-o", tmp_path / "run", *recipe, *more)
        lines = [line for line in ran.error.splitlines() if line.startswith("sortline: ")]
        assert len(lines) == 1, ran.error
        assert "Traceback" not in ran.error
        assert [path.name for path in tmp_path.iterdir() if "run" in path.name] == []
        return ran.exit_code, lines[0]

    return train


def test_files_that_are_no_photographs_are_left_out_and_said(
    sortline: Callable, recipe: Sequence[str], copy: Path, tmp_path: Path
) -> None:
    (copy / "paper" / "notes.jpg").write_text("not a picture")
    victim = copy / "tray" / "03.jpg"
    victim.write_bytes(victim.read_bytes()[:-600])
    shutil.copy(copy / "paper" / "00.jpg", copy / "tray" / "stray.jpg")
    ran = sortline("train", copy, "-o", tmp_path / "run", *recipe, "--epochs", "0", "--json")
    assert ran.exit_code == 0, ran.error
    assert "left out: paper/notes.jpg: is not an image" in ran.error
    assert "left out: tray/03.jpg: is damaged" in ran.error
    assert "left out: paper/00.jpg, tray/stray.jpg: copies of it lie under paper and tray" in ran.error
    figures = json.loads(ran.out)
    assert (figures["photographs"], figures["left_out"]) == (58, 4)


def test_a_class_of_which_nothing_can_be_used(refused: Callable, copy: Path) -> None:
    for path in (copy / "paper").iterdir():
        path.write_bytes(b"gone")
    exit_code, sentence = refused(copy)
    assert exit_code == 4
    assert "class 'paper' has no photograph that can be used" in sentence


def test_an_empty_class_folder(refused: Callable, copy: Path) -> None:
    (copy / "glass").mkdir()
    exit_code, sentence = refused(copy)
    assert exit_code == 4
    assert "glass holds no photographs" in sentence


def test_one_class_only(refused: Callable, copy: Path) -> None:
    for name in ("paper", "tray"):
        shutil.rmtree(copy / name)
    exit_code, sentence = refused(copy)
    assert exit_code == 4
    assert "holds 1 class folders" in sentence


def test_no_folder_at_all(refused: Callable, tmp_path: Path) -> None:
    exit_code, sentence = refused(tmp_path / "nowhere")
    assert exit_code == 4
    assert "nowhere is not a folder" in sentence


def test_too_few_photographs_of_a_class(refused: Callable, copy: Path) -> None:
    for path in sorted((copy / "paper").iterdir())[3:]:
        path.unlink()
    exit_code, sentence = refused(copy)
    assert exit_code == 4
    assert "class 'paper' has 3 photographs" in sentence


def test_an_unknown_backbone_and_a_setting_out_of_range(refused: Callable, copy: Path) -> None:
    assert refused(copy, "--backbone", "resnet9000")[0] == 3
    exit_code, sentence = refused(copy, "--batch", "0")
    assert exit_code == 3
    assert "`batch`: Expected `int` >= 1, received 0" in sentence


def test_weights_that_are_not_there(refused: Callable, copy: Path, tmp_path: Path) -> None:
    backbone = ("--backbone", "mobilenet_v2")
    exit_code, sentence = refused(copy, *backbone, "--weights", str(tmp_path / "no.h5"))
    assert exit_code == 3
    assert "no.h5" in sentence


def test_an_existing_folder_is_never_overwritten(
    sortline: Callable, recipe: Sequence[str], copy: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    ran = sortline("train", copy, "-o", tmp_path / "mine", *recipe)
    assert ran.exit_code == 3
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_disk_without_room_for_the_pixels(copy: Path, recipe: Sequence[str], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sortline_bundle.command",
        "train",
        str(copy),
        "-o",
        str(tmp_path / "run"),
        *recipe,
        "--cache",
        str(tmp_path / "cache"),
    ]
    limited = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *command]  # files of at most 200 blocks
    ran = subprocess.run(limited, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 7, ran.stderr
    assert "cannot take the pixels of" in ran.stderr.splitlines()[-1]
    assert not (tmp_path / "run" / "run.json").exists()


def test_an_output_folder_that_cannot_be_written_to_is_told_before_the_work(
    copy: Path, recipe: Sequence[str], tmp_path: Path
) -> None:
    # The superuser may write to any folder but one on a disk that is mounted for reading alone.
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    train = [sys.executable, "-m", "sortline_bundle.command", "train", str(copy), "-o", str(locked / "run"), *recipe]
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o ro none "$0" && exec "$@"', str(locked)]
    done = subprocess.run([*(mount if os.geteuid() == 0 else []), *train], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        f"sortline: {locked} cannot be written to; choose another place for the run, or give access there"
    ]
