"""Tables of the station file: the cameras there are."""

from typing import Annotated, Literal

from msgspec import Meta

from sortline_bundle.strict import Table
from sortline_edge.config.fields import FrameRate, NotNegative, Positive
from sortline_edge.config.twin import Fault

Side = Annotated[int, Meta(ge=32, le=8192, multiple_of=2)]
SensorPixels = Annotated[int, Meta(ge=0, le=65_535)]
ColourGain = Annotated[float, Meta(gt=0, le=32)]

# How much wider or narrower than the picture the part of the sensor it shows may be: squeezed items look like others.
_ASPECT_TOLERANCE = 0.01


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
        overlap: Share of the items that touch or overlap the one before.
        jitter: How far the belt's speed wanders from what was set, as a share of it.
        light: How far the brightness drifts up and down within ten minutes, as a share.
        exposure_ms: Of the camera; what moves is blurred by the way it goes meanwhile.
        noise: Of the camera, standard deviation in grey levels.
        gate_spread_ms: Standard deviation of the gates' delays.
        sketch: A coarse camera, of a quarter of the pixels each way, for runs whose looks are remembered;
            `belt.mm_per_px` is then that of the coarse picture.
        faults: What goes wrong, and when.
    """

    items: str
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    gap_mm: Positive = 60.0
    item_mm: Positive = 90.0
    cut: Literal["outline", "card"] = "outline"
    seed: Annotated[int, Meta(ge=0)] = 0
    frames_per_s: FrameRate = 25.0
    overlap: Annotated[float, Meta(ge=0, le=1)] = 0.0
    jitter: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    light: Annotated[float, Meta(ge=0, le=0.9)] = 0.0
    exposure_ms: Annotated[float, Meta(ge=0, le=100)] = 0.0
    noise: Annotated[float, Meta(ge=0, le=50)] = 2.5
    gate_spread_ms: NotNegative = 0.0
    sketch: bool = False
    faults: tuple[Fault, ...] = ()


class LiveCamera(Table, frozen=True, kw_only=True):
    """What every real camera has.

    Attributes:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        exposure_ms: Exposure of every frame; None leaves it to the camera, which then changes it as it likes.
        swap_red_blue: The camera delivers red where it should deliver blue. `sortline camera --card red` tells.
    """

    width: Side = 640
    height: Side = 480
    exposure_ms: Annotated[float, Meta(ge=0.05, le=1_000)] | None = None
    swap_red_blue: bool = False


class PicameraCamera(LiveCamera, frozen=True, kw_only=True, tag_field="driver", tag="picamera2"):
    """A camera on the board's own connector, through picamera2.

    Attributes:
        id: Which, as `rpicam-hello --list-cameras` shows it; needed only where there are several.
        frames_per_s: Kept exactly.
        gain: Analogue gain, where `exposure_ms` is set.
        white_balance: Gains of red and blue; None leaves them to the camera.
        roi: Part of the sensor that is shown: left, top, width, height in sensor pixels.
        hflip: Mirrors left and right. With `vflip` too: for a camera that is mounted upside down.
        vflip: Mirrors top and bottom.
    """

    id: str | None = None
    frames_per_s: FrameRate = 30.0
    gain: Annotated[float, Meta(ge=1, le=64)] = 1.0
    white_balance: tuple[ColourGain, ColourGain] | None = None
    roi: tuple[SensorPixels, SensorPixels, SensorPixels, SensorPixels] | None = None
    hflip: bool = False
    vflip: bool = False

    def __post_init__(self) -> None:
        """Hold the settings against each other.

        Raises:
            ValueError: the exposure does not fit into a frame, or the region has another shape than the picture.
        """
        _check_exposure(self.exposure_ms, self.frames_per_s)
        if self.roi is None:
            return
        width, height = self.roi[2:]
        if abs(width * self.height - height * self.width) > _ASPECT_TOLERANCE * height * self.width:
            raise ValueError(
                f"`roi` is {width} x {height}, another shape than the picture's {self.width} x {self.height}, which"
                f" would be squeezed; a width of {width} goes with a height of {width * self.height / self.width:.0f}"
            )


class V4l2Camera(LiveCamera, frozen=True, kw_only=True, tag_field="driver", tag="v4l2"):
    """A USB camera, or another one with a device file of its own.

    Attributes:
        path: Device file. One under `/dev/v4l/by-id` stays the same camera when it is plugged in anew.
        fourcc: How the camera packs its pictures; unpacked ones (YUYV) leave USB 2 little room.
        frames_per_s: As the camera offers them.
        gain: In the camera's own steps; None leaves it as it is.
        white_balance_k: Colour temperature; None leaves it to the camera.
    """

    path: str = "/dev/video0"
    fourcc: Annotated[str, Meta(pattern=r"^[A-Z0-9 ]{4}\Z")] = "MJPG"
    frames_per_s: Annotated[int, Meta(ge=1, le=1_000)] = 30
    gain: NotNegative | None = None
    white_balance_k: Annotated[int, Meta(ge=1_000, le=20_000)] | None = None

    def __post_init__(self) -> None:
        """Hold the settings against each other.

        Raises:
            ValueError: the exposure does not fit into a frame.
        """
        _check_exposure(self.exposure_ms, self.frames_per_s)


def _check_exposure(exposure_ms: float | None, frames_per_s: float) -> None:
    if exposure_ms is not None and exposure_ms > 1000 / frames_per_s:
        raise ValueError(
            f"`exposure_ms` is {exposure_ms:g}, but at {frames_per_s:g} frames per second a frame lasts"
            f" {1000 / frames_per_s:.3g} ms; expose for less, or take fewer frames"
        )


CameraSettings = FolderCamera | VideoCamera | BeltCamera | PicameraCamera | V4l2Camera
