"""Fine-tuning: what it leaves in the model, and what it chooses by."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sortline_train.examples import Examples, calibrated_losses, predictor
from sortline_train.grounds import draw_grounds
from sortline_train.report.values import Point
from sortline_train.run import Settings
from sortline_train.tune import USUAL, WAYS, Place, Trainee, Tuned, choose_way, fine_tune
from sortline_train.views import Album

SIZE = 16
LABELS = np.arange(40) % 2


def make_album() -> Album:
    """Noise in which one class is a little redder than the other: nearly always to be told apart."""
    random = np.random.default_rng(0)
    pixels = random.normal(120, 40, (len(LABELS), SIZE, SIZE, 3))
    pixels[..., 0] += np.where(LABELS, 8, -8)[:, None, None]
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return Album(pixels, np.full(pixels.shape[:3], 255, np.uint8), LABELS, draw_grounds(0, 2), 0.0, SIZE, 0)


ALBUM = make_album()
HELD = Examples(ALBUM.pixels, LABELS)  # for want of others


def tune(folder: Path, like: Tuned | None = None, *, rate: float = 0.05, blank: bool = False) -> tuple[Any, Tuned]:
    """A small model fine-tuned from the same beginning each time."""
    keras.utils.set_random_seed(2)
    layers = keras.layers
    network = [layers.Rescaling(1 / 60, -2), layers.GlobalAveragePooling2D(), layers.Dense(8, "relu")]
    top = [layers.Dropout(0.1, name="dropout"), layers.Dense(2, name="head")]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *network, *top])
    trainee = Trainee(model, model, lambda picture: picture.astype(np.float32), blank=blank)
    settings = Settings(size=32, epochs=6, batch=8, learning_rate=rate)
    place = Place(folder / "epoch.npz", writes=True, workers=1)
    return model, fine_tune(trainee, ALBUM, None if like else HELD, settings, place, like)


def marked(epoch: int, way: float) -> Tuned:
    """The choice of an epoch and a way."""
    point = Point(
        stage="fine_tuning",
        epoch=epoch,
        train_loss_nats=None,
        validation_loss_nats=None,
        validation_accuracy=None,
        learning_rate=None,
        seconds=None,
        kept=True,
    )
    return Tuned((point,), way)


def losses_of(model: Any) -> Any:
    return calibrated_losses(predictor(model)(HELD), LABELS)


@pytest.mark.parametrize(("rate", "learnt"), [(0.05, True), (3.0, False)], ids=["learnt", "ruined"])
def test_what_is_kept_lies_on_the_way_as_far_along_as_validation_asks_for(
    tmp_path: Path, rate: float, learnt: bool
) -> None:
    (ends := tmp_path / "ends").mkdir()
    model, tuned = tune(tmp_path, rate=rate)
    assert [point.epoch for point in tuned.points] == list(range(7))
    assert tuned.kept == 6
    losses = {}
    for way in WAYS:
        losses[way] = losses_of(tune(ends, marked(6, way), rate=rate)[0])
        (ends / "epoch.npz").unlink()
    np.testing.assert_allclose(losses_of(model), losses[tuned.way], rtol=1e-3, atol=1e-5)
    assert tuned.way == choose_way(losses)
    assert (tuned.way > 0) is learnt


def test_the_usual_way_is_left_only_for_one_that_is_better_beyond_chance() -> None:
    random = np.random.default_rng(0)
    usual = random.exponential(0.3, 100)

    def choose(**gains: float) -> float:
        others = {float(way): usual - random.normal(gain, 0.2, 100) for way, gain in gains.items()}
        return choose_way({**others, USUAL: usual})

    assert choose(**{"1.0": 0.01, "0.4": 0.01}) == USUAL
    assert choose(**{"1.0": 0.01, "0.4": 0.1}) == 0.4
    assert choose(**{"1.0": 0.1, "0.4": -0.1}) == 1.0
    assert choose_way({1.0: usual, USUAL: usual, 0.0: usual}) == USUAL


def test_half_of_the_way_lies_between_the_beginning_and_the_end(tmp_path: Path) -> None:
    weights = []
    for way in (0.0, 0.5, 1.0):
        (folder := tmp_path / str(way)).mkdir()
        model, tuned = tune(folder, marked(2, way))
        assert (tuned.kept, tuned.way) == (2, way)
        weights.append(model.get_weights())
    assert any(not np.array_equal(*ends) for ends in zip(weights[0], weights[2], strict=True))
    for start, middle, end in zip(*weights, strict=True):
        np.testing.assert_allclose(middle, (start + end) / 2, rtol=1e-4, atol=1e-6)


def test_a_network_that_knew_nothing_is_kept_as_after_its_best_epoch(tmp_path: Path) -> None:
    model, tuned = tune(tmp_path, rate=3.0, blank=True)
    losses = {point.epoch: point.validation_loss_nats for point in tuned.points[1:]}
    assert tuned.way == 1.0
    assert losses[tuned.kept] == min(losses.values())
    assert losses_of(model).mean() == pytest.approx(losses[tuned.kept], rel=1e-4)
