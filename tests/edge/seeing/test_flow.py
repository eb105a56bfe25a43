"""The belt's speed from its pictures, on drawn belts whose speed is known."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sortline_edge.seeing.flow import Flow, Shift, Speedometer

WIDTH, HEIGHT, TILE = 320, 240, 1500
Picture = NDArray[np.uint8]


def weave(strength: float, seed: int = 0) -> NDArray[np.float32]:
    """A belt that joins its own beginning, `(HEIGHT, TILE + WIDTH + 1)` grey levels."""
    random = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(random.normal(0, 1, (HEIGHT, TILE)).astype(np.float32), (0, 0), 0.8)
    belt = 80 + strength * texture / float(texture.std())
    return np.concatenate([belt, belt[:, : WIDTH + 1]], axis=1)


def picture(belt: NDArray[np.float32], gone_px: float, seed: int, light: float = 1.0, items: int = 0) -> Picture:
    """What a camera with a shading lens and some noise sees; items are plain boxes, 150 px apart."""
    start = -gone_px % TILE
    whole, part = int(start), start - int(start)
    seen = (1 - part) * belt[:, whole : whole + WIDTH] + part * belt[:, whole + 1 : whole + WIDTH + 1]
    for nth in range(items):
        right = round(gone_px) - 150 * nth
        seen[40 + 30 * (nth % 3) : 140, max(0, right - 80) : max(0, right)] = (20, 160, 230)[nth % 3]
    shade = light * (1 - 0.2 * np.linspace(-1, 1, WIDTH) ** 2)
    noise = np.random.default_rng(seed).normal(0, 2.5, (HEIGHT, WIDTH, 3))
    return np.clip((seen * shade)[..., None] + noise, 0, 255).astype(np.uint8)


def shifts(
    steps: Sequence[float],
    strength: float = 5.0,
    light: Callable[[int], float] = lambda _nth: 1.0,
    items: int = 0,
) -> list[Shift | None]:
    belt, flow, gone, found = weave(strength), Flow(), 0.0, []
    for nth, step in enumerate(steps):
        gone += step
        found.append(flow.shift(picture(belt, gone, nth, light(nth), items)))
    return found


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.floats(2, 120), min_size=4, max_size=8),
    strength=st.floats(3, 12),
    flicker=st.floats(0, 0.15),
    items=st.integers(0, 3),
)
def test_the_shift_between_two_pictures_is_what_the_belt_went(
    steps: list[float], strength: float, flicker: float, items: int
) -> None:
    found = shifts(steps, strength, lambda nth: 1 + flicker * np.sin(1.7 * nth), items)
    assert found[0] is None
    known = [(shift, step) for shift, step in zip(found[1:], steps[1:], strict=True) if shift is not None]
    assert len(known) >= len(steps) - 2
    for shift, step in known:
        assert shift.px == pytest.approx(step, abs=1.1 if items else 0.5)  # items are drawn at whole pixels
        assert 0 < shift.certainty <= 1


@settings(max_examples=15, deadline=None)
@given(step=st.floats(-100, 100), flicker=st.floats(0, 0.15))
def test_a_belt_without_texture_tells_nothing_rather_than_something_wrong(step: float, flicker: float) -> None:
    found = shifts([step] * 12, 0.0, lambda nth: 1 + flicker * np.sin(1.7 * nth))
    assert found == [None] * 12
    assert [Flow().shift(np.full((HEIGHT, WIDTH, 3), 80, np.uint8)) for _ in range(2)] == [None, None]


def test_a_still_picture_is_no_standing_belt_before_the_belt_was_seen_to_move() -> None:
    flow, scratched_lens = Flow(), picture(weave(8.0), 0, 0)
    assert [flow.shift(scratched_lens) for _ in range(30)] == [None] * 30


def test_stop_and_go_are_seen() -> None:
    steps = [20.0] * 25 + [0.0] * 10 + [20.0] * 5
    found = shifts(steps)[1:]
    assert [shift and shift.px for shift in found] == pytest.approx(steps[1:], abs=0.3)


def test_a_print_that_repeats_is_not_taken_for_another_shift() -> None:
    belt, flow = weave(3.0), Flow()
    belt += np.where(np.arange(belt.shape[1]) % 30 < 15, 0, 40).astype(np.float32)
    found = [flow.shift(picture(belt, 20.0 * nth, nth)) for nth in range(12)]
    assert all(shift is None or shift.px == pytest.approx(20, abs=0.5) for shift in found)


def test_pictures_that_have_nothing_in_common_tell_nothing() -> None:
    flow = Flow()
    found = [flow.shift(picture(weave(8.0, seed), 0, seed)) for seed in range(8)]
    assert found == [None] * 8


def test_channels_and_size_of_the_picture_do_not_matter() -> None:
    belt, flow = weave(6.0), Flow()
    small = [cv2.resize(picture(belt, 16.0 * nth, nth), (160, 120)) for nth in range(3)]
    found = [flow.shift(np.asarray(image[..., ::-1], np.uint8)) for image in small]
    assert [shift and shift.px for shift in found[1:]] == pytest.approx([8, 8], abs=0.3)


@settings(deadline=None)
@given(
    speed=st.floats(50, 3000),
    late_ms=st.lists(st.floats(-4, 4), min_size=40, max_size=40),
    lost=st.sets(st.integers(0, 39), max_size=10),
    wrong=st.sets(st.integers(0, 39), max_size=3),
)
def test_the_speed_is_found_among_uneven_stamps_lost_shifts_and_a_few_wrong_ones(
    speed: float, late_ms: list[float], lost: set[int], wrong: set[int]
) -> None:
    meter = Speedometer()
    for nth, late in enumerate(late_ms):
        shift = Shift(speed * 0.04 * (5 if nth in wrong else 1), 0.5)
        meter.add(None if nth in lost else shift, round(1e6 * (40 * nth + late)))
    assert meter.speed is not None
    assert meter.speed == pytest.approx(speed, rel=0.08)


def test_the_speed_of_even_shifts_is_exact_and_without_spread() -> None:
    meter = Speedometer()
    for nth in range(33):
        meter.add(Shift(20.0, 0.5), 40_000_000 * nth)
    assert meter.speed == pytest.approx(500)


def test_a_few_shifts_make_no_speed() -> None:
    meter = Speedometer()
    for nth in range(60):
        meter.add(Shift(20.0, 0.5) if nth % 6 == 0 else None, 40_000_000 * nth)
        assert meter.speed is None


def test_the_speed_forgets() -> None:
    meter = Speedometer()
    for nth in range(100):
        meter.add(Shift(20.0 if nth < 60 else 10.0, 0.5), 40_000_000 * nth)
    assert meter.speed == pytest.approx(250)
