"""The simulated belt: what rides on it, what the camera sees, where things land; and a whole run on it."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError, PhotographError
from sortline_bundle.photographs import Photograph
from sortline_edge import simulation
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import Belt, Bin, Deciding, Fault, FolderCamera
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.ports import Frame, NoFrame
from sortline_edge.simulation import Outcome
from sortline_edge.twin.belt import start_belt
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.items import cut
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.riders import Rider, land

MS = 1_000_000


def belt_of(world: Any, items: Path, clock: VirtualClock, **settings: Any) -> tuple[Any, BeltCamera]:
    camera = Settings(items=str(items), item_mm=45, **settings)
    station = world.station(camera=camera, deciding=Deciding(looks=3, smallest_mm=10, longest_mm=100))
    return station, start_belt(station, camera, items, clock)


def frames_of(camera: BeltCamera) -> list[Frame]:
    frames = []
    while (frame := camera.read(1.0, 1.0)) is not NoFrame.ENDED:
        frames.append(frame)
    return frames


def test_the_same_seed_gives_the_same_pictures_and_another_others(world: Any, coloured_items: Path) -> None:
    films = []
    for seed in (5, 5, 6):
        _, camera = belt_of(world, coloured_items, VirtualClock(), count=3, seed=seed, frames_per_s=10)
        films.append([frame.image.tobytes() for frame in frames_of(camera)])
    assert films[0] == films[1]
    assert films[0] != films[2]


def test_exactly_as_many_items_ride_as_were_asked_for_each_photograph_in_its_turn(
    world: Any, coloured_items: Path
) -> None:
    _, camera = belt_of(world, coloured_items, VirtualClock(), count=19, frames_per_s=10)
    frames = frames_of(camera)
    assert [rider.number for rider in camera.riders] == list(range(19))
    assert len({rider.photograph for rider in camera.riders[:8]}) == 8
    assert [frame.sequence for frame in frames] == list(range(1, len(frames) + 1))
    passing = [rider.middle_mm for rider in camera.riders]
    assert passing == sorted(passing)


def test_gaps_are_never_shorter_than_asked(world: Any, coloured_items: Path) -> None:
    _, camera = belt_of(world, coloured_items, VirtualClock(), count=30, gap_mm=35, frames_per_s=5)
    frames_of(camera)
    for ahead, behind in pairwise(camera.riders):
        assert behind.middle_mm - ahead.middle_mm - (ahead.length_mm + behind.length_mm) / 2 >= 35 - 0.01


def test_an_item_is_seen_where_the_layout_says(world: Any, coloured_items: Path) -> None:
    _, camera = belt_of(world, coloured_items, VirtualClock(), count=4, frames_per_s=10)
    bare = None
    checked = 0
    for frame in frames_of(belt_of(world, coloured_items, VirtualClock(), count=4, frames_per_s=10)[1]):
        camera.read(1.0, 1.0)
        bare = frame.image if bare is None else bare
        for rider, sprite in camera.visible:
            left = camera.layout.left_px(rider, camera.world.motion.way_mm(frame.captured_ns))
            if not 8 < left < camera.layout.width_px - sprite.alpha.shape[1] - 8:
                continue
            height, width = sprite.alpha.shape
            room = frame.image[:, round(left) - 6 : round(left) + width + 6].astype(int)
            strange = np.abs(room - np.median(bare, axis=1, keepdims=True)).max(axis=2) > 60
            columns, rows = np.flatnonzero(strange.sum(axis=0) > 1), np.flatnonzero(strange.sum(axis=1) > 1)
            found = (columns[0] + round(left) - 6, columns[-1] + 1 - columns[0], rows[0], rows[-1] + 1 - rows[0])
            assert found == pytest.approx((left, width, rider.top_px, height), abs=4)
            checked += 1
    assert checked > 20


def test_the_middle_of_an_item_passes_the_middle_of_the_picture_at_its_way(world: Any, coloured_items: Path) -> None:
    _, camera = belt_of(world, coloured_items, VirtualClock(), count=2)
    camera.read(1.0, 1.0)
    for rider in camera.riders:
        left = camera.layout.left_px(rider, rider.middle_mm)
        assert left + rider.length_mm / camera.layout.mm_per_px / 2 == pytest.approx(320)
        later = camera.layout.left_px(rider, rider.middle_mm + 250)
        assert later - left == pytest.approx(250 / 0.5)


@pytest.fixture
def with_plain(coloured_items: Path, tmp_path: Path) -> Path:
    """The coloured items and, as a class of its own, a ground without an item."""
    for source in coloured_items.rglob("*.png"):
        link = tmp_path / "items" / source.relative_to(coloured_items)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
    (tmp_path / "items" / "nothing").mkdir()
    cv2.imwrite(str(tmp_path / "items" / "nothing" / "plain.png"), np.full((96, 96, 3), 90, np.uint8))
    return tmp_path / "items"


def test_photographs_without_an_outline_do_not_ride_and_are_counted(world: Any, with_plain: Path) -> None:
    _, camera = belt_of(world, with_plain, VirtualClock(), count=20, frames_per_s=5)
    frames_of(camera)
    assert [photograph.class_name for photograph in camera.left_out] == ["nothing"]
    assert len(camera.riders) == 20
    assert "nothing" not in {rider.photograph.class_name for rider in camera.riders}
    _, cards = belt_of(world, with_plain, VirtualClock(), count=20, frames_per_s=5, cut="card")
    frames_of(cards)
    assert not cards.left_out
    assert "nothing" in {rider.photograph.class_name for rider in cards.riders}


def test_photographs_of_nothing_at_all_are_refused(world: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "plain.png"), np.full((96, 96, 3), 90, np.uint8))
    with pytest.raises(PhotographError, match="no item stands out from its ground in any photograph"):
        belt_of(world, tmp_path, VirtualClock())


def test_an_item_is_cut_along_its_outline_and_scaled(coloured_items: Path) -> None:
    photograph = Photograph(coloured_items / "red" / "0.png", "red")
    cutting = cut(photograph, 100, outline=True)
    assert cutting is not None
    assert cutting.pixels.shape[:2] == cutting.alpha.shape
    assert cutting.alpha.shape[1] == 100
    assert cutting.alpha.shape[0] == pytest.approx(100 * 22 / 30, abs=5)
    assert (cutting.alpha > 127).mean() == pytest.approx(np.pi / 4, abs=0.05)
    assert cutting.pixels[cutting.alpha > 250].mean(axis=0) == pytest.approx((210, 50, 50), abs=8)
    card = cut(photograph, 50, outline=False)
    assert card is not None
    assert card.pixels.shape == (50, 50, 3)
    assert card.alpha.min() == 255


NEAR = Bin(name="near", classes=("red",), line=1, distance_mm=200)
FAR = Bin(name="far", classes=("blue",), line=2, distance_mm=500)


@given(
    open_=st.sets(st.sampled_from(["near", "far"])),
    bins=st.permutations([NEAR, FAR]),
    start_ns=st.integers(0, 10**12),
)
def test_an_item_lands_in_the_first_bin_whose_gate_is_open_for_it(
    open_: set[str], bins: list[Bin], start_ns: int
) -> None:
    rider = Rider(number=0, photograph=Photograph(Path("x"), "red"), middle_mm=300, length_mm=40, top_px=0)
    asked = {}

    def is_open(bin_: Bin, at_ns: int) -> bool:
        asked[bin_.name] = at_ns - start_ns
        return bin_.name in open_

    landed = land(rider, bins, Motion(100.0, start_ns), is_open)
    assert (landed.name if landed else None) == ("near" if "near" in open_ else "far" if "far" in open_ else None)
    arrivals = {"near": 5_000 * MS, "far": 8_000 * MS}
    assert asked == {name: arrivals[name] for name in asked}


@pytest.fixture
def simulate_colours(world: Any, coloured_items: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Runs the belt with a classifier that is never wrong."""
    monkeypatch.setattr(simulation, "TfliteClassifier", lambda *_: world.classifier())

    def run(count: int, *, looks: int = 3, faults: tuple[Fault, ...] = (), **changes: Any) -> Outcome:
        camera = Settings(items=coloured_items.name, count=count, seed=2, gap_mm=40, item_mm=45, faults=faults)
        deciding = Deciding(looks=looks, smallest_mm=10, longest_mm=100)
        station = world.station(**{"camera": camera, "deciding": deciding, **changes})
        return simulation.simulate(Bundle(world.manifest(), {}, "", b"", ()), station, coloured_items.parent)

    return run


