"""Tables of the station file: what is wired to the station, inputs and outputs."""

from typing import Annotated, Literal

from msgspec import Meta

from sortline_bundle.strict import Table
from sortline_edge.config.fields import Anywhere, Line


class Input(Table, frozen=True, kw_only=True):
    """An input line.

    Attributes:
        line: Offset on the chip.
        active_low: Active is the low level.
        bias: Resistor of the chip's own.
        debounce_ms: Changes shorter than this are not seen.
    """

    line: Line
    active_low: bool = False
    bias: Literal["as-is", "pull-up", "pull-down", "disabled"] = "as-is"
    debounce_ms: Annotated[float, Meta(ge=0, le=1_000)] = 0.0


class Encoder(Input, frozen=True, kw_only=True):
    """A wheel on the belt that gives a count for every stretch of it.

    Attributes:
        mm_per_count: Belt per rising edge.
    """

    mm_per_count: Annotated[float, Meta(ge=0.01, le=1_000)]


class Eye(Input, frozen=True, kw_only=True):
    """A photo-eye across the belt: active while something covers it.

    Attributes:
        distance_mm: From the middle of the camera picture, along the belt; negative: the items pass it before.
    """

    distance_mm: Anywhere


class Inputs(Table, frozen=True, kw_only=True):
    """What the station is told by wires. Each is optional; what is not wired is not watched.

    Attributes:
        emergency_stop: Active: all outputs are inactive at once, and stay so until it is released and reset.
        belt_running: Inactive: the belt stands, so nothing arrives and nothing may move.
        reset: A button: what waits for somebody to look (emergency stop, jam) is over.
        encoder: Counts the belt.
        eye: Sees items come.
    """

    emergency_stop: Input | None = None
    belt_running: Input | None = None
    reset: Input | None = None
    encoder: Encoder | None = None
    eye: Eye | None = None


class PulseSignal(Table, frozen=True, kw_only=True, tag_field="kind", tag="pulse"):
    """Each bin has a gate with an output line of its own, active while an item for it passes."""


class CodeSignal(Table, frozen=True, kw_only=True, tag_field="kind", tag="code"):
    """One number on a few lines says which bin the item that now arrives is for.

    One of N is a code of a single bit per bin (1, 2, 4). Without a strobe the lines keep their code until the next
    item's. With one, and a PLC that acknowledges: the code stands for `setup_ms`, the strobe rises, the PLC
    acknowledges, strobe and code fall, the acknowledgement falls; then the next item's turn comes.

    Attributes:
        lines: The lowest bit first.
        reject_code: Says that an item is for no bin.
        strobe: Line that says: the code is valid.
        acknowledge: Input by which the PLC says that it has read the code.
        setup_ms: From the code to the strobe.
        answer_ms: The longest that the PLC may take to acknowledge.
    """

    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=16)]
    reject_code: Annotated[int, Meta(ge=0, le=65_535)] = 0
    strobe: Line | None = None
    acknowledge: Input | None = None
    setup_ms: Annotated[float, Meta(ge=0, le=1_000)] = 1.0
    answer_ms: Annotated[float, Meta(gt=0, le=10_000)] = 100.0

    @property
    def outputs(self) -> tuple[int, ...]:
        """Every output line: those of the code, and the strobe."""
        return self.lines if self.strobe is None else (*self.lines, self.strobe)

    @property
    def largest(self) -> int:
        """The largest code that the lines can say."""
        return (1 << len(self.lines)) - 1


class RecorderOutputs(Table, frozen=True, kw_only=True, tag_field="driver", tag="recorder"):
    """No wires: what the lines would have done, as JSON lines in a file.

    Attributes:
        path: The file.
        inputs: Named pipe for playing the inputs by hand: one `{"line": 5, "active": true}` a line. Without it they
            stay inactive.
    """

    path: str = "outputs.jsonl"
    inputs: str | None = None


PulseWidth = Annotated[float, Meta(ge=500, le=2_500)]


class Servo(Table, frozen=True, kw_only=True):
    """A model servo that moves a gate, on a channel of a hardware PWM chip.

    Attributes:
        line: The number by which a bin names it, of no line of the GPIO chip that is in use.
        chip: Name of the PWM chip's device, such as 1f00098000.pwm on a Raspberry Pi 5.
        channel: Of the chip.
        rest_us: Length of the pulses that hold the gate closed.
        active_us: Length of the pulses that hold it open.
        period_us: From pulse to pulse.
        idle_ms: So long after it was told to close, and longer than that takes, the signal is switched off: no jitter,
            no heat. 0: it stays on.
    """

    line: Line
    chip: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}\Z")]
    channel: Annotated[int, Meta(ge=0, le=63)]
    rest_us: PulseWidth
    active_us: PulseWidth
    period_us: Annotated[float, Meta(ge=2_600, le=50_000)] = 20_000.0
    idle_ms: Annotated[float, Meta(ge=0, le=60_000)] = 1_000.0


class GpiodOutputs(Table, frozen=True, kw_only=True, tag_field="driver", tag="gpiod"):
    """Lines of a GPIO chip, through the kernel's character device.

    Attributes:
        chip: The chip's label (`gpiodetect` shows it), such as pinctrl-rp1 on a Raspberry Pi 5; numbers change with
            the kernel.
        active_low: The output boards switch on when the line is low.
        servos: Gates that a servo moves, instead of a line of the chip.
    """

    chip: str
    active_low: bool = False
    servos: tuple[Servo, ...] = ()


OutputSettings = RecorderOutputs | GpiodOutputs


class Timing(Table, frozen=True, kw_only=True):
    """Limits of the output process.

    Attributes:
        heartbeat_ms: After so long without a sign of life from the vision process all outputs are made safe.
        late_ms: A pulse that could begin, or a code that could be said, only so long after its time is left out.
    """

    heartbeat_ms: Annotated[float, Meta(ge=20, le=10_000)] = 250.0
    late_ms: Annotated[float, Meta(gt=0, le=1_000)] = 5.0
