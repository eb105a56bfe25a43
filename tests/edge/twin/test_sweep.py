"""A sweep over the simulated belt: what is asked for, what is chosen, where it is drawn, and how it runs."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.manifest import Promise
from sortline_edge import simulation
from sortline_edge.config import BeltCamera, Deciding
from sortline_edge.simulation import Conditions
from sortline_edge.sweep import SWEPT, Sweeper, sweeping, target_of
from sortline_edge.twin import chart
from sortline_edge.twin.books import share_interval
from sortline_edge.twin.choice import Point, choose, keeps, say
from sortline_edge.twin.grid import Axis, parse_grid, points
from sortline_edge.twin.map import Swept, render_map

NAMES = ("speed", "threshold", "gap")


def point(right: int, sorted_: int, per_min: float = 60, items: int | None = None, **at: float) -> Point:
    return Point(
        at=at,
        items=sorted_ if items is None else items,
        photographs=100,
        sorted=sorted_,
        right=right,
        offered_per_min=2 * per_min,
        right_per_min=per_min,
        purity=right / sorted_ if sorted_ else None,
        purity_interval=share_interval(right, sorted_),
        recovery=0.5,
        recovery_interval=(0.4, 0.6),
        losses={"doubtful": 3},
    )


MADE = st.builds(
    lambda counts, per_min, speed, threshold: point(*sorted(counts), per_min, speed=speed, threshold=threshold),
    st.tuples(st.integers(0, 400), st.integers(0, 400)),
    st.floats(0, 1000),
    st.sampled_from([200.0, 500.0]),
    st.sampled_from([0.5, 0.9]),
)
TARGETS = st.floats(0.01, 0.99)


def test_ranges_and_lists_are_read() -> None:
    axes = parse_grid("speed=200:1500:6, threshold=0.9/0.5", NAMES)
    assert axes == (Axis("speed", (200, 460, 720, 980, 1240, 1500)), Axis("threshold", (0.5, 0.9)))
    grid = points(axes)
    assert (grid[0], grid[1], grid[-1]) == (
        {"speed": 200, "threshold": 0.5},
        {"speed": 200, "threshold": 0.9},
        {"speed": 1500, "threshold": 0.9},
    )


@given(
    first=st.floats(0.001, 1000),
    span=st.floats(0.01, 1000),
    steps=st.integers(2, 40),
    listed=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6, unique=True),
)
def test_a_range_has_its_ends_and_so_many_even_steps(
    first: float, span: float, steps: int, listed: list[float]
) -> None:
    assume(span / (steps - 1) > 1e-4 * (first + span))  # steps that differ in the digits that are kept
    text = f"speed={first!r}:{first + span!r}:{steps},gap={'/'.join(map(repr, listed))}"
    speed, gap = parse_grid(text, NAMES)
    assert len(speed.values) == steps
    assert speed.values[0] == pytest.approx(first, rel=1e-5)
    assert speed.values[-1] == pytest.approx(first + span, rel=1e-5)
    widths = [after - before for before, after in zip(speed.values, speed.values[1:], strict=False)]
    assert min(widths) > 0
    assert max(widths) == pytest.approx(span / (steps - 1), abs=2e-5 * (first + span))
    assert gap.values == tuple(sorted(listed))
    grid = points([speed, gap])
    assert len(grid) == steps * len(listed) == len({tuple(at.items()) for at in grid})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"--sweep: '' is neither NAME=FROM:TO:STEPS nor NAME=A/B/C"),
        ("speed", r"'speed' is neither"),
        ("spede=1/2", r"'spede' cannot be swept; what can: speed, threshold, gap"),
        ("speed=1/2,speed=3", r"speed is there twice"),
        ("speed=1/2/1", r"speed=1/2/1: a value is there twice"),
        ("speed=1:2", r"a range is FROM:TO:STEPS"),
        ("speed=1:2:x", r"a range is FROM:TO:STEPS"),
        ("speed=2:1:3", r"a range goes upwards, in 2 to"),
        ("speed=1:2:1", r"a range goes upwards, in 2 to"),
        ("speed=1/fast", r"received 'fast', must be a number"),
        ("speed=nan:2:3", r"received 'nan', must be a number"),
        ("speed=1000000:1000000.1:5", r"too small to be told apart"),
        ("speed=1:2:200,gap=1:2:200", r"40000 points, where at most 10000 are allowed"),
    ],
)
def test_what_cannot_be_swept_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_grid(text, NAMES)


@given(made=st.lists(MADE, max_size=12), target=TARGETS)
def test_the_point_chosen_keeps_the_target_and_nothing_that_keeps_it_is_faster(
    made: list[Point], target: float
) -> None:
    answer = choose(made, target)
    keeping = [one for one in made if one.purity_interval is not None and one.purity_interval[0] >= target]
    assert (answer.verdict == "kept") == bool(keeping)
    if answer.verdict == "kept":
        assert answer.point in keeping
        assert answer.point.right_per_min == max(one.right_per_min for one in keeping)
    elif answer.verdict == "unsure":
        assert answer.point.purity_interval[0] < target <= answer.point.purity_interval[1]
    else:
        assert all(one.purity_interval is None or one.purity_interval[1] < target for one in made)
        assert (answer.point is None) == all(one.sorted == 0 for one in made)
    assert f"{target:.4g}" in say(answer)


@given(sorted_=st.integers(2, 60), wrong=st.integers(0, 3), extra=st.integers(0, 50), target=st.floats(0.6, 0.97))
def test_so_many_items_as_were_said_to_be_needed_do_tell(sorted_: int, wrong: int, extra: int, target: float) -> None:
    made = point(max(0, sorted_ - wrong), sorted_, items=sorted_ + extra)
    answer = choose([made], target)
    assume(answer.items_needed is not None)
    # As many runs like this one as it takes, so that the shares stay as they are.
    runs = math.ceil(answer.items_needed / made.items)
    low, high = share_interval(made.right * runs, made.sorted * runs)
    assert low >= target - 1e-9 or high <= target + 1e-9
    if runs > 1:
        low, high = share_interval(made.right * (runs - 1), made.sorted * (runs - 1))
        assert low < target < high


def test_the_three_answers_in_words() -> None:
    fast, pure = point(80, 100, 300, speed=900), point(199, 200, 90, speed=200)
    assert say(choose([fast, pure], 0.95)) == (
        "The most that keeps a purity of 0.95 is speed 200: 90 items a minute in the right bin of 180 that ride past;"
        " purity 99.5% (97.2% to 99.9%)."
    )
    assert say(choose([fast], 0.95)) == (
        "No point keeps a purity of 0.95: the purest, speed 900, has purity 80.0% (71.1% to 86.7%)."
    )
    few = choose([point(20, 20, 90, items=40, speed=200), point(19, 20, 99, speed=500)], 0.95)
    assert few.items_needed == 146  # 73 sorted without one wrong
    assert "With 40 items it cannot be said" in say(few)
    assert "about 146 items would tell" in say(few)
    assert "no number of items would tell" in say(choose([point(19, 20, speed=1)], 0.95))
    assert say(choose([point(0, 0, speed=1)], 0.95)) == "No point keeps a purity of 0.95: nothing was sorted at any."


@given(made=st.lists(MADE, max_size=12), target=TARGETS)
def test_a_map_holds_every_point_inside_its_frame_and_in_order(made: list[Point], target: float) -> None:
    shown = [one for one in made if one.purity is not None]
    laid = chart.lay_out(made, target, choose(made, target).point, "threshold")
    marks = [mark for curve in laid.curves for mark in curve.marks]
    assert len(marks) == len(shown)
    assert {curve.name for curve in laid.curves} == {f"speed {one.at['speed']:g}" for one in shown}
    slack = 1e-6
    for mark in marks:
        assert chart.LEFT - slack <= mark.x <= chart.RIGHT + slack
        assert chart.TOP - slack <= mark.high_y <= mark.y + slack
        assert mark.y - slack <= mark.low_y <= chart.BOTTOM + slack
        assert not mark.keeps or mark.low_y <= laid.target_y + slack
    assert chart.TOP - slack <= laid.target_y <= chart.BOTTOM + slack
    by_purity = sorted(shown, key=lambda one: one.purity)
    tops = sorted((mark.y for mark in marks), reverse=True)
    assert [one.purity for one in by_purity] == sorted(one.purity for one in shown)
    for one, y in zip(by_purity, tops, strict=True):
        assert any(mark.y == y and f"purity {one.purity:.1%}" in mark.label for mark in marks)
    for ticks in (laid.x_ticks, laid.y_ticks[::-1]):
        places = [tick.at for tick in ticks]
        assert places == sorted(places)
        assert 2 <= len(places) <= 13
        assert len({tick.label for tick in ticks}) == len(ticks)


def test_a_page_of_a_map_is_whole_and_names_the_answer(world: Any, tmp_path: Path) -> None:
    made = [point(199 - 20 * nth, 200, 50 + 10 * nth, speed=200, threshold=1 - nth / 10) for nth in range(3)]
    axes = parse_grid("speed=200,threshold=0.8/0.9/1", NAMES)
    answer = choose(made, 0.95)
    render_map(tmp_path / "map.html", Bundle(world.manifest(), {}, "", b"", ()), Swept(axes, made, answer, ["Mind."]))
    page = (tmp_path / "map.html").read_text()
    assert say(answer) in page
    assert page.count("<circle") == 4  # three points, and a ring around the one that was chosen
    assert page.count("<tr") == 4
    assert "Mind." in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_target_is_the_bundles_own(world: Any) -> None:
    manifest = world.manifest()
    assert target_of(manifest) == 0.95
    promise = Promise(scope="overall", confidence=0.95, mix=None, photographs=9, overall_purity=0.9)
    assert target_of(msgspec.structs.replace(manifest, promise=promise)) == 0.9
    each = msgspec.structs.replace(promise, scope="class", overall_purity=None)
    classes = tuple(
        msgspec.structs.replace(spec, target_purity=target)
        for spec, target in zip(manifest.classes, (0.99, 0.8, None, 0.9), strict=True)
    )
    assert target_of(msgspec.structs.replace(manifest, promise=each, classes=classes)) == 0.8


@pytest.fixture
def sweeper(world: Any, coloured_items: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sweeper]:
    """Sweeps with a classifier that is never wrong; it keeps those it made in `classifiers`."""
    monkeypatch.setattr(simulation, "TfliteClassifier", lambda *_: world.classifier())

    def make(count: int = 9, **settings: Any) -> Sweeper:
        camera = BeltCamera(items=coloured_items.name, count=count, seed=2, gap_mm=40, item_mm=45, **settings)
        deciding = Deciding(looks=3, smallest_mm=10, longest_mm=100)
        station = world.station(camera=camera, deciding=deciding)
        return Sweeper(Bundle(world.manifest(), {}, "", b"", ()), station, coloured_items.parent, Conditions())

    return make


def test_a_sweep_runs_the_same_items_at_every_point(sweeper: Callable[..., Sweeper]) -> None:
    grid = points(parse_grid("speed=200/400,threshold=0.2/1", SWEPT))
    with sweeping(sweeper(), 1) as run_all:
        made = list(run_all(grid))
    assert [one.at for one in made] == grid
    assert {one.items for one in made} == {9}
    slow, refused, fast, _ = made
    assert slow.purity == fast.purity == 1
    assert fast.offered_per_min > 1.4 * slow.offered_per_min
    assert refused.sorted < slow.sorted  # nothing reaches a score of 1
    assert keeps(slow, 0.5)


def test_each_photograph_is_classified_once_in_a_sweep(
    sweeper: Callable[..., Sweeper], world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.classifier()
    monkeypatch.setattr(simulation, "TfliteClassifier", lambda *_: one)
    swept = sweeper()
    swept.run({"speed": 200})
    asked = len(one.asked)
    swept.run({"speed": 400})
    swept.run({"speed": 200, "threshold": 0.9})
    assert len(one.asked) == asked > 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("threshold=0.5/1.5", r"--sweep: threshold: received 1.5, may be 0 to 1"),
        ("looks=1/2.5", r"--sweep: `deciding.looks`"),
        ("speed=0.1/200", r"--sweep: `belt.speed_mm_s`"),
    ],
)
def test_a_point_that_cannot_be_is_refused_before_the_first_run(
    sweeper: Callable[..., Sweeper], text: str, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        sweeper().check(points(parse_grid(text, SWEPT)))