def test_with_a_classifier_that_is_never_wrong_every_item_ends_in_its_bin(
    simulate_colours: Callable[..., Outcome],
) -> None:
    books, fates, changes, restarts, worst_late_ms, left_out = simulate_colours(70)
    assert (books.items, books.purity, books.recovery) == (70, 1.0, 1.0)
    assert books.missed == books.double_counted == books.phantoms == books.late == books.misdirected == 0
    assert books.decided_wrong == books.doubtful == worst_late_ms == left_out == restarts == books.joined == 0
    assert (books.losses, changes) == ({}, [])
    assert books.station["missed"] == {}
    assert [book.items for book in books.bins] == [book.belong for book in books.bins]
    assert [fate.rider.number for fate in fates] == list(range(70))
    assert all(
        ending.decision.way_mm == pytest.approx(fate.rider.middle_mm, abs=8)  # perhaps with a bit of its shadow
        for fate in fates
        for ending in fate.endings
    )


def test_items_are_told_apart_by_where_they_were_whatever_the_time_stamps_said(
    simulate_colours: Callable[..., Outcome],
) -> None:
    late = Fault(kind="stamps-jump", at_s=4, for_s=12, amount=-0.25)
    books = simulate_colours(20, faults=(late,)).books
    assert (books.phantoms, books.missed) == (0, 0)


