"""A bundle on 64-bit ARM: the answers of the workshop, from the wheels that a Raspberry Pi installs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_a_bundle_gives_its_golden_answers_on_arm(
    arm_python: Callable[[str], Run], sharp_bundle_path: Path, runtime: str
) -> None:
    run = arm_python(runtime)
    assert run("-c", "import platform; print(platform.machine())").stdout == "aarch64\n"
    done = run("-m", "sortline_bundle.command", "check", sharp_bundle_path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["runtime"] == runtime
    assert found["difference"] <= found["tolerance"]
    # The pixels come out of the bit-exact kernels, and LiteRT's int8 kernels agree to the last step.
    if runtime == "litert":
        assert found["difference"] < 1e-6
