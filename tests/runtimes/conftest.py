"""An environment of its own for tflite-runtime, made once under build/ and kept."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PLACE = ROOT / "build" / "tflite-runtime"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def tflite_runtime() -> Run:
    """Runs a Python of tflite-runtime 2.14 with sortline's bundle room on its path; skips where there can be none."""
    python, stamp = PLACE / "bin" / "python", PLACE / "made-from.txt"
    wanted = REQUIREMENTS.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(PLACE, ignore_errors=True)
        must(_python_3_11(), "-m", "venv", str(PLACE))
        pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        must(*pip, "--only-binary=:all:", "--no-deps", "--requirement", str(REQUIREMENTS))
        stamp.write_text(wanted)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "bundle")}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(python), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)

    return run


def _python_3_11() -> str:
    for name in (sys.executable, "python3.11"):
        found = shutil.which(name)
        if found and not _failure([found, "-c", "import sys, ensurepip; assert sys.version_info[:2] == (3, 11)"]):
            return found
    pytest.skip("there is no Python 3.11, the newest that tflite-runtime 2.14 has wheels for")


def must(*command: str) -> None:
    """Run a step of the installation, or skip with what it says."""
    failure = _failure(command)
    if failure:
        pytest.skip(f"an environment with tflite-runtime 2.14 cannot be made here: {failure}")


def _failure(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
    return (said or f"exit code {done.returncode}") if done.returncode else ""
