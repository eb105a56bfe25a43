"""Gates moved by model servos, as if they were output lines: inactive is the resting position."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import NS_PER_MS
from sortline_edge.config.wiring import Servo
from sortline_edge.outputs.pwm import PwmChannel
from sortline_edge.ports import LineDriver

# A small servo turns by 60 degrees in 0.1 to 0.2 s; without the signal it would stay where it is.
RETURN_S = 0.3


class ServoLines:
    """A `LineDriver` whose lines are servos.

    A servo that was told to rest is left without a signal after its `idle_ms`: its owner calls `tick` at `next_ns`.

    Args:
        servos: What moves where, and where it rests.
        open_channel: Claims a servo's PWM channel.
        now_ns: Clock of `next_ns`.
        sleep: Waits so many seconds.

    Raises:
        HardwareError: a channel cannot be had; none is held then.
    """

    def __init__(
        self,
        servos: Sequence[Servo],
        *,
        open_channel: Callable[[str, int, float], PwmChannel] = PwmChannel,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._servos = {servo.line: servo for servo in servos}
        self._now_ns = now_ns
        self._sleep = sleep
        self._channels: dict[int, PwmChannel] = {}
        self._quiet_ns: dict[int, int] = {}  # by line of a servo on its way to rest: when its signal may end
        self._away: set[int] = set()  # lines of servos that may not be at rest
        try:
            for servo in servos:
                self._channels[servo.line] = open_channel(servo.chip, servo.channel, servo.period_us)
            self.set(dict.fromkeys(self._servos, False))
        except BaseException:
            self._release()
            raise

    @property
    def next_ns(self) -> int | None:
        """When `tick` has something to do; None: never, as things are."""
        return min(self._quiet_ns.values(), default=None)

    def set(self, levels: Mapping[int, bool]) -> None:
        """Send each named servo to its active or its resting position.

        Raises:
            HardwareError: a line is no servo, the servos were released, or the kernel refused.
        """
        for line in levels:
            if line not in self._channels:
                raise HardwareError(f"line {line} is no servo that is claimed, only {sorted(self._channels)}; claim it")
        for line, active in levels.items():
            servo = self._servos[line]
            self._channels[line].pulse(servo.active_us if active else servo.rest_us)
            self._away.add(line)
            self._quiet_ns.pop(line, None)
            if not active and servo.idle_ms:
                self._quiet_ns[line] = self._now_ns() + round(servo.idle_ms * NS_PER_MS)

    def tick(self, now_ns: int) -> None:
        """Switch the signals off whose time is over.

        Raises:
            HardwareError: the kernel refused.
        """
        for line in [line for line, at_ns in self._quiet_ns.items() if at_ns <= now_ns]:
            del self._quiet_ns[line]
            self._channels[line].quiet()
            self._away.discard(line)

    def close(self) -> None:
        """Bring every servo to rest, which takes 0.3 s where one moves, and release it. Harmless when repeated."""
        away = sorted(self._away & self._channels.keys())
        failures: list[HardwareError] = []
        for line in away:  # each by itself: one that fails leaves no other away from rest
            try:
                self.set({line: False})
            except HardwareError as error:
                failures.append(error)
        if away:
            self._sleep(RETURN_S)
        self._release()
        if failures:
            raise failures[0]

    def _release(self) -> None:
        channels = list(self._channels.values())
        self._channels.clear()
        self._quiet_ns.clear()
        with contextlib.ExitStack() as stack:
            for channel in channels:
                stack.callback(channel.close)


class LinesAndServos:
    """A `LineDriver` of a chip's lines and of servos together.

    Args:
        lines: Of the chip.
        servos: By lines of their own.
        servo_lines: Those.
    """

    def __init__(self, lines: LineDriver, servos: ServoLines, servo_lines: frozenset[int]) -> None:
        self._lines = lines
        self._servos = servos
        self._servo_lines = servo_lines

    def set(self, levels: Mapping[int, bool]) -> None:
        """Make each named line active (True) or inactive; the chip's, which are faster, first.

        Raises:
            HardwareError: as the two do.
        """
        wired = {line: active for line, active in levels.items() if line not in self._servo_lines}
        moved = {line: active for line, active in levels.items() if line in self._servo_lines}
        if wired:
            self._lines.set(wired)
        if moved:
            self._servos.set(moved)

    def close(self) -> None:
        """Make every line inactive and release it; the chip's, which are faster, first. Harmless when repeated."""
        try:
            self._lines.close()
        finally:
            self._servos.close()
