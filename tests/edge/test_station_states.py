"""What the station does when something is wrong: states, recalls, and books that balance whatever happens."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_edge.config import Belt, Bin, Deciding, Input, Inputs
from sortline_edge.config.wiring import Encoder, Eye
from sortline_edge.interlocks import Change
from sortline_edge.ports import Counted, Edge, Frame, Pulse, Recall, Report, Suppressed, Switched
from sortline_edge.records import Record
from sortline_edge.station import Core, Step

MS = 1_000_000
STOP, RUNS, RESET, ENCODER, EYE, FULL = 101, 102, 103, 104, 105, 106
INPUTS = Inputs(
    emergency_stop=Input(line=STOP),
    belt_running=Input(line=RUNS),
    reset=Input(line=RESET),
    encoder=Encoder(line=ENCODER, mm_per_count=1.0),
)


class Bench:
    """A core with outputs that do as they are told at once, and a person who works the inputs."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.steps: list[Step] = []
        self.pulses: list[Pulse] = []
        self.switched: list[Switched] = []

    def hear(self, *reports: Report) -> None:
        self.core.hear(reports)

    def run(self, frames: Sequence[Frame], until_ns: int | None = None) -> None:
        for frame in frames:
            self.core.see(frame)
            self.act(frame.captured_ns)
        if until_ns is not None:
            for now_ns in range(frames[-1].captured_ns, until_ns, 20 * MS):
                self.act(now_ns)

    def act(self, now_ns: int) -> None:
        begun = [pulse for pulse in self.pulses if pulse.on_ns <= now_ns]
        self.pulses = [pulse for pulse in self.pulses if pulse.on_ns > now_ns]
        done = [Switched(line=p.line, active=True, at_ns=p.on_ns, late_ns=0, item=p.item) for p in begun]
        self.switched += done
        self.core.hear(done)
        self.take(self.core.act(now_ns))

    def take(self, step: Step) -> None:
        self.steps.append(step)
        for command in step.commands:
            if isinstance(command, Recall):
                self.pulses = [pulse for pulse in self.pulses if command.item not in (None, pulse.item)]
            elif isinstance(command, Pulse):
                self.pulses.append(command)

    @property
    def changes(self) -> list[Change]:
        return [change for step in self.steps for change in step.changes]

    @property
    def states(self) -> list[tuple[str, bool]]:
        return [(change.cause, change.entered) for change in self.changes]

    @property
    def reasons(self) -> list[str]:
        return [decision.reason for step in self.steps for decision in step.decisions]

    @property
    def records(self) -> list[Record]:
        return [record for step in self.steps for record in step.records]


def new_bench(world: Any, **changes: Any) -> Bench:
    return Bench(Core(world.station(**({"inputs": INPUTS} | changes)), world.brain()))


def reds(world: Any, count: int = 4) -> list[Frame]:
    return world.film([world.thing(20 + 150 * nth, 60) for nth in range(count)])


def edge(line: int, at_ns: int, *, active: bool) -> Edge:
    return Edge(line=line, active=active, at_ns=at_ns)


def test_an_emergency_stop_gives_up_what_is_on_its_way_until_it_is_released_and_reset(world: Any) -> None:
    bench, frames = new_bench(world), reds(world)
    bench.run(frames[:50])
    assert bench.reasons == ["sorted"] * 2
    assert bench.switched == []
    stop_ns = frames[50].captured_ns
    bench.hear(edge(STOP, stop_ns, active=True))
    bench.run(frames[50:70])
    assert bench.pulses == []
    assert Recall() in [command for step in bench.steps for command in step.commands]
    assert bench.states == [("emergency stop", True)]
    bench.hear(edge(STOP, stop_ns + 100 * MS, active=False))
    bench.run(frames[70:72])
    assert bench.states == [("emergency stop", True)]
    bench.hear(edge(RESET, stop_ns + 450 * MS, active=True))
    bench.run(frames[72:], 10_000 * MS)
    assert bench.states == [("emergency stop", True), ("emergency stop", False)]
    assert bench.reasons == ["sorted", "sorted", "emergency stop", "sorted"]
    assert [(record.outcome, record.cause) for record in sorted(bench.records, key=lambda record: record.item)] == [
        ("missed", "emergency stop"),
        ("missed", "emergency stop"),
        ("rejected", "emergency stop"),
        ("binned", "sorted"),
    ]


