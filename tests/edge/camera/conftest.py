"""Every camera there is, each with what it sees in the hands of the test."""

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

from sortline_edge.camera import open_camera
from sortline_edge.camera import v4l2 as v4l2_driver
from sortline_edge.camera.picamera import PicameraCamera
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import BeltCamera, FolderCamera, V4l2Camera, VideoCamera
from sortline_edge.config import PicameraCamera as PicameraSettings
from sortline_edge.ports import Camera

FRAMES_PER_S = 20
PERIOD_NS = 50_000_000
START_NS = 3_600_000_000_000


def _fake(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake_picamera2, fake_v4l2 = _fake("fake_picamera2"), _fake("fake_v4l2")


class HandClock:
    """Stands still until the test moves it, and tells whether anybody waits for a time to come."""

    def __init__(self) -> None:
        self._now_ns = START_NS
        self._moved = threading.Condition()
        self._awaited: list[int] = []

    def now_ns(self) -> int:
        return self._now_ns

    def wait_until_ns(self, when_ns: int) -> None:
        with self._moved:
            self._awaited.append(when_ns)
            self._moved.notify_all()
            self._moved.wait_for(lambda: self._now_ns >= when_ns)
            self._awaited.remove(when_ns)

    def pass_s(self, seconds: float) -> None:
        with self._moved:
            self._now_ns += round(1e9 * seconds)
            self._moved.notify_all()

    def somebody_waits(self) -> None:
        """Return when another thread waits for a time that has not come."""
        with self._moved:
            assert self._moved.wait_for(lambda: any(when_ns > self._now_ns for when_ns in self._awaited), 30)


class Rig(NamedTuple):
    """A camera that is running.

    Attributes:
        come: Lets so many frames come, without reading.
        stall: No frame comes any more; frames come again after `come`.
        ready: Brings the next frame about, where the reader cannot by waiting.
    """

    camera: Camera
    clock: Any
    come: Callable[[int], None]
    stall: Callable[[], None]
    ready: Callable[[], None]


def _nothing() -> None:
    pass


@pytest.fixture
def clock() -> VirtualClock:
    clock = VirtualClock()
    clock.wait_until_ns(START_NS)
    return clock


@pytest.fixture
def board(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Raspberry Pi with a camera, where picamera2 is installed."""
    device = fake_picamera2.Device(clock)
    for name, module in device.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return device


@pytest.fixture
def picamera(board: Any) -> Iterator[Callable[..., PicameraCamera]]:
    """Opens that camera with some settings."""
    opened: list[PicameraCamera] = []

    def open_(**settings: Any) -> PicameraCamera:
        settings = {"width": 64, "height": 48, "frames_per_s": FRAMES_PER_S} | settings
        opened.append(PicameraCamera(PicameraSettings(**settings), board.clock, board.boottime))
        return opened[-1]

    yield open_
    for camera in opened:
        camera.close()


@pytest.fixture
def usb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with a USB camera."""
    clock = HandClock()
    device = fake_v4l2.Device(tmp_path / "video0", clock)
    monkeypatch.setattr(v4l2_driver.cv2, "VideoCapture", device.open)
    monkeypatch.delenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", raising=False)
    device.deliver()
    return device


@pytest.fixture
def v4l2(usb: Any, world: Any) -> Iterator[Callable[..., Camera]]:
    """Opens that camera with some settings, as a station does."""
    opened: list[Camera] = []

    def open_(**settings: Any) -> Camera:
        station = world.station(camera=V4l2Camera(**({"path": "video0"} | settings)))
        opened.append(open_camera(station, usb.path.parent, usb.clock))
        usb.idle()
        return opened[-1]

    yield open_
    for camera in opened:
        camera.close()
        usb.clock.pass_s(3600)
        usb.wake()


@pytest.fixture(params=["folder", "video", "belt", "picamera2", "v4l2"])
def rig(request: pytest.FixtureRequest, world: Any, tmp_path: Path, coloured_items: Path) -> Rig:
    """Each camera in turn, at 20 frames per second."""
    if request.param == "v4l2":
        return usb_rig(request)
    clock = request.getfixturevalue("clock")
    if request.param == "picamera2":
        return board_rig(request)
    settings = {
        "folder": FolderCamera(path="frames", frames_per_s=FRAMES_PER_S),
        "video": VideoCamera(path="frames.mp4"),
        "belt": BeltCamera(items=str(coloured_items), frames_per_s=FRAMES_PER_S),
    }[request.param]
    (tmp_path / "frames").mkdir()
    writer = cv2.VideoWriter(str(tmp_path / "frames.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_S, (64, 48))
    for nth in range(20):
        picture = np.full((48, 64, 3), 10 * nth, np.uint8)
        writer.write(picture)
        cv2.imwrite(str(tmp_path / "frames" / f"{nth:02d}.png"), picture)
    writer.release()
    camera = open_camera(world.station(camera=settings), tmp_path, clock)
    return Rig(camera, clock, lambda n: clock.wait_until_ns(clock.now_ns() + n * PERIOD_NS), _nothing, _nothing)


@pytest.fixture(params=["picamera2", "v4l2"])
def live(request: pytest.FixtureRequest) -> Rig:
    """Each real camera in turn."""
    return board_rig(request) if request.param == "picamera2" else usb_rig(request)


def board_rig(request: pytest.FixtureRequest) -> Rig:
    board, clock = request.getfixturevalue("board"), request.getfixturevalue("clock")
    camera = request.getfixturevalue("picamera")()

    def come(count: int) -> None:
        board.stalled = False
        clock.wait_until_ns(clock.now_ns() + count * PERIOD_NS)
        board.opened.run(lambda: False, 0)

    def stall() -> None:
        board.stalled = True

    def ready() -> None:
        board.stalled = False

    return Rig(camera, clock, come, stall, ready)


def usb_rig(request: pytest.FixtureRequest) -> Rig:
    usb = request.getfixturevalue("usb")
    camera = request.getfixturevalue("v4l2")()

    def come(count: int) -> None:
        for _ in range(count):
            usb.clock.pass_s(PERIOD_NS / 1e9)
            usb.deliver()
            usb.idle()

    return Rig(camera, usb.clock, come, _nothing, lambda: come(1))
