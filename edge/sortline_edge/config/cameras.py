"""Tables of the station file: the cameras there are."""

from typing import Annotated, Literal

from msgspec import Meta

from sortline_bundle.strict import Table
from sortline_edge.config.fields import FrameRate, NotNegative, Positive
from sortline_edge.config.twin import Fault


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


CameraSettings = FolderCamera | VideoCamera | BeltCamera