def test_a_belt_that_stands_keeps_its_items_and_their_gates(world: Any) -> None:
    plain, halted = new_bench(world), new_bench(world)
    frames = reds(world, 2)
    plain.run(frames, 10_000 * MS)
    split = 40
    at_ns = frames[split].captured_ns
    halted.run(frames[:split])
    halted.hear(edge(RUNS, at_ns, active=False))
    for nth in range(1, 150):  # the same picture for three seconds
        halted.core.see(Frame(frames[split].image, "RGB", at_ns + nth * 20 * MS, 1000 + nth))
        halted.act(at_ns + nth * 20 * MS)
    assert halted.switched == []
    halted.hear(edge(RUNS, at_ns + 3000 * MS, active=True))
    later = [Frame(f.image, "RGB", f.captured_ns + 3000 * MS, 2000 + f.sequence) for f in frames[split:]]
    halted.run(later, 20_000 * MS)
    assert halted.reasons == plain.reasons == ["sorted", "sorted"]
    assert halted.states == [("belt stands", True), ("belt stands", False)]
    for moved, there in zip(halted.switched, plain.switched, strict=True):
        assert moved.item == there.item
        assert moved.at_ns == pytest.approx(there.at_ns + 3000 * MS, abs=8 * MS)


def test_a_slower_belt_that_the_encoder_measures_moves_the_gates(world: Any) -> None:
    belt = Belt(speed_mm_s=250, mm_per_px=0.5, measured_by="encoder")
    bench = new_bench(world, belt=belt)
    thing = world.thing(20, 60)
    frames = world.film([thing], speed_px_s=400)  # 200 mm/s
    for frame in frames:
        bench.hear(Counted(line=ENCODER, count=round(frame.captured_ns * 200 / 1e9), at_ns=frame.captured_ns + 1))
        bench.core.see(frame)
        bench.act(frame.captured_ns + 2)
    for now_ns in range(frames[-1].captured_ns, 10_000 * MS, 20 * MS):
        bench.hear(Counted(line=ENCODER, count=round(now_ns * 200 / 1e9), at_ns=now_ns + 3))
        bench.act(now_ns + 4)
    (switched,) = bench.switched
    arrival_ns = thing.middle_ns(400) + round(1e9 * 300 / 200)
    assert switched.at_ns == pytest.approx(arrival_ns - 70 * MS, abs=15 * MS)


