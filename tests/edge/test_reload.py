"""Another bundle is loaded beside the sorting, and handed over once."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sortline_bundle.errors import BundleError
from sortline_edge.reload import Reloader


class Loader:
    """Loads what it is told, when it is told."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.go = threading.Semaphore(0)
        self.done = threading.Semaphore(0)

    def __call__(self) -> Any:
        self.go.acquire()
        try:
            result = self.results.pop(0)
            if isinstance(result, Exception):
                raise result
            return result
        finally:
            self.done.release()


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def reloader(loader: Loader) -> Iterator[Reloader]:
    reloader = Reloader(loader)
    yield reloader
    loader.go.release(100)
    loader.results += [None] * 100
    reloader.close()


def eventually(take: Callable[[], Any]) -> Any:
    while (taken := take()) is None:
        pass
    return taken


def test_nothing_is_loaded_unless_asked(reloader: Reloader) -> None:
    assert reloader.take() is None


def test_what_was_loaded_is_handed_over_once(reloader: Reloader, loader: Loader, world: Any) -> None:
    brain = world.brain()
    loader.results = [brain]
    reloader.ask()
    assert reloader.take() is None  # still loading: it was not told to go yet
    loader.go.release()
    assert eventually(reloader.take) is brain
    assert reloader.take() is None


def test_why_it_could_not_be_loaded_is_handed_over(reloader: Reloader, loader: Loader, world: Any) -> None:
    refused, brain = BundleError("golden images differ"), world.brain()
    loader.results = [refused, brain]
    reloader.ask()
    loader.go.release()
    assert eventually(reloader.take) is refused
    reloader.ask()
    loader.go.release()
    assert eventually(reloader.take) is brain


def test_asked_again_while_loading_it_loads_again(reloader: Reloader, loader: Loader, world: Any) -> None:
    first, second = world.brain(), world.brain()
    loader.results = [first, second]
    reloader.ask()
    loader.go.release()
    loader.done.acquire()
    reloader.ask()
    loader.go.release()
    loader.done.acquire()
    assert loader.results == []
