"""The USB camera, on a VideoCapture that allows one thread at a time and gives what it likes."""

import os
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import HardwareError
from sortline_edge.camera.newest import Newest
from sortline_edge.ports import Frame, NoFrame

LOCKED = {"exposure_ms": 2.0, "gain": 20, "white_balance_k": 4600}


def read(camera: Any) -> Frame:
    frame = camera.read(30.0, 1.0)
    assert isinstance(frame, Frame)
    return frame


def take(usb: Any, camera: Any, **picture: Any) -> Frame:
    usb.clock.pass_s(0.03)
    usb.deliver(**picture)
    return read(camera)


def test_a_frame_is_blue_green_red_and_says_so(usb: Any, v4l2: Callable[..., Any]) -> None:
    frame = take(usb, v4l2(), image=np.full((480, 640, 3), (200, 30, 40), np.uint8))
    assert frame.order == "BGR"
    assert frame.image[0, 0].tolist() == [40, 30, 200]


def test_a_camera_that_swaps_them_is_declared(usb: Any, v4l2: Callable[..., Any]) -> None:
    assert take(usb, v4l2(swap_red_blue=True)).order == "RGB"


def test_what_was_asked_for_is_set(usb: Any, v4l2: Callable[..., Any]) -> None:
    v4l2(frames_per_s=15, **LOCKED)
    assert (usb.opened.mode, usb.opened.rate, usb.opened.buffers) == (("MJPG", 640, 480), 15, 2)
    assert usb.values == {
        cv2.CAP_PROP_AUTO_EXPOSURE: 1,
        cv2.CAP_PROP_EXPOSURE: 20,
        cv2.CAP_PROP_GAIN: 20,
        cv2.CAP_PROP_AUTO_WB: 0,
        cv2.CAP_PROP_WB_TEMPERATURE: 4600,
    }


def test_what_was_not_asked_for_is_left_alone(usb: Any, v4l2: Callable[..., Any]) -> None:
    v4l2()
    assert set(usb.values.values()) == {3}


def test_opencv_is_told_not_to_wait_long_for_a_frame(usb: Any, v4l2: Callable[..., Any]) -> None:
    v4l2()
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "1"


@pytest.mark.parametrize(("settings", "half_ms"), [({}, 0), ({"exposure_ms": 10}, 5)])
def test_capture_times_are_the_kernels(
    usb: Any, v4l2: Callable[..., Any], settings: dict[str, float], half_ms: int
) -> None:
    camera = v4l2(**settings)
    frame = take(usb, camera, age_ns=7_000_000)
    assert usb.clock.now_ns() - frame.captured_ns == (7 + half_ms) * 1_000_000
    assert camera.times == "the kernel's, by the monotonic clock"


def test_a_kernel_without_stamps_leaves_the_time_of_arrival(usb: Any, v4l2: Callable[..., Any]) -> None:
    usb.stamped = False
    camera = v4l2()
    assert take(usb, camera, age_ns=7_000_000).captured_ns == usb.clock.now_ns()
    assert camera.times == "of arrival: the kernel's stamps are of another clock"


def test_only_the_newest_of_several_is_given(usb: Any, v4l2: Callable[..., Any]) -> None:
    camera = v4l2()
    first = take(usb, camera)
    for grey in range(1, 6):
        usb.clock.pass_s(0.03)
        usb.deliver(np.full((480, 640, 3), grey, np.uint8))
        usb.idle()
    frame = read(camera)
    assert frame.image.max() == 5
    assert frame.sequence == first.sequence + 5
    assert camera.read(0, 1.0) is NoFrame.YET


def test_a_damaged_picture_is_a_frame_lost_and_no_more(usb: Any, v4l2: Callable[..., Any]) -> None:
    camera = v4l2()
    first = take(usb, camera)
    usb.deliver(damaged=True)
    usb.idle()
    assert take(usb, camera).sequence == first.sequence + 2
    assert (camera.reconnects, usb.openings) == (0, 1)


@pytest.mark.parametrize("age_ns", [-1_000_000, 60_000_000])
def test_a_stamp_from_the_future_or_from_before_the_last_frame_is_a_frame_lost(
    usb: Any, v4l2: Callable[..., Any], age_ns: int
) -> None:
    camera = v4l2()
    first = take(usb, camera)
    usb.deliver(age_ns=age_ns)
    usb.idle()
    assert camera.read(0, 1.0) is NoFrame.YET
    assert take(usb, camera).sequence == first.sequence + 2


def test_unplugged_it_gives_none_and_is_back_when_plugged_in_again(usb: Any, v4l2: Callable[..., Any]) -> None:
    camera = v4l2(**LOCKED)
    before = take(usb, camera)
    usb.unplug()
    usb.clock.somebody_waits()
    assert camera.read(0, 1.0) is NoFrame.YET
    usb.values = dict.fromkeys(usb.values, 3)  # it has forgotten everything
    usb.plug()
    usb.clock.pass_s(0.5)
    after = take(usb, camera)
    assert after.sequence == before.sequence + 1
    assert after.captured_ns > before.captured_ns
    assert (camera.reconnects, usb.openings) == (1, 2)
    assert usb.values[cv2.CAP_PROP_EXPOSURE] == 20


