"""The Raspberry Pi camera, on a picamera2 that refuses and waits for ever where the real one does."""

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import HardwareError
from sortline_edge.camera import open_camera
from sortline_edge.camera.locks import broken_lock, locks_of
from sortline_edge.config import PicameraCamera
from sortline_edge.ports import Frame, NoFrame

LOCKED = {"exposure_ms": 1.0, "gain": 2.0, "white_balance": (1.5, 2.5)}


def read(camera: Any) -> Frame:
    frame = camera.read(1.0, 1.0)
    assert isinstance(frame, Frame)
    return frame


def test_it_is_opened_by_the_station_file(board: Any, world: Any, tmp_path: Any) -> None:
    camera = open_camera(world.station(camera=PicameraCamera()), tmp_path, board.clock)
    assert read(camera).image.shape == (480, 640, 3)
    camera.close()
    assert board.opened is None


def test_it_asks_for_frames_that_were_not_waiting(board: Any, picamera: Any) -> None:
    picamera()
    configuration = board.opened.camera_configuration()
    assert (configuration["queue"], configuration["buffer_count"]) == (False, 4)
    assert (configuration["display"], configuration["encode"], configuration["lores"]) == (None, None, None)
    assert configuration["controls"]["FrameDurationLimits"] == (50_000, 50_000)


@pytest.mark.parametrize(("swapped", "order"), [(False, "RGB"), (True, "BGR")])
def test_the_declared_order_is_that_in_memory(board: Any, picamera: Any, swapped: bool, order: str) -> None:
    board.scene[:] = (200, 30, 40)
    frame = read(picamera(swap_red_blue=swapped))
    assert frame.order == order
    assert frame.image[0, 0].tolist() == [200, 30, 40]  # `swap_red_blue` is for cameras that have it otherwise


@pytest.mark.parametrize("width", [32, 64, 70, 98])
def test_the_padding_of_rows_is_no_picture(board: Any, picamera: Any, width: int) -> None:
    board.scene = np.random.default_rng(1).integers(0, 200, (48, width, 3)).astype(np.uint8)
    frame = read(picamera(width=width, height=48))
    assert (frame.image == board.scene).all()


@pytest.mark.parametrize(("hflip", "vflip"), [(False, False), (True, False), (False, True), (True, True)])
def test_a_camera_that_hangs_upside_down_is_turned(board: Any, picamera: Any, hflip: bool, vflip: bool) -> None:
    board.scene = np.arange(48 * 64 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8)
    frame = read(picamera(hflip=hflip, vflip=vflip))
    assert (frame.image == board.scene[:: -1 if vflip else 1, :: -1 if hflip else 1]).all()


def test_the_first_frame_given_is_exposed_as_asked(board: Any, picamera: Any) -> None:
    board.settling = 7
    before_ns = board.clock.now_ns()
    camera = picamera(**LOCKED)
    controls = board.opened.camera_configuration()["controls"]
    assert (controls["AeEnable"], controls["ExposureTime"], controls["AnalogueGain"]) == (False, 1000, 2.0)
    assert (controls["AwbEnable"], controls["ColourGains"]) == (False, (1.5, 2.5))
    # Seven frames passed by that were exposed as the camera liked, and one that showed that it obeys.
    assert read(camera).captured_ns - before_ns == pytest.approx(9 * 50_000_000, abs=1_000_000)


def test_what_is_not_asked_for_is_left_to_the_camera(board: Any, picamera: Any) -> None:
    picamera()
    assert set(board.opened.camera_configuration()["controls"]) == {"FrameDurationLimits"}


def test_a_camera_that_does_not_keep_its_exposure_is_refused(board: Any, picamera: Any) -> None:
    board.obeys = False
    with pytest.raises(HardwareError, match=r"not do as it is told: ExposureTime is 9876 where 1000 was asked for"):
        picamera(**LOCKED)
    assert board.opened is None


def test_a_frame_that_is_exposed_otherwise_is_left_out_and_counted(board: Any, picamera: Any) -> None:
    camera = picamera(**LOCKED)
    first = read(camera)
    board.obeys = False
    assert camera.read(0.2, 1.0) is NoFrame.YET
    board.obeys = True
    assert read(camera).sequence - first.sequence >= 4


@pytest.mark.parametrize("asleep_ns", [0, 5_000_000_000, 86_400_000_000_000])
@pytest.mark.parametrize("stamps", ["monotonic", "boottime"])
def test_capture_times_are_the_stations_whichever_clock_the_sensor_has(
    board: Any, picamera: Any, asleep_ns: int, stamps: str
) -> None:
    board.asleep_ns, board.stamps = asleep_ns, stamps
    camera = picamera(exposure_ms=10)
    frame = read(camera)
    # Stamped at the end of the first row's exposure, there 20 ms later.
    assert board.clock.now_ns() - frame.captured_ns == pytest.approx(25_000_000, abs=20_000)
    assert stamps in camera.times or asleep_ns == 0


