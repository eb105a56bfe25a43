"""The garbage collector: held while the station sorts, called now and then, given back afterwards."""

import gc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from sortline_edge.collector import collector_on_call
from sortline_edge.station import Core


class Circle:
    """Refers to itself: only the collector finds it."""

    left = 0

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Circle.left += 1


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    Circle.left = 0
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_until_the_thousandth_call() -> None:
    with collector_on_call() as rest:
        assert not gc.isenabled()
        Circle()
        for _ in range(999):
            rest()
        assert Circle.left == 0
        rest()
        assert Circle.left == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_afterwards_the_collector_is_as_it_was(enabled: bool) -> None:
    if not enabled:
        gc.disable()
    with pytest.raises(KeyboardInterrupt), collector_on_call():
        raise KeyboardInterrupt
    assert gc.isenabled() == enabled
    assert gc.get_freeze_count() == 0


def test_sorting_makes_nothing_that_only_the_collector_finds(world: Any) -> None:
    things = [world.thing(60 + 200 * nth, 60, colour=world.palette[name]) for nth, name in enumerate(world.palette)]
    film = world.film(things)
    core = Core(world.station(), world.brain())
    decided = 0
    with collector_on_call():
        for frame in film:
            core.see(frame)
            decided += len(core.act(frame.captured_ns).decisions)
        assert gc.collect() == 0
    assert decided == len(things)


def test_sorting_on_and_on_keeps_no_more_than_it_needs(world: Any) -> None:
    """What the station holds after every pass of the same items is the same."""
    things = [world.thing(60, 60), world.thing(260, 50, colour=world.palette["blue"])]
    film = world.film(things)
    period_ns = film[-1].captured_ns + (film[1].captured_ns - film[0].captured_ns)
    classifier = world.classifier()
    core = Core(world.station(), world.brain(classifier=classifier))
    kept = []
    with collector_on_call():
        for lap in range(5):
            for frame in film:
                now_ns = frame.captured_ns + lap * period_ns
                core.see(type(frame)(frame.image, frame.order, now_ns, frame.sequence))
                core.act(now_ns)
            classifier.asked.clear()
            kept.append(len(gc.get_objects()))
    assert all(later <= earlier + 10 for earlier, later in pairwise(kept[1:]))
