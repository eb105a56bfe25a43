"""Brings core and devices together: the loop that sorts."""

from collections.abc import Iterator
from typing import NamedTuple

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import Clock
from sortline_edge.ports import Camera, Frame, NoFrame, Outputs, Report
from sortline_edge.station import Core, Step

_TICK_NS = 20_000_000


class Moment(NamedTuple):
    """What happened since the moment before. `frame` is None after the camera's end, while the last gates move."""

    frame: Frame | None
    step: Step
    reports: list[Report]


def sort(core: Core, camera: Camera, outputs: Outputs, clock: Clock, stale_after_s: float) -> Iterator[Moment]:
    """Sort until the camera ends, then until the last gate has closed.

    Raises:
        HardwareError: no fresh frame within `stale_after_s`, or the outputs have failed; they are safe then.
    """
    last_ns = 0
    while True:
        frame = camera.read(stale_after_s, stale_after_s)
        if frame is NoFrame.ENDED:
            break
        if frame is NoFrame.YET:
            raise HardwareError(f"the camera gave no fresh frame for {stale_after_s:g} s; check its cable")
        step = core.step(frame, clock.now_ns())
        outputs.send(step.pulses)
        last_ns = max([last_ns, *(pulse.off_ns for pulse in step.pulses)])
        yield Moment(frame, step, outputs.reports())
    step = core.finish(clock.now_ns())
    while True:
        outputs.send(step.pulses)
        last_ns = max([last_ns, *(pulse.off_ns for pulse in step.pulses)])
        yield Moment(None, step, outputs.reports())
        if not core.waiting and clock.now_ns() > last_ns + _TICK_NS:
            return
        clock.wait_until_ns(clock.now_ns() + _TICK_NS)
        step = Step([], core.due(clock.now_ns()))
