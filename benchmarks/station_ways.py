"""The ways to an answer that `station.py` compares, each from a scene to nanoseconds; and the comparing."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from station_rivals import MediaPipe, PackedFeatures, TypicalScript
from station_scenes import Image, Line, Scene

from sortline_bundle.archive import Bundle
from sortline_bundle.preprocess import Box, preprocess
from sortline_edge.classify import TfliteClassifier
from sortline_edge.collector import collector_on_call
from sortline_edge.ports import ChannelOrder

BARE, LOOK, STEP = "bare invoke()", "sortline, one look", "sortline, frame to decision"

Way = Callable[[int, Scene], int]


class Figure(NamedTuple):
    """One way's time, and its ratio to the bare model.

    Attributes:
        median_ms: Over all rounds and scenes.
        ratio: Median over rounds, each round's of its medians over scenes.
        low: Quartile of the rounds' ratios.
        high: As `low`.
        of_minima: Of the fastest call of each scene, median over scenes: what other processes disturb least.
    """

    median_ms: float
    ratio: float
    low: float
    high: float
    of_minima: float


class Ours:
    """The station and the bare model, on the same interpreter settings.

    Attributes:
        frame_ms: Of every step so far, what was not the look.
        look_ms: Of every step so far, the look.
    """

    def __init__(self, bundle: Bundle, classifier: TfliteClassifier, scenes: Sequence[Scene]) -> None:
        height, width = scenes[0].second.shape[:2]
        self._classifier, self._spec = classifier, bundle.manifest.input
        self._line = Line(bundle, self, width, height)
        self._bare = interpreter(bundle, classifier)
        self._source = self._bare.get_input_details()[0]["index"]
        self._pixels = np.empty((1, self._spec.height, self._spec.width, 3), np.uint8)
        self._look_ns = 0
        self.frame_ms: list[float] = []
        self.look_ms: list[float] = []

    def ways(self) -> dict[str, Way]:
        """The bare model, one look, and the whole."""
        return {BARE: self._invoke, LOOK: self._look, STEP: self._step}

    def logits(self, image: Image, box: Box | None = None, order: ChannelOrder = "RGB") -> NDArray[np.float32]:
        """The classifier of the station core, which notes how long a look took."""
        started = time.perf_counter_ns()
        answer = self._classifier.logits(image, box, order)
        self._look_ns = time.perf_counter_ns() - started
        return answer

    def _invoke(self, _: int, scene: Scene) -> int:
        preprocess(scene.second, self._spec, self._pixels[0], scene.box, "BGR")
        self._bare.set_tensor(self._source, self._pixels)
        return timed(self._bare.invoke)

    def _look(self, _: int, scene: Scene) -> int:
        return timed(lambda: self._classifier.logits(scene.second, scene.box, "BGR"))

    def _step(self, _: int, scene: Scene) -> int:
        self._line.show_first(scene)
        frame = self._line.frame(scene.second.copy())
        started = time.perf_counter_ns()
        decisions = self._line.step(frame).decisions
        spent = time.perf_counter_ns() - started
        if [decision.looks for decision in decisions] != [1]:
            raise SystemExit(f"the item was not decided on in its second frame, but: {decisions}")
        self.frame_ms.append((spent - self._look_ns) / 1e6)
        self.look_ms.append(self._look_ns / 1e6)
        return spent


def others(bundle: Bundle, classifier: TfliteClassifier, mediapipe: MediaPipe | None) -> dict[str, Way]:
    """What others do with the same frames."""
    typical, packed = (kind(interpreter(bundle, classifier)) for kind in (TypicalScript, PackedFeatures))
    ways: dict[str, Way] = {
        "OpenCV and LiteRT, typical": lambda _, scene: timed(lambda: typical.answer(scene.second)),
        "pixels packed to features": lambda _, scene: timed(lambda: packed.answer(scene.second)),
    }
    if mediapipe:
        name = f"MediaPipe {mediapipe.version}"
        ways[f"{name}, whole frame"] = lambda nth, _: mediapipe.whole(nth)
        ways[f"{name}, told the box"] = mediapipe.told_the_box
    return ways


def interpreter(bundle: Bundle, classifier: TfliteClassifier) -> Any:
    """The model by itself, as the classifier runs it."""
    made = classifier.model.runtime.interpreter(model_content=bundle.model, num_threads=classifier.threads.threads)
    made.allocate_tensors()
    return made


def timed(call: Callable[[], object]) -> int:
    """Nanoseconds of one call."""
    started = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - started


def compare(scenes: Sequence[Scene], ways: Mapping[str, Way], rounds: int) -> dict[str, Figure]:
    """Let all ways take turns on all scenes, first in one order, then in the other; the first round does not count."""
    times = np.zeros((rounds + 1, len(ways), len(scenes)))
    with collector_on_call():
        for turn in range(rounds + 1):
            for nth, scene in enumerate(scenes):
                order = list(enumerate(ways.values()))
                for column, way in order if (turn + nth) % 2 else reversed(order):
                    # As a camera's driver leaves it: just written, and not where the frame before was.
                    fresh = scene._replace(second=scene.second.copy())
                    times[turn, column, nth] = way(nth, fresh) / 1e6
    counted = times[1:]
    rows = np.median(counted, axis=2)
    ratios = rows / rows[:, :1]
    least = counted.min(axis=0)
    of_minima = np.median(least / least[:1], axis=1)
    figures = {}
    for column, name in enumerate(ways):
        low, middle, high = np.percentile(ratios[:, column], (25, 50, 75))
        median_ms = float(np.median(counted[:, column]))
        figures[name] = Figure(median_ms, float(middle), float(low), float(high), float(of_minima[column]))
    return figures
