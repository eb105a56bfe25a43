"""A Raspberry Pi camera, through picamera2."""

import importlib
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import HardwareError
from sortline_edge.camera.locks import broken_lock, locks_of
from sortline_edge.camera.timing import Stamps, find_clock, frames_since, middle_of_exposure
from sortline_edge.clocks import Clock
from sortline_edge.config import PicameraCamera as Settings
from sortline_edge.ports import ChannelOrder, Frame, NoFrame

# picamera2's names are those of a little-endian word: this one is R, G, B in memory, and RGB888 would be B, G, R.
FORMAT = "BGR888"
BUFFERS = 4

_START_S = 5.0
_SETTLING_FRAMES = 60
_INSTALL = (
    "on Raspberry Pi OS: apt install python3-picamera2 --no-install-recommends, and a venv made with"
    " --system-site-packages"
)
_FAILURES = (RuntimeError, OSError, ValueError, KeyError, IndexError, AssertionError, CancelledError)


def boottime_ns() -> int:
    """Nanoseconds since the machine started, time asleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class PicameraCamera:
    """Gives the frames of a camera on the board's own connector; implements `ports.Camera`.

    Only the main stream is used: tracker and classifier look at the same pixels, and a second, small one would be YUV
    on all boards before the Pi 5, to be converted for every frame.

    Every read waits for a frame that is not finished yet: picamera2's own queue, which would hold an older one ready,
    is off. Frames whose exposure, gain or white balance is not the one asked for are left out; they show as gaps in the
    sequence, like frames that the camera dropped. A camera that stalls gives `NoFrame.YET`; libcamera does not say why.

    Attributes:
        times: Whose time the frames carry, in words.
    """

    def __init__(self, settings: Settings, clock: Clock, boottime: Callable[[], int] = boottime_ns) -> None:
        """Open the camera, start it, and wait until its frames are what was asked for.

        Args:
            settings: Of the camera.
            clock: The monotonic one.
            boottime: The other clock that libcamera may stamp by, in nanoseconds.

        Raises:
            HardwareError: picamera2 is not installed, there is no such camera, it is in use, it cannot do what was
                asked for, gives no frames, or stamps them by no clock that is known.
        """
        self._settings, self._clock = settings, clock
        self._period_ns = round(1e9 / settings.frames_per_s)
        self._order: ChannelOrder = "BGR" if settings.swap_red_blue else "RGB"
        self._locks = locks_of(settings)
        self._sequence = 0
        self._job: Any = None
        self._library, libcamera = _load()
        self._camera = _open(self._library, settings.id)
        try:
            self._configure(libcamera)
            self._camera.start()
            stamp_ns = self._settle()
            stamps = _clock_of(stamp_ns, clock.now_ns(), boottime())
        except _FAILURES as cause:
            self.close()
            if isinstance(cause, HardwareError):
                raise
            raise HardwareError(f"picamera2 could not start the camera: {cause}; see `rpicam-hello`") from cause
        self.times = f"the sensor's, by the {stamps.name} clock"
        self._ahead_ns = stamps.ahead_ns
        self._stamp_ns = stamp_ns - stamps.ahead_ns

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """The next frame to be finished.

        Raises:
            HardwareError: picamera2 failed.
        """
        end_ns = self._clock.now_ns() + round(1e9 * timeout_s)
        while True:
            request = self._finished(max(0, end_ns - self._clock.now_ns()) / 1e9)
            if request is None:
                return NoFrame.YET
            try:
                frame = self._frame(request, max_age_s)
            finally:
                request.release()
            if frame is not None:
                return frame

    def close(self) -> None:
        """Let go of the camera, also of one that has stalled. Harmless when repeated."""
        if self._camera is None:
            return
        camera, self._camera = self._camera, None
        if self._job is not None:
            with suppress(*_FAILURES):  # it has not got its frame, and never will
                self._job.get_result(timeout=0).release()
        camera.close()

    def _configure(self, libcamera: Any) -> None:
        settings, camera = self._settings, self._camera
        period_us = round(1e6 / settings.frames_per_s)
        # In the configuration, not set later: then the first frame has them already.
        controls: dict[str, object] = {"FrameDurationLimits": (period_us, period_us)}
        if settings.exposure_ms is not None:
            exposure_us = round(1000 * settings.exposure_ms)
            controls |= {"AeEnable": False, "ExposureTime": exposure_us, "AnalogueGain": settings.gain}
        if settings.white_balance is not None:
            controls |= {"AwbEnable": False, "ColourGains": settings.white_balance}
        if settings.roi is not None:
            controls |= {"ScalerCrop": settings.roi}
        size = (settings.width, settings.height)
        configuration = camera.create_video_configuration(
            main={"size": size, "format": FORMAT},
            transform=libcamera.Transform(hflip=settings.hflip, vflip=settings.vflip),
            buffer_count=BUFFERS,
            queue=False,
            display=None,
            encode=None,
            controls=controls,
        )
        camera.configure(configuration)
        main = camera.camera_configuration()["main"]
        if (main["size"], main["format"]) != (size, FORMAT):
            got = "{} x {}".format(*main["size"])
            raise HardwareError(
                f"the camera gives {got} {main['format']} where {size[0]} x {size[1]} {FORMAT} was asked for; take"
                " that size, or another one"
            )
        self._check_limits(period_us)
        if settings.roi is not None and "ScalerCrops" in camera.camera_controls:
            # `configure` has set this one itself, to the whole sensor, and libcamera prefers it to ScalerCrop.
            camera.set_controls({"ScalerCrops": [settings.roi]})

    def _check_limits(self, period_us: int) -> None:
        controls = self._camera.camera_controls
        shortest_us, longest_us = controls["FrameDurationLimits"][:2]
        if not shortest_us <= period_us <= longest_us:
            raise HardwareError(
                f"the camera gives {1e6 / longest_us:.3g} to {1e6 / shortest_us:.4g} frames per second at this size,"
                f" not {self._settings.frames_per_s:g}; correct `camera.frames_per_s` or take a smaller picture"
            )
        if self._settings.roi is not None:
            left, top, width, height = self._settings.roi
            most = controls["ScalerCrop"][1]
            fits = left >= most[0] and top >= most[1]
            if not fits or left + width > most[0] + most[2] or top + height > most[1] + most[3]:
                raise HardwareError(
                    f"`camera.roi` {list(self._settings.roi)} reaches beyond what this sensor shows, {list(most)}"
                    " (left, top, width, height); take a part of that"
                )

    def _settle(self) -> int:
        """Wait for a frame that is as it was asked for, and return its time stamp."""
        complaint: str | None = "it gives no frames"
        for _ in range(_SETTLING_FRAMES):
            request = self._finished(_START_S)
            if request is None:
                raise HardwareError(
                    f"the camera gave no frame within {_START_S:g} s of its start; check its ribbon cable and the"
                    " power supply"
                )
            try:
                metadata = request.get_metadata()
            finally:
                request.release()
            complaint = broken_lock(self._locks, metadata)
            if complaint is None:
                return int(metadata["SensorTimestamp"])
        raise HardwareError(f"the camera does not do as it is told: {complaint}; ask for what it can do")

    def _finished(self, timeout_s: float) -> Any:
        """The next finished request, to be released by the caller; None when there was none in time.

        A capture that got none stays queued for the next call: were it left behind, it would take a buffer with it when
        its frame comes, and after four of them the camera would stall.
        """
        try:
            if self._job is None:
                self._job = self._camera.capture_request(wait=False)
            request = self._job.get_result(timeout=timeout_s)
        except TimeoutError:
            return None
        except _FAILURES as cause:
            raise HardwareError(f"picamera2 failed to give a frame: {cause}; start the station anew") from cause
        self._job = None
        return request

    def _frame(self, request: Any, max_age_s: float) -> Frame | None:
        """The frame of a request; None when it is too old, not new, or not as it was asked for."""
        metadata = request.get_metadata()
        stamp_ns = int(metadata["SensorTimestamp"]) - self._ahead_ns
        captured_ns = middle_of_exposure(stamp_ns, 1000 * int(metadata["ExposureTime"]))
        if stamp_ns <= self._stamp_ns:
            return None
        self._sequence += frames_since(stamp_ns - self._stamp_ns, self._period_ns)
        self._stamp_ns = stamp_ns
        if broken_lock(self._locks, metadata) or self._clock.now_ns() - captured_ns > 1e9 * max_age_s:
            return None
        return Frame(self._pixels(request), self._order, captured_ns, self._sequence)

    def _pixels(self, request: Any) -> NDArray[np.uint8]:
        """A copy, without the padding at the ends of the rows: the buffer goes back to the camera."""
        with self._library.MappedArray(request, "main", write=False) as mapped:
            return np.array(mapped.array, np.uint8, order="C")


def _load() -> tuple[Any, Any]:
    try:
        return importlib.import_module("picamera2"), importlib.import_module("libcamera")
    except (ImportError, ValueError) as cause:  # ValueError: built for another numpy
        raise HardwareError(f"the camera needs picamera2, which cannot be imported ({cause}); {_INSTALL}") from None


def _clock_of(stamp_ns: int, monotonic_ns: int, boottime: int) -> Stamps:
    stamps = find_clock(stamp_ns, monotonic_ns, {"monotonic": monotonic_ns, "boottime": boottime})
    if stamps is None:
        raise HardwareError(
            f"the camera stamps its frames by an unknown clock: {stamp_ns}, where the monotonic clock says"
            f" {monotonic_ns} and the boottime clock {boottime}; update libcamera and picamera2"
        )
    return stamps


def _open(library: Any, wanted: str | None) -> Any:
    """Open the one camera there is, or the one with this id."""
    ids = [str(info["Id"]) for info in library.Picamera2.global_camera_info()]
    matching = [number for number, id_ in enumerate(ids) if wanted in (None, id_)]
    connected = ", ".join(ids) or "none"
    if not matching:
        raise HardwareError(
            f"there is no camera{f' {wanted}' if wanted else ''}; connected: {connected}; check the ribbon cable, or"
            " correct `camera.id`"
        )
    if len(matching) > 1:
        raise HardwareError(f"several cameras are connected: {connected}; say which by `camera.id`")
    try:
        camera = library.Picamera2(matching[0])
    except _FAILURES as cause:
        raise HardwareError(
            f"camera {ids[matching[0]]} cannot be opened: {cause}; stop what else uses it, or check its cable"
        ) from cause
    # Some versions count cameras in another order than they list them.
    opened = str(camera.camera.id)
    if opened != ids[matching[0]]:
        camera.close()
        raise HardwareError(
            f"picamera2 opened camera {opened} where {ids[matching[0]]} was asked for; update picamera2, or connect"
            " only one"
        )
    return camera
