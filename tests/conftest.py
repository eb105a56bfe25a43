"""What the tests share: drawn photographs, a small trained run, and its bundle, each made once, when asked for."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

# The same examples in every run, and no opinion about how fast a machine is.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

CLASSES = ("bottle", "paper", "tray")

# These take minutes and a gigabyte: `make test-hardware`.
collect_ignore = [] if os.environ.get("SORTLINE_TEST_HARDWARE") else ["hardware"]


class Ran(NamedTuple):
    """How a `sortline` command ended."""

    exit_code: int
    out: str
    error: str


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own, so that nothing they do lasts or comes from before."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def sortline() -> Callable[..., Ran]:
    """Runs `sortline ...` as its user would, in a process of its own."""

    def run(*arguments: object, timeout: float = 240, environment: dict[str, str] | None = None) -> Ran:
        command = [sys.executable, "-m", "sortline_bundle.command", *map(str, arguments)]
        env = {**os.environ, **(environment or {})}
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def tflite_file() -> Callable[..., bytes]:
    """Makes a TFLite file of one operator between one input and one output, without a converter."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def build(
        operator: str | None,
        version: int = 1,
        *,
        custom: str | None = None,
        shape: tuple[int, ...] = (1, 8, 8, 3),
        options: tuple[str, object] | None = None,
        ends: int = 1,
        used: bool = True,
    ) -> bytes:
        code, graph, model = schema.OperatorCodeT(), schema.SubGraphT(), schema.ModelT()
        code.builtinCode = getattr(schema.BuiltinOperator, operator or "CUSTOM")
        code.deprecatedBuiltinCode, code.version, code.customCode = min(code.builtinCode, 127), version, custom
        one = schema.OperatorT()
        one.opcodeIndex, one.inputs, one.outputs = 0, list(range(ends)), [ends]
        if options:
            one.builtinOptionsType, one.builtinOptions = getattr(schema.BuiltinOptions, options[0]), options[1]
        graph.tensors = []
        for nth in range(ends + 1) if used else ():
            tensor = schema.TensorT()
            tensor.name, tensor.shape, tensor.type, tensor.buffer = f"t{nth}", list(shape), schema.TensorType.FLOAT32, 0
            graph.tensors.append(tensor)
        graph.inputs, graph.outputs = (list(range(ends)), [ends]) if used else ([], [])
        graph.operators = [one] if used else []
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    return build


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of drawn photographs: three classes, twenty each."""
    from PIL import Image

    from sortline_train.catalogue import draw_photograph

    folder = tmp_path_factory.mktemp("drawn") / "photographs"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for seed in range(20):
            Image.fromarray(draw_photograph(name, seed)).save(folder / name / f"{seed:02d}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def recipe() -> Sequence[str]:
    """Options of `sortline train` for a narrow network, trained a little, from nothing: fast, and bad."""
    network = ("--backbone", "mobilenet_v2_0.35", "--weights", "none", "--size", "64")
    return (*network, "--epochs", "6", "--views", "1", "--batch", "4", "--learning-rate", "0.005", "--grounds", "0")


@pytest.fixture(scope="session")
def run_folder(
    sortline: Callable[..., Ran], photographs: Path, recipe: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What `sortline train` leaves with that recipe."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    _must(sortline("train", photographs, "-o", folder, *recipe))
    return folder


@pytest.fixture(scope="session")
def bundle_path(sortline: Callable[..., Ran], run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle made of `run_folder`."""
    path = tmp_path_factory.mktemp("converted") / "tiny.sortline"
    _must(sortline("convert", run_folder, "-o", path, "--threshold", "0.2"))
    return path


@pytest.fixture(scope="session")
def sharp_bundle_path(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That bundle with scores far apart: where all are alike, golden images cannot tell wrong answers from right."""
    import msgspec
    import numpy as np

    from sortline_bundle.archive import open_bundle, write_bundle
    from sortline_bundle.manifest import Calibration
    from sortline_bundle.photographs import decode_image
    from sortline_bundle.preprocess import preprocess
    from sortline_bundle.runtime import Model
    from sortline_bundle.scores import log_scores

    flat = open_bundle(bundle_path)
    model, logits = Model(flat.model), []
    for golden in flat.manifest.golden:
        preprocess(decode_image(flat.members[golden.member]), flat.manifest.input, model.view())
        logits.append(model.run())
    temperature = float(np.ptp(logits[0])) / 4
    sharp = [tuple(np.exp(log_scores(row, temperature)).tolist()) for row in logits]
    manifest = msgspec.structs.replace(
        flat.manifest,
        calibration=Calibration(method="temperature", temperature=temperature),
        golden=tuple(
            msgspec.structs.replace(golden, scores=scores)
            for golden, scores in zip(flat.manifest.golden, sharp, strict=True)
        ),
    )
    path = tmp_path_factory.mktemp("sharp") / "sharp.sortline"
    write_bundle(path, manifest, flat.members)
    return path


def _must(ran: Ran) -> None:
    assert ran.exit_code == 0, ran.error
