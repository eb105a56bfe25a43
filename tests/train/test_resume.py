"""A training that is stopped anywhere goes on where it was, and ends as if nothing had happened."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def killed(photographs: Path, recipe: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed while it was fine-tuning, after its first epoch was kept."""
    run = tmp_path_factory.mktemp("killed") / "run"
    command = [sys.executable, "-m", "sortline_bundle.command", "train", str(photographs), "-o", str(run), *recipe]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    while process.poll() is None and not (run / "unfinished" / "epoch.npz").exists():
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (run / "run.json").exists(), "it ended before it could be killed"
    return run


def figures(run: Path) -> dict[str, Any]:
    record = json.loads((run / "run.json").read_text())
    return {name: record[name] for name in ("before", "after_head", "after_fine_tuning", "files", "settings")}


def test_a_killed_training_is_no_run_and_is_not_begun_anew(
    sortline: Callable, photographs: Path, recipe: Sequence[str], killed: Path, tmp_path: Path
) -> None:
    converted = sortline("convert", killed, "-o", tmp_path / "b.sortline")
    assert converted.exit_code == 3
    assert "is not finished; give its `sortline train` command again with --resume" in converted.error
    again = sortline("train", photographs, "-o", killed, *recipe)
    assert again.exit_code == 3
    assert "holds an unfinished training; add --resume" in again.error


def test_it_is_resumed_only_as_it_was_begun(
    sortline: Callable, photographs: Path, recipe: Sequence[str], killed: Path
) -> None:
    ran = sortline("train", photographs, "-o", killed, *recipe, "--seed", "7", "--resume")
    assert ran.exit_code == 3
    assert "was begun with seed 0, not 7" in ran.error


def test_a_damaged_snapshot_is_refused(
    sortline: Callable, photographs: Path, recipe: Sequence[str], killed: Path
) -> None:
    snapshot = killed / "unfinished" / "epoch.npz"
    whole = snapshot.read_bytes()
    snapshot.write_bytes(whole[: len(whole) // 2])
    ran = sortline("train", photographs, "-o", killed, *recipe, "--resume")
    snapshot.write_bytes(whole)
    assert ran.exit_code == 3
    assert "epoch.npz is damaged" in ran.error


def test_a_resumed_training_ends_as_if_it_had_never_stopped(
    sortline: Callable, photographs: Path, recipe: Sequence[str], killed: Path, run_folder: Path
) -> None:
    ran = sortline("train", photographs, "-o", killed, *recipe, "--resume")
    assert ran.exit_code == 0, ran.error
    assert figures(killed) == figures(run_folder)
    assert not (killed / "unfinished").exists()
    finished = sortline("train", photographs, "-o", killed, *recipe, "--resume")
    assert finished.exit_code == 3
    assert "is finished; there is nothing to resume" in finished.error
