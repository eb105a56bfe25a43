"""The loop that sorts: core, camera and outputs together, in virtual time."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import MonotonicClock, VirtualClock
from sortline_edge.config import BeltCamera, Station
from sortline_edge.ports import Frame, Switched
from sortline_edge.runner import sort
from sortline_edge.station import Core
from sortline_edge.twin.faults import Faults
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.outputs import VirtualOutputs
from sortline_edge.twin.riders import Layout, Traffic
from sortline_edge.twin.world import World as Belt


class Camera:
    """Gives some frames, each when it was taken; then ends, or fails."""

    def __init__(self, frames: Iterable[Frame], clock: VirtualClock, failure: Exception | None = None) -> None:
        self._frames, self._clock, self._failure = iter(frames), clock, failure
        self.patience_s: set[float] = set()

    def read(self, timeout_s: float) -> Frame | None:
        self.patience_s.add(timeout_s)
        frame = next(self._frames, None)
        if frame is not None:
            self._clock.wait_until_ns(frame.captured_ns + 3_000_000)
        elif self._failure:
            raise self._failure
        return frame

    def close(self) -> None:
        pass


def core(world: Any) -> Core:
    return Core(world.station(), world.manifest(), world.classifier())


def three_items(world: Any, frames_per_s: float = 50) -> list[Frame]:
    colours = ("red", "white", "blue")
    things = [world.thing(20 + 150 * nth, 60, colour=world.palette[name]) for nth, name in enumerate(colours)]
    return world.film(things, frames_per_s=frames_per_s)


@pytest.mark.parametrize("frames_per_s", [50, 15])
def test_pulses_are_sent_before_they_are_due_and_every_frame_is_a_beat(world: Any, frames_per_s: float) -> None:
    clock, outputs = VirtualClock(), world.outputs()
    frames = three_items(world, frames_per_s)
    moments, sent_ns, beats = [], {}, []
    for moment in sort(core(world), Camera(frames, clock), outputs, clock, 2.0):
        moments.append(moment)
        beats.append(clock.now_ns())
        sent_ns.update({pulse.item: clock.now_ns() for packet in outputs.packets[-1:] for pulse in packet})
    assert [moment.frame for moment in moments if moment.frame] == frames
    assert len(outputs.packets) == len(moments)
    assert sorted(pulse.line for pulse in outputs.pulses) == [0, 2]
    assert all(sent_ns[pulse.item] <= pulse.on_ns for pulse in outputs.pulses)
    assert max(after - before for before, after in pairwise(beats)) <= 1e9 / frames_per_s + 1
    assert sum(len(moment.step.decisions) for moment in moments) == 3


def empty_belt(station: Station) -> Belt:
    """Nothing rides, and nothing goes wrong."""
    layout = Layout(speed_mm_s=250, mm_per_px=0.5, width_px=320, height_px=200, gap_mm=60)
    return Belt(station, BeltCamera(items=""), layout, Motion(250), Traffic(iter(()), [], {}), Faults((), 0))


def test_it_goes_on_until_the_last_gate_has_closed(world: Any) -> None:
    clock = VirtualClock()
    outputs = VirtualOutputs(world.station(), clock, empty_belt(world.station()))
    camera = Camera(three_items(world)[:41], clock)  # the last item has had two looks of three
    happened = [report for moment in sort(core(world), camera, outputs, clock, 2.0) for report in moment.reports]
    assert [report.active for report in happened if isinstance(report, Switched)] == [True, False] * 2
    assert clock.now_ns() - happened[-1].at_ns < 60_000_000
    assert camera.patience_s == {2.0}


def test_a_belt_without_items_ends_with_the_camera(world: Any) -> None:
    clock, outputs = VirtualClock(), world.outputs()
    frames = world.film([world.thing(0, 60)])
    empty = [Frame(world.draw([], 0, nth), "RGB", frame.captured_ns, nth) for nth, frame in enumerate(frames)]
    moments = list(sort(core(world), Camera(empty, clock), outputs, clock, 2.0))
    assert outputs.pulses == []
    assert all(not moment.step.decisions for moment in moments)
    assert clock.now_ns() < frames[-1].captured_ns + 100_000_000


def test_outputs_that_fail_end_it(world: Any) -> None:
    clock, outputs = VirtualClock(), world.outputs(HardwareError("the outputs were made safe"), fail_after=5)
    done = []
    with pytest.raises(HardwareError, match="made safe"):
        done.extend(sort(core(world), Camera(three_items(world), clock), outputs, clock, 2.0))
    assert len(outputs.packets) == 6


def test_outputs_that_refuse_pulses_end_it(world: Any) -> None:
    class Broken(world.outputs):
        def send(self, pulses: object) -> None:
            if pulses:
                raise HardwareError("gone")
            super().send(())

    clock, outputs = VirtualClock(), Broken()
    with pytest.raises(HardwareError, match="gone"):
        list(sort(core(world), Camera(three_items(world), clock), outputs, clock, 2.0))


def test_a_camera_without_fresh_frames_ends_it(world: Any) -> None:
    clock, outputs = VirtualClock(), world.outputs()
    camera = Camera(three_items(world)[:10], clock, HardwareError("no frame for 2 s"))
    with pytest.raises(HardwareError, match="no frame for 2 s"):
        list(sort(core(world), camera, outputs, clock, 2.0))
    assert len(outputs.packets) == 10


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
