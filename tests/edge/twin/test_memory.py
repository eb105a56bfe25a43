"""Looks that are remembered, and the coarse camera that they make enough."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sortline_bundle.errors import ConfigError
from sortline_bundle.preprocess import Box
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Fault, FolderCamera
from sortline_edge.ports import NoFrame
from sortline_edge.twin.belt import sketched
from sortline_edge.twin.memory import VIEWS, RememberedLooks


@pytest.mark.parametrize("sketch", [False, True])
def test_what_lies_under_a_box_is_known_and_classified_once_a_view(
    world: Any, twin: Any, coloured_items: Path, *, sketch: bool
) -> None:
    station = world.station(camera=Settings(items=""))
    camera = twin.start(
        sketched(station) if sketch else station, coloured_items, VirtualClock(), count=30, sketch=sketch
    )
    inner = world.classifier()
    looks = RememberedLooks(inner, camera)
    asked = 0
    while (frame := camera.read(1, 1)) is not NoFrame.ENDED:
        for rider, box in camera.seen:
            if box.left >= 0 and box.right <= frame.image.shape[1]:
                asked += 1
                likeliest = int(looks.logits(frame.image, box, frame.order).argmax())
                assert list(world.palette)[likeliest] == rider.photograph.class_name
    assert asked > 200
    assert len(inner.asked) == 8 * VIEWS


def test_a_box_gets_the_item_that_fills_most_of_it_or_the_bare_belt(
    world: Any, twin: Any, coloured_items: Path
) -> None:
    camera = twin.start(world.station(), coloured_items, VirtualClock(), count=6, gap_mm=5, seed=1)
    inner = world.classifier()
    looks = RememberedLooks(inner, camera)
    while len([box for _, box in camera.seen if box.left >= 0 and box.right <= 640]) < 2:
        frame = camera.read(1, 1)
    (one, ahead), (other, behind) = camera.seen[:2]
    assert one.photograph.class_name != other.photograph.class_name
    around = Box(behind.left + behind.width // 2, 0, ahead.right, 480)
    assert np.array_equal(looks.logits(frame.image, around), looks.logits(frame.image, ahead))
    bare = looks.logits(frame.image, Box(0, 0, 3, 480))
    assert not np.array_equal(bare, looks.logits(frame.image, ahead))
    assert np.array_equal(bare, looks.logits(frame.image, Box(636, 0, 640, 480)))
    before = len(inner.asked)
    looks.logits(frame.image)[:] = 0
    assert looks.logits(frame.image).any()
    assert len(inner.asked) <= before + 1


def test_what_is_known_serves_another_run_too(world: Any, twin: Any, coloured_items: Path) -> None:
    inner, known = world.classifier(), {}
    for seed in (1, 2):
        camera = twin.start(world.station(), coloured_items, VirtualClock(), count=8, seed=seed)
        looks = RememberedLooks(inner, camera, known)
        while (frame := camera.read(1, 1)) is not NoFrame.ENDED:
            for _, box in camera.seen:
                looks.logits(frame.image, box)
    assert len(inner.asked) == 8 * VIEWS


def test_a_look_through_a_swapped_camera_is_another(world: Any, twin: Any, coloured_items: Path) -> None:
    fault = Fault(kind="colours-swapped", at_s=0, for_s=99)
    camera = twin.start(world.station(), coloured_items, VirtualClock(), count=8, faults=(fault,))
    looks = RememberedLooks(world.classifier(), camera)
    said = set()
    while (frame := camera.read(1, 1)) is not NoFrame.ENDED:
        for rider, box in camera.seen:
            said.add((rider.photograph.class_name, list(world.palette)[int(looks.logits(frame.image, box).argmax())]))
    assert said == {("red", "blue"), ("blue", "red"), ("green", "green"), ("white", "white")}


def test_a_sketch_is_the_same_belt_of_a_sixteenth_of_the_pixels(world: Any, twin: Any, coloured_items: Path) -> None:
    station = world.station(camera=Settings(items=""))
    assert sketched(station).belt.mm_per_px == 4 * station.belt.mm_per_px
    whole = twin.start(station, coloured_items, VirtualClock(), count=6)
    sketch = twin.start(sketched(station), coloured_items, VirtualClock(), count=6, sketch=True)
    fine, coarse = twin.film(whole), twin.film(sketch)
    assert coarse[0].image.shape == (120, 160, 3)
    assert [rider.photograph for rider in whole.riders] == [rider.photograph for rider in sketch.riders]
    # Sizes are whole pixels, so that every item may be some mm longer.
    for rider, same in zip(whole.riders, sketch.riders, strict=True):
        assert rider.length_mm == pytest.approx(same.length_mm, abs=6)
        assert rider.middle_mm == pytest.approx(same.middle_mm, abs=6 * (rider.number + 1))
    assert fine[0].image.mean() == pytest.approx(coarse[0].image.mean(), abs=1)


def test_a_sketch_needs_the_belt_camera(world: Any) -> None:
    with pytest.raises(ConfigError, match=r'a sketch needs `camera.driver = "belt"`'):
        sketched(world.station(camera=FolderCamera(path="x")))
