"""Brings core and devices together: the loop that sorts."""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sortline_bundle.errors import HardwareError, SortlineError
from sortline_edge.clocks import Clock
from sortline_edge.config import Station
from sortline_edge.ports import Camera, Code, Command, Frame, MadeSafe, NoFrame, Outputs, Pulse, Recall, Report
from sortline_edge.records import Record
from sortline_edge.station import Brain, Core, Step

# Outputs that have died are opened anew so often, and given up when a camera would be.
_OPEN_AGAIN_NS = 1_000_000_000
# Clocks of cameras and this one may differ by so much.
_FUTURE_NS = 20_000_000


class Moment(NamedTuple):
    """What happened since the moment before. `frame` is None where the camera gave none."""

    frame: Frame | None
    step: Step
    reports: list[Report]


class Runner:
    """Sorts until the camera ends, then until the last gate has closed.

    Args:
        station: The station file.
        core: To sort by.
        camera: Gives the frames.
        open_outputs: Opens the outputs, at the start and whenever they have died.
        clock: The one that stamps the frames.
        new_brain: Asked between two frames whether there is another bundle to sort by; None: there is not; an error:
            there is, and it cannot be used.
    """

    def __init__(
        self,
        station: Station,
        core: Core,
        camera: Camera,
        open_outputs: Callable[[], Outputs],
        clock: Clock,
        new_brain: Callable[[], Brain | SortlineError | None] = lambda: None,
    ) -> None:
        self._guard, self._core, self._camera, self._clock = station.guard, core, camera, clock
        self._open_outputs, self._new_brain = open_outputs, new_brain
        # The outputs hear from the station three times in the time after which they would take it for dead.
        self._beat_s = station.timing.heartbeat_ms / 3e3
        self._outputs: Outputs | None = None
        self._lost_ns = self._try_ns = 0
        self._fresh_ns = clock.now_ns()
        # A code stands as long as the longest gate would be open.
        self._stands_ns = round(1e6 * max(bin_.dwell_ms for bin_ in station.bins))
        self._last_ns = 0
        self._stamp_ns = -1

    @property
    def outputs_answer(self) -> bool:
        """Whether the outputs are open and took what was sent last."""
        return self._outputs is not None

    def moments(self) -> Iterator[Moment]:
        """Sort; a moment for every frame, and for every time that none came.

        However it ends, the outputs are safe then; `close` tells what became of the items on their way.

        Raises:
            HardwareError: the camera or the outputs cannot be had back.
        """
        try:
            self._outputs = self._open_outputs()
            while (frame := self._camera.read(self._beat_s, self._guard.max_age_s)) is not NoFrame.ENDED:
                if isinstance(frame, NoFrame) or not self._is_of_now(frame):
                    self._miss_frame()
                    yield self._turn(None)
                else:
                    self._take_frame(frame)
                    yield self._turn(frame)
            yield from self._see_out()
        finally:
            self._make_safe()

    def close(self) -> list[Record]:
        """Make the outputs safe; the records of what was still on its way. Harmless when repeated."""
        self._make_safe()
        return self._core.close(self._clock.now_ns())

    def _make_safe(self) -> None:
        if self._outputs is not None:
            self._outputs.close()
            self._outputs = None

    def _is_of_now(self, frame: Frame) -> bool:
        """Whether a frame's time can be right: after the one before, and not from the future."""
        fits = self._stamp_ns < frame.captured_ns <= self._clock.now_ns() + _FUTURE_NS
        if fits:
            self._stamp_ns = frame.captured_ns
        return fits

    def _take_frame(self, frame: Frame) -> None:
        self._renew()
        self._fresh_ns = self._clock.now_ns()
        self._core.tell("camera stale", self._fresh_ns, "frames come again", present=False)
        for _ in self._core.looking(frame):
            self._send([])

    def _renew(self) -> None:
        brain = self._new_brain()
        if brain is None:
            return
        try:
            if isinstance(brain, SortlineError):
                raise brain
            self._core.swap(brain)
        except SortlineError as error:
            self._core.tell("bundle refused", self._clock.now_ns(), str(error), present=True)
        else:
            self._core.tell("bundle refused", self._clock.now_ns(), "another bundle is in use", present=False)

    def _miss_frame(self) -> None:
        now_ns = self._clock.now_ns()
        without_s = (now_ns - self._fresh_ns) / 1e9
        if without_s > self._guard.camera_lost_after_s:
            raise HardwareError(
                f"the camera gave no fresh frame for {without_s:.1f} s; check its cable, then start the station anew"
            )
        if without_s > self._guard.stale_after_s:
            self._core.tell("camera stale", now_ns, f"no fresh frame for {without_s:.1f} s", present=True)

    def _turn(self, frame: Frame | None) -> Moment:
        reports = self._hear()
        step = self._core.act(self._clock.now_ns())
        self._send(step.commands)
        return Moment(frame, step, reports)

    def _see_out(self) -> Iterator[Moment]:
        """Until every item that was decided on has had its gate and the last one has closed."""
        step = self._core.finish(self._clock.now_ns())
        self._send(step.commands)
        yield Moment(None, step, self._hear())
        while self.outputs_answer and (self._core.busy or self._clock.now_ns() <= self._last_ns):
            self._clock.wait_until_ns(self._clock.now_ns() + round(1e9 * min(self._beat_s, 0.02)))
            yield self._turn(None)
        yield Moment(None, Step([], [], [], self.close()), [])

    def _hear(self) -> list[Report]:
        if self._outputs is None:
            self._open_again()
            return []
        try:
            reports = self._outputs.reports()
        except HardwareError as error:
            self._lose(error)
            return []
        self._core.hear(reports)
        for report in reports:
            if isinstance(report, MadeSafe):
                self._lose(HardwareError(f"the outputs were made safe: {report.reason}"))
        return reports

    def _send(self, commands: list[Command]) -> None:
        if self._outputs is None:
            return
        ends_ns = (self._ends_ns(command) for command in commands if not isinstance(command, Recall))
        self._last_ns = max([self._last_ns, *ends_ns])
        try:
            self._outputs.send(commands)
        except HardwareError as error:
            self._lose(error)

    def _ends_ns(self, command: Pulse | Code) -> int:
        return command.off_ns if isinstance(command, Pulse) else command.at_ns + self._stands_ns

    def _lose(self, error: HardwareError) -> None:
        if self._outputs is not None:
            with contextlib.suppress(HardwareError):  # what they did before counts
                self._core.hear(self._outputs.reports())
        self._make_safe()
        self._lost_ns = self._try_ns = self._clock.now_ns()
        self._core.tell("outputs lost", self._lost_ns, str(error), present=True)

    def _open_again(self) -> None:
        now_ns = self._clock.now_ns()
        if now_ns < self._try_ns + _OPEN_AGAIN_NS:
            return
        self._try_ns = now_ns
        try:
            self._outputs = self._open_outputs()
        except HardwareError:
            if now_ns - self._lost_ns > self._guard.camera_lost_after_s * 1e9:
                raise
        else:
            self._core.tell("outputs lost", self._clock.now_ns(), "they were opened anew", present=False)
