"""`cv2.VideoCapture` on a V4L2 device, as strict as it is: one thread at a time, nothing after its release."""

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

MODES = {
    ("MJPG", 640, 480): (15, 30),
    ("MJPG", 1280, 720): (30,),
    ("YUYV", 640, 480): (15, 30),
    ("YUYV", 320, 240): (30,),
}
# In the order that the device's controls have: least, most.
CONTROLS = {
    cv2.CAP_PROP_AUTO_EXPOSURE: (0, 3),
    cv2.CAP_PROP_EXPOSURE: (1, 5_000),
    cv2.CAP_PROP_GAIN: (0, 255),
    cv2.CAP_PROP_AUTO_WB: (0, 1),
    cv2.CAP_PROP_WB_TEMPERATURE: (2_800, 6_500),
}


class Picture(NamedTuple):
    """What the kernel has ready; no image: it arrived damaged."""

    image: np.ndarray | None
    stamp_ns: int


@dataclass
class Device:
    """A camera on a USB port.

    A reader that waits for a picture is woken by `deliver` and `unplug`; `idle` waits until it waits again, so that
    nothing of a test depends on how long anything takes.
    """

    path: Path
    clock: Any
    modes: dict[tuple[str, int, int], tuple[int, ...]] = field(default_factory=lambda: dict(MODES))
    controls: dict[int, tuple[int, int]] = field(default_factory=lambda: dict(CONTROLS))
    automatic: bool = True
    in_use: bool = False
    stamped: bool = True

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.ready: deque[Picture | None] = deque()
        self.waiting = False
        self.openings = 0
        self.opened: Capture | None = None
        self.values: dict[int, float] = dict.fromkeys(self.controls, 3)
        self.plug()

    def plug(self) -> None:
        self.path.write_bytes(b"")

    def unplug(self) -> None:
        """Its device file goes, and whoever waits for a picture is told that there is no device."""
        self.path.unlink()
        self._offer(None)

    def deliver(self, image: np.ndarray | None = None, *, damaged: bool = False, age_ns: int = 0) -> None:
        """Take a picture now."""
        image = np.zeros((480, 640, 3), np.uint8) if image is None else image
        self._offer(Picture(None if damaged else image, self.clock.now_ns() - age_ns))

    def _offer(self, picture: Picture | None) -> None:
        with self.changed:
            self.ready.append(picture)
            self.changed.notify_all()

    def idle(self) -> None:
        """Return when everything delivered has been taken and the reader waits for more."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting and not self.ready, 30)

    def wake(self) -> None:
        """Let a reader that waits after the camera was closed see that it is closed, and wait until it has gone."""
        with self.changed:
            self.ready.append(None)
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.opened is None, 30)

    def open(self, path: str, backend: int) -> "Capture":
        assert backend == cv2.CAP_V4L2, "another backend would not set what is asked for"
        assert path == str(self.path)
        return Capture(self)


class Capture:
    def __init__(self, device: Device) -> None:
        self.device = device
        self.open = device.path.exists() and not device.in_use and device.opened is None
        self.mode, self.rate = ("YUYV", 640, 480), 30
        self.buffers, self.grabbed = 4, None
        self.size_asked = dict[int, int]()
        self.stamp_ns: int | None = None
        self.one_at_a_time = threading.Lock()
        if self.open:
            device.opened = self
            device.openings += 1

    def isOpened(self) -> bool:  # noqa: N802 as OpenCV names it
        return self.open

    def set(self, prop: int, value: float) -> bool:
        with self._alone():
            if prop in self.device.controls:
                least, most = self.device.controls[prop]
                if (
                    self.device.automatic
                    and prop == cv2.CAP_PROP_EXPOSURE
                    and self.device.values[cv2.CAP_PROP_AUTO_EXPOSURE] != 1
                ):
                    return False
                self.device.values[prop] = min(most, max(least, round(value)))
                return True
            match prop:
                case cv2.CAP_PROP_FOURCC:
                    fourcc = int(value).to_bytes(4, "little").decode()
                    return self._choose(fourcc, *self.mode[1:])
                case cv2.CAP_PROP_FRAME_WIDTH | cv2.CAP_PROP_FRAME_HEIGHT:
                    self.size_asked[prop] = round(value)
                    if len(self.size_asked) < 2:
                        return True  # nothing happens before both are known
                    width, height = (self.size_asked[key] for key in sorted(self.size_asked))
                    self.size_asked.clear()
                    return self._choose(self.mode[0], width, height)
                case cv2.CAP_PROP_FPS:
                    self.rate = min(self.device.modes[self.mode], key=lambda rate: abs(rate - value))
                    return True
                case cv2.CAP_PROP_BUFFERSIZE:
                    self.buffers = round(value)
                    return 1 <= self.buffers <= 10
            return False

    def _choose(self, fourcc: str, width: int, height: int) -> bool:
        """What V4L2 does: another packing, or the nearest size of it."""
        there = [mode for mode in self.device.modes if mode[0] == fourcc]
        if not there:
            return False
        self.mode = min(there, key=lambda mode: abs(mode[1] - width) + abs(mode[2] - height))
        self.rate = max(self.device.modes[self.mode])
        return True

    def get(self, prop: int) -> float:
        with self._alone():
            match prop:
                case cv2.CAP_PROP_FOURCC:
                    return float(int.from_bytes(self.mode[0].encode(), "little"))
                case cv2.CAP_PROP_FRAME_WIDTH:
                    return float(self.mode[1])
                case cv2.CAP_PROP_FRAME_HEIGHT:
                    return float(self.mode[2])
                case cv2.CAP_PROP_FPS:
                    return float(self.rate)
                case cv2.CAP_PROP_POS_MSEC:
                    return 0.0 if self.stamp_ns is None or not self.device.stamped else self.stamp_ns / 1e6
            return self.device.values.get(prop, -1.0)

    def grab(self) -> bool:
        with self._alone():
            assert self.open, "nothing can be grabbed from a closed device"
            with self.device.changed:
                self.device.waiting = True
                self.device.changed.notify_all()
                self.device.changed.wait_for(lambda: self.device.ready)
                self.device.waiting = False
                self.grabbed = self.device.ready.popleft()
            if self.grabbed is None:
                return False
            self.stamp_ns = self.grabbed.stamp_ns
            return True

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        with self._alone():
            assert self.grabbed is not None, "nothing was grabbed"
            image = self.grabbed.image
            return image is not None, None if image is None else image[..., ::-1].copy()

    def release(self) -> None:
        with self._alone(), self.device.changed:
            if self.open:
                self.device.opened = None
            self.open = False
            self.device.changed.notify_all()

    def _alone(self) -> Any:
        assert not self.one_at_a_time.locked(), "two threads at one VideoCapture"
        return self.one_at_a_time
