"""Sources of frames, one module each. What a driver needs is imported only when that driver is asked for."""

from pathlib import Path
from typing import assert_never

from sortline_edge.clocks import Clock
from sortline_edge.config import BeltCamera, FolderCamera, PicameraCamera, Station, V4l2Camera, VideoCamera
from sortline_edge.ports import Camera


def open_camera(station: Station, folder: Path, clock: Clock) -> Camera:
    """Open the camera that the station file names; no other is tried.

    Args:
        station: The station file.
        folder: Where it lies; paths in it are relative to it.
        clock: That stamps the frames; for a real camera the monotonic one.

    Raises:
        HardwareError: the camera cannot be had, or does not do as it is told.
    """
    match station.camera:
        case FolderCamera() as settings:
            from sortline_edge.camera.folder import FolderCamera as Folder

            return Folder(folder / settings.path, clock, settings.frames_per_s)
        case VideoCamera() as settings:
            from sortline_edge.camera.video import VideoCamera as Video

            return Video(folder / settings.path, clock)
        case BeltCamera() as settings:
            from sortline_edge.twin.belt import start_belt

            return start_belt(station, settings, folder / settings.items, clock)
        case PicameraCamera() as settings:
            from sortline_edge.camera.picamera import PicameraCamera as Picamera

            return Picamera(settings, clock)
        case V4l2Camera() as settings:
            from sortline_edge.camera.v4l2 import V4l2Camera as V4l2

            return V4l2(settings, folder / settings.path, clock)
        case settings:
            assert_never(settings)
