"""The bundle's model on the runtime, held against its manifest and its golden images."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sortline_bundle.archive import MODEL, Bundle, open_bundle, write_bundle
from sortline_bundle.errors import ContractMismatch, ModelRefused
from sortline_bundle.golden import check_golden
from sortline_bundle.manifest import ClassSpec, OutputSpec
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import Box, preprocess
from sortline_edge.classify import TfliteClassifier


@pytest.fixture(scope="module")
def bundle(bundle_path: Path) -> Bundle:
    return open_bundle(bundle_path)


@pytest.fixture(scope="module")
def picture(bundle: Bundle) -> Any:
    """Two golden images side by side."""
    images = [decode_image(bundle.members[golden.member])[:64, :64] for golden in bundle.manifest.golden[:2]]
    return np.concatenate(images, axis=1)


def remade(bundle: Bundle, path: Path, model: bytes | None = None, **changes: Any) -> Bundle:
    """The bundle with other parts, through a file as every bundle comes."""
    manifest = msgspec.structs.replace(bundle.manifest, **changes)
    write_bundle(path, manifest, {**bundle.members, MODEL: model or bundle.model})
    return open_bundle(path)


@pytest.mark.parametrize("box", [None, Box(0, 0, 60, 60), Box(70, 10, 120, 40), Box(-5, 30, 50, 90)])
def test_logits_are_those_of_the_model_itself(bundle: Bundle, picture: Any, box: Box | None) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=bundle.model)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    pixels = np.zeros(source["shape"], np.uint8)
    preprocess(picture, bundle.manifest.input, pixels[0], box)
    interpreter.set_tensor(source["index"], pixels)
    interpreter.invoke()
    scale, zero = target["quantization"]
    expected = (interpreter.get_tensor(target["index"])[0].astype(np.float64) - zero) * scale
    logits = TfliteClassifier(bundle).logits(picture, box)
    assert logits.dtype == np.float32
    assert logits == pytest.approx(expected, abs=1e-5)
    assert len(set(logits.tolist())) > 1


def test_the_channel_order_of_the_camera_does_not_matter(bundle: Bundle, picture: Any) -> None:
    classifier = TfliteClassifier(bundle)
    orange = (picture * np.array([1, 0.5, 0])).astype(np.uint8)  # a grey picture is the same in any order
    swapped = orange[..., ::-1].copy()
    np.testing.assert_array_equal(classifier.logits(orange), classifier.logits(swapped, order="BGR"))
    assert (classifier.logits(orange) != classifier.logits(swapped)).any()


def test_an_answer_does_not_depend_on_the_one_before(bundle: Bundle, picture: Any) -> None:
    classifier = TfliteClassifier(bundle)
    first = classifier.logits(picture)
    classifier.logits(255 - picture)
    np.testing.assert_array_equal(classifier.logits(picture), first)


def test_the_golden_images_give_their_scores(bundle: Bundle) -> None:
    assert check_golden(bundle, TfliteClassifier(bundle).model).difference == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_manifest_with_another_number_of_classes_is_refused(bundle: Bundle, tmp_path: Path, change: int) -> None:
    known = (*bundle.manifest.classes, ClassSpec(name="ghost", threshold=0.5))
    classes = known[: len(bundle.manifest.classes) + change]
    scores = (1.0, *(0.0 for _ in classes[1:]))
    golden = tuple(
        msgspec.structs.replace(golden, scores=scores, class_name=classes[0].name) for golden in bundle.manifest.golden
    )
    mix = (1.0, *(0.0 for _ in classes[1:]))
    fingerprint = msgspec.structs.replace(bundle.manifest.fingerprint, label_mix=mix, answer_mix=mix)
    other = remade(bundle, tmp_path / "b.sortline", classes=classes, golden=golden, fingerprint=fingerprint)
    with pytest.raises(ContractMismatch, match=rf"output's shape is \(1, {len(classes)}\), but it is \(1, 3\)"):
        TfliteClassifier(other)


def test_a_manifest_with_another_input_or_output_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    larger = msgspec.structs.replace(bundle.manifest.input, height=96)
    with pytest.raises(ContractMismatch, match=r"input's shape is \(1, 96, 64, 3\)"):
        TfliteClassifier(remade(bundle, tmp_path / "a.sortline", input=larger))
    with pytest.raises(ContractMismatch, match="output's type is float32, but it is int8"):
        TfliteClassifier(remade(bundle, tmp_path / "b.sortline", output=OutputSpec(dtype="float32")))


@pytest.mark.parametrize("kind", ["random", "random with a model's mark", "cut short"])
def test_bytes_that_are_no_model_are_refused(bundle: Bundle, tmp_path: Path, kind: str) -> None:
    model = np.random.default_rng(0).bytes(40_000)
    if kind == "random with a model's mark":
        model = model[:4] + bundle.model[4:8] + model[8:]
    if kind == "cut short":
        model = bundle.model[: len(bundle.model) // 2]
    with pytest.raises(ModelRefused, match="the model cannot be loaded by litert"):
        TfliteClassifier(remade(bundle, tmp_path / "b.sortline", model=model))
