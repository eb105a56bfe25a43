"""Many runs on the simulated belt, one at each point of a sweep, the same items at all of them."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.manifest import Manifest
from sortline_edge.config import Station
from sortline_edge.simulation import Conditions, simulate
from sortline_edge.twin.choice import Point, point_of
from sortline_edge.twin.dials import DIALS, turn

THRESHOLD = "threshold"
SWEPT = (*(name for name, dial in DIALS.items() if dial.swept), THRESHOLD)
_USUAL_TARGET = 0.95


class Sweeper:
    """Runs the belt at one point after the other; each photograph is classified once for all of them."""

    def __init__(self, bundle: Bundle, station: Station, folder: Path, conditions: Conditions) -> None:
        """Set up.

        Args:
            bundle: To sort by.
            station: Its camera is the simulated belt.
            folder: The station's paths are relative to it.
            conditions: Of every run; it is a sketch whatever they say.
        """
        self._bundle, self._station, self._folder = bundle, station, folder
        self._conditions = conditions._replace(sketch=True, known={})

    def run(self, at: Mapping[str, float]) -> Point:
        """The run at a point, by the names of `SWEPT`.

        Raises:
            SortlineError: as `simulate`.
        """
        threshold = at.get(THRESHOLD, self._conditions.threshold)
        conditions = self._conditions._replace(threshold=threshold)
        outcome = simulate(self._bundle, self._at(at), self._folder, conditions)
        return point_of(dict(at), outcome.books, len({fate.rider.photograph for fate in outcome.fates}))

    def check(self, points: Sequence[Mapping[str, float]]) -> None:
        """See that every point can be had, before the first run.

        Raises:
            ConfigError: naming what cannot be.
        """
        for at in points:
            self._at(at)

    def _at(self, at: Mapping[str, float]) -> Station:
        if not 0 <= at.get(THRESHOLD, 0) <= 1:
            raise ConfigError(f"--sweep: {THRESHOLD}: received {at[THRESHOLD]:g}, may be 0 to 1")
        return turn(self._station, {name: value for name, value in at.items() if name != THRESHOLD}, "--sweep")


Run = Callable[[Sequence[Mapping[str, float]]], Iterator[Point]]


@contextmanager
def sweeping(sweeper: Sweeper, processes: int) -> Iterator[Run]:
    """What runs points, in their order, on so many processes; on one, it is this one. The outcome is the same."""
    if processes == 1:
        yield lambda points: map(sweeper.run, points)
        return
    # Not forked: the model's threads would not be there in a child.
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (sweeper,)) as pool:
        yield lambda points: pool.map(_run, points)


def target_of(manifest: Manifest) -> float:
    """The purity that a bundle's thresholds were solved for; of several the least, and 0.95 where there is none."""
    if manifest.promise is not None and manifest.promise.overall_purity is not None:
        return manifest.promise.overall_purity
    targets = [spec.target_purity for spec in manifest.classes if spec.target_purity is not None]
    return min(targets, default=_USUAL_TARGET)


# Of a worker process; what the runs have remembered stays there.
_mine: list[Sweeper] = []


def _begin(sweeper: Sweeper) -> None:
    # Whoever is interrupted is the process that waits for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _mine.append(sweeper)


def _run(at: Mapping[str, float]) -> Point:
    return _mine[0].run(at)
