"""A small bundle that holds in every way a bundle can be checked without running its model."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from sortline_bundle.archive import CARD, MODEL, write_bundle
from sortline_bundle.manifest import Manifest, parse_manifest
from sortline_bundle.photographs import encode_png

Document = dict[str, object]
Members = Mapping[str, bytes]


@pytest.fixture(scope="session")
def members() -> Members:
    """What a bundle holds; its model is none."""
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    return {MODEL: b"TFL3 not a model at all", CARD: b"<p>card</p>", "golden/00.png": encode_png(image)}


@pytest.fixture(scope="session")
def manifest_text(members: Members) -> str:
    """A manifest of these members with no field left to its default."""
    document = {
        "format": "sortline-bundle",
        "format_version": 2,
        "name": "waste-7",
        "version": 3,
        "created": "2025-02-28T12:30:00Z",
        "expires": "2185-02-28T12:30:00Z",
        "stations": ["pi5-belt", "desk"],
        "classes": [
            {"name": "paper", "threshold": 0.5, "target_purity": 0.95, "purity_bound": 0.91},
            {"name": "tray", "threshold": 0.75, "target_purity": None, "purity_bound": None},
        ],
        "input": {
            "height": 32,
            "width": 32,
            "dtype": "uint8",
            "channels": "RGB",
            "geometry": "square",
            "margin": 0.3,
            "resize": "area-linear",
        },
        "output": {"kind": "logits", "dtype": "int8"},
        "runtimes": [{"runtime": "litert", "tolerance": 0.05}, {"runtime": "tflite-runtime", "tolerance": 0.2}],
        "promise": {"scope": "class", "confidence": 0.95, "mix": [0.5, 0.5], "photographs": 20, "overall_purity": None},
        "fingerprint": {
            "photographs": 20,
            "looks": {
                "brightness": [90.5, 100.5, 110.5, 120.5, 130.5],
                "contrast": [10.5, 20.5, 30.5, 40.5, 50.5],
                "sharpness": [3.5, 4.5, 5.5, 6.5, 7.5],
                "warmth": [-20.5, -5.5, 0.5, 5.5, 30.5],
                "saturation": [5.5, 10.5, 20.5, 40.5, 80.5],
            },
            "label_mix": [0.5, 0.5],
            "answer_mix": [0.25, 0.75],
            "scores": [0.0] * 19 + [1.0],
            "margins": [0.5] * 2 + [0.0] * 18,
        },
        "calibration": {"method": "temperature", "temperature": 1.5},
        "golden": [{"member": "golden/00.png", "class_name": "tray", "scores": [0.25, 0.75]}],
        "provenance": {
            "tool": "sortline 0",
            "photographs_sha256": "0" * 64,
            "photographs": 40,
            "held_out": 8,
            "accuracy_float": 1.0,
            "accuracy": 0.875,
            "agreement": 0.875,
            "quantised_by": "hand",
            "representative": 20,
            "representative_sha256": "0" * 64,
            "calibration_error": 0.02,
            "calibration_error_before": 0.04,
            "calibration_error_by_chance": 0.03,
        },
        "members": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()
        },
    }
    return json.dumps(document)


@pytest.fixture
def document(manifest_text: str) -> Document:
    """The manifest as plain dicts and lists, to be changed at will."""
    return dict(json.loads(manifest_text))


@pytest.fixture(scope="session")
def manifest(manifest_text: str) -> Manifest:
    """The manifest, read."""
    return parse_manifest(manifest_text.encode())


@pytest.fixture(scope="session")
def bundle_data(manifest: Manifest, members: Members, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of the bundle."""
    path = tmp_path_factory.mktemp("bundle") / "small.sortline"
    write_bundle(path, manifest, members)
    return path.read_bytes()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes into a file of their own and tells where."""

    def write(data: bytes, name: str = "some.sortline") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
