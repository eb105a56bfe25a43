"""Fine-tuning: the top of the backbone and its head together, on fresh views every epoch.

The learning rate rises for a moment, then falls along a cosine to nothing. What is kept lies on the straight way from
the pretrained network to where training led it, as far along as the validation part asks for: pictures like those of
the pretraining want little change, others want all of it (Wortsman et al., "Robust fine-tuning of zero-shot models",
2022). That takes the place of stopping early: among twenty epochs chance would often choose an unfinished one.
A network that knew nothing is kept as it was after its best epoch.
"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sortline_bundle.progress import progress
from sortline_train.ahead import make_ahead
from sortline_train.examples import Below, Examples, calibrated_losses, measure, predictor
from sortline_train.optimizer import make_optimizer
from sortline_train.report.values import Point
from sortline_train.run import Settings
from sortline_train.state import Snapshot, load_snapshot, save_snapshot
from sortline_train.targets import balance, make_targets
from sortline_train.views import Album, Floats
from sortline_train.weights.layout import Arrays

# For each replica here: which photographs, and what the part that learns makes of them and ought to.
Shares = dict[int, NDArray[np.int64]]
Batch = dict[int, tuple[Floats, Floats]]

STAGE = "fine_tuning"
WAYS = (1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.0)
USUAL = 0.7  # near the best everywhere; pictures from elsewhere are recognised better there than at the end


class Trainee(NamedTuple):
    """A model whose trainable layers are set.

    Attributes:
        whole: Pixels to logits.
        learns: The part that is trained: all of it, or what lies above a cut.
        below: Makes of one view `(H, W, 3) uint8 RGB` what `learns` takes.
        blank: It knows nothing yet, so that nothing of its beginning is worth keeping.
    """

    whole: Any
    learns: Any
    below: Below
    blank: bool = False


class Tuned(NamedTuple):
    """What fine-tuning came to.

    Attributes:
        points: What was measured at the beginning and after each epoch; one of them is marked as kept.
        way: How far the model was moved from its beginning, 0, to where the kept epoch ended, 1.
    """

    points: tuple[Point, ...]
    way: float

    @property
    def kept(self) -> int:
        """The epoch that was kept."""
        return next(point.epoch for point in self.points if point.kept)


class Place(NamedTuple):
    """Where an unfinished training is kept.

    Attributes:
        file: Of the snapshot.
        writes: False in all but one of several machines that train together.
        workers: Threads that make views.
    """

    file: Path
    writes: bool
    workers: int


def fine_tune(
    trainee: Trainee,
    album: Album,
    validation: Examples | None,
    settings: Settings,
    place: Place,
    like: Tuned | None = None,
) -> Tuned:
    """Train a model and leave it in the state that was best on `validation`.

    To be called, as the model was made, in the scope of the strategy that shares the work.

    Args:
        trainee: The model.
        album: The photographs to learn from.
        validation: The photographs to choose by; None with `like`.
        settings: The recipe.
        place: Each epoch's end is kept there, and taken up from there.
        like: A training whose choices are taken over: stop at its epoch, and go as far.

    Raises:
        ConfigError: the snapshot of an unfinished training is damaged.
        OSError: the disk has no room for a snapshot.
    """
    crew = _Crew(tf.distribute.get_strategy())
    batch = crew.round_up(min(settings.batch, len(album.labels)))
    steps = len(album.order(batch, 0))
    optimizer = make_optimizer(settings.learning_rate, steps * settings.epochs)
    optimizer.build(trainee.learns.trainable_variables)
    step = crew.stepper(trainee.learns, optimizer, batch)
    diary = _Diary(trainee, optimizer, validation, place)
    done = diary.take_up()
    with progress("fine-tuning", steps * settings.epochs) as advance:
        advance(steps * done)
        for epoch in range(done, like.kept if like else settings.epochs):
            # What dropout drops depends on the epoch alone, so that a training taken up again is the same.
            trainee.learns.get_layer("dropout").seed_generator.state.assign([settings.seed, epoch])
            shares = crew.share(album.order(batch, epoch))
            make = _batches(album, shares, trainee.below, epoch)
            losses = []
            for made in make_ahead(make, steps, place.workers):
                losses.append(step(made))
                advance(1)
            diary.write(epoch + 1, float(np.mean([float(loss) for loss in losses])))
    return diary.close(like.way if like else 1.0)


def _batches(album: Album, shares: Shares, below: Below, epoch: int) -> Callable[[int], Batch]:
    """What makes the nth batch."""
    weights = balance(album.labels)

    def take(chosen: NDArray[np.int64]) -> tuple[Floats, Floats]:
        maps = np.stack([below(album.view(int(nth), epoch)) for nth in chosen])
        return maps, make_targets(album.labels[chosen], weights)

    return lambda nth: {replica: take(rows[nth]) for replica, rows in shares.items()}


class _Crew:
    """The replicas that share each batch, on the cards of one machine or of several; often only one."""

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy
        self._count = int(strategy.num_replicas_in_sync)
        numbers = strategy.experimental_distribute_values_from_function(_number)
        self._here = [int(number) for number in strategy.experimental_local_results(numbers)]

    def round_up(self, batch: int) -> int:
        """The nearest size of batch that can be shared evenly."""
        return math.ceil(batch / self._count) * self._count

    def share(self, order: NDArray[np.int64]) -> Shares:
        """What each replica of this machine takes of `(steps, batch)` photographs."""
        return {number: order[:, number :: self._count] for number in self._here}

    def stepper(self, model: Any, optimizer: Any, batch: int) -> Callable[[Batch], Any]:
        """What does one step of training and gives the loss of the whole batch."""
        variables = model.trainable_variables

        def learn(maps: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = -tf.reduce_sum(targets * tf.nn.log_softmax(model(maps, training=True))) / batch
                scaled = optimizer.scale_loss(loss)
            optimizer.apply(tape.gradient(scaled, variables), variables)  # sums the gradients of all replicas
            return loss

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]  # TensorFlow has no types
        def step(maps: Any, targets: Any) -> Any:
            losses = self._strategy.run(learn, args=(maps, targets))
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        def hand_out(shares: Batch) -> Any:
            hand = self._strategy.experimental_distribute_values_from_function
            maps, targets = (
                hand(lambda context, nth=nth: tf.constant(shares[int(context.replica_id_in_sync_group)][nth]))
                for nth in (0, 1)
            )
            return step(maps, targets)

        return hand_out


def _number(context: Any) -> Any:
    return tf.constant(int(context.replica_id_in_sync_group))


class _Diary:
    """Measures at the end of each epoch, keeps a snapshot, and chooses at the end of all."""

    def __init__(self, trainee: Trainee, optimizer: Any, validation: Examples | None, place: Place) -> None:
        self._model, self._optimizer, self._validation, self._place = trainee.whole, optimizer, validation, place
        self._blank = trainee.blank
        self._predict = predictor(trainee.learns, trainee.below)
        self._points: list[Point] = []
        self._began: Arrays = self._model.get_weights()
        self._best: Arrays = []  # of a blank one
        self._started = time.perf_counter()

    def take_up(self) -> int:
        """Put the model where the last training stopped, or measure where this one begins; how many epochs are done."""
        snapshot = load_snapshot(self._place.file)
        if snapshot is None:
            self._measure(0)
            return 0
        self._points, self._best = list(snapshot.points), list(snapshot.best)
        self._model.set_weights(snapshot.model)
        for variable, value in zip(self._optimizer.variables, snapshot.optimizer, strict=True):
            variable.assign(value)
        return snapshot.epoch

    def write(self, epoch: int, train_loss: float) -> None:
        """Note the end of an epoch."""
        self._measure(epoch, train_loss)
        if self._place.writes:
            optimizer = [np.asarray(variable) for variable in self._optimizer.variables]
            state = Snapshot(tuple(self._points), self._model.get_weights(), optimizer, self._best)
            save_snapshot(self._place.file, state)

    def close(self, way: float) -> Tuned:
        """Leave the model where it is best on the validation part; without one, `way` along to the last epoch's end."""
        kept, end = self._points[-1], self._model.get_weights()
        if self._validation and self._blank:
            kept, end = min(self._points[1:], key=_loss), self._best
        elif held := self._validation:
            losses = {}
            for along in WAYS:
                self._go(end, along)
                losses[along] = calibrated_losses(self._predict(held), held.labels)
            way = choose_way(losses)
        self._go(end, way)
        return Tuned(tuple(msgspec.structs.replace(point, kept=point is kept) for point in self._points), way)

    def _go(self, end: Arrays, way: float) -> None:
        """Put the model between its beginning and `end`."""
        near, far = np.float32(1 - way), np.float32(way)
        self._model.set_weights([near * start + far * stop for start, stop in zip(self._began, end, strict=True)])

    def _measure(self, epoch: int, train_loss: float | None = None) -> None:
        held, loss, accuracy = self._validation, None, None
        if held:
            logits = self._predict(held)
            loss, accuracy = float(calibrated_losses(logits, held.labels).mean()), measure(logits, held.labels).accuracy
        now = time.perf_counter()
        point = Point(
            stage=STAGE,
            epoch=epoch,
            train_loss_nats=train_loss,
            validation_loss_nats=loss,
            validation_accuracy=accuracy,
            learning_rate=float(self._optimizer.learning_rate),
            seconds=round(now - self._started, 3),
        )
        self._started = now
        self._points.append(point)
        if self._blank and epoch and point is min(self._points[1:], key=_loss):
            self._best = self._model.get_weights()


def choose_way(losses: Mapping[float, NDArray[np.float64]]) -> float:
    """The way that is surest to be better than the usual one; the usual one unless another is by a standard error.

    Some fifty or a hundred photographs tell ways apart badly. Measured on nine networks of three collections, 90 drawn
    to choose by and the others to judge by, 300 times each: more than a point below the best way in 2.6 % of the draws
    (6.5 % where the lowest loss decides, 9.7 % where the shortest way does that is worse by no more than half a
    standard error), more than two points in none (0.9 %, 2.4 %).

    Args:
        losses: `(N,)` of the validation photographs, for each way.
    """

    def sure_gain(way: float) -> float:
        gain = losses[USUAL] - losses[way]
        return float(gain.mean() - gain.std() / math.sqrt(len(gain)))

    return max(losses, key=lambda way: (sure_gain(way), way == USUAL))


def _loss(point: Point) -> float:
    return math.inf if point.validation_loss_nats is None else point.validation_loss_nats
