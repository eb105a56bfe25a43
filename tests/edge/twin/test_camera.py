"""What the camera over the simulated belt gives, whole and broken."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.clocks import VirtualClock
from sortline_edge.config import Fault
from sortline_edge.ports import Frame, NoFrame

S, MS = 1_000_000_000, 1_000_000


def filmed(world: Any, twin: Any, items: Path, *faults: Fault, patience_s: float = 1.0, **settings: Any) -> list[Frame]:
    settings = {"count": 3, "frames_per_s": 10, **settings}
    camera = twin.start(world.station(), items, VirtualClock(), faults=faults, **settings)
    return list(twin.film(camera, patience_s))


def during(frames: list[Frame], begin_s: float, end_s: float) -> list[Frame]:
    return [frame for frame in frames if begin_s * S <= frame.captured_ns < end_s * S]


def test_a_stalled_camera_gives_nothing_and_then_goes_on_without_a_gap(
    world: Any, twin: Any, coloured_items: Path
) -> None:
    clock = VirtualClock()
    faults = (Fault(kind="camera-stalls", at_s=0.95, for_s=2),)
    camera = twin.start(world.station(), coloured_items, clock, faults=faults, frames_per_s=10)
    before = [camera.read(0.5, 0.5) for _ in range(9)]
    assert [camera.read(0.5, 0.5) for _ in range(4)] == [NoFrame.YET] * 4
    assert clock.now_ns() == 2900 * MS
    after = camera.read(0.5, 0.5)
    assert after.captured_ns == 3000 * MS
    assert after.sequence == before[-1].sequence + 1 == 10


def test_a_frozen_camera_gives_one_picture_with_fresh_stamps(world: Any, twin: Any, coloured_items: Path) -> None:
    frames = filmed(world, twin, coloured_items, Fault(kind="camera-freezes", at_s=1, for_s=1))
    stuck = during(frames, 0.9, 2)
    assert len(stuck) == 11
    assert all(np.array_equal(frame.image, stuck[0].image) for frame in stuck)
    assert all(after.captured_ns - before.captured_ns == 100 * MS for before, after in pairwise(frames))
    assert not np.array_equal(during(frames, 2, 2.1)[0].image, stuck[0].image)


def test_dropped_frames_leave_gaps_in_the_sequence(world: Any, twin: Any, coloured_items: Path) -> None:
    frames = filmed(world, twin, coloured_items, Fault(kind="frames-dropped", at_s=0, for_s=60), frames_per_s=50)
    assert 0.35 < len(frames) / frames[-1].sequence < 0.65
    assert all(frame.captured_ns == frame.sequence * 20 * MS for frame in frames)
    none = filmed(world, twin, coloured_items, Fault(kind="frames-dropped", at_s=1, for_s=1, amount=1))
    assert not during(none, 1, 2)


@given(pauses_ms=st.lists(st.integers(0, 900), min_size=5, max_size=30), stalls_at=st.floats(0, 5))
def test_a_reader_of_any_slowness_gets_newest_frames_and_true_gaps(
    world: Any, twin: Any, coloured_items: Path, pauses_ms: list[int], stalls_at: float
) -> None:
    clock = VirtualClock()
    faults = (Fault(kind="camera-stalls", at_s=stalls_at, for_s=0.5),)
    camera = twin.start(world.station(), coloured_items, clock, faults=faults, frames_per_s=10, sketch=True, cut="card")
    taken = 0
    for pause_ms in pauses_ms:
        clock.wait_until_ns(clock.now_ns() + pause_ms * MS)
        frame = camera.read(2, 2)
        stalled = sum(
            stalls_at * S <= nth * 100 * MS < (stalls_at + 0.5) * S
            for nth in range(frame.captured_ns // (100 * MS) + 1)
        )
        assert frame.sequence == frame.captured_ns // (100 * MS) - stalled + (stalls_at == 0)
        assert frame.sequence > taken
        assert clock.now_ns() - frame.captured_ns < 600 * MS
        taken = frame.sequence


def test_stale_frames_show_what_was_when_their_stamp_says(world: Any, twin: Any, coloured_items: Path) -> None:
    clock = VirtualClock()
    plain = filmed(world, twin, coloured_items, noise=0)
    faults = (Fault(kind="frames-stale", at_s=2, for_s=2, amount=0.3),)
    camera = twin.start(world.station(), coloured_items, clock, faults=faults, count=3, frames_per_s=10, noise=0)
    for frame in twin.film(camera):
        same = plain[frame.captured_ns // (100 * MS) - 1]
        assert np.array_equal(frame.image, same.image)
        if 2 * S <= frame.sequence * 100 * MS < 4 * S:
            assert frame.captured_ns == frame.sequence * 100 * MS - 300 * MS
        if frame.captured_ns > plain[-1].captured_ns - 500 * MS:
            break


def test_frames_that_are_too_old_are_withheld(world: Any, twin: Any, coloured_items: Path) -> None:
    clock = VirtualClock()
    faults = (Fault(kind="frames-stale", at_s=1, for_s=2, amount=0.3),)
    camera = twin.start(world.station(), coloured_items, clock, faults=faults, frames_per_s=10)
    frames = [camera.read(5, 0.25) for _ in range(12)]
    assert [frame.captured_ns // (100 * MS) for frame in frames] == [*range(1, 10), 30, 31, 32]
    assert camera.read(0.05, 0.25) is NoFrame.YET


def test_stamps_jump_and_pictures_do_not(world: Any, twin: Any, coloured_items: Path) -> None:
    plain = filmed(world, twin, coloured_items)
    frames = filmed(world, twin, coloured_items, Fault(kind="stamps-jump", at_s=1, for_s=1, amount=3600))
    assert [frame.image.tobytes() for frame in frames] == [frame.image.tobytes() for frame in plain]
    jumps = [frame.captured_ns - whole.captured_ns for frame, whole in zip(frames, plain, strict=True)]
    assert jumps == [3600 * S if 10 <= nth < 20 else 0 for nth in range(1, len(plain) + 1)]
    early = filmed(world, twin, coloured_items, Fault(kind="stamps-jump", at_s=1, for_s=1, amount=-3600))
    assert len(early) == len(plain) - 10


def test_light_steps_and_drifts(world: Any, twin: Any, coloured_items: Path) -> None:
    bright = [
        frame.image.mean()
        for frame in filmed(world, twin, coloured_items, Fault(kind="light-step", at_s=1, for_s=1, amount=-0.5))
    ]
    assert bright[12] / bright[5] == pytest.approx(0.5, abs=0.05)
    assert bright[22] / bright[5] == pytest.approx(1, abs=0.1)
    camera = twin.start(world.station(), coloured_items, VirtualClock(), light=0.2)
    gains = [camera.world.lens(at_s * S, camera.layout).gain for at_s in (0, 150, 300, 450)]
    assert gains == pytest.approx([1, 1.2, 1, 0.8], abs=0.01)


def test_red_and_blue_change_places(world: Any, twin: Any, coloured_items: Path) -> None:
    plain = filmed(world, twin, coloured_items)
    frames = filmed(world, twin, coloured_items, Fault(kind="colours-swapped", at_s=1, for_s=1))
    for nth, (frame, whole) in enumerate(zip(frames, plain, strict=True), 1):
        assert np.array_equal(frame.image, whole.image[..., ::-1] if 10 <= nth < 20 else whole.image)


def test_dirt_is_dark_and_stays_where_it_is(world: Any, twin: Any, coloured_items: Path) -> None:
    plain = filmed(world, twin, coloured_items, noise=0)
    frames = filmed(world, twin, coloured_items, Fault(kind="lens-dirty", at_s=0, for_s=99, amount=40), noise=0)
    places = []
    for frame, whole in zip(frames, plain, strict=True):
        darker = (whole.image.astype(int) - frame.image).max(axis=2) > 10
        rows, columns = np.flatnonzero(darker.any(axis=1)), np.flatnonzero(darker.any(axis=0))
        places.append((rows[0], rows[-1], columns[0], columns[-1]))
        assert rows[-1] - rows[0] <= 80
    assert np.ptp(places, axis=0).max() <= 8


def test_exposure_blurs_what_moves_along_the_belt_only(world: Any, twin: Any, coloured_items: Path) -> None:
    def sharpness(frame: Frame) -> tuple[float, float]:
        picture = frame.image.astype(float)
        return float(np.abs(np.diff(picture, axis=1)).mean()), float(np.abs(np.diff(picture, axis=0)).mean())

    still = Fault(kind="belt-stands", at_s=2.5, for_s=1)
    sharp = filmed(world, twin, coloured_items, still, noise=0)
    soft = filmed(world, twin, coloured_items, still, noise=0, exposure_ms=20)  # 10 px
    along, across = np.divide(sharpness(soft[15]), sharpness(sharp[15]))
    assert along < 0.5
    assert across > 1.2 * along
    assert np.array_equal(soft[29].image, sharp[29].image)
    assert sharp[15].image.mean() == pytest.approx(soft[15].image.mean(), abs=1)


def test_noise_is_as_strong_as_asked(world: Any, twin: Any, coloured_items: Path) -> None:
    clean, noisy = (filmed(world, twin, coloured_items, noise=noise)[0].image.astype(int) for noise in (0, 8))
    assert (noisy - clean).std() == pytest.approx(8, rel=0.1)
    assert (noisy - clean).mean() == pytest.approx(0, abs=0.3)


def test_a_share_of_the_items_touches_the_one_before(world: Any, twin: Any, coloured_items: Path) -> None:
    for overlap in (0.0, 0.4, 1.0):
        camera = twin.start(world.station(), coloured_items, VirtualClock(), count=80, overlap=overlap, frames_per_s=2)
        twin.film(camera)
        gaps = [
            behind.middle_mm - ahead.middle_mm - (ahead.length_mm + behind.length_mm) / 2
            for ahead, behind in pairwise(camera.riders)
        ]
        touching = [gap for gap in gaps if gap <= 0]
        assert len(touching) / len(gaps) == pytest.approx(overlap, abs=0.15 if 0 < overlap < 1 else 0)
        assert all(gap >= 60 - 0.01 for gap in gaps if gap > 0)
        assert [rider.middle_mm for rider in camera.riders] == sorted(rider.middle_mm for rider in camera.riders)


def test_items_lie_on_top_of_each_other_for_a_while(world: Any, twin: Any, coloured_items: Path) -> None:
    fault = Fault(kind="items-on-top", at_s=3, for_s=3)
    camera = twin.start(world.station(), coloured_items, VirtualClock(), count=40, faults=(fault,), frames_per_s=2)
    twin.film(camera)
    on_top = [
        behind.number
        for ahead, behind in pairwise(camera.riders)
        if behind.middle_mm - ahead.middle_mm < 0.25 * behind.length_mm
    ]
    below = [rider for rider in camera.riders if 3 <= rider.middle_mm / 250 < 6 and rider.number not in on_top]
    assert below
    assert on_top == [rider.number + 1 for rider in below]  # one on each, and no pile


@pytest.mark.parametrize("kind", ["belt-stands", "belt-slips", "belt-fast"])
def test_items_are_seen_where_the_belt_has_carried_them(world: Any, twin: Any, coloured_items: Path, kind: Any) -> None:
    clock = VirtualClock()
    faults = (Fault(kind=kind, at_s=1, for_s=2, amount=None if kind == "belt-stands" else 0.5),)
    camera = twin.start(world.station(), coloured_items, clock, faults=faults, count=3, frames_per_s=10, jitter=0.1)
    while (frame := camera.read(1, 1)) is not NoFrame.ENDED:
        way_mm = camera.world.motion.way_mm(frame.captured_ns)
        for rider, box in camera.seen:
            assert box.left == pytest.approx(320 + (way_mm - rider.middle_mm - rider.length_mm / 2) / 0.5, abs=0.51)


def test_what_the_simulation_asks_of_the_station_itself(world: Any, twin: Any) -> None:
    faults = [
        Fault(kind="station-hangs", at_s=1, for_s=2),
        Fault(kind="classifier-slow", at_s=1, for_s=2),
        Fault(kind="board-hot", at_s=1, for_s=2, amount=88),
    ]
    belt = twin.world(world.station(), (), faults)
    assert [belt.hang_ns(at_ns * MS) for at_ns in (999, 1000, 2900, 3000)] == [0, 2 * S, 100 * MS, 0]
    assert [belt.look_ns(at_s * S) for at_s in (0, 1, 3)] == [0, 200 * MS, 0]
    assert [belt.temperature_c(at_s * S) for at_s in (0, 1, 3)] == [55, 88, 55]