def test_an_encoder_that_falls_silent_on_a_running_belt_halts_the_station(world: Any) -> None:
    bench = new_bench(world, belt=Belt(speed_mm_s=250, mm_per_px=0.5, measured_by="encoder"))
    bench.hear(edge(RUNS, 0, active=True))
    for now_ns in range(0, 2000 * MS, 20 * MS):
        bench.hear(Counted(line=ENCODER, count=now_ns // (4 * MS), at_ns=now_ns + 1))
        bench.act(now_ns + 1)
    assert bench.states == []
    for now_ns in range(2000 * MS, 6000 * MS, 20 * MS):
        bench.act(now_ns)
    assert bench.states == [("encoder silent", True)]
    for now_ns in range(6000 * MS, 9000 * MS, 20 * MS):
        bench.hear(Counted(line=ENCODER, count=500 + (now_ns - 6000 * MS) // (4 * MS), at_ns=now_ns + 1))
        bench.act(now_ns + 1)
    assert bench.states == [("encoder silent", True), ("encoder silent", False)]


def test_items_for_a_full_bin_ride_on_until_it_is_emptied(world: Any) -> None:
    bins = world.station().bins
    bins = (msgspec.structs.replace(bins[0], full=Input(line=FULL)), *bins[1:])
    bench, frames = new_bench(world, bins=bins), reds(world, 5)
    bench.hear(edge(FULL, 0, active=True))
    bench.run(frames[:30])
    bench.hear(edge(FULL, frames[30].captured_ns, active=False))
    bench.run(frames[30:], 10_000 * MS)
    assert bench.reasons[:3] == ["bin closed"] * 3
    assert bench.reasons[-1] == "sorted"
    assert {record.cause for record in bench.records if record.outcome == "rejected"} == {"bin closed"}


def test_a_covered_eye_is_a_jam_and_waits_for_somebody_to_look(world: Any) -> None:
    bins = world.station().bins
    bins = (msgspec.structs.replace(bins[0], eye=Input(line=EYE)), *bins[1:])
    bench = new_bench(world, bins=bins)
    bench.hear(edge(EYE, 0, active=True))
    for now_ns in range(0, 3000 * MS, 100 * MS):
        bench.act(now_ns)
    assert bench.states == []
    bench.act(3100 * MS)
    assert bench.states == [("jam", True)]
    bench.hear(edge(RESET, 3200 * MS, active=True))
    bench.act(3200 * MS)
    assert bench.states == [("jam", True)]
    bench.hear(edge(EYE, 3300 * MS, active=False), edge(RESET, 3400 * MS, active=True))
    bench.act(3400 * MS)
    assert bench.states == [("jam", True), ("jam", False)]


def test_a_gate_whose_items_never_arrive_is_closed_for_good(world: Any) -> None:
    bins = world.station().bins
    bins = (msgspec.structs.replace(bins[0], eye=Input(line=EYE), confirm_ms=100), *bins[1:])
    bench = new_bench(world, bins=bins)
    bench.run(world.film([world.thing(20 + 1000 * nth, 60) for nth in range(5)]), 20_000 * MS)
    assert bench.reasons == ["sorted"] * 3 + ["bin closed"] * 2
    assert [record.confirmed for record in bench.records] == [False, False, False, None, None]
    assert bench.states == [("actuator overdue", True)]


def test_an_item_that_its_chutes_eye_saw_is_confirmed(world: Any) -> None:
    bins = world.station().bins
    bins = (msgspec.structs.replace(bins[0], eye=Input(line=EYE), confirm_ms=100), *bins[1:])
    bench, frames = new_bench(world, bins=bins), reds(world, 3)
    for now_ns in range(0, 8_000 * MS, 20 * MS):
        before = len(bench.switched)
        if frames and frames[0].captured_ns <= now_ns:
            bench.core.see(frames.pop(0))
        bench.act(now_ns)
        if len(bench.switched) > before and bench.switched[-1].item != 2:  # the second fell off
            bench.hear(edge(EYE, now_ns + 100 * MS, active=True), edge(EYE, now_ns + 140 * MS, active=False))
    assert [(record.item, record.confirmed) for record in bench.records] == [(1, True), (2, False), (3, True)]
    assert [record.outcome for record in bench.records] == ["binned"] * 3


def test_another_bundle_decides_on_items_that_were_not_seen_before(world: Any) -> None:
    bench, frames = new_bench(world), reds(world, 3)
    bench.run(frames[:16])
    assert bench.core.items
    assert bench.reasons == []
    bench.core.swap(world.brain(1.0))  # never sure enough
    bench.run(frames[16:], 10_000 * MS)
    assert bench.reasons == ["sorted", "doubtful", "doubtful"]


def test_a_frame_from_the_past_is_not_looked_at(world: Any) -> None:
    bench, frames = new_bench(world), reds(world, 2)
    jumbled = [frame for pair in zip(frames[1::2], frames[0::2], strict=False) for frame in pair]
    bench.run(jumbled, 10_000 * MS)
    assert bench.reasons == ["sorted", "sorted"]


def balanced(bench: Bench, records: Iterable[Record]) -> bool:
    ledger = bench.core.ledger
    decided = [decision.item for step in bench.steps for decision in step.decisions]
    closed = [record.item for record in records]
    return (
        len(set(decided)) == len(decided) == ledger.seen
        and sorted(decided) == sorted(closed)
        and sum(ledger.closed.values()) == ledger.seen
        and all(record.cause for record in records)
    )


happenings = st.sampled_from(
    ["stop", "release", "reset", "stand", "go", "full", "emptied", "eye", "free", "late", "stopped", "lost", "deaf", ""]
)


@settings(max_examples=60, deadline=None)
@given(plan=st.lists(happenings, min_size=1, max_size=40), colours=st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_whatever_happens_the_books_balance_and_nothing_moves_in_a_halt(
    world: Any, plan: list[str], colours: list[int]
) -> None:
    bins = tuple(
        Bin(name=b.name, classes=b.classes, line=b.line, distance_mm=b.distance_mm, dwell_ms=100,
            eye=Input(line=EYE + 10 + nth), full=Input(line=FULL + 20 + nth), confirm_ms=200)
        for nth, b in enumerate(world.station().bins)
    )  # fmt: skip
    bench = new_bench(world, bins=bins)
    things = [world.thing(20 + 150 * nth, 60, colour=list(world.palette.values())[c]) for nth, c in enumerate(colours)]
    frames = world.film(things)
    deaf, now_ns = False, 0
    for nth, frame in enumerate(frames):
        now_ns = frame.captured_ns
        what = plan[nth * len(plan) // len(frames)] if nth % 5 == 0 else ""
        edges = {
            "stop": (STOP, True), "release": (STOP, False), "reset": (RESET, True), "stand": (RUNS, False),
            "go": (RUNS, True), "full": (FULL + 20, True), "emptied": (FULL + 20, False), "eye": (EYE + 10, True),
            "free": (EYE + 10, False),
        }  # fmt: skip
        if what in edges:
            line, active = edges[what]
            bench.hear(edge(line, now_ns, active=active))
        elif what in ("late", "stopped") and bench.pulses:
            pulse = bench.pulses.pop(0)
            bench.hear(Suppressed(item=pulse.item, late_ns=9 * MS, reason=what))
        elif what == "lost":
            bench.pulses.clear()
            bench.core.tell("outputs lost", now_ns, "they died", present=True)
            bench.core.tell("outputs lost", now_ns, "they are back", present=False)
        elif what == "deaf":
            deaf = not deaf
        if not deaf:
            bench.core.see(frame)
        bench.act(now_ns)
        if not bench.core.interlocks.sorting and bench.core.interlocks.state in (
            "emergency stop",
            "outputs lost",
            "jam",
        ):
            assert bench.pulses == []
    bench.take(bench.core.finish(now_ns))
    for _ in range(600):
        now_ns += 20 * MS
        bench.act(now_ns)
    records = bench.records + bench.core.close(now_ns)
    assert balanced(bench, records)
    per_item = Counter(switched.item for switched in bench.switched)
    assert all(count == 1 for count in per_item.values())
    binned = {record.item for record in records if record.outcome == "binned"}
    assert binned == set(per_item)


def eye_edges(world: Any, things: Sequence[Any], speed_px_s: float = 500.0) -> list[Edge]:
    """Of an eye 80 px before the picture's left edge."""
    found = []
    for thing in things:
        for px, active in ((thing.front_px, True), (thing.front_px + thing.length_px, False)):
            found.append(edge(EYE, round(1e9 * (px - 80) / speed_px_s), active=active))
    return sorted(found, key=lambda its: its.at_ns)


def eye_bench(world: Any) -> Bench:
    inputs = msgspec.structs.replace(INPUTS, eye=Eye(line=EYE, distance_mm=-120))
    deciding = Deciding(trigger="eye", looks=3, smallest_mm=10, longest_mm=60)
    return new_bench(world, inputs=inputs, deciding=deciding)


def run_with_eye(bench: Bench, frames: Sequence[Frame], edges: list[Edge]) -> None:
    for frame in frames:
        while edges and edges[0].at_ns <= frame.captured_ns:
            bench.hear(edges.pop(0))
        bench.act(frame.captured_ns)
        bench.core.see(frame)
    bench.run(frames[-1:], 10_000 * MS)


def test_the_entry_eye_says_what_is_an_item_and_the_pictures_what_it_is(world: Any) -> None:
    colours = ("red", "white", "blue")
    things = [world.thing(100 + 150 * nth, 60, colour=world.palette[name]) for nth, name in enumerate(colours)]
    bench = eye_bench(world)
    run_with_eye(bench, world.film(things), eye_edges(world, things))
    assert bench.reasons == ["sorted", "no bin", "sorted"]
    assert [switched.line for switched in bench.switched] == [0, 2]
    for switched, thing in zip(bench.switched, (things[0], things[2]), strict=True):
        arrival_ns = thing.middle_ns(500) + round(1e9 * (300 + 100 * switched.line) / 250)
        assert switched.at_ns == pytest.approx(arrival_ns - 70 * MS, abs=8 * MS)
    assert bench.states == []


def test_what_the_eye_has_not_seen_is_no_item_and_is_told_of(world: Any) -> None:
    things = [world.thing(100 + 150 * nth, 60) for nth in range(4)]
    bench = eye_bench(world)
    run_with_eye(bench, world.film(things), [])
    assert bench.reasons == []
    assert bench.states == [("eye and picture disagree", True)]


def test_what_covers_the_eye_for_too_long_a_stretch_is_several_items(world: Any) -> None:
    things = [world.thing(100, 130), world.thing(400, 60)]
    bench = eye_bench(world)
    run_with_eye(bench, world.film(things), eye_edges(world, things))
    assert bench.reasons == ["too long", "sorted"]


def test_a_camera_that_gives_one_picture_again_and_again_is_frozen(world: Any) -> None:
    bench, frames = new_bench(world), reds(world, 3)
    bench.run(frames[:20])
    stuck = [Frame(frames[20].image, "RGB", frame.captured_ns, frame.sequence) for frame in frames[20:40]]
    bench.run(stuck)
    assert bench.states == [("camera frozen", True)]
    later = [Frame(f.image, "RGB", f.captured_ns + 2_000 * MS, f.sequence) for f in frames]
    bench.run(later, 12_000 * MS)
    assert bench.states == [("camera frozen", True), ("camera frozen", False)]
    assert len(bench.reasons) == len(bench.records) == bench.core.ledger.seen


def test_things_in_a_chute_that_nothing_was_switched_for_tell_of_an_open_gate(world: Any) -> None:
    bins = world.station().bins
    bins = (msgspec.structs.replace(bins[0], eye=Input(line=EYE)), *bins[1:])
    bench = new_bench(world, bins=bins)
    for nth in range(3):
        assert bench.states == []
        bench.hear(edge(EYE, nth * 1000 * MS, active=True), edge(EYE, nth * 1000 * MS + 50, active=False))
        bench.act(nth * 1000 * MS + 100)
    assert bench.states == [("gate open", True)]
    bench.hear(edge(RESET, 4_000 * MS, active=True))
    bench.act(4_000 * MS)
    assert bench.states == [("gate open", True), ("gate open", False)]
    for nth in range(5, 8):  # it was not mended
        bench.hear(edge(EYE, nth * 1000 * MS, active=True), edge(EYE, nth * 1000 * MS + 50, active=False))
        bench.act(nth * 1000 * MS + 100)
    assert bench.states[2:] == [("gate open", True)]
