"""The real cameras' tables in a station file."""

from pathlib import Path

import pytest

from sortline_bundle.errors import ConfigError
from sortline_edge.config import PicameraCamera, V4l2Camera, load_station

STATION = """
name = "test"
bundle = "none"
[camera]
{camera}
[belt]
speed_mm_s = 250
mm_per_px = 0.5
[[bins]]
name = "all"
classes = ["any"]
line = 4
distance_mm = 400
[outputs]
driver = "recorder"
"""


def load(folder: Path, camera: str) -> object:
    path = folder / "station.toml"
    path.write_text(STATION.format(camera=camera))
    return load_station(path).camera


def test_a_raspberry_pi_camera(tmp_path: Path) -> None:
    camera = load(
        tmp_path,
        'driver = "picamera2"\nid = "imx219"\nwidth = 1280\nheight = 720\nframes_per_s = 50\nexposure_ms = 1.5'
        "\ngain = 4\nwhite_balance = [1.4, 2.1]\nroi = [0, 307, 3280, 1845]\nhflip = true\nvflip = true",
    )
    assert camera == PicameraCamera(
        id="imx219",
        width=1280,
        height=720,
        frames_per_s=50,
        exposure_ms=1.5,
        gain=4,
        white_balance=(1.4, 2.1),
        roi=(0, 307, 3280, 1845),
        hflip=True,
        vflip=True,
    )


def test_a_usb_camera(tmp_path: Path) -> None:
    camera = load(tmp_path, 'driver = "v4l2"\npath = "/dev/v4l/by-id/usb-cam"\nfourcc = "YUYV"\nwhite_balance_k = 4600')
    assert camera == V4l2Camera(path="/dev/v4l/by-id/usb-cam", fourcc="YUYV", white_balance_k=4600)


@pytest.mark.parametrize(
    ("camera", "sentence"),
    [
        ('driver = "picamera2"\nwidth = 641', r"`camera.width`: Expected `int` that's a multiple of 2, received 641"),
        ('driver = "picamera2"\nexposure_ms = 0', r"`camera.exposure_ms`: .*received 0"),
        (
            'driver = "picamera2"\nframes_per_s = 100\nexposure_ms = 11',
            r"`camera`: `exposure_ms` is 11, but at 100 frames per second a frame lasts 10 ms; expose for less",
        ),
        (
            'driver = "v4l2"\nexposure_ms = 40',
            r"`camera`: `exposure_ms` is 40, but at 30 frames per second a frame lasts 33.3 ms",
        ),
        (
            'driver = "picamera2"\nroi = [0, 0, 640, 640]',
            r"`roi` is 640 x 640, another shape than the picture's 640 x 480.*width of 640 goes with a height of 480",
        ),
        ('driver = "picamera2"\nroi = [0, 0, 640]', r"`camera.roi`: Expected `array` of length 4, got 3"),
        ('driver = "v4l2"\nfourcc = "mjpeg"', r"`camera.fourcc`: .*received 'mjpeg'"),
        ('driver = "v4l2"\nroi = [0, 0, 640, 480]', r"`camera`: Object contains unknown field `roi`"),
        ('driver = "usb"', r"`camera.driver`: .*may be .*'picamera2', 'v4l2'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, camera: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path, camera)


@pytest.mark.parametrize(("height", "fits"), [(480, True), (484, True), (486, False), (474, False)])
def test_the_part_of_the_sensor_has_the_pictures_shape_to_a_hundredth(tmp_path: Path, height: int, fits: bool) -> None:
    text = f'driver = "picamera2"\nroi = [0, 0, 640, {height}]'
    if fits:
        load(tmp_path, text)
    else:
        with pytest.raises(ConfigError, match="would be squeezed"):
            load(tmp_path, text)
