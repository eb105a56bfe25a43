"""What a TFLite file is made of, and what would keep it from running."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import ModelRefused
from sortline_convert.anatomy import Anatomy, Operator, findings, read_anatomy

Build = Callable[..., bytes]


@pytest.fixture(scope="module")
def model(bundle_path: Path) -> bytes:
    return open_bundle(bundle_path).model


def kinds(anatomy: Anatomy, parameters: int = 0) -> list[str]:
    return [finding.kind for finding in findings(anatomy, parameters)]


def test_the_parts_of_a_real_model(model: bytes, run_folder: Path) -> None:
    anatomy = read_anatomy(model)
    named = {operator.name: operator for operator in anatomy.operators}
    assert list(named) == sorted(named)
    assert named["DEPTHWISE_CONV_2D"].uses == 17  # of MobileNetV2
    assert not any(operator.custom for operator in anatomy.operators)
    source = next(tensor for tensor in anatomy.tensors if tensor.dtype == "UINT8")
    assert source.shape == (1, 64, 64, 3)
    assert (source.scales.tolist(), source.zero_points.tolist()) == ([1.0], [0])
    widest = max(anatomy.tensors, key=lambda tensor: tensor.constant_bytes)
    assert widest.dtype == "INT8"
    assert len(widest.scales) == len(widest.zero_points) == widest.shape[widest.axis]
    assert 0 < anatomy.constant_bytes < len(model)


def test_a_real_model_has_all_its_weights_and_nothing_to_find(model: bytes) -> None:
    anatomy = read_anatomy(model)
    assert 380_000 < anatomy.constants < 440_000  # MobileNetV2 0.35 without its top has 410,208
    assert findings(anatomy, 414_000) == []
    assert kinds(anatomy, 2 * anatomy.constants + 2) == ["lost weights"]


def test_a_float_file_holds_as_many_numbers_in_more_bytes(tflite_file: Build) -> None:
    anatomy = read_anatomy(tflite_file("ABS"))
    assert (anatomy.constants, anatomy.constant_bytes) == (0, 0)
    assert [tensor.shape for tensor in anatomy.tensors] == [(1, 8, 8, 3)] * 2
    assert anatomy.tensors[0].scales.size == 0


@pytest.mark.parametrize(
    ("built", "kind", "sentence"),
    [
        ({"operator": None, "custom": "Mystery"}, "custom op", "Mystery is an operator that no runtime brings along"),
        ({"operator": None, "custom": "Red\x1b[31m"}, "custom op", r"^Red\[31m is an operator"),
        ({"operator": None, "custom": "FlexErf"}, "flex op", "FlexErf needs all of TensorFlow"),
        ({"operator": "FULLY_CONNECTED", "version": 12}, "newer op", "FULLY_CONNECTED version 12: .* up to version 10"),
        ({"operator": "STABLEHLO_ADD"}, "newer op", "STABLEHLO_ADD version 1: .* does not know it"),
        ({"operator": "READ_VARIABLE"}, "empty variable", "READ_VARIABLE reads what nothing ever wrote"),
    ],
)
def test_what_keeps_a_file_from_running_is_named(tflite_file: Build, built: dict, kind: str, sentence: str) -> None:
    (finding,) = findings(read_anatomy(tflite_file(**built)))
    assert finding.kind == kind
    assert re.search(sentence, finding.message)


@pytest.mark.parametrize("version", [1, 10])
def test_versions_that_tflite_runtime_knows_pass(tflite_file: Build, version: int) -> None:
    assert findings(read_anatomy(tflite_file("FULLY_CONNECTED", version))) == []


def test_a_variable_that_is_written_is_none_of_the_findings() -> None:
    operators = tuple(Operator(name, 1, 1, custom=False) for name in ("ASSIGN_VARIABLE", "READ_VARIABLE", "VAR_HANDLE"))
    assert findings(Anatomy(operators, (), 0, 0)) == []


def test_an_operator_that_is_only_announced_is_seen(tflite_file: Build) -> None:
    assert read_anatomy(tflite_file("ABS", 9, used=False)).operators == (Operator("ABS", 9, 0, custom=False),)


def survives(data: bytes) -> None:
    """Either an anatomy or the one error."""
    try:
        anatomy = read_anatomy(data)
    except ModelRefused:
        return
    assert anatomy.constant_bytes <= len(data)
    findings(anatomy, 1000)


@given(st.binary(max_size=2_000))
def test_any_bytes_give_an_anatomy_or_the_one_error(data: bytes) -> None:
    survives(data)
    survives(data[:4] + b"TFL3" + data[8:])


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_file_gives_an_anatomy_or_the_one_error(tflite_file: Build, data: st.DataObject) -> None:
    sound = tflite_file("ABS")
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    survives(bytes(damaged[: data.draw(st.integers(0, len(sound)))]))
    survives(bytes(damaged))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_real_file_gives_an_anatomy_or_the_one_error(model: bytes, seed: int) -> None:
    rng = random.Random(seed)
    damaged = bytearray(model)
    for _ in range(20):
        # Weights fill the middle; what describes them lies at the two ends.
        at = rng.choice((rng.randrange(400), len(model) - 1 - rng.randrange(40_000)))
        damaged[at] = rng.randrange(256)
    survives(bytes(damaged))
    survives(model[: rng.randrange(len(model))])


def test_what_is_no_tflite_file_says_so() -> None:
    with pytest.raises(ModelRefused, match="no TFLite file"):
        read_anatomy(b"PK\x03\x04 a zip archive")


def test_a_count_beyond_belief_is_refused_at_once(tflite_file: Build) -> None:
    sound = tflite_file("ABS", shape=(1, 8, 8, 3))
    sides = (4).to_bytes(4, "little") + b"".join(side.to_bytes(4, "little") for side in (1, 8, 8, 3))
    assert sides in sound
    with pytest.raises(ModelRefused, match=r"damaged \(4294967295 sides of a tensor, where at most 16 can be\)"):
        read_anatomy(sound.replace(sides, b"\xff" * 4 + sides[4:]))
