"""The loop that sorts: core, camera and outputs together, in virtual time."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import MonotonicClock, VirtualClock, wait_for_ns
from sortline_edge.config import Guard
from sortline_edge.ports import Frame, NoFrame, Outputs
from sortline_edge.runner import Moment, Runner
from sortline_edge.station import Brain, Core

MS = 1_000_000


class Camera:
    """Gives some frames, each when it was taken; then ends."""

    def __init__(self, frames: Iterable[Frame], clock: VirtualClock) -> None:
        self._frames, self._clock = list(frames), clock
        self.asked: list[tuple[float, float]] = []

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        self.asked.append((timeout_s, max_age_s))
        if not self._frames:
            return NoFrame.ENDED
        if not wait_for_ns(self._clock, self._frames[0].captured_ns + 3 * MS, timeout_s):
            return NoFrame.YET
        return self._frames.pop(0)

    def close(self) -> None:
        pass


class Bench:
    """A runner, its clock, and everything that it gave."""

    def __init__(
        self,
        world: Any,
        frames: Iterable[Frame],
        open_outputs: Callable[[], Outputs],
        new_brain: Callable[[], Brain | None] = lambda: None,
        guard: Guard | None = None,
    ) -> None:
        self.clock = VirtualClock()
        station = world.station(guard=guard or Guard())
        self.core = Core(station, world.brain())
        self.camera = Camera(frames, self.clock)
        self.runner = Runner(station, self.core, self.camera, open_outputs, self.clock, new_brain)
        self.moments: list[Moment] = []
        self.times_ns: list[int] = []

    def run(self) -> "Bench":
        for moment in self.runner.moments():
            self.moments.append(moment)
            self.times_ns.append(self.clock.now_ns())
        return self

    @property
    def reasons(self) -> list[str]:
        return [decision.reason for moment in self.moments for decision in moment.step.decisions]

    @property
    def states(self) -> list[tuple[str, bool]]:
        return [(change.cause, change.entered) for moment in self.moments for change in moment.step.changes]

    @property
    def ends(self) -> list[tuple[str, str]]:
        return [(record.outcome, record.cause) for moment in self.moments for record in moment.step.records]


def three_items(world: Any, frames_per_s: float = 50) -> list[Frame]:
    colours = ("red", "white", "blue")
    things = [world.thing(20 + 150 * nth, 60, colour=world.palette[name]) for nth, name in enumerate(colours)]
    return world.film(things, frames_per_s=frames_per_s)


@pytest.mark.parametrize("frames_per_s", [50, 15])
def test_pulses_are_sent_before_they_are_due_and_every_turn_is_a_beat(world: Any, frames_per_s: float) -> None:
    outputs = world.outputs()
    frames = three_items(world, frames_per_s)
    bench = Bench(world, frames, lambda: outputs)
    sent_ns = {}
    for moment in bench.runner.moments():
        bench.moments.append(moment)
        bench.times_ns.append(bench.clock.now_ns())
        for command in moment.step.commands:
            sent_ns[command.item] = bench.clock.now_ns()
    assert [moment.frame for moment in bench.moments if moment.frame] == frames
    looks = sum(decision.looks for moment in bench.moments for decision in moment.step.decisions)
    assert len(outputs.packets) == len(bench.moments) - 1 + looks  # the last moment only closes the books
    assert sorted(pulse.line for pulse in outputs.pulses) == [0, 2]
    assert all(sent_ns[pulse.item] <= pulse.on_ns for pulse in outputs.pulses)
    assert max(after - before for before, after in pairwise(bench.times_ns)) <= 250 * MS / 3 + 1
    assert bench.reasons == ["sorted", "no bin", "sorted"]


def test_it_goes_on_until_every_item_has_its_end(world: Any) -> None:
    outputs = world.outputs()
    bench = Bench(world, three_items(world)[:41], lambda: outputs)  # the last item has had one look
    outputs.clock = bench.clock
    bench.run()
    assert bench.ends == [("rejected", "no bin"), ("binned", "sorted"), ("binned", "sorted")]
    assert outputs.closed
    assert not bench.core.busy
    assert bench.clock.now_ns() > max(pulse.off_ns for pulse in outputs.pulses)  # no gate is closed too early


def test_a_belt_without_items_ends_with_the_camera(world: Any) -> None:
    outputs = world.outputs()
    frames = world.film([world.thing(0, 60)])
    empty = [Frame(world.draw([], 0, nth), "RGB", frame.captured_ns, nth) for nth, frame in enumerate(frames)]
    bench = Bench(world, empty, lambda: outputs).run()
    assert outputs.pulses == bench.reasons == bench.ends == []
    assert bench.clock.now_ns() < frames[-1].captured_ns + 100 * MS


def test_outputs_that_die_are_opened_anew_and_what_was_on_its_way_is_missed(world: Any) -> None:
    dying = world.outputs(HardwareError("the output process was killed"), fail_after=40)
    opened = [dying, world.outputs()]
    bench = Bench(world, world.film([world.thing(20, 60), world.thing(900, 60)]), lambda: opened.pop(0))
    spare = opened[1]
    spare.clock = bench.clock
    bench.run()
    assert opened == []
    assert dying.closed
    assert bench.states == [("outputs lost", True), ("outputs lost", False)]
    assert bench.ends == [("missed", "outputs lost"), ("binned", "sorted")]


def test_outputs_that_cannot_be_had_back_end_it(world: Any) -> None:
    def open_outputs(opened: list[Any] = []) -> Any:  # noqa: B006
        if opened:
            raise HardwareError("line 3 is in use")
        opened.append(world.outputs(HardwareError("killed"), fail_after=1))
        return opened[0]

    frames = [Frame(world.draw([], 0), "RGB", nth * 20 * MS, nth) for nth in range(1000)]
    bench = Bench(world, frames, open_outputs)
    with pytest.raises(HardwareError, match="line 3 is in use"):
        bench.run()
    assert 9_000 * MS < bench.clock.now_ns() < 12_000 * MS


def test_outputs_that_refuse_what_is_sent_are_lost(world: Any) -> None:
    class Broken(world.outputs):
        def send(self, commands: Any) -> None:
            if commands:
                raise HardwareError("gone")
            super().send(())

    bench = Bench(world, three_items(world), Broken).run()
    assert bench.states[0] == ("outputs lost", True)
    assert not [end for end in bench.ends if end[0] == "binned"]
    assert len(bench.ends) == 3


def test_a_camera_that_pauses_is_stale_until_frames_come_again(world: Any) -> None:
    frames = three_items(world)
    late = [*frames[:15], *[Frame(f.image, "RGB", f.captured_ns + 3_000 * MS, f.sequence) for f in frames[15:]]]
    outputs = world.outputs()
    bench = Bench(world, late, lambda: outputs)
    outputs.clock = bench.clock
    bench.run()
    assert bench.states == [("camera stale", True), ("camera stale", False)]
    stale = next(change for moment in bench.moments for change in moment.step.changes)
    assert stale.at_ns - frames[14].captured_ns == pytest.approx(500 * MS, abs=90 * MS)
    assert max(after - before for before, after in pairwise(bench.times_ns)) <= 250 * MS / 3 + 1
    assert len(bench.ends) == len(bench.reasons)


def test_a_camera_without_frames_for_too_long_ends_it_and_the_outputs_are_safe(world: Any) -> None:
    frames = three_items(world)
    never = Frame(frames[0].image, "RGB", 10**15, 99)
    outputs = world.outputs()
    bench = Bench(world, [*frames[:10], never], lambda: outputs, guard=Guard(camera_lost_after_s=4))
    with pytest.raises(HardwareError, match=r"no fresh frame for 4.\d s; check its cable"):
        bench.run()
    assert outputs.closed
    assert bench.states == [("camera stale", True)]


def test_the_camera_is_told_how_long_to_wait_and_how_old_a_frame_may_be(world: Any) -> None:
    bench = Bench(world, three_items(world), world.outputs, guard=Guard(max_age_s=0.3)).run()
    assert set(bench.camera.asked) == {(0.25 / 3, 0.3)}


def test_a_new_bundle_is_taken_between_two_frames(world: Any) -> None:
    brains = [*[None] * 10, world.brain(1.0)]
    bench = Bench(world, three_items(world), world.outputs, lambda: brains.pop(0) if brains else None).run()
    assert bench.reasons == ["sorted", "doubtful", "doubtful"]


def test_a_bundle_that_does_not_fit_the_station_is_refused_and_the_old_one_stays(world: Any) -> None:
    other = world.brain()
    classes = tuple(spec for spec in other.manifest.classes if spec.name != "blue")
    strange = other._replace(manifest=msgspec.structs.replace(other.manifest, classes=classes))
    brains = [strange]
    bench = Bench(world, three_items(world), world.outputs, lambda: brains.pop() if brains else None).run()
    assert bench.states == [("bundle refused", True)]
    assert bench.reasons == ["sorted", "no bin", "sorted"]


def test_the_virtual_clock_never_goes_back() -> None:
    clock = VirtualClock()
    clock.wait_until_ns(50)
    clock.wait_until_ns(20)
    assert clock.now_ns() == 50


def test_the_monotonic_clock_is_the_machines_and_waits() -> None:
    clock = MonotonicClock()
    until_ns = clock.now_ns() + 2_000_000
    clock.wait_until_ns(until_ns)
    assert clock.now_ns() >= until_ns
    clock.wait_until_ns(0)
