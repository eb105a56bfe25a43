"""The training itself: a head on frozen features, then the top of the backbone with it.

Each step leaves its result in the state folder and is passed over where the result is there already.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.scores import fit_temperature
from sortline_train.backbones import Backbone, cut_points
from sortline_train.devices import Devices
from sortline_train.examples import Examples, Labels, Logits, measure
from sortline_train.features import Extractor
from sortline_train.head import Head, fit_head
from sortline_train.model import build_model, cut_model, features_of, unfreeze_top
from sortline_train.report.values import Stage
from sortline_train.run import Settings
from sortline_train.state import HeadDone, load_head, save_head
from sortline_train.tune import Place, Trainee, Tuned, fine_tune
from sortline_train.views import Album
from sortline_train.weights.layout import Arrays

Say = Callable[[str], None]
_HEAD, _EPOCH, _FINAL = "head.npz", "epoch.npz", "final.npz"


class Task(NamedTuple):
    """What is to be trained.

    Attributes:
        album: The photographs to learn from.
        everything: The same, and those to choose by.
        validation: Those to choose by.
        test: Those that are only measured.
        classes: How many classes there are.
        backbone: Row of the table.
        arrays: Its pretrained arrays; None to start from random ones.
        settings: The recipe.
    """

    album: Album
    everything: Album
    validation: Examples
    test: Examples
    classes: int
    backbone: Backbone
    arrays: Arrays | None
    settings: Settings


class Outcome(NamedTuple):
    """A trained Keras model of fixed size, and how it came about.

    Attributes:
        model: `(N, size, size, 3)` pixels to `(N, C)` logits.
        stages: Figures before training, after the head and after fine-tuning.
        tuned: Every epoch of fine-tuning, and what was chosen.
        validation: Logits of the validation part, of the model that was not trained on it.
        test: Logits of the test part.
    """

    model: Any
    stages: tuple[Stage, ...]
    tuned: Tuned
    validation: Logits
    test: Logits


def train_classifier(task: Task, devices: Devices, state: Path, say: Say, clock: Callable[[str], None]) -> Outcome:
    """Train the head, then the top of the backbone with it.

    Args:
        task: What is to be trained.
        devices: What computes.
        state: Folder for what an unfinished training needs to go on.
        say: Takes a line of text after each step.
        clock: Is told the name of each step at its end.

    Raises:
        ConfigError: what is in `state` is damaged.
        OSError: the disk has no room.
    """
    keras.utils.set_random_seed(task.settings.seed)
    model = _start(task, devices)
    done = load_head(state / _HEAD)
    if done is None:
        done = _train_head(task, model, devices)
        if devices.chief:
            save_head(state / _HEAD, done)
    for stage in done.stages:
        say(_describe(stage))
    clock("head")
    tuned = _tune(task, done, model, devices, state / _EPOCH)
    clock("fine-tuning")
    exact = _in_full_precision(task, model)
    answers = Extractor(exact, on_card=devices.on_card)
    validation = _ask(answers, task.validation)
    temperature = fit_temperature(validation, task.validation.labels)
    if task.settings.final and tuned.points:
        model = _start(task, devices)
        _tune(task, done, model, devices, state / _FINAL, like=tuned)
        exact = _in_full_precision(task, model)
        answers = Extractor(exact, on_card=devices.on_card)
        clock("training once more")
    validation, test = (logits / np.float32(temperature) for logits in (validation, _ask(answers, task.test)))
    _cool(exact, temperature)
    last = _stage("after_fine_tuning", (validation, task.validation.labels), (test, task.test.labels))
    say(_describe(last))
    clock("measuring")
    return Outcome(exact, (*done.stages, last), tuned, validation, test)


def _start(task: Task, devices: Devices) -> Any:
    """The model to be trained, where it is to be trained."""
    with devices.strategy.scope():
        return build_model(task.backbone, task.settings.size, task.classes, task.arrays)


def _tune(task: Task, done: HeadDone, model: Any, devices: Devices, file: Path, like: Tuned | None = None) -> Tuned:
    """Set the head and fine-tune the top of the backbone with it, or all of one that knows nothing.

    With `like`, learn from everything and take over its choices; without, choose on the validation part.
    """
    model.get_layer("head").set_weights([*done.head])
    if not task.settings.epochs:
        return Tuned((), 0.0)
    place = Place(file, writes=devices.chief, workers=os.cpu_count() or 1)
    with devices.strategy.scope():
        trainee = _prepare(task, model, devices)
        album, held = (task.everything, None) if like else (task.album, task.validation)
        return fine_tune(trainee, album, held, task.settings, place, like)


def _prepare(task: Task, model: Any, devices: Devices) -> Trainee:
    """Set what is to learn; what lies below it never changes, and runs in LiteRT where there is no graphics card."""
    first = task.backbone.fine_tune_from if task.arrays is not None else cut_points(model.get_layer("backbone"))[0]
    unfreeze_top(model, first)
    if devices.on_card or task.arrays is None:
        return Trainee(model, model, lambda picture: picture.astype(np.float32), blank=task.arrays is None)
    halves = cut_model(model, first)
    return Trainee(model, halves.above, Extractor(halves.below).one)


def _in_full_precision(task: Task, model: Any) -> Any:
    """The same model, computed in single precision throughout."""
    policy = keras.mixed_precision.dtype_policy()
    if policy.name == "float32":
        return model
    keras.mixed_precision.set_global_policy("float32")
    fixed = build_model(task.backbone, task.settings.size, task.classes, task.arrays)
    keras.mixed_precision.set_global_policy(policy)
    fixed.set_weights(model.get_weights())
    return fixed


def _ask(extractor: Extractor, examples: Examples) -> NDArray[np.float32]:
    """What a network says of photographs, `(N, ...) float32`."""
    return extractor.run(examples.pixels.__getitem__, len(examples.labels), "measuring")


def _cool(model: Any, temperature: float) -> None:
    """Divide the logits by a temperature within the head, so that its scores mean what they say."""
    head = model.get_layer("head")
    head.set_weights([array / np.float32(temperature) for array in head.get_weights()])


def _train_head(task: Task, model: Any, devices: Devices) -> HeadDone:
    features = Extractor(features_of(model), on_card=devices.on_card)
    held, test = _ask(features, task.validation), _ask(features, task.test)
    count, views = len(task.album.labels), task.settings.views
    # Views of epochs that fine-tuning does not come to.
    after = task.settings.epochs
    seen = features.run(lambda nth: task.album.view(nth % count, after + nth // count), count * views, "features")
    untrained = Head(*(np.asarray(array) for array in model.get_layer("head").get_weights()))
    trained = fit_head(seen, np.tile(task.album.labels, views), held, task.validation.labels)
    stages = tuple(
        _stage(name, (head.apply(held), task.validation.labels), (head.apply(test), task.test.labels))
        for name, head in (("before", untrained), ("after_head", trained))
    )
    return HeadDone(stages, trained)


def _stage(name: str, validation: tuple[Logits, Labels], test: tuple[Logits, Labels]) -> Stage:
    chosen, judged = measure(*validation), measure(*test)
    return Stage(
        name=name,
        test_accuracy=judged.accuracy,
        test_loss_nats=judged.loss,
        validation_accuracy=chosen.accuracy,
        validation_loss_nats=chosen.loss,
    )


def _describe(stage: Stage) -> str:
    return f"{stage.name.replace('_', ' ')}: accuracy {stage.test_accuracy:.1%}, loss {stage.test_loss_nats:.3f}"
