"""Sources of frames, one module each. What a driver needs is imported only when that driver is asked for."""

from pathlib import Path

from sortline_bundle.errors import ConfigError
from sortline_edge.clocks import Clock
from sortline_edge.config import BeltCamera, FolderCamera, Station
from sortline_edge.ports import Camera


def open_camera(station: Station, folder: Path, clock: Clock) -> Camera:
    """Open the camera that the station file names; no other is tried.

    Args:
        station: The station file.
        folder: Where it lies; paths in it are relative to it.
        clock: That stamps the frames.

    Raises:
        ConfigError: the output process would take the pause between two frames for the station's death.
        HardwareError: the camera cannot be had.
    """
    settings = station.camera
    if isinstance(settings, FolderCamera):
        from sortline_edge.camera.folder import FolderCamera as Folder

        _check_beat(station, settings.frames_per_s)
        return Folder(folder / settings.path, clock, settings.frames_per_s)
    if isinstance(settings, BeltCamera):
        from sortline_edge.twin.belt import start_belt

        _check_beat(station, settings.frames_per_s)
        return start_belt(station, settings, folder / settings.items, clock)
    from sortline_edge.camera.video import VideoCamera

    camera = VideoCamera(folder / settings.path, clock)
    _check_beat(station, camera.frames_per_s)
    return camera


def _check_beat(station: Station, frames_per_s: float) -> None:
    if station.timing.heartbeat_ms < 2000 / frames_per_s:
        raise ConfigError(
            f"`timing.heartbeat_ms` is {station.timing.heartbeat_ms}, but at {frames_per_s:g} frames per second it must"
            f" be at least {2000 / frames_per_s:.0f}: the outputs hear from the station once a frame"
        )
