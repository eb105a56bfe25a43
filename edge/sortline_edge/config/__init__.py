"""The station file: TOML, checked whole before anything is opened."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from sortline_bundle.choices import RuntimeChoice, ThreadChoice
from sortline_bundle.errors import ConfigError
from sortline_bundle.strict import Table, read_toml
from sortline_edge.config.cameras import (
    BeltCamera,
    CameraSettings,
    FolderCamera,
    LiveCamera,
    PicameraCamera,
    V4l2Camera,
    VideoCamera,
)
from sortline_edge.config.events import Events
from sortline_edge.config.fields import Line, Name, NotNegative, Positive, Share
from sortline_edge.config.twin import Fault, fault_complaints
from sortline_edge.config.wiring import (
    CodeSignal,
    GpiodOutputs,
    Input,
    Inputs,
    OutputSettings,
    PulseSignal,
    RecorderOutputs,
    Servo,
    Timing,
)

__all__ = [
    "Belt",
    "BeltCamera",
    "Bin",
    "CodeSignal",
    "Deciding",
    "Events",
    "Fault",
    "FolderCamera",
    "GpiodOutputs",
    "Guard",
    "Input",
    "Inputs",
    "LiveCamera",
    "ModelSettings",
    "OutputSettings",
    "PicameraCamera",
    "PulseSignal",
    "RecorderOutputs",
    "Servo",
    "Station",
    "Timing",
    "V4l2Camera",
    "VideoCamera",
    "load_station",
]


class Belt(Table, frozen=True, kw_only=True):
    """The belt as the camera sees it. Items enter at the left edge of the picture.

    Attributes:
        speed_mm_s: Belt speed.
        mm_per_px: Belt length that one camera pixel covers.
        measured_by: What says how far the belt has gone: `speed_mm_s` alone, the encoder, or the pictures.
        tolerance: How far the speed that the pictures show may be from the speed in use, as a share of it.
    """

    speed_mm_s: Annotated[float, Meta(ge=1, le=10_000)]
    mm_per_px: Annotated[float, Meta(ge=0.001, le=100)]
    measured_by: Literal["setting", "encoder", "pictures"] = "setting"
    tolerance: Share = 0.1


class Bin(Table, frozen=True, kw_only=True):
    """Where the items of some classes go, and the gate that sends them there.

    Attributes:
        name: Of the bin.
        classes: The classes it takes.
        line: Output line of its gate, where `[signal]` is `pulse`.
        distance_mm: From the middle of the camera picture to the gate, along the belt.
        code: The number that means this bin, where `[signal]` is `code`.
        delay_ms: From the command until the gate is open, the actuator's own slowness.
        dwell_ms: How long the gate stays open for an item.
        shortest_ms: What is shorter is no opening: where neighbours leave less, the item rides on to the reject bin.
        rest_ms: From the end of an opening until the gate can open again.
        eye: Photo-eye in the chute: confirms that an item arrived.
        confirm_ms: An item that its eye has not seen so long after its gate closed is lost.
        full: Input that says the bin can take no more.
    """

    name: Name
    classes: Annotated[tuple[str, ...], Meta(min_length=1)]
    line: Line | None = None
    distance_mm: Positive
    code: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    delay_ms: NotNegative = 0.0
    dwell_ms: Positive = 150.0
    shortest_ms: NotNegative = 0.0
    rest_ms: NotNegative = 0.0
    eye: Input | None = None
    confirm_ms: Positive = 1000.0
    full: Input | None = None


class Deciding(Table, frozen=True, kw_only=True):
    """How an item's looks become a decision.

    Attributes:
        trigger: What says that there is an item: the picture, or the photo-eye `inputs.eye`.
        looks: The most looks taken at one item.
        smallest_mm: Shorter things on the belt are dirt.
        longest_mm: Longer things are several items that touch; they are rejected.
    """

    trigger: Literal["picture", "eye"] = "picture"
    looks: Annotated[int, Meta(ge=1, le=100)] = 5
    smallest_mm: Positive = 15.0
    longest_mm: Positive = 200.0


class Guard(Table, frozen=True, kw_only=True):
    """What the station watches besides the belt, and when it stops sorting.

    Attributes:
        stale_after_s: Without a fresh frame for so long the camera is stale and nothing is sorted.
        camera_lost_after_s: Without one, or without outputs, for so long the station ends, to be started anew.
        max_age_s: A frame that is older when it is read is not looked at.
        jam_s: An eye that is covered for longer has something stuck before it.
        hot_c: A board hotter than this slows down; nothing is sorted until it is below `cool_c`.
        cool_c: See `hot_c`.
    """

    stale_after_s: Positive = 0.5
    camera_lost_after_s: Positive = 10.0
    max_age_s: Positive = 0.5
    jam_s: Positive = 3.0
    hot_c: Positive = 84.0
    cool_c: Positive = 78.0


class ModelSettings(Table, frozen=True, kw_only=True):
    """How the bundle's model is run.

    Attributes:
        runtime: `auto`: LiteRT where it is installed, else tflite-runtime. One asked for by name is taken, or the
            station stops.
        threads: `auto`: measured when the station starts. Fewer leave more of the board to everything else.
        trial_frames: A bundle on trial is confirmed when it has been in service for so many frames ...
        trial_s: ... and so long.
    """

    runtime: RuntimeChoice = "auto"
    threads: ThreadChoice = "auto"
    trial_frames: Annotated[int, Meta(ge=1)] = 1000
    trial_s: Positive = 60.0


class Station(Table, frozen=True, kw_only=True):
    """A whole station file. Paths in it are relative to the file's own folder.

    Attributes:
        name: Of the station.
        bundle: Path of the bundle it sorts by.
        signal: How the bins are told.
        events: Where what happened is kept; without it nothing is.
        reject: Name of the bin at the belt's end, where everything doubtful goes.
    """

    name: Name
    bundle: str
    camera: CameraSettings
    belt: Belt
    bins: Annotated[tuple[Bin, ...], Meta(min_length=1)]
    outputs: OutputSettings
    signal: PulseSignal | CodeSignal = PulseSignal()
    inputs: Inputs = Inputs()
    timing: Timing = Timing()
    deciding: Deciding = Deciding()
    guard: Guard = Guard()
    model: ModelSettings = ModelSettings()
    events: Events | None = None
    reject: Name = "reject"

    @property
    def lines(self) -> tuple[int, ...]:
        """Every output line the station uses."""
        if isinstance(self.signal, CodeSignal):
            return self.signal.outputs
        return tuple(bin_.line for bin_ in self.bins if bin_.line is not None)

    @property
    def wired(self) -> dict[str, Input]:
        """Every input line the station reads, by what it is called in the station file."""
        named = {f"inputs.{name}": getattr(self.inputs, name) for name in self.inputs.__struct_fields__}
        for bin_ in self.bins:
            named |= {f"eye of bin {bin_.name}": bin_.eye, f"full of bin {bin_.name}": bin_.full}
        if isinstance(self.signal, CodeSignal):
            named["signal.acknowledge"] = self.signal.acknowledge
        return {name: input_ for name, input_ in named.items() if input_ is not None}

    def bin_of(self, class_name: str) -> Bin | None:
        """The bin that takes a class; None for the reject bin."""
        return next((bin_ for bin_ in self.bins if class_name in bin_.classes), None)


def load_station(path: Path) -> Station:
    """Read and check a station file.

    Raises:
        ConfigError: naming the key, what it is and what it may be.
    """
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise ConfigError(f"station file {path} cannot be read: {cause.strerror}") from None
    station = read_toml(data, Station, error=ConfigError, where=str(path))
    check_station(station, where=str(path))
    return station


def check_station(station: Station, *, where: str) -> None:
    """Hold the tables of a station against each other.

    Raises:
        ConfigError: with `where` and what does not fit.
    """
    for complaint in _complaints(station):
        raise ConfigError(f"{where}: {complaint}")


def _complaints(station: Station) -> Iterator[str]:
    yield from _doubles(station)
    yield from _signal_complaints(station)
    yield from _servo_complaints(station)
    if station.belt.measured_by == "encoder" and station.inputs.encoder is None:
        yield "`belt.measured_by` is `encoder`, but there is no `inputs.encoder`"
    if station.deciding.trigger == "eye" and station.inputs.eye is None:
        yield "`deciding.trigger` is `eye`, but there is no `inputs.eye`"
    if isinstance(station.camera, BeltCamera):
        yield from fault_complaints(station.camera.faults, station)
    if station.guard.cool_c > station.guard.hot_c:
        yield "`guard.cool_c` is above `guard.hot_c`; the board must cool down to go on"


def _doubles(station: Station) -> Iterator[str]:
    for what, values in _must_differ(station).items():
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            yield f"{what} {twice[0]!r} is used more than once; give each its own"


def _signal_complaints(station: Station) -> Iterator[str]:
    signal = station.signal
    needed, other = ("code", "line") if isinstance(signal, CodeSignal) else ("line", "code")
    for bin_ in station.bins:
        if getattr(bin_, needed) is None:
            yield f"bin {bin_.name!r} has no `{needed}`, which it needs where `signal.kind` is `{_kind(station)}`"
        if getattr(bin_, other) is not None:
            yield f"bin {bin_.name!r} has `{other}`, which means nothing where `signal.kind` is `{_kind(station)}`"
    if isinstance(signal, CodeSignal):
        if len({(bin_.distance_mm, bin_.delay_ms) for bin_ in station.bins}) > 1:
            yield "the bins differ in `distance_mm` or `delay_ms`; where `signal.kind` is `code` they may not"
        for code in (signal.reject_code, *(bin_.code or 0 for bin_ in station.bins)):
            if code > signal.largest:
                yield f"code {code} does not go onto {len(signal.lines)} lines, which can say 0 to {signal.largest}"
        if signal.acknowledge is not None and signal.strobe is None:
            yield "`signal.acknowledge` needs a `signal.strobe` that it answers"


def _servo_complaints(station: Station) -> Iterator[str]:
    for servo in _servos(station):
        if servo.line not in {bin_.line for bin_ in station.bins}:
            yield f"the servo of line {servo.line} moves nothing; name it as the `line` of a bin"


def _servos(station: Station) -> tuple[Servo, ...]:
    return station.outputs.servos if isinstance(station.outputs, GpiodOutputs) else ()


def _kind(station: Station) -> str:
    return "code" if isinstance(station.signal, CodeSignal) else "pulse"


def _must_differ(station: Station) -> dict[str, list[str | int]]:
    codes = [station.signal.reject_code] if isinstance(station.signal, CodeSignal) else []
    return {
        "line": [*station.lines, *(input_.line for input_ in station.wired.values())],
        "servo line": [servo.line for servo in _servos(station)],
        "servo channel": [f"{servo.channel} of {servo.chip}" for servo in _servos(station)],
        "bin name": [station.reject, *(bin_.name for bin_ in station.bins)],
        "class": [name for bin_ in station.bins for name in bin_.classes],
        "code": [*codes, *(bin_.code for bin_ in station.bins if bin_.code is not None)],
    }
