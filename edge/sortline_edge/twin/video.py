"""Pictures into a video file."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError


class VideoWriter:
    """An MP4 that appears whole at the end of a `with` block; without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._writer: cv2.VideoWriter | None = None

    @property
    def wanted(self) -> bool:
        """Whether pictures go anywhere."""
        return self._path is not None

    def write(self, picture: NDArray[np.uint8], frames_per_s: float) -> None:
        """Add `(H, W, 3) uint8 RGB`; the first picture sets size and rate.

        Raises:
            ConfigError: the file cannot be made.
        """
        if self._path is None:
            return
        if self._writer is None:
            size = (picture.shape[1], picture.shape[0])
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fourcc = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._draft(self._path)), fourcc, frames_per_s, size)
            if not self._writer.isOpened():
                raise ConfigError(f"no video can be written to {self._path}; choose a name that ends in .mp4")
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if self._writer is None or self._path is None:
            return
        self._writer.release()
        if kind is None:
            self._draft(self._path).replace(self._path)
        else:
            self._draft(self._path).unlink(missing_ok=True)

    @staticmethod
    def _draft(path: Path) -> Path:
        return path.with_name(f".{path.stem}.part{path.suffix}")
