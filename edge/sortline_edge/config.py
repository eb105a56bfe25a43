"""The station file: TOML, checked whole before anything is opened."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from sortline_bundle.errors import ConfigError
from sortline_bundle.runtime import RuntimeChoice
from sortline_bundle.strict import Table, read_toml

# The upper ends lie far above any machine: nothing computed from what is below them overflows.
Positive = Annotated[float, Meta(gt=0, le=1_000_000)]
NotNegative = Annotated[float, Meta(ge=0, le=1_000_000)]
FrameRate = Annotated[float, Meta(gt=0, le=1_000)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}\Z")]
Line = Annotated[int, Meta(ge=0, le=511)]


class FolderCamera(Table, frozen=True, kw_only=True, tag_field="driver", tag="folder"):
    """Images of a folder in the order of their names, as if a camera had taken them."""

    path: str
    frames_per_s: FrameRate = 25.0


class VideoCamera(Table, frozen=True, kw_only=True, tag_field="driver", tag="video"):
    """A video file, at the times its frames were taken."""

    path: str


class BeltCamera(Table, frozen=True, kw_only=True, tag_field="driver", tag="belt"):
    """The simulated belt: items out of a folder of photographs, one folder per class.

    Attributes:
        items: Folder of class folders.
        count: How many items ride past.
        gap_mm: Shortest free belt between two items; the gaps are twice that in the mean.
        item_mm: Longer side of every item.
        cut: `outline`: items are cut out along their outline, and photographs where none is found do not ride;
            `card`: whole photographs ride.
        seed: Decides which items ride and how they lie.
        frames_per_s: Of the simulated camera.
    """

    items: str
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    gap_mm: Positive = 60.0
    item_mm: Positive = 90.0
    cut: Literal["outline", "card"] = "outline"
    seed: Annotated[int, Meta(ge=0)] = 0
    frames_per_s: FrameRate = 25.0


class Belt(Table, frozen=True, kw_only=True):
    """The belt as the camera sees it. Items enter at the left edge of the picture.

    Attributes:
        speed_mm_s: Belt speed.
        mm_per_px: Belt length that one camera pixel covers.
    """

    speed_mm_s: Annotated[float, Meta(ge=1, le=10_000)]
    mm_per_px: Annotated[float, Meta(ge=0.001, le=100)]


class Bin(Table, frozen=True, kw_only=True):
    """Where the items of some classes go, and the gate that sends them there.

    Attributes:
        name: Of the bin.
        classes: The classes it takes.
        line: Output line of its gate.
        distance_mm: From the middle of the camera picture to the gate, along the belt.
        delay_ms: From the command until the gate is open, the actuator's own slowness.
        dwell_ms: How long the gate stays open for an item.
    """

    name: Name
    classes: Annotated[tuple[str, ...], Meta(min_length=1)]
    line: Line
    distance_mm: Positive
    delay_ms: NotNegative = 0.0
    dwell_ms: Positive = 150.0


class RecorderOutputs(Table, frozen=True, kw_only=True, tag_field="driver", tag="recorder"):
    """No wires: what the lines would have done, as JSON lines in a file."""

    path: str = "outputs.jsonl"


class GpiodOutputs(Table, frozen=True, kw_only=True, tag_field="driver", tag="gpiod"):
    """Lines of a GPIO chip, through the kernel's character device.

    Attributes:
        chip: The chip's label (`gpiodetect` shows it), such as pinctrl-rp1 on a Raspberry Pi 5; numbers change with
            the kernel.
        active_low: The output boards switch on when the line is low.
    """

    chip: str
    active_low: bool = False


class Timing(Table, frozen=True, kw_only=True):
    """Limits of the output process.

    Attributes:
        heartbeat_ms: After so long without a sign of life from the vision process all outputs are made safe.
        late_ms: A pulse that could begin only so long after its time is left out.
    """

    heartbeat_ms: Annotated[float, Meta(ge=20, le=10_000)] = 250.0
    late_ms: Annotated[float, Meta(gt=0, le=1_000)] = 5.0


class Deciding(Table, frozen=True, kw_only=True):
    """How an item's looks become a decision.

    Attributes:
        looks: The most looks taken at one item.
        stale_after_s: A camera that gives no frame for so long has failed.
        smallest_mm: Shorter things on the belt are dirt.
        longest_mm: Longer things are several items that touch; they are rejected.
    """

    looks: Annotated[int, Meta(ge=1, le=100)] = 5
    stale_after_s: Positive = 2.0
    smallest_mm: Positive = 15.0
    longest_mm: Positive = 200.0


class ModelSettings(Table, frozen=True, kw_only=True):
    """How the bundle's model is run.

    Attributes:
        runtime: `auto`: LiteRT where it is installed, else tflite-runtime. One asked for by name is taken, or the
            station stops.
    """

    runtime: RuntimeChoice = "auto"


class Station(Table, frozen=True, kw_only=True):
    """A whole station file. Paths in it are relative to the file's own folder.

    Attributes:
        name: Of the station.
        bundle: Path of the bundle it sorts by.
        reject: Name of the bin at the belt's end, where everything doubtful goes.
    """

    name: Name
    bundle: str
    camera: FolderCamera | VideoCamera | BeltCamera
    belt: Belt
    bins: Annotated[tuple[Bin, ...], Meta(min_length=1)]
    outputs: RecorderOutputs | GpiodOutputs
    timing: Timing = Timing()
    deciding: Deciding = Deciding()
    model: ModelSettings = ModelSettings()
    reject: Name = "reject"

    @property
    def lines(self) -> tuple[int, ...]:
        """Every output line the station uses."""
        return tuple(bin_.line for bin_ in self.bins)

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
    for what, values in _must_differ(station).items():
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise ConfigError(f"{path}: {what} {twice[0]!r} is used by more than one bin; give each bin its own")
    return station


def _must_differ(station: Station) -> dict[str, list[str | int]]:
    return {
        "output line": [bin_.line for bin_ in station.bins],
        "bin name": [station.reject, *(bin_.name for bin_ in station.bins)],
        "class": [name for bin_ in station.bins for name in bin_.classes],
    }
