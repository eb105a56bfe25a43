"""The same bundle on LiteRT and on tflite-runtime 2.14, and what the latter makes of files that it should not get."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sortline_bundle.archive import MODEL, Bundle, open_bundle, write_bundle
from sortline_convert.versions import TFLITE_2_14

Run = Callable[..., subprocess.CompletedProcess[str]]

# Says of each file of a folder whether the runtime finds all operators in it.
TRY_ALL = """
import sys
from pathlib import Path
from sortline_bundle.errors import ContractMismatch, ModelRefused
from sortline_bundle.runtime import Model, find_runtime
runtime = find_runtime("tflite-runtime")
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        Model(path.read_bytes(), runtime=runtime)
    except ContractMismatch:  # it was loaded, and has neither input nor output
        print(path.name)
    except ModelRefused:
        pass
"""


@pytest.fixture(scope="module")
def bundle(sharp_bundle_path: Path) -> Bundle:
    return open_bundle(sharp_bundle_path)


@pytest.fixture
def remade(bundle: Bundle, tmp_path: Path) -> Callable[..., Path]:
    """Writes the bundle with another model or manifest."""

    def make(model: bytes | None = None, **changes: Any) -> Path:
        path = tmp_path / "remade.sortline"
        members = {**bundle.members, MODEL: bundle.model if model is None else model}
        write_bundle(path, msgspec.structs.replace(bundle.manifest, **changes), members)
        return path

    return make


def here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """This environment's Python, which has LiteRT."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def check(run: Run, *arguments: object) -> subprocess.CompletedProcess[str]:
    done = run("-m", "sortline_bundle.command", "check", *arguments)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_a_bundle_gives_its_golden_answers(
    runtime: str, remade: Callable[..., Path], bundle: Bundle, request: pytest.FixtureRequest
) -> None:
    run = here if runtime == "litert" else request.getfixturevalue("tflite_runtime")
    for choice in ("auto", runtime):
        done = check(run, remade(), "--json", "--runtime", choice)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["runtime"] == runtime
        assert found["images"] == len(bundle.manifest.golden)
        assert found["difference"] <= 0.05
        if runtime == "tflite-runtime":
            assert found["runtime_version"] == "2.14.0"


def test_other_golden_scores_are_refused_by_tflite_runtime_too(
    tflite_runtime: Run, remade: Callable[..., Path], bundle: Bundle
) -> None:
    turned = [msgspec.structs.replace(one, scores=(one.scores[-1], *one.scores[:-1])) for one in bundle.manifest.golden]
    done = check(tflite_runtime, remade(golden=tuple(turned)))
    assert done.returncode == 6
    assert "tflite-runtime 2.14.0 does not run the model rightly" in done.stderr


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_file_cut_short_does_not_bring_the_check_down(
    tflite_runtime: Run, remade: Callable[..., Path], bundle: Bundle, share: float
) -> None:
    done = check(tflite_runtime, remade(bundle.model[: int(share * len(bundle.model))]))
    assert done.returncode == 6
    assert "the model" in done.stderr


@pytest.mark.parametrize("name", ["Mystery", "FlexErf"])
def test_operators_that_tflite_runtime_does_not_bring_are_refused_by_name(
    tflite_runtime: Run, remade: Callable[..., Path], tflite_file: Callable[..., bytes], name: str
) -> None:
    done = check(tflite_runtime, remade(tflite_file(None, custom=name)))
    assert done.returncode == 6
    assert name in done.stderr


def test_litert_asked_for_by_name_is_not_replaced(tflite_runtime: Run, remade: Callable[..., Path]) -> None:
    done = check(tflite_runtime, remade(), "--runtime", "litert")
    assert done.returncode == 3
    assert "litert is not installed" in done.stderr


def test_the_table_of_operators_is_what_tflite_runtime_knows(
    tflite_runtime: Run, tflite_file: Callable[..., bytes], tmp_path: Path
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    for name in vars(schema.BuiltinOperator):
        if not name.startswith("_") and name not in {"CUSTOM", "PLACEHOLDER_FOR_GREATER_OP_CODES"}:
            newest = TFLITE_2_14.get(name, 0)
            for version in {newest, newest + 1} - {0}:
                (tmp_path / f"{name} {version}").write_bytes(tflite_file(name, version, used=False))
    done = tflite_runtime("-c", TRY_ALL, tmp_path)
    assert done.returncode == 0, done.stderr
    known = dict(line.split() for line in done.stdout.splitlines())
    assert {name: int(version) for name, version in known.items()} == TFLITE_2_14
