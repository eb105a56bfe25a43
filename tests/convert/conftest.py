"""A small run whose model knows its photographs: coloured pictures, random filters, and a head fitted to them."""

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from sortline_bundle.photographs import encode_png
from sortline_bundle.preprocess import InputSpec
from sortline_bundle.scores import cross_entropy
from sortline_convert.observe import Observation, observe
from sortline_convert.photographs import choose_representative, load_pixels
from sortline_convert.quantise import to_int8
from sortline_train.export import to_float32
from sortline_train.run import Figures, File, Record, Settings, save_record

SIDE = 32
# Warm on the whole, as light indoors is; with red and blue swapped they are not.
COLOURS = {"can": (120, 120, 90), "card": (170, 110, 60), "peel": (210, 170, 30), "tray": (190, 60, 50)}
PARTS = {"train": 50, "calibration": 15, "test": 15}


def draw(name: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A picture of a class's colour, in some light, with a coarse pattern and fine noise."""
    coarse = generator.normal(0, 22, (4, 4, 1)).repeat(SIDE // 4, 0).repeat(SIDE // 4, 1)
    shade = generator.normal(0, 10, 3) + generator.normal(0, 12)
    noise = generator.normal(0, 6, (SIDE, SIDE, 3))
    return np.clip(np.array(COLOURS[name]) + shade + coarse + noise, 0, 255).astype(np.uint8)


class Drawn(NamedTuple):
    """A run in memory."""

    model: Any
    record: Record
    folder: Path


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """The run's parts: Keras model, record, and folder of photographs."""
    folder = tmp_path_factory.mktemp("coloured")
    generator = np.random.default_rng(5)
    files, pixels = [], {}
    for name in COLOURS:
        (folder / name).mkdir()
        for part, count in PARTS.items():
            for nth in range(count):
                picture = draw(name, generator)
                path = f"{name}/{part}{nth:02}.png"
                (folder / path).write_bytes(encode_png(picture))
                digest = hashlib.sha256((folder / path).read_bytes()).hexdigest()
                files.append(File(path=path, class_name=name, sha256=digest, part=part))
                pixels[path] = picture
    names = tuple(COLOURS)
    labels = {part: np.array([names.index(one.class_name) for one in files if one.part == part]) for part in PARTS}
    pictures = {part: np.stack([pixels[one.path] for one in files if one.part == part]) for part in PARTS}
    model = fitted(pictures["train"], labels["train"])
    answers = model.predict_on_batch(pictures["test"].astype(np.float32))
    right = answers.argmax(axis=1) == labels["test"]
    untrained = Figures(accuracy=0.25, loss=1.4)
    record = Record(
        tool="sortline 0",
        finished="2026-01-02T03:04:05Z",
        settings=Settings(size=SIDE),
        input=InputSpec(height=SIDE, width=SIDE),
        classes=names,
        weights=None,
        photographs=str(folder),
        files=tuple(files),
        left_out=(),
        before=untrained,
        after_head=untrained,
        after_fine_tuning=Figures(accuracy=float(right.mean()), loss=cross_entropy(answers, labels["test"])),
        seconds={},
    )
    return Drawn(model, record, folder)


def network(seed: int = 3) -> Any:
    """Scaling, a convolution, a depthwise one, a pointwise one, and a head; its weights are random."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    pixels = keras.Input((SIDE, SIDE, 3))
    maps = layers.Rescaling(1 / 127.5, -1)(pixels)
    maps = layers.Conv2D(8, 3, 2, padding="same", activation="relu6", bias_initializer="random_normal")(maps)
    maps = layers.DepthwiseConv2D(3, padding="valid", activation="relu6", bias_initializer="random_normal")(maps)
    maps = layers.Conv2D(16, 1, activation="relu6", bias_initializer="random_normal")(maps)
    pooled = layers.GlobalAveragePooling2D()(maps)
    return keras.Model(pixels, layers.Dense(len(COLOURS), name="head")(pooled))


def fitted(pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> Any:
    """The network with a head fitted by least squares."""
    import keras

    model = network()
    features = keras.Model(model.input, model.layers[-2].output).predict_on_batch(pictures.astype(np.float32))
    known = np.hstack([features, np.ones((len(features), 1))])
    aim = 8.0 * np.eye(len(COLOURS))[labels]
    fit = np.linalg.solve(known.T @ known + 1e-4 * np.eye(known.shape[1]), known.T @ aim)
    model.get_layer("head").set_weights([fit[:-1].astype(np.float32), fit[-1].astype(np.float32)])
    return model


@pytest.fixture(scope="session")
def save() -> Callable[[Any, Path], None]:
    """Saves a Keras model, whose writer uses what NumPy would rather it did not."""

    def write(model: Any, path: Path) -> None:
        with warnings.catch_warnings(action="ignore"):
            model.save(path)

    return write


@pytest.fixture(scope="session")
def sharp_run(drawn: Drawn, save: Callable[[Any, Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a run folder."""
    run = tmp_path_factory.mktemp("sharp") / "run"
    run.mkdir()
    save(drawn.model, run / "model.keras")
    save_record(run, drawn.record)
    return run


@pytest.fixture(scope="session")
def float32(drawn: Drawn) -> bytes:
    """The run's model as a float32 file."""
    return to_float32(drawn.model)


@pytest.fixture(scope="session")
def pictures(drawn: Drawn) -> NDArray[np.uint8]:
    """Representative photographs of the run, some of each class one after the other."""
    chosen = choose_representative(drawn.record.part("train"), 64)
    return load_pixels(drawn.folder, chosen, drawn.record.input, "pictures")


@pytest.fixture(scope="session")
def seen(float32: bytes, pictures: NDArray[np.uint8]) -> Observation:
    """What the float file's tensors hold on them."""
    return observe(float32, pictures, for_moments=len(pictures))


@pytest.fixture(scope="session")
def int8(float32: bytes, seen: Observation) -> bytes:
    """The int8 file made of it."""
    return to_int8(float32, seen)
