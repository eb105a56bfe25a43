"""How fast the belt looks."""

from typing import Any

import pytest

from sortline_edge.odometer import Odometer
from sortline_edge.ports import Frame
from sortline_edge.seeing.sight import Sight

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
