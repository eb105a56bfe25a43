"""How many threads a model gets: the number set, or the fewest that are about as fast as the fastest."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import ModelRefused
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import preprocess
from sortline_bundle.runtime import Runtime, find_runtime
from sortline_bundle.threads import Chosen, fewest_of, load_model

Build = Callable[..., bytes]
MS = 1_000_000
DETAILS = {"index": 0, "shape": np.array([1, 2]), "dtype": np.float32, "quantization": (0.0, 0)}


class Board:
    """A machine whose calls take the time that `calls_ms` gives for a number of threads; it has a clock."""

    def __init__(self, calls_ms: dict[int, Iterator[float]]) -> None:
        self.now = 0
        self.calls: list[int] = []
        board = self

        class Interpreter:
            def __init__(self, model_content: bytes, num_threads: int) -> None:
                self.threads = num_threads

            def allocate_tensors(self) -> None: ...

            def get_input_details(self) -> list[dict[str, Any]]:
                return [DETAILS]

            get_output_details = get_input_details

            def get_tensor(self, index: int) -> Any:
                return np.zeros((1, 2), np.float32)

            def invoke(self) -> None:
                board.calls.append(self.threads)
                board.now += round(MS * next(calls_ms[self.threads]))

        self.runtime = Runtime("litert", "1", Interpreter)

    def now_ns(self) -> int:
        return self.now

    def choose(self, cores: int = 4) -> Chosen:
        return load_model(b"", "auto", self.runtime, cores=cores, now_ns=self.now_ns)[1]


def steady(*calls_ms: float) -> Board:
    return Board({threads: iter(lambda ms=ms: ms, None) for threads, ms in enumerate(calls_ms, 1)})


@pytest.mark.parametrize(
    ("calls_ms", "threads"),
    [
        ((10, 6, 4, 3), 4),
        ((10, 6, 3.1, 3), 3),
        ((3.1, 3, 3, 3), 1),
        ((3, 4, 5, 6), 1),
        ((10, 5, 8, 9), 2),
    ],
)
def test_the_fewest_threads_within_a_twentieth_of_the_fastest_are_taken(calls_ms: Any, threads: int) -> None:
    chosen = steady(*calls_ms).choose()
    assert chosen == Chosen(threads=threads, medians_ms=calls_ms)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=8))
def test_no_fewer_threads_would_have_done(times: list[float]) -> None:
    threads = fewest_of(times)
    assert times[threads - 1] <= 1.05 * min(times)
    assert all(slower > 1.05 * min(times) for slower in times[: threads - 1])


def test_the_first_call_and_a_stumble_do_not_count() -> None:
    first = (ms for ms in (900.0, *[5.0] * 9, 400.0, *[5.0] * 99))
    board = Board({1: first, 2: iter([800.0, *[2.0] * 99])})
    assert board.choose(cores=2) == Chosen(threads=2, medians_ms=(5, 2))


@pytest.mark.parametrize(("cores", "tried"), [(1, {1}), (2, {1, 2}), (4, {1, 2, 3, 4}), (64, {1, 2, 3, 4})])
def test_no_more_threads_are_tried_than_there_are_cores_nor_than_four(cores: int, tried: set[int]) -> None:
    board = steady(1, 1, 1, 1)
    board.choose(cores)
    assert set(board.calls) == tried


@pytest.mark.parametrize(("call_ms", "rounds"), [(0.1, 24), (2, 13), (50, 3), (2000, 3)])
def test_the_measurement_is_short_on_fast_boards_and_three_rounds_on_slow_ones(call_ms: float, rounds: int) -> None:
    board = steady(*[call_ms] * 4)
    board.choose()
    assert board.calls == [1, 2, 3, 4] * (1 + rounds)


def test_a_number_that_is_set_is_taken_without_a_call() -> None:
    board = steady(3, 2, 1)
    model, chosen = load_model(b"", 3, board.runtime)
    model.run()
    assert board.calls == [3]
    assert str(chosen) == "3 threads as set"


def test_what_was_chosen_is_told_with_its_figures() -> None:
    assert str(steady(3, 2).choose(cores=2)) == "2 threads by measurement (1: 3.00 ms, 2: 2.00 ms)"
    assert str(Chosen(threads=1, medians_ms=(1.0, 1.0))) == "1 thread by measurement (1: 1.00 ms, 2: 1.00 ms)"


def test_a_model_that_cannot_be_loaded_is_refused() -> None:
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        load_model(b"no model", "auto", find_runtime())


def test_the_answers_are_the_same_with_any_number_of_threads(bundle_path: Path) -> None:
    bundle = open_bundle(bundle_path)
    models = [load_model(bundle.model, threads, find_runtime())[0] for threads in range(1, 9)]
    images = [decode_image(bundle.members[golden.member]) for golden in bundle.manifest.golden]
    answers = []
    for image, model in ((image, model) for image in images for model in models):
        preprocess(image, bundle.manifest.input, model.view())
        answers.append(model.run())
    told = np.array(answers).reshape(len(images), len(models), -1)
    np.testing.assert_array_equal(told, told[:, :1].repeat(len(models), axis=1))
    assert len(np.unique(told[:, 0], axis=0)) > 1
