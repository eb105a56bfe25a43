"""Model files that nobody vouches for, tried in a process of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import ConfigError, ContractMismatch, ModelRefused, TryAgainError
from sortline_bundle.probe import Limits, probe

Build = Callable[..., bytes]


def with_radius(radius: int) -> tuple[str, Any]:
    """A radius in channels; LiteRT doubles it without looking."""
    from ai_edge_litert import schema_py_generated as schema

    options = schema.LocalResponseNormalizationOptionsT()
    options.radius, options.alpha, options.beta = radius, 1.0, 1.0
    return "LocalResponseNormalizationOptions", options


def with_window(side: int) -> tuple[str, Any]:
    """A window for every pixel; as wide as the picture it is minutes of work in little memory."""
    from ai_edge_litert import schema_py_generated as schema

    options = schema.Pool2DOptionsT()
    options.filterHeight = options.filterWidth = side
    options.strideH = options.strideW = 1
    return "Pool2DOptions", options


def test_a_sound_model_gives_its_facts(tflite_file: Build) -> None:
    facts = probe(tflite_file("ABS", shape=(1, 4, 5, 3)), "litert")
    assert facts.runtime == "litert"
    assert facts.runtime_version
    assert facts.input.shape == facts.output.shape == (1, 4, 5, 3)
    assert facts.input.dtype == "float32"


def test_the_facts_of_a_real_model_are_those_of_its_manifest(bundle_path: Path) -> None:
    bundle = open_bundle(bundle_path)
    facts = probe(bundle.model)
    spec = bundle.manifest.input
    assert facts.input.shape == (1, spec.height, spec.width, 3)
    assert (facts.input.dtype, facts.input.scale, facts.input.zero_point) == ("uint8", 1.0, 0)
    assert facts.output.shape == (1, len(bundle.manifest.classes))
    assert facts.output.scale > 0


@pytest.mark.parametrize("name", ["Mystery", "FlexErf"])
def test_an_operator_that_the_runtime_does_not_bring_is_refused_by_name(tflite_file: Build, name: str) -> None:
    with pytest.raises(ModelRefused, match=rf"cannot be loaded by litert \S+: .*{name}"):
        probe(tflite_file(None, custom=name))


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        probe(b"\x00\x00\x00\x00TFL3" + bytes(range(256)) * 4)
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        probe(b"")


def test_a_model_that_fails_when_it_runs_is_refused(tflite_file: Build) -> None:
    with pytest.raises(ModelRefused, match=r"the model cannot be (loaded|run) by litert"):
        probe(tflite_file("AVERAGE_POOL_2D"))  # without the options it must have


def test_a_model_of_two_inputs_is_refused(tflite_file: Build) -> None:
    with pytest.raises(ContractMismatch, match="2 inputs and 1 outputs"):
        probe(tflite_file("MAXIMUM", ends=2))


def test_a_model_that_wants_more_memory_than_there_may_be_is_refused(tflite_file: Build) -> None:
    with pytest.raises(ModelRefused, match=r"cannot be loaded|process of its own"):
        probe(tflite_file("ABS", shape=(1, 30_000, 30_000, 3)))


def test_a_model_that_brings_its_process_down_is_refused(tflite_file: Build) -> None:
    deadly = tflite_file("LOCAL_RESPONSE_NORMALIZATION", options=with_radius(1 << 30))
    with pytest.raises(ModelRefused, match=r"in a process of its own, which was ended by .* \(signal \d+\)"):
        probe(deadly)


def test_a_model_that_computes_on_and_on_is_refused(tflite_file: Build) -> None:
    endless = tflite_file("L2_POOL_2D", shape=(1, 900, 900, 3), options=with_window(899))
    with pytest.raises(ModelRefused, match="used up its processor time"):
        probe(endless, limits=Limits(cpu_s=1))


def test_a_child_that_does_not_get_as_far_as_the_model_is_not_the_models_fault(
    tflite_file: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TryAgainError, match=r"was not done after 1e-06 s before it began"):
        probe(tflite_file("ABS"), limits=Limits(wall_s=1e-6))
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(TryAgainError, match="ended with exit code 1 before it began"):
        probe(tflite_file("ABS"))


def test_a_runtime_that_is_not_there_is_a_matter_of_settings(tflite_file: Build) -> None:
    with pytest.raises(ConfigError, match=r"tflite-runtime is not installed: pip install 'sortline\[tflite\]'"):
        probe(tflite_file("ABS"), "tflite-runtime")
