"""How many threads a model is run with: as it was set, or found by a short measurement when it is loaded.

More threads are not always faster: they wait for each other, and on a machine that has other things to do the slowest
of them decides. And each one takes a core from the processes beside the model. So the fewest that are about as fast as
the fastest are taken. The answers are the same with any number.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence

from sortline_bundle.choices import ThreadChoice
from sortline_bundle.runtime import Model, Runtime
from sortline_bundle.strict import Table

_MOST_THREADS = 4
_AS_FAST = 1.05
# A tenth of a second, or three calls of each, whichever takes longer: two seconds on the slowest boards.
_MOST_ROUNDS, _FEWEST_ROUNDS = 24, 3
_LONGEST_NS = 100_000_000


class Chosen(Table, frozen=True, kw_only=True):
    """A number of threads, and why.

    Attributes:
        threads: The number.
        medians_ms: What a call took with 1, 2, ... threads; empty where the number was set and nothing was measured.
    """

    threads: int
    medians_ms: tuple[float, ...] = ()

    def __str__(self) -> str:
        number = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        if not self.medians_ms:
            return f"{number} as set"
        measured = ", ".join(f"{nth}: {median:.2f} ms" for nth, median in enumerate(self.medians_ms, 1))
        return f"{number} by measurement ({measured})"


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def load_model(
    data: bytes,
    choice: ThreadChoice,
    runtime: Runtime,
    *,
    cores: int | None = None,
    now_ns: Callable[[], int] = time.perf_counter_ns,
) -> tuple[Model, Chosen]:
    """Load a model with the number of threads set, or with the best of 1 to 4 (or to `cores`, where that is fewer).

    All numbers take turns, so that a busy moment of the machine falls on all of them. At most a tenth of a second is
    measured, but at least three calls of each.

    Args:
        data: The TFLite file.
        choice: How many threads, or `auto`.
        runtime: To run it with.
        cores: There are; default: those that this process may use.
        now_ns: A clock.

    Raises:
        ModelRefused: the runtime cannot load or run it.
        ContractMismatch: it has more inputs or outputs than one.
    """
    if choice != "auto":
        return Model(data, threads=choice, runtime=runtime), Chosen(threads=choice)
    most = min(_MOST_THREADS, available_cores() if cores is None else cores)
    models = [Model(data, threads=threads, runtime=runtime) for threads in range(1, most + 1)]
    medians_ms = tuple(statistics.median(times) / 1e6 for times in _take_turns(models, now_ns))
    threads = fewest_of(medians_ms)
    return models[threads - 1], Chosen(threads=threads, medians_ms=medians_ms)


def fewest_of(times: Sequence[float]) -> int:
    """The fewest threads that are within 5 % of the fastest; `times` are those of 1, 2, ... threads."""
    limit = _AS_FAST * min(times)
    return next(threads for threads, taken in enumerate(times, 1) if taken <= limit)


def _take_turns(models: Sequence[Model], now_ns: Callable[[], int]) -> list[list[int]]:
    """Nanoseconds of every call of each model, in rounds. The first call of each sets up its memory and is left out."""
    for model in models:
        model.run()
    times: list[list[int]] = [[] for _ in models]
    start_ns = now_ns()
    for nth in range(_MOST_ROUNDS):
        if nth >= _FEWEST_ROUNDS and now_ns() - start_ns >= _LONGEST_NS:
            break
        for model, taken in zip(models, times, strict=True):
            before_ns = now_ns()
            model.run()
            taken.append(now_ns() - before_ns)
    return times
