"""Images of a folder as a camera: for replaying what a station saw."""

from pathlib import Path

from sortline_bundle.errors import HardwareError
from sortline_bundle.photographs import SUFFIXES, load_image
from sortline_edge.clocks import Clock, wait_for_ns
from sortline_edge.ports import Frame, NoFrame


class FolderCamera:
    """Gives the images of a folder by name, at a fixed rate; implements `ports.Camera`."""

    def __init__(self, folder: Path, clock: Clock, frames_per_s: float) -> None:
        """List the images.

        Raises:
            HardwareError: there is no such folder, or no image in it.
        """
        if not folder.is_dir():
            raise HardwareError(f"camera folder {folder} is not there; correct [camera] path in the station file")
        self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not self._paths:
            raise HardwareError(f"camera folder {folder} holds no images")
        self._clock = clock
        self._period_ns = round(1e9 / frames_per_s)
        self._start_ns = clock.now_ns()
        self._sequence = 0

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """The next image at its time, however late that is read: what was recorded is all looked at.

        Raises:
            PhotographError: the file is damaged.
        """
        del max_age_s
        if self._sequence >= len(self._paths):
            return NoFrame.ENDED
        due_ns = self._start_ns + self._sequence * self._period_ns
        if not wait_for_ns(self._clock, due_ns, timeout_s):
            return NoFrame.YET
        frame = Frame(load_image(self._paths[self._sequence]), "RGB", due_ns, self._sequence)
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""
