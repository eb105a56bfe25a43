"""The training itself: a head on frozen features, then the top of the backbone."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.progress import progress
from sortline_train.augment import augment
from sortline_train.backbones import Backbone
from sortline_train.examples import Examples, Labels, Parts, Pixels, measure
from sortline_train.masks import find_masks
from sortline_train.model import build_model, unfreeze_top
from sortline_train.run import Figures, Settings
from sortline_train.weights.layout import Arrays

Say = Callable[[str], None]
LABEL_SMOOTHING = 0.05


class Outcome(NamedTuple):
    """A trained Keras model and how it did on the test part on the way."""

    model: Any
    before: Figures
    after_head: Figures
    after_fine_tuning: Figures
    seconds: dict[str, float]


def train_classifier(
    parts: Parts,
    classes: int,
    backbone: Backbone,
    arrays: Arrays | None,
    settings: Settings,
    say: Callable[[str], None],
) -> Outcome:
    """The five steps: pretrained backbone, frozen; a new head; train the head; fine-tune the top of the backbone.

    Args:
        parts: Photographs; the test part is only measured.
        classes: How many there are.
        backbone: Row of the table.
        arrays: Its pretrained arrays; None to start from random ones.
        settings: The recipe.
        say: Takes a line of text after each step.
    """
    keras.utils.set_random_seed(settings.seed)
    model = build_model(backbone, settings.size, classes, arrays)

    def figures(title: str) -> Figures:
        found = measure(predict(model, parts.test.pixels, "measuring"), parts.test.labels)
        say(f"{title}: accuracy {found.accuracy:.1%}, loss {found.loss:.3f}")
        return found

    before = figures("before training")
    start = time.perf_counter()
    masks = find_masks(parts.train.pixels)
    outlined = time.perf_counter()
    fit_head(model, parts.train, masks, parts.validation, settings)
    middle = time.perf_counter()
    after_head = figures("after the head")
    resumed = time.perf_counter()
    kept = fine_tune(model, backbone, parts.train, masks, parts.validation, settings)
    seconds = {"outlines": outlined - start, "head": middle - outlined, "fine_tuning": time.perf_counter() - resumed}
    after = figures(f"after fine-tuning (epoch {kept} of {settings.epochs} kept)")
    bare = keras.Model(model.input, model.output)  # without the optimiser's memory, which is twice the model
    return Outcome(bare, before, after_head, after, seconds)


def predict(model: Any, pixels: Pixels, title: str, batch: int = 32) -> NDArray[np.float32]:
    """Run a Keras model over `pixels`, a batch at a time."""
    parts = []
    with progress(title, len(pixels)) as advance:
        for start in range(0, len(pixels), batch):
            parts.append(np.asarray(model.predict_on_batch(pixels[start : start + batch].astype(np.float32))))
            advance(len(parts[-1]))
    return np.concatenate(parts)


def fit_head(model: Any, train: Examples, masks: NDArray[np.uint8], validation: Examples, settings: Settings) -> None:
    """Train the head alone, on features of several views of each photograph that the frozen backbone makes once."""
    features = keras.Model(model.input, model.get_layer("pool").output)
    further = [_views(train.pixels, masks, settings, nth) for nth in range(1, settings.views)]
    views = np.concatenate([train.pixels, *further])
    seen = predict(features, views, "features")
    held = predict(features, validation.pixels, "features")
    head = keras.Sequential([keras.Input(seen.shape[1:]), model.get_layer("dropout"), model.get_layer("head")])
    _compile(head, keras.optimizers.Adam(settings.learning_rate * 10))
    with progress("head", settings.head_epochs) as advance:
        head.fit(
            seen,
            np.tile(_one_hot(train.labels, model), (settings.views, 1)),
            validation_data=(held, _one_hot(validation.labels, model)),
            sample_weight=_balance(np.tile(train.labels, settings.views)),
            epochs=settings.head_epochs,
            batch_size=settings.batch,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, **__: advance(1))],
        )


def fine_tune(
    model: Any,
    backbone: Backbone,
    train: Examples,
    masks: NDArray[np.uint8],
    validation: Examples,
    settings: Settings,
) -> int:
    """Train the top of the backbone and the head on fresh views each time, at a low rate that falls to nothing.

    The state with the lowest loss on the validation part is kept; the one before fine-tuning too may win, unless its
    backbone knows nothing yet.

    Returns:
        The epoch that was kept; 0 for the state before.
    """
    unfreeze_top(model, backbone.fine_tune_from)
    targets, weights = _one_hot(train.labels, model), _balance(train.labels)
    steps = max(1, -(-len(train.labels) // settings.batch) * settings.epochs)
    warm_up = max(1, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=settings.learning_rate, warmup_steps=warm_up
    )
    _compile(model, keras.optimizers.Adam(rate))
    best = (_loss(model, validation) if backbone.pretrained else math.inf, 0, model.get_weights())
    with progress("fine-tuning", steps) as advance:
        for epoch in range(1, settings.epochs + 1):
            for chosen, views in _batches(train.pixels, masks, epoch, settings):
                model.train_on_batch(views, targets[chosen], weights[chosen])
                advance(1)
            best = min(best, (_loss(model, validation), epoch, model.get_weights()), key=lambda state: state[0])
    model.set_weights(best[2])
    return best[1]


def _loss(model: Any, validation: Examples) -> float:
    return measure(predict(model, validation.pixels, "validation"), validation.labels).loss


def _batches(
    pixels: Pixels, masks: NDArray[np.uint8], epoch: int, settings: Settings
) -> Iterator[tuple[Labels, NDArray[np.float32]]]:
    """Shuffled batches of fresh views, each made while the one before is trained on."""
    order = np.random.default_rng((settings.seed, epoch)).permutation(len(pixels))

    def make(start: int) -> tuple[Labels, NDArray[np.float32]]:
        chosen = order[start : start + settings.batch]
        random = np.random.default_rng((settings.seed, epoch, start))
        views = [augment(pixels[nth], masks[nth], random, settings.grounds) for nth in chosen]
        return chosen, np.stack(views).astype(np.float32)

    starts = range(0, len(pixels), settings.batch)
    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(make, 0)
        for following in (*starts[1:], None):
            ready = waiting.result()
            if following is not None:
                waiting = ahead.submit(make, following)
            yield ready


def _views(pixels: Pixels, masks: NDArray[np.uint8], settings: Settings, nth: int) -> Pixels:
    random = np.random.default_rng((settings.seed, nth))
    pairs = zip(pixels, masks, strict=True)
    return np.stack([augment(image, mask, random, settings.grounds) for image, mask in pairs])


def _compile(model: Any, optimizer: Any) -> None:
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING))


def _one_hot(labels: Labels, model: Any) -> NDArray[np.float32]:
    return np.eye(model.output_shape[-1], dtype=np.float32)[labels]


def _balance(labels: Labels) -> NDArray[np.float32]:
    """A weight per example, so that every class weighs the same."""
    counts = np.bincount(labels)
    return (len(labels) / (len(counts) * counts[labels])).astype(np.float32)
