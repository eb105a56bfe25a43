"""`sortline check`, as its user runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sortline_bundle.archive import MODEL, Bundle, open_bundle, write_bundle


@pytest.fixture(scope="module")
def bundle(bundle_path: Path) -> Bundle:
    return open_bundle(bundle_path)


@pytest.fixture
def check(sortline: Callable, bundle: Bundle, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Checks the bundle with another model or manifest; gives exit code and sentence."""

    def run(model: bytes | None = None, **changes: Any) -> tuple[int, str]:
        path = tmp_path / "other.sortline"
        manifest = msgspec.structs.replace(bundle.manifest, **changes)
        write_bundle(path, manifest, {**bundle.members, MODEL: bundle.model if model is None else model})
        ran = sortline("check", path)
        assert "Traceback" not in ran.error
        return ran.exit_code, ran.error

    return run


def test_a_healthy_bundle(sortline: Callable, bundle_path: Path, bundle: Bundle) -> None:
    ran = sortline("check", bundle_path, "--json")
    assert ran.exit_code == 0, ran.error
    found = json.loads(ran.out)
    assert (found["name"], found["digest"]) == (bundle.manifest.name, bundle.digest)
    assert (found["runtime"], found["images"]) == ("litert", len(bundle.manifest.golden))
    assert found["runtime_version"]
    assert 0 <= found["difference"] <= found["tolerance"]
    ran = sortline("check", bundle_path, "--runtime", "litert")
    assert ran.exit_code == 0, ran.error
    assert f"on litert {found['runtime_version']}" in ran.out


def test_a_model_that_is_none(check: Callable) -> None:
    exit_code, sentence = check(np.random.default_rng(0).bytes(5_000))
    assert exit_code == 6
    assert "the model cannot be loaded by litert" in sentence


def test_a_model_with_a_custom_operator(check: Callable, tflite_file: Callable) -> None:
    exit_code, sentence = check(tflite_file(None, custom="Mystery"))
    assert exit_code == 6
    assert "Mystery" in sentence


def test_a_model_that_is_not_the_manifests(check: Callable, tflite_file: Callable) -> None:
    exit_code, sentence = check(tflite_file("ABS"))
    assert exit_code == 6
    assert "input's shape is (1, 64, 64, 3), but it is (1, 8, 8, 3)" in sentence


def test_golden_images_with_other_scores(check: Callable, bundle: Bundle) -> None:
    golden = bundle.manifest.golden[0]
    least = golden.scores.index(min(golden.scores))
    turned = msgspec.structs.replace(golden, scores=tuple(float(nth == least) for nth in range(len(golden.scores))))
    exit_code, sentence = check(golden=(turned, *bundle.manifest.golden[1:]))
    assert exit_code == 6
    assert f"{golden.member} gives scores that differ by" in sentence


def test_a_runtime_that_is_not_installed(sortline: Callable, bundle_path: Path) -> None:
    ran = sortline("check", bundle_path, "--runtime", "tflite-runtime")
    assert ran.exit_code == 3
    assert "tflite-runtime" in ran.error
    assert "pip install" in ran.error
