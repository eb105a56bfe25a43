"""Images of a folder as a camera: for replaying what a station saw."""

from pathlib import Path

from sortline_bundle.errors import HardwareError
from sortline_bundle.photographs import SUFFIXES, load_image
from sortline_edge.clocks import Clock
from sortline_edge.ports import Frame


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
        self._sequence = -1

    def read(self, timeout_s: float) -> Frame | None:
        """The next image at its time; None after the last.

        Raises:
            PhotographError: the file is damaged.
        """
        del timeout_s
        self._sequence += 1
        if self._sequence >= len(self._paths):
            return None
        due_ns = self._start_ns + self._sequence * self._period_ns
        self._clock.wait_until_ns(due_ns)
        return Frame(load_image(self._paths[self._sequence]), "RGB", due_ns, self._sequence)

    def close(self) -> None:
        """Nothing to let go of."""
