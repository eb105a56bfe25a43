"""A model held against its manifest, and its golden images."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest

from sortline_bundle.archive import Bundle, parse_bundle
from sortline_bundle.errors import ContractMismatch, GoldenMismatch
from sortline_bundle.golden import check_golden, hold_against_manifest
from sortline_bundle.manifest import Manifest, OutputSpec
from sortline_bundle.runtime import Runtime, Tensor

INPUT = Tensor(shape=(1, 32, 32, 3), dtype="uint8", scale=1.0, zero_point=0)
LITERT = Runtime("litert", "0", None)
OUTPUT = Tensor(shape=(1, 2), dtype="int8", scale=0.05, zero_point=-7)


@dataclass
class FakeModel:
    """Gives the same logits to every picture."""

    logits: Any = (0.0, 0.0)
    input: Tensor = INPUT
    output: Tensor = OUTPUT
    runtime: Runtime = LITERT
    seen: Any = field(default_factory=lambda: np.zeros((32, 32, 3), np.uint8))

    def view(self) -> Any:
        return self.seen

    def run(self) -> Any:
        return np.array(self.logits, np.float32)


@pytest.fixture
def bundle(bundle_data: bytes) -> Bundle:
    """Temperature 1.5; one golden image with scores 0.25 and 0.75, give or take 0.05."""
    return parse_bundle(bundle_data, where="small")


def giving(score: float) -> FakeModel:
    return FakeModel(logits=(0.0, 1.5 * np.log(score / (1 - score))))


def test_the_model_of_the_manifest_passes(manifest: Manifest) -> None:
    hold_against_manifest(manifest, FakeModel())


@pytest.mark.parametrize(
    ("end", "change", "named"),
    [
        ("input", {"shape": (1, 32, 33, 3)}, r"input's shape is \(1, 32, 32, 3\), but it is \(1, 32, 33, 3\)"),
        ("input", {"dtype": "float32"}, "input's type is uint8, but it is float32"),
        ("input", {"scale": 0.9999}, r"scale and zero point is \(1\.0, 0\), but it is \(0\.9999, 0\)"),
        ("input", {"zero_point": 127}, r"scale and zero point is \(1\.0, 0\), but it is \(1\.0, 127\)"),
        ("output", {"shape": (1, 3)}, r"output's shape is \(1, 2\), but it is \(1, 3\)"),
        ("output", {"dtype": "uint8"}, "output's type is int8, but it is uint8"),
        ("output", {"scale": 0.0}, r"output is int8 with scale 0\.0"),
        ("output", {"scale": float("nan")}, "output is int8 with scale nan"),
    ],
)
def test_another_model_is_refused_by_what_differs(manifest: Manifest, end: str, change: Any, named: str) -> None:
    model = FakeModel()
    setattr(model, end, msgspec.structs.replace(getattr(model, end), **change))
    with pytest.raises(ContractMismatch, match=named):
        hold_against_manifest(manifest, model)


def test_a_float_output_needs_no_scale(manifest: Manifest) -> None:
    said = msgspec.structs.replace(manifest, output=OutputSpec(dtype="float32"))
    float_output = Tensor(shape=(1, 2), dtype="float32", scale=0.0, zero_point=0)
    hold_against_manifest(said, FakeModel(output=float_output))


@pytest.mark.parametrize("score", [0.705, 0.75, 0.795])
def test_scores_within_the_tolerance_pass(bundle: Bundle, score: float) -> None:
    result = check_golden(bundle, giving(score))  # type: ignore[arg-type]
    assert result.member == "golden/00.png"
    assert result.difference == pytest.approx(abs(score - 0.75), abs=1e-6)
    assert result.tolerance == 0.05


@pytest.mark.parametrize("score", [0.69, 0.81])
def test_scores_beyond_it_distrust_the_machine(bundle: Bundle, score: float) -> None:
    with pytest.raises(
        GoldenMismatch, match=r"golden/00\.png .* differ by 0\.060 .*0\.05 is allowed.*litert 0 does not"
    ):
        check_golden(bundle, giving(score))  # type: ignore[arg-type]


def test_scores_that_are_no_numbers_do_not_pass(bundle: Bundle) -> None:
    with pytest.raises(GoldenMismatch, match="differ by nan"):
        check_golden(bundle, FakeModel(logits=(np.nan, 0.0)))  # type: ignore[arg-type]


def test_the_model_is_shown_the_golden_image(bundle: Bundle) -> None:
    model = giving(0.75)
    check_golden(bundle, model)  # type: ignore[arg-type]
    assert len(np.unique(model.seen)) > 10


def test_a_runtime_that_the_bundle_is_not_for_is_refused(bundle: Bundle) -> None:
    only = msgspec.structs.replace(bundle.manifest, runtimes=bundle.manifest.runtimes[:1])
    model = FakeModel(runtime=Runtime("tflite-runtime", "2.14.0", None))
    with pytest.raises(ContractMismatch, match=r"for litert, and this machine runs it with tflite-runtime 2\.14\.0"):
        check_golden(bundle._replace(manifest=only), model)  # type: ignore[arg-type]


def test_each_runtime_has_a_tolerance_of_its_own(bundle: Bundle) -> None:
    model = giving(0.6)
    model.runtime = Runtime("tflite-runtime", "2.14.0", None)
    assert check_golden(bundle, model).tolerance == 0.2  # type: ignore[arg-type]


def test_a_golden_member_that_is_no_image_is_named(bundle: Bundle) -> None:
    broken = bundle._replace(members={**bundle.members, "golden/00.png": b"no image"})
    with pytest.raises(GoldenMismatch, match=r"golden/00\.png is not an image"):
        check_golden(broken, giving(0.75))  # type: ignore[arg-type]
