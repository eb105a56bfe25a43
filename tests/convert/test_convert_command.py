"""`sortline convert` fed with runs that are not what they were."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sortline_bundle.command import main

Refused = Callable[..., tuple[int, str]]


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "run"))


@pytest.fixture
def refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Refused:
    """Runs the command in this process; gives exit code and sentence."""

    def run(folder: Path, *more: object) -> tuple[int, str]:
        exit_code = main(["convert", str(folder), "-o", str(tmp_path / "out.sortline"), *map(str, more)])
        assert not list(tmp_path.glob("*out*")), "nothing may be left of a bundle that was refused"
        return exit_code, capfd.readouterr().err.strip().splitlines()[-1]

    return run


def edit(run: Path, change: Callable[[dict], None]) -> None:
    record = json.loads((run / "run.json").read_text())
    change(record)
    (run / "run.json").write_text(json.dumps(record))


def test_a_folder_that_is_no_run(refused: Refused, tmp_path: Path) -> None:
    exit_code, sentence = refused(tmp_path)
    assert exit_code == 3
    assert "is not a run folder" in sentence


def test_a_run_of_another_sortline(refused: Refused, copy: Path) -> None:
    edit(copy, lambda record: record.update(format="sortline-run-2"))
    exit_code, sentence = refused(copy)
    assert exit_code == 3
    assert "is sortline-run-2, of another version of sortline, and this one reads sortline-run-3" in sentence


def test_a_record_with_an_unknown_field(refused: Refused, copy: Path) -> None:
    edit(copy, lambda record: record["settings"].update(learning_rat=1))
    exit_code, sentence = refused(copy)
    assert exit_code == 3
    assert "learning_rat" in sentence


def test_photographs_that_are_gone(refused: Refused, copy: Path, tmp_path: Path) -> None:
    exit_code, sentence = refused(copy, "--photos", tmp_path / "empty")
    assert exit_code == 4
    assert "--photos" in sentence


def test_a_photograph_that_changed_since_training(
    refused: Refused, copy: Path, photographs: Path, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(photographs, tmp_path / "photographs"))
    record = json.loads((copy / "run.json").read_text())
    held_out = next(file["path"] for file in record["files"] if file["part"] == "test")
    shutil.copy(next(moved.rglob("01.jpg")), moved / held_out)
    exit_code, sentence = refused(copy, "--photos", moved)
    assert exit_code == 4
    assert f"{held_out} has changed since training" in sentence


def test_a_damaged_model(refused: Refused, copy: Path) -> None:
    model = copy / "model.keras"
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    exit_code, sentence = refused(copy)
    assert exit_code == 3
    assert "model.keras cannot be loaded" in sentence


def test_a_record_with_another_number_of_classes_than_the_model(refused: Refused, copy: Path) -> None:
    edit(copy, lambda record: record["classes"].append("glass"))
    exit_code, sentence = refused(copy)
    assert exit_code == 3
    assert "3 scores for the 4 classes" in sentence


@pytest.mark.parametrize("option", [("--threshold", "1.5"), ("--representative", "0"), ("--version", "0")])
def test_a_number_out_of_range(refused: Refused, copy: Path, option: tuple[str, str]) -> None:
    exit_code, sentence = refused(copy, *option)
    assert exit_code == 3
    assert option[0] in sentence


def test_a_model_with_a_flipped_byte(refused: Refused, copy: Path) -> None:
    model = copy / "model.keras"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 0xFF
    model.write_bytes(data)
    exit_code, sentence = refused(copy)
    assert exit_code == 3
    assert "model.keras cannot be loaded" in sentence