def test_items_decided_on_too_late_for_their_gates_ride_to_the_reject_bin(
    simulate_colours: Callable[..., Outcome],
) -> None:
    names = ("red", "green", "blue")
    near = tuple(
        Bin(name=f"{name} bin", classes=(name,), line=nth, distance_mm=20, delay_ms=450)
        for nth, name in enumerate(names)
    )
    slow = Fault(kind="classifier-slow", at_s=0, for_s=1000, amount=180)
    books = simulate_colours(16, faults=(slow,), bins=near).books
    assert set(books.losses) == {"late"}
    assert books.late == books.losses["late"] > 5
    assert books.bins[-1].items == books.late + books.bins[-1].belong
    assert books.misdirected == books.missed == books.phantoms == 0


@pytest.mark.parametrize("measured_by", ["pictures", "setting"])
def test_a_belt_that_was_set_wrongly_is_measured_by_its_pictures_or_sorts_nothing_wrongly(
    simulate_colours: Callable[..., Outcome], measured_by: str
) -> None:
    belt = Belt(speed_mm_s=220, mm_per_px=0.5, measured_by=measured_by)
    faster = Fault(kind="belt-fast", at_s=0, for_s=1000, amount=250 / 220 - 1)
    outcome = simulate_colours(30, faults=(faster,), belt=belt)
    entered = [change.cause for change in outcome.changes if change.entered]
    if measured_by == "pictures":
        assert (entered, outcome.books.losses, outcome.books.recovery) == ([], {}, 1.0)
    else:
        assert entered == ["speed doubtful"]
        assert set(outcome.books.losses) <= {"speed doubtful", "gate", "never whole"}
        assert outcome.books.losses["speed doubtful"] > 15


def test_the_same_seed_gives_the_same_outcome(simulate_colours: Callable[..., Outcome]) -> None:
    assert simulate_colours(5) == simulate_colours(5)


@pytest.mark.parametrize("item_mm", [7, 217])
def test_items_that_do_not_fit_the_picture_are_refused(world: Any, coloured_items: Path, item_mm: float) -> None:
    camera = Settings(items=str(coloured_items), item_mm=item_mm)
    with pytest.raises(ConfigError, match=r"camera\.item_mm: received .* may be 8 to 216 mm long"):
        start_belt(world.station(camera=camera), camera, coloured_items, VirtualClock())


def test_a_simulation_needs_the_belt_camera(
    world: Any, coloured_items: Path, simulate_colours: Callable[..., Outcome]
) -> None:
    folder = FolderCamera(path=f"{coloured_items.name}/red")
    with pytest.raises(ConfigError, match=r'a simulation needs `camera.driver = "belt"`'):
        simulate_colours(5, camera=folder)