def test_a_stamp_of_no_clock_that_is_known_is_refused(board: Any, picamera: Any) -> None:
    board.stamps = "sidereal"
    with pytest.raises(HardwareError, match=r"stamps its frames by an unknown clock: \d+.*update libcamera"):
        picamera()
    assert board.opened is None


def test_a_stamp_over_a_second_old_is_refused(board: Any, picamera: Any) -> None:
    board.latency_ns = 1_100_000_000
    with pytest.raises(HardwareError, match="unknown clock"):
        picamera()


def test_a_frame_with_the_stamp_of_the_last_one_is_not_a_new_one(board: Any, picamera: Any) -> None:
    camera = picamera()
    last = read(camera)
    board.frozen_ns = board.clock.now_ns() - 20_000_000
    assert camera.read(0.5, 1.0) is NoFrame.YET
    board.frozen_ns = None
    assert read(camera).captured_ns > last.captured_ns


@given(lost=st.sets(st.integers(1, 40), max_size=30))
def test_every_lost_frame_is_a_gap(world: Any, lost: set[int]) -> None:
    fake, clocks = sys.modules["fake_picamera2"], sys.modules["sortline_edge.clocks"]
    board = fake.Device(clocks.VirtualClock(), lost=lost)
    with pytest.MonkeyPatch.context() as patch:
        for name, module in board.modules().items():
            patch.setitem(sys.modules, name, module)
        driver = sys.modules["sortline_edge.camera.picamera"]
        camera = driver.PicameraCamera(PicameraCamera(width=32, height=32, frames_per_s=30), board.clock)
        sequences = []
        while not sequences or sequences[-1] < 45:
            frame = camera.read(5.0, 5.0)
            sequences.append(frame.sequence)
        camera.close()
    assert sequences == [nth for nth in range(1, sequences[-1] + 1) if nth not in lost]


def test_closing_a_stalled_camera_does_not_wait_for_a_frame(board: Any, picamera: Any) -> None:
    camera = picamera()
    board.stalled = True
    assert camera.read(0.1, 1.0) is NoFrame.YET
    camera.close()
    assert board.opened is None


def test_a_frame_that_came_before_closing_is_given_back(board: Any, picamera: Any) -> None:
    camera = picamera()
    fake = board.opened
    assert camera.read(0, 1.0) is NoFrame.YET
    fake.run(lambda: fake.free_buffers < 4, 1.0)
    camera.close()
    assert fake.free_buffers == 4


def test_every_buffer_is_given_back_also_by_frames_that_are_not_given(board: Any, picamera: Any) -> None:
    board.settling = 3
    camera = picamera(**LOCKED)
    board.obeys = False
    assert camera.read(1.0, 1.0) is NoFrame.YET
    board.obeys = True
    for _ in range(10):
        read(camera)
        assert board.opened.free_buffers == 4
    assert camera.read(1.0, 0.001) is NoFrame.YET


def test_a_picamera2_that_fails_ends_it_with_the_cause(board: Any, picamera: Any) -> None:
    camera = picamera()
    board.failure = RuntimeError("the device has gone")
    with pytest.raises(HardwareError, match=r"failed to give a frame: the device has gone; start the station anew"):
        camera.read(1.0, 1.0)


def test_a_cancelled_capture_ends_it(board: Any, picamera: Any) -> None:
    camera = picamera()
    board.stalled = True
    assert camera.read(0, 1.0) is NoFrame.YET
    board.opened.cancel_all_and_flush()
    with pytest.raises(HardwareError, match="failed to give a frame"):
        camera.read(1.0, 1.0)


