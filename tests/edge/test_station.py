"""The station core: frames and times in, exactly one decision an item and one pulse a gate out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError
from sortline_edge.config import Belt, Bin, Deciding
from sortline_edge.decide import Decision
from sortline_edge.ports import Frame, Pulse, Recall
from sortline_edge.station import Core, Step

FAR_NS = 10**11
SMALLEST_PX = 20
RESOLUTION_PX = 8  # the detector sees every fourth pixel, on both sides of a gap


class Sorted(NamedTuple):
    """What came of a film."""

    decisions: list[Decision]
    pulses: list[Pulse]

    def take(self, step: Step) -> None:
        self.decisions.extend(step.decisions)
        for command in step.commands:
            if isinstance(command, Recall):
                self.pulses[:] = [pulse for pulse in self.pulses if pulse.item != command.item]
            elif isinstance(command, Pulse):
                self.pulses.append(command)

    @property
    def reasons(self) -> list[str]:
        return [decision.reason for decision in self.decisions]


def run(core: Core, frames: Sequence[Frame], *, latency_ns: int = 0) -> Sorted:
    result = Sorted([], [])
    now_ns = 0
    for frame in frames:
        now_ns = frame.captured_ns + latency_ns
        core.see(frame)
        result.take(core.act(now_ns))
    result.take(core.finish(now_ns))
    while core.busy:
        now_ns += 20_000_000
        result.take(core.act(now_ns))
    return result


def passes_ns(decision: Decision, speed_px_s: float) -> float:
    """When an item's middle passes the picture's, on a belt that started at time zero."""
    return 1e9 * decision.way_mm / (0.5 * speed_px_s)


def new_core(world: Any, *, threshold: float = 0.7, **changes: Any) -> Core:
    return Core(world.station(**changes), world.brain(threshold))


colours = st.sampled_from(["red", "green", "blue", "white"])
lane = st.lists(
    st.tuples(
        st.integers(SMALLEST_PX + RESOLUTION_PX, 130),  # gap before it
        st.integers(24, 100),  # length
        st.integers(24, 50),  # height
        colours,
        st.sampled_from([None, 0, 1, 2]),  # when it is lost: in every third frame
    ),
    max_size=3,
)


@st.composite
def belts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "lanes": draw(st.tuples(lane, lane).filter(any)),
        "frames_per_s": draw(st.sampled_from([10, 25, 90])),
        "shift_px": draw(st.integers(8, 20)),
        "looks": draw(st.integers(1, 5)),
        "dropped": draw(st.sets(st.integers(0, 4), max_size=2)),  # of every five frames
        "late_px": draw(st.lists(st.integers(-2, 2), min_size=3, max_size=7)),  # by how much a time stamp is wrong
        "uneven": draw(st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=7)),  # shares of a frame's period
        "flicker": draw(st.none() | st.tuples(st.integers(0, 60), st.integers(0, 280))),
    }


# Items fill nearly half of the rows, and nearly half of each of these.
CROWDED: dict[str, Any] = {
    "lanes": (
        [(28, 24, 24, "red", None), (28, 73, 48, "red", None), (28, 77, 48, "red", None)],
        [(28, 79, 49, "red", None), (28, 74, 49, "red", 1)],
    ),
    "frames_per_s": 10,
    "shift_px": 9,
    "looks": 1,
    "dropped": set(),
    "late_px": [0, 0, 0],
    "uneven": [0.0, 0.0, 0.0],
    "flicker": None,
}


def lay(world: Any, belt: dict[str, Any]) -> list[tuple[Any, int | None]]:
    things = []
    for top, items in zip((5, 90), belt["lanes"], strict=True):
        front = 0
        for gap, length, height, colour, lost in items:
            front += gap
            things.append((world.thing(front, length, top, height, world.palette[colour]), lost))
            front += length
    return things


def take(world: Any, belt: dict[str, Any]) -> list[Frame]:
    """What a bad camera sees of that belt."""
    things, speed = lay(world, belt), belt["shift_px"] * belt["frames_per_s"]
    count = 8 + round(max(thing.seconds(speed) for thing, _ in things) * belt["frames_per_s"])
    frames = []
    for nth in range(count):
        if nth % 5 in belt["dropped"]:
            continue
        at_s = (nth + 1 + belt["uneven"][nth % len(belt["uneven"])]) / belt["frames_per_s"]
        shown = [thing for thing, lost in things if lost is None or nth % 3 != lost]
        if belt["flicker"] and belt["flicker"][0] == nth:
            shown.append(world.thing(-belt["flicker"][1] - 30 + round(at_s * speed), 30, 168, 30))
        stamp_ns = round(1e9 * (at_s + belt["late_px"][nth % len(belt["late_px"])] / speed))
        frames.append(Frame(world.draw(shown, at_s * speed, nth), "RGB", stamp_ns, nth))
    return frames


def core_for(world: Any, belt: dict[str, Any]) -> Core:
    speed_mm_s = 0.5 * belt["shift_px"] * belt["frames_per_s"]
    deciding = Deciding(looks=belt["looks"], smallest_mm=SMALLEST_PX / 2, longest_mm=60)
    return new_core(world, belt=Belt(speed_mm_s=speed_mm_s, mm_per_px=0.5), deciding=deciding)


@settings(max_examples=60, deadline=None)
@example(belt=CROWDED)
@given(belt=belts())
def test_every_item_is_decided_on_exactly_once_whatever_the_camera_does(world: Any, belt: dict[str, Any]) -> None:
    things, speed = lay(world, belt), belt["shift_px"] * belt["frames_per_s"]
    decisions, pulses = run(core_for(world, belt), take(world, belt))
    assert len({decision.item for decision in decisions}) == len(decisions) == len(things)
    truth = sorted(thing.middle_ns(speed) for thing, _ in things)
    tolerance_ns = 1e9 * 10 / speed
    for found, true in zip(sorted(passes_ns(decision, speed) for decision in decisions), truth, strict=True):
        assert found == pytest.approx(true, abs=tolerance_ns)
    names = {colour: name for name, colour in world.palette.items()}
    assert Counter(decision.class_name for decision in decisions) == Counter(names[thing.colour] for thing, _ in things)
    sorted_ = {decision.item: decision for decision in decisions if decision.reason == "sorted"}
    assert all(decision.reason == "no bin" for decision in decisions if decision.item not in sorted_)
    assert sorted(pulse.item for pulse in pulses) == sorted(sorted_)
    for pulse in pulses:
        assert f"{('red', 'green', 'blue')[pulse.line]} bin" == sorted_[pulse.item].bin
        arrival_ns = passes_ns(sorted_[pulse.item], speed) + (300 + 100 * pulse.line) * 1e9 / (speed / 2)
        assert pulse.on_ns + 20_000_000 <= arrival_ns + 1
        assert arrival_ns - 1 <= pulse.off_ns + 20_000_000


@settings(max_examples=30, deadline=None)
@given(belt=belts(), end=st.integers(1, 60))
def test_the_camera_may_end_at_any_frame_and_nothing_is_decided_twice(
    world: Any, belt: dict[str, Any], end: int
) -> None:
    core, frames = core_for(world, belt), take(world, belt)[:end]
    decisions, _ = run(core, frames)
    seen = {item.number for item in core.items if item.frames > 1}
    assert len({decision.item for decision in decisions}) == len(decisions)
    assert seen <= {decision.item for decision in decisions}
    assert core.finish(FAR_NS).decisions == []


@settings(max_examples=20, deadline=None)
@example(lengths=[31, 80], shift_px=11)
@given(lengths=st.lists(st.integers(30, 80), min_size=2, max_size=3), shift_px=st.integers(8, 20))
def test_items_that_touch_are_one_and_rejected_when_too_long(world: Any, lengths: list[int], shift_px: int) -> None:
    fronts = [10 + sum(lengths[:nth]) for nth in range(len(lengths))]
    things = [
        world.thing(front, length, colour=world.palette[colour])
        for front, length, colour in zip(fronts, lengths, world.palette, strict=False)
    ]
    core = new_core(world, belt=Belt(speed_mm_s=25 * shift_px, mm_per_px=0.5))
    decisions, pulses = run(core, world.film(things, speed_px_s=50 * shift_px))
    (decision,) = decisions
    whole = world.thing(10, sum(lengths))
    assert passes_ns(decision, 50 * shift_px) == pytest.approx(
        whole.middle_ns(50 * shift_px), abs=1e9 * 6 / (50 * shift_px)
    )
    if abs(whole.length_px - 120) > RESOLUTION_PX:
        assert (decision.reason == "too long") == (whole.length_px > 120) == (decision.looks == 0)
    assert not pulses or decision.reason == "sorted"


@settings(max_examples=20, deadline=None)
@given(length=st.integers(70, 100), split_frames=st.integers(1, 4), shift_px=st.integers(8, 20))
def test_an_item_first_seen_as_two_blobs_is_one_item(world: Any, length: int, split_frames: int, shift_px: int) -> None:
    whole = world.thing(10, length)
    frames = world.film([whole], speed_px_s=50 * shift_px)
    front_inside = next(nth for nth in range(len(frames)) if whole.right(shift_px * nth) - 20 >= 4)
    gap = world.thing(10 + 20, 30, colour=(70, 70, 70))
    for nth in range(front_inside + split_frames):
        frames[nth] = replace(frames[nth], image=world.draw([whole, gap], shift_px * nth, nth))
    deciding = Deciding(looks=5, smallest_mm=10, longest_mm=60)
    core = new_core(world, belt=Belt(speed_mm_s=25 * shift_px, mm_per_px=0.5), deciding=deciding)
    (decision,), pulses = run(core, frames)
    assert decision.reason == "sorted"
    assert passes_ns(decision, 50 * shift_px) == pytest.approx(
        whole.middle_ns(50 * shift_px), abs=1e9 * 6 / (50 * shift_px)
    )
    assert [pulse.item for pulse in pulses] == [decision.item]


def test_an_item_is_not_decided_on_again_when_its_decided_part_turns_out_to_belong_to_an_elder(world: Any) -> None:
    front, rear, whole = world.thing(-180, 30), world.thing(-90, 40), world.thing(-180, 130)
    shown = [[], [front], *[[rear]] * 4, *[[whole]] * 4]
    frames = [Frame(world.draw(things, 0, nth), "RGB", nth, nth) for nth, things in enumerate(shown)]
    deciding = Deciding(looks=1, smallest_mm=10, longest_mm=100)
    (decision,), _ = run(new_core(world, deciding=deciding), frames)
    assert (decision.item, decision.looks) == (2, 1)


@pytest.mark.parametrize("nth", [1, 8, 16, 24, 32])
@pytest.mark.parametrize("rows", [slice(0, 200), slice(40, 70)])
def test_one_flash_of_light_neither_joins_items_nor_makes_one(world: Any, nth: int, rows: slice) -> None:
    things = [world.thing(40, 80), world.thing(160, 60, colour=world.palette["white"]), world.thing(260, 60)]
    frames = world.film(things)
    image = frames[nth].image.copy()
    image[rows] = 225
    frames[nth] = replace(frames[nth], image=image)
    decisions, _ = run(new_core(world), frames)
    assert [decision.class_name for decision in decisions] == ["red", "white", "red"]


def test_each_class_goes_to_its_bin_and_the_doubtful_to_the_reject_bin(world: Any) -> None:
    mixed = tuple(sum(pair) // 2 for pair in zip(world.palette["red"], world.palette["blue"], strict=True))
    shown = [*world.palette.values(), mixed]
    decisions, pulses = run(
        new_core(world), world.film([world.thing(150 * nth, 60, colour=colour) for nth, colour in enumerate(shown)])
    )
    assert [decision.bin for decision in decisions] == ["red bin", "green bin", "blue bin", "reject", "reject"]
    assert [decision.reason for decision in decisions] == ["sorted", "sorted", "sorted", "no bin", "unknown"]
    assert [decision.looks for decision in decisions] == [3] * 5
    assert decisions[4].score < 0.7 <= min(decision.score for decision in decisions[:4])
    assert sorted((pulse.item, pulse.line) for pulse in pulses) == [(1, 0), (2, 1), (3, 2)]


def test_the_looks_are_at_the_item_wholly_in_the_picture_in_the_cameras_channel_order(world: Any) -> None:
    classifier = world.classifier()
    core = Core(world.station(), world.brain(classifier=classifier))
    frames = [
        replace(frame, image=frame.image[..., ::-1].copy(), order="BGR") for frame in world.film([world.thing(7, 60)])
    ]
    (decision,), _ = run(core, frames)
    assert decision.class_name == "red"
    assert len(classifier.asked) == decision.looks == 3
    for box in classifier.asked:
        assert box.left > 3
        assert box.right < 317
        assert (box.width, box.height, box.top) == pytest.approx((60, 50, 30), abs=RESOLUTION_PX)


def test_what_is_never_whole_in_the_picture_is_not_classified(world: Any) -> None:
    deciding = Deciding(looks=3, smallest_mm=10, longest_mm=200)
    classifier = world.classifier()
    core = Core(world.station(deciding=deciding), world.brain(classifier=classifier))
    (decision,), pulses = run(core, world.film([world.thing(10, 318)]))
    assert (decision.reason, decision.class_name, decision.bin, decision.looks) == ("never whole", None, "reject", 0)
    assert classifier.asked == pulses == []


def test_what_comes_too_late_for_its_gate_is_rejected(world: Any) -> None:
    frames = world.film([world.thing(20, 60)])
    on_ns = world.thing(20, 60).middle_ns(500) + round(300 / 250 * 1e9) - 50_000_000 - 20_000_000
    first_look_ns = next(
        frame.captured_ns for frame in frames if world.thing(20, 60).right(frame.captured_ns / 2e6) > 63
    )
    slow_ns = on_ns - first_look_ns
    (early,), early_pulses = run(new_core(world), frames, latency_ns=slow_ns - 20_000_000)
    (late,), late_pulses = run(new_core(world), frames, latency_ns=slow_ns + 20_000_000)
    assert (early.reason, len(early_pulses)) == ("sorted", 1)
    assert (late.reason, late.bin, late.class_name, late_pulses) == ("late", "reject", "red", [])


def test_what_is_in_the_picture_when_the_camera_ends_is_decided_on_once(world: Any) -> None:
    core = new_core(world, deciding=Deciding(looks=100, smallest_mm=10, longest_mm=60))
    for frame in world.film([world.thing(20, 60)])[:14]:
        core.see(frame)
        assert core.act(frame.captured_ns).decisions == []
    (decision,) = core.finish(300_000_000).decisions
    assert decision.reason == "sorted"
    assert 0 < decision.looks < 14
    assert core.finish(300_000_001).decisions == []


def test_the_gates_of_a_long_slow_belt_open_all_the_same(world: Any) -> None:
    bins = (Bin(name="far", classes=("red",), line=4, distance_mm=1500),)
    core = new_core(world, belt=Belt(speed_mm_s=10, mm_per_px=0.5), bins=bins)
    (decision,), (pulse,) = run(core, world.film([world.thing(10, 60)], speed_px_s=20, frames_per_s=2))
    assert pulse.on_ns < passes_ns(decision, 20) + 150_000_000_000 < pulse.off_ns


def test_a_bin_for_a_class_that_the_bundle_does_not_know_is_refused(world: Any) -> None:
    bins = (Bin(name="metal", classes=("red", "tin"), line=1, distance_mm=300),)
    with pytest.raises(ConfigError, match=r"bin 'metal' takes class 'tin'.*: red, green, blue, white"):
        new_core(world, bins=bins)
