"""A USB camera, or another one with a device file, through OpenCV's V4L2."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import HardwareError
from sortline_edge.camera.newest import Newest
from sortline_edge.camera.timing import find_clock, middle_of_exposure
from sortline_edge.clocks import Clock
from sortline_edge.config import V4l2Camera as Settings
from sortline_edge.ports import ChannelOrder, Frame, NoFrame

RETRY_NS = 500_000_000
# One to fill while another is decoded. With a single one the camera has none to fill in the meantime, and every second
# frame is lost; more would only let old frames wait.
BUFFERS = 2

_MANUAL_EXPOSURE = 1  # V4L2_EXPOSURE_MANUAL
_CLOSING_S = 0.2


class _Taken(NamedTuple):
    image: NDArray[np.uint8]
    captured_ns: int
    sequence: int


class _Mode(NamedTuple):
    width: int
    height: int
    fourcc: str
    frames_per_s: float

    def __str__(self) -> str:
        return f"{self.width} x {self.height} {self.fourcc} at {self.frames_per_s:g} frames per second"


class V4l2Camera:
    """Gives the newest frame of a device; implements `ports.Camera`.

    A thread of its own takes every frame as it comes and keeps the newest. When the camera is unplugged, or gives
    nothing for a second, that thread tries to open it anew until it is back; meanwhile reads give `NoFrame.YET`.

    A frame's time is the kernel's stamp, which most drivers set when the first bytes of a picture arrive, less half the
    exposure where that is locked. A driver whose stamps are not of the monotonic clock gets the time of arrival.

    Attributes:
        times: Whose time the frames carry, in words.
        reconnects: How often the device was lost and found again.
    """

    def __init__(self, settings: Settings, path: Path, clock: Clock) -> None:
        """Open the device, set it, and wait for its first frame.

        Args:
            settings: Of the camera.
            path: Of the device file.
            clock: The monotonic one.

        Raises:
            HardwareError: there is no such device, it is in use, it cannot do what was asked for, or gives no frames.
        """
        self._settings, self._path, self._clock = settings, path, clock
        self._order: ChannelOrder = "RGB" if settings.swap_red_blue else "BGR"
        self._exposure_ns = round(1e6 * (settings.exposure_ms or 0))
        self._newest: Newest[_Taken] = Newest()
        self._closing = threading.Event()
        self._captured_ns = self._sequence = 0
        self.reconnects = 0
        # Else OpenCV waits ten seconds for a frame before it says that there is none. It reads this once, in seconds.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, 3 // settings.frames_per_s)))
        capture = open_device(path, settings)
        if not capture.grab():
            capture.release()
            raise HardwareError(f"camera {path} gave no frame after its start; check its cable and its USB port")
        now_ns = clock.now_ns()
        self._stamped = find_clock(_stamp(capture), now_ns, {"monotonic": now_ns}) is not None
        self.times = (
            "the kernel's, by the monotonic clock"
            if self._stamped
            else "of arrival: the kernel's stamps are of another clock"
        )
        # A daemon: a camera that has stalled holds the thread inside OpenCV, and must not hold up the process's end.
        self._thread = threading.Thread(target=self._take_frames, args=(capture,), name=f"camera {path}", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """The newest frame that was not given before; waits for the next one when there is none."""
        end_ns = self._clock.now_ns() + round(1e9 * timeout_s)
        while True:
            taken = self._newest.take(max(0, end_ns - self._clock.now_ns()) / 1e9)
            if taken is None:
                return NoFrame.YET
            if self._clock.now_ns() - taken.captured_ns <= 1e9 * max_age_s:
                return Frame(taken.image, self._order, taken.captured_ns, taken.sequence)

    def close(self) -> None:
        """Let go of the device, at the latest when the frame it is waiting for has come. Harmless when repeated."""
        self._closing.set()
        self._newest.close()
        self._thread.join(_CLOSING_S)

    def _take_frames(self, capture: cv2.VideoCapture) -> None:
        while True:
            with suppress(cv2.error):  # OpenCV asserts that the kernel's answers make sense
                self._take_until_lost(capture)
            capture.release()
            found = self._reopen()
            if found is None:
                return
            capture = found
            self.reconnects += 1

    def _take_until_lost(self, capture: cv2.VideoCapture) -> None:
        """Take frames until the device fails or the camera is closed."""
        while not self._closing.is_set() and capture.grab():
            now_ns = self._clock.now_ns()
            self._sequence += 1
            captured_ns = middle_of_exposure(_stamp(capture) if self._stamped else now_ns, self._exposure_ns)
            there, image = capture.retrieve()
            # A damaged picture, or a stamp that cannot be, is a frame lost, not a camera lost.
            if there and self._captured_ns < captured_ns <= now_ns:
                self._captured_ns = captured_ns
                self._newest.put(_Taken(np.asarray(image, np.uint8), captured_ns, self._sequence))

    def _reopen(self) -> cv2.VideoCapture | None:
        """Try until the device is there again, as it was; None when the camera is closed."""
        while not self._closing.is_set():
            try:
                return open_device(self._path, self._settings)
            except HardwareError:
                self._clock.wait_until_ns(self._clock.now_ns() + RETRY_NS)
        return None


def open_device(path: Path, settings: Settings) -> cv2.VideoCapture:
    """Open a device and set it as asked.

    Raises:
        HardwareError: it is not there or in use, or has not become what was asked for.
    """
    if not path.exists():
        raise HardwareError(f"camera {path} is not there; plug it in, or correct `camera.path`")
    capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
    try:
        _set_up(capture, path, settings)
    except BaseException:
        capture.release()
        raise
    return capture


def _set_up(capture: cv2.VideoCapture, path: Path, settings: Settings) -> None:
    if not capture.isOpened():
        raise HardwareError(f"camera {path} cannot be opened; stop what else uses it, and add the user to group video")
    # What is packed how decides which sizes there are, and the size decides which rates.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.frames_per_s)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)
    asked = _Mode(settings.width, settings.height, settings.fourcc, settings.frames_per_s)
    got = _Mode(
        round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace"),
        capture.get(cv2.CAP_PROP_FPS),
    )
    if got[:3] != asked[:3] or abs(got.frames_per_s - asked.frames_per_s) > 0.01 * asked.frames_per_s:
        raise HardwareError(
            f"camera {path} gives {got} where {asked} was asked for; take what `v4l2-ctl -d {path} --list-formats-ext`"
            " lists"
        )
    if settings.exposure_ms is not None:
        _lock(capture, path, "exposure_auto", cv2.CAP_PROP_AUTO_EXPOSURE, _MANUAL_EXPOSURE)
        _lock(capture, path, "exposure_absolute", cv2.CAP_PROP_EXPOSURE, round(10 * settings.exposure_ms))
    if settings.gain is not None:
        _lock(capture, path, "gain", cv2.CAP_PROP_GAIN, round(settings.gain))
    if settings.white_balance_k is not None:
        _lock(capture, path, "white_balance_automatic", cv2.CAP_PROP_AUTO_WB, 0)
        _lock(capture, path, "white_balance_temperature", cv2.CAP_PROP_WB_TEMPERATURE, settings.white_balance_k)


def _lock(capture: cv2.VideoCapture, path: Path, name: str, prop: int, value: int) -> None:
    taken = capture.set(prop, value)
    got = capture.get(prop)
    if not taken or abs(got - value) > 0.05 * value:  # some round to a step of their own
        now = f"it is {got:g}" if taken else "it was refused"
        raise HardwareError(
            f"camera {path}: {name} was to be {value} and {now}; `v4l2-ctl -d {path} --list-ctrls` shows what it can do"
        )


def _stamp(capture: cv2.VideoCapture) -> int:
    """The kernel's time stamp of the frame grabbed last."""
    return round(1e6 * capture.get(cv2.CAP_PROP_POS_MSEC))