def break_(board: Any, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(board, name, value)


@pytest.mark.parametrize(
    ("changes", "settings", "sentence"),
    [
        ({"ids": ()}, {}, r"there is no camera; connected: none; check the ribbon cable"),
        ({}, {"id": "imx477"}, r"there is no camera imx477; connected: /base/i2c/imx219@10.*correct `camera.id`"),
        ({"ids": ("a", "b")}, {}, r"several cameras are connected: a, b; say which by `camera.id`"),
        (
            {"ids": ("a", "b"), "miscounts": True},
            {"id": "a"},
            r"opened camera b where a was asked for; update picamera2, or connect only one",
        ),
        ({"in_use": True}, {}, r"imx219@10 cannot be opened: .*stop what else uses it"),
        ({"stalled": True}, {}, r"gave no frame within 5 s of its start; check its ribbon cable"),
        (
            {"failure": RuntimeError("Cannot allocate memory")},
            {},
            r"could not start the camera: Cannot allocate memory",
        ),
        ({"adjusted": (64, 40)}, {}, r"gives 64 x 40 BGR888 where 64 x 48 BGR888 was asked for"),
        ({"shortest_us": 60_000}, {}, r"gives 1 to 16.67 frames per second at this size, not 20; correct"),
        ({}, {"roi": (3000, 0, 640, 480)}, r"`camera.roi` \[3000, 0, 640, 480\] reaches beyond .*\[0, 0, 3280, 2464\]"),
    ],
)
def test_a_camera_that_cannot_be_had_says_why(
    board: Any, picamera: Any, changes: dict[str, Any], settings: dict[str, Any], sentence: str
) -> None:
    break_(board, **changes)
    with pytest.raises(HardwareError, match=sentence):
        picamera(**settings)
    assert board.opened is None


@pytest.mark.parametrize("name", ["picamera2", "libcamera"])
def test_a_machine_without_picamera2_is_told_how_to_get_it(
    board: Any, picamera: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(HardwareError, match=r"picamera2.*apt install python3-picamera2.*--system-site-packages"):
        picamera()


def test_of_several_cameras_the_one_with_the_id_is_opened(board: Any, picamera: Any) -> None:
    board.ids = ("left", "right")
    picamera(id="right")
    assert board.opened.camera.id == "right"


@pytest.mark.parametrize("platform", ["VC4", "PISP"])
def test_the_part_of_the_sensor_is_the_one_asked_for(board: Any, picamera: Any, platform: str) -> None:
    board.platform = platform
    read(picamera(roi=(800, 600, 640, 480)))
    assert board.opened._metadata(0, 0)["ScalerCrop"] == (800, 600, 640, 480)


@given(exposure_ms=st.floats(0.05, 30), gain=st.floats(1, 64), off=st.floats(1.2, 10))
def test_a_lock_holds_for_what_sensors_round_to_and_for_no_more(exposure_ms: float, gain: float, off: float) -> None:
    locks = locks_of(PicameraCamera(exposure_ms=exposure_ms, gain=gain))
    row_us = 18.9
    rounded = {"ExposureTime": int(1000 * exposure_ms / row_us) * row_us, "AnalogueGain": gain * 1.02}
    assert broken_lock(locks, rounded) is None
    assert "AnalogueGain is" in (broken_lock(locks, rounded | {"AnalogueGain": gain * off}) or "")
    wrong_us = 1000 * exposure_ms * off + 100
    assert "ExposureTime is" in (broken_lock(locks, rounded | {"ExposureTime": wrong_us}) or "")


class TestTheFake:
    """It refuses what the real one refuses: a driver that passes on it would not pass on something softer."""

    def configure(self, board: Any, **changes: Any) -> Any:
        camera = sys.modules["picamera2"].Picamera2()  # type: ignore[attr-defined]
        asked = {"main": {"size": (64, 48), "format": "BGR888"}, "queue": False, **changes}
        camera.configure(camera.create_video_configuration(**asked))
        return camera

    @pytest.mark.parametrize(
        ("platform", "changes", "sentence"),
        [
            ("PISP", {"main": {"size": (64, 48), "format": "BRG888"}}, "Bad format BRG888"),
            ("PISP", {"main": {"size": (63, 48), "format": "BGR888"}}, "should be even"),
            ("PISP", {"lores": {"size": (128, 48)}}, "may not exceed"),
            ("VC4", {"lores": {"size": (32, 24), "format": "RGB888"}}, "must be YUV"),
            ("PISP", {"controls": {"Exposure": 1}}, "not advertised"),
        ],
    )
    def test_wrong_configurations(self, board: Any, platform: str, changes: dict[str, Any], sentence: str) -> None:
        board.platform = platform
        with pytest.raises(RuntimeError, match=sentence):
            self.configure(board, **changes)

    def test_a_small_stream_that_each_platform_can(self, board: Any) -> None:
        board.platform = "VC4"
        self.configure(board, lores={"size": (32, 24), "format": "YUV420"}).close()
        board.platform = "PISP"
        self.configure(board, lores={"size": (32, 24), "format": "RGB888"}).close()

    def test_doing_things_twice_or_too_early(self, board: Any) -> None:
        camera = self.configure(board)
        with pytest.raises(AssertionError, match="before the start"):
            camera.capture_request(wait=False)
        with pytest.raises(AssertionError, match="configured twice"):
            camera.configure(camera.create_video_configuration())
        camera.start()
        with pytest.raises(AssertionError, match="started twice"):
            camera.start()
        with pytest.raises(RuntimeError, match="must be stopped"):
            camera.configure(camera.create_video_configuration())

    def test_requests_that_are_kept_stall_it(self, board: Any) -> None:
        camera = self.configure(board, buffer_count=4)
        camera.start()
        kept = [camera.capture_request() for _ in range(4)]
        with pytest.raises(AssertionError, match="no buffer was given back"):
            camera.capture_request()
        kept[0].release()
        with pytest.raises(RuntimeError, match="negative ref_count"):
            kept[0].release()
        camera.cancel_all_and_flush()
        camera.capture_request(wait=1.0).release()
        board.stalled = True
        camera.capture_request(wait=False)
        with pytest.raises(AssertionError, match="behind a capture"):
            camera.stop()
        camera.close()

    def test_rgb888_is_blue_green_red_in_memory(self, board: Any) -> None:
        camera = self.configure(board, main={"size": (64, 48), "format": "RGB888"})
        camera.start()
        request = camera.capture_request()
        with sys.modules["picamera2"].MappedArray(request, "main") as mapped:  # type: ignore[attr-defined]
            assert mapped.array[0, 0].tolist() == [40, 30, 200]
        request.release()
