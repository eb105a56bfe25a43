"""A video file as a camera."""

from pathlib import Path

import cv2
import numpy as np

from sortline_bundle.errors import HardwareError
from sortline_edge.clocks import Clock, wait_for_ns
from sortline_edge.ports import Frame, NoFrame


class VideoCamera:
    """Gives the frames of a video at the pace they were taken; implements `ports.Camera`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open the file.

        Raises:
            HardwareError: it is not there or cannot be decoded.
        """
        if not path.is_file():
            raise HardwareError(f"video {path} is not there; correct [camera] path in the station file")
        self._capture = cv2.VideoCapture(str(path))
        self.frames_per_s = float(self._capture.get(cv2.CAP_PROP_FPS))
        if not self._capture.isOpened() or not 0 < self.frames_per_s < 1000:
            raise HardwareError(f"video {path} cannot be decoded; use MP4, AVI or MKV")
        self._period_ns = round(1e9 / self.frames_per_s)
        self._clock = clock
        self._start_ns = clock.now_ns()
        self._sequence = 0

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """The next frame at its time, however late that is read: what was recorded is all looked at."""
        del max_age_s
        due_ns = self._start_ns + self._sequence * self._period_ns
        if not wait_for_ns(self._clock, due_ns, timeout_s):
            return NoFrame.YET
        there, image = self._capture.read()
        if not there:
            return NoFrame.ENDED
        frame = Frame(np.asarray(image, np.uint8), "BGR", due_ns, self._sequence)
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()
