"""How fast the belt looks."""

from typing import Any

import cv2
import numpy as np
import pytest

from sortline_edge.config import Inputs
from sortline_edge.config.wiring import Eye
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Edge, Frame
from sortline_edge.seeing.sight import Sight
from sortline_edge.station import Core

FRAME_NS = 40_000_000
STEP_PX, ITEMS = 10, 60


def test_pictures_too_far_apart_to_have_the_belt_in_common_do_not_tell_its_speed(world: Any) -> None:
    """Items as far from each other as the belt goes between two checks: both pictures look the same."""
    station = world.station()
    mm_s = STEP_PX * station.belt.mm_per_px * 1e9 / FRAME_NS
    sight = Sight(station, Odometer(mm_s, 0), -1)
    things = [world.thing(11 * STEP_PX * nth, 60) for nth in range(ITEMS)]
    for nth in range(11 * ITEMS):
        image = world.draw(things, STEP_PX * nth, nth)
        sight.take(Frame(image, "RGB", FRAME_NS * nth, nth))
    assert sight.error == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("told", "error"), [(1.0, 0.0), (1.25, -0.2), (0.8, 0.2)])
def test_a_way_that_is_told_wrongly_shows_in_the_pictures(world: Any, told: float, error: float) -> None:
    station = world.station()
    mm_s = STEP_PX * station.belt.mm_per_px * 1e9 / FRAME_NS
    sight = Sight(station, Odometer(told * mm_s, 0), -1)
    random = np.random.default_rng(0)
    belt = cv2.GaussianBlur(random.normal(90, 30, (200, 4000)).astype(np.float32), (0, 0), 1.5)
    for nth in range(250):
        start = 4000 - 320 - STEP_PX * nth
        picture = belt[:, start : start + 320, None] + random.normal(0, 2, (200, 320, 3))
        sight.take(Frame(picture.clip(0, 255).astype(np.uint8), "RGB", FRAME_NS * nth, nth))
    assert sight.error == pytest.approx(error, abs=0.03)


def test_edges_of_an_eye_that_is_no_trigger_are_not_kept(world: Any) -> None:
    eye = Eye(line=7, distance_mm=-100)
    core = Core(world.station(inputs=Inputs(eye=eye)), world.brain())
    for nth in range(100):
        core.hear([Edge(line=7, active=nth % 2 == 0, at_ns=nth)])
    assert core._sight._edges == []
