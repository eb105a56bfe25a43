"""Folder, video and simulated belt as sources of frames."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sortline_bundle.errors import HardwareError, PhotographError
from sortline_edge.camera import open_camera
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import BeltCamera, FolderCamera, VideoCamera
from sortline_edge.ports import Camera, Frame, NoFrame


def read_all(camera: Camera) -> list[Frame]:
    frames = []
    while (frame := camera.read(1.0, 1.0)) is not NoFrame.ENDED:
        frames.append(frame)
    camera.close()
    camera.close()
    return frames


def paint(path: Path, grey: int) -> None:
    cv2.imwrite(str(path), np.full((24, 32, 3), (0, 0, grey), np.uint8))


@pytest.fixture
def frames_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for name, grey in (("c.png", 30), ("a.png", 10), ("b.bmp", 20)):
        paint(folder / name, grey)
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "belt.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20, (64, 48))
    for grey in (50, 100, 150, 200):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()
    return path


def test_a_folder_gives_its_images_by_name_at_their_times(world: Any, frames_folder: Path) -> None:
    clock = VirtualClock()
    clock.wait_until_ns(7)
    station = world.station(camera=FolderCamera(path="frames", frames_per_s=20))
    camera = open_camera(station, frames_folder.parent, clock)
    for nth, grey in enumerate((10, 20, 30)):
        frame = camera.read(1.0, 1.0)
        assert frame is not None
        assert clock.now_ns() == frame.captured_ns == 7 + nth * 50_000_000
        assert (frame.sequence, frame.order) == (nth, "RGB")
        assert frame.image.shape == (24, 32, 3)
        assert tuple(frame.image[0, 0]) == (grey, 0, 0)
    assert camera.read(1.0, 1.0) is NoFrame.ENDED
    assert camera.read(1.0, 1.0) is NoFrame.ENDED


def test_a_damaged_image_of_the_folder_is_named(world: Any, frames_folder: Path) -> None:
    (frames_folder / "a.png").write_bytes((frames_folder / "a.png").read_bytes()[:40])
    camera = open_camera(world.station(camera=FolderCamera(path="frames")), frames_folder.parent, VirtualClock())
    with pytest.raises(PhotographError, match=r"a\.png .*replace or remove it"):
        camera.read(1.0, 1.0)


def test_a_video_gives_its_frames_at_its_own_pace(world: Any, video: Path) -> None:
    clock = VirtualClock()
    frames = read_all(open_camera(world.station(camera=VideoCamera(path=video.name)), video.parent, clock))
    assert [frame.captured_ns for frame in frames] == [0, 50_000_000, 100_000_000, 150_000_000]
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3]
    assert {frame.order for frame in frames} == {"BGR"}
    assert [frame.image.mean() for frame in frames] == pytest.approx([50, 100, 150, 200], abs=4)
    assert clock.now_ns() == 200_000_000


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (FolderCamera(path="nowhere"), "nowhere is not there; correct"),
        (FolderCamera(path="empty"), "empty holds no images"),
        (FolderCamera(path="text.mp4"), "text.mp4 is not there; correct"),
        (VideoCamera(path="nothing.mp4"), "nothing.mp4 is not there; correct"),
        (VideoCamera(path="empty"), "empty is not there; correct"),
        (VideoCamera(path="text.mp4"), "text.mp4 cannot be decoded; use MP4, AVI or MKV"),
    ],
)
def test_a_camera_that_cannot_be_had_says_why(
    world: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], settings: Any, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("no video at all" * 100)
    with pytest.raises(HardwareError, match=sentence):
        open_camera(world.station(camera=settings), tmp_path, VirtualClock())


def test_a_slow_reader_of_the_belt_gets_the_newest_frame_and_never_a_queue(world: Any, coloured_items: Path) -> None:
    clock = VirtualClock()
    clock.wait_until_ns(1_000)
    settings = BeltCamera(items=str(coloured_items), count=1, frames_per_s=20)
    camera = open_camera(world.station(camera=settings), Path(), clock)
    taken = []
    for busy_ms in (0, 10, 130, 0, 1_020):
        clock.wait_until_ns(clock.now_ns() + busy_ms * 1_000_000)
        asked_ns = clock.now_ns()
        frame = camera.read(1.0, 1.0)
        assert frame is not None
        assert frame.captured_ns == 1_000 + frame.sequence * 50_000_000
        assert abs(frame.captured_ns - asked_ns) <= 50_000_000
        assert clock.now_ns() == max(asked_ns, frame.captured_ns)
        taken.append(frame.sequence)
    assert taken == [1, 2, 4, 5, 25]