def test_it_is_tried_twice_a_second_and_not_more_often(usb: Any, v4l2: Callable[..., Any]) -> None:
    camera = v4l2()
    usb.unplug()
    usb.clock.somebody_waits()
    usb.plug()
    usb.clock.pass_s(0.499)
    usb.clock.somebody_waits()
    assert usb.openings == 1
    usb.clock.pass_s(0.001)
    take(usb, camera)
    assert usb.openings == 2


def test_one_that_comes_back_different_is_not_taken(usb: Any, v4l2: Callable[..., Any]) -> None:
    camera = v4l2(width=1280, height=720)
    modes = dict(usb.modes)
    usb.unplug()
    usb.clock.somebody_waits()
    del usb.modes[("MJPG", 1280, 720)]
    usb.plug()
    usb.clock.pass_s(0.5)
    usb.clock.somebody_waits()
    assert (camera.read(0, 1.0), camera.reconnects) == (NoFrame.YET, 0)
    usb.modes = modes
    usb.clock.pass_s(0.5)
    assert take(usb, camera).sequence > 0


def test_an_opencv_that_asserts_is_a_camera_lost(
    usb: Any, v4l2: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = v4l2()
    monkeypatch.setattr(usb.opened, "retrieve", lambda: (_ for _ in ()).throw(cv2.error("buffer")))
    usb.deliver()
    usb.idle()
    assert take(usb, camera).sequence > 0
    assert camera.reconnects == 1


def test_closing_a_stalled_camera_does_not_wait_for_it(usb: Any, v4l2: Callable[..., Any]) -> None:
    camera = v4l2()
    reader = threading.Thread(target=lambda: got.append(camera.read(3600, 1.0)))
    got: list[Frame | NoFrame] = []
    reader.start()
    camera.close()
    reader.join()
    assert got == [NoFrame.YET]
    assert usb.opened is not None  # OpenCV still waits, and may only be released by the thread that is in it
    usb.wake()


@pytest.mark.parametrize(
    ("changes", "settings", "sentence"),
    [
        ({}, {"path": "video7"}, r"video7 is not there; plug it in, or correct `camera.path`"),
        ({"in_use": True}, {}, r"video0 cannot be opened; stop what else uses it, and add the user to group video"),
        ({}, {"width": 800, "height": 600}, r"gives 640 x 480 MJPG at 30 .* where 800 x 600 MJPG .*--list-formats-ext"),
        ({}, {"fourcc": "H264"}, r"gives 640 x 480 YUYV at 30 .* where 640 x 480 H264 at 30"),
        ({}, {"frames_per_s": 60}, r"gives 640 x 480 MJPG at 30 .* where .* at 60"),
        ({"controls": {}}, LOCKED, r"exposure_auto was to be 1 and it was refused; `v4l2-ctl .*--list-ctrls`"),
        ({}, {"gain": 1000}, r"gain was to be 1000 and it is 255"),
        ({}, {"white_balance_k": 9000}, r"white_balance_temperature was to be 9000 and it is 6500"),
    ],
)
def test_a_camera_that_cannot_be_had_says_why(
    usb: Any, v4l2: Callable[..., Any], changes: dict[str, Any], settings: dict[str, Any], sentence: str
) -> None:
    for name, value in changes.items():
        setattr(usb, name, value)
    with pytest.raises(HardwareError, match=sentence):
        v4l2(**settings)
    assert usb.opened is None


def test_a_camera_that_gives_no_first_frame_is_refused(usb: Any, v4l2: Callable[..., Any]) -> None:
    usb.ready.clear()
    usb.ready.append(None)
    with pytest.raises(HardwareError, match=r"video0 gave no frame after its start; check its cable and its USB port"):
        v4l2()
    assert usb.opened is None


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=20))
def test_the_newest_is_taken_once_and_nothing_else(batches: list[list[int]]) -> None:
    newest: Newest[int] = Newest()
    for batch in batches:
        for thing in batch:
            newest.put(thing)
        assert newest.take(0) == (batch[-1] if batch else None)
        assert newest.take(0) is None


def test_who_waits_for_the_newest_is_woken_by_it() -> None:
    newest: Newest[str] = Newest()
    threading.Thread(target=newest.put, args=("frame",)).start()
    assert newest.take(3600) == "frame"


def test_who_waits_for_the_newest_is_let_go_at_the_end() -> None:
    newest: Newest[str] = Newest()
    threading.Thread(target=newest.close).start()
    assert newest.take(3600) is None


def test_after_the_end_there_is_nothing() -> None:
    newest: Newest[str] = Newest()
    newest.put("frame")
    newest.close()
    newest.put("another")
    assert newest.take(3600) is None


def test_a_device_is_opened_once(usb: Any, v4l2: Callable[..., Any]) -> None:
    v4l2()
    with pytest.raises(HardwareError, match="cannot be opened; stop what else uses it"):
        v4l2()
