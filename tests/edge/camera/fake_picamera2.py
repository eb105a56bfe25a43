"""Picamera2 0.3.38 and the sensor behind it, as strict as they are, on a clock of the test's own.

Written from how the real one behaves, not from its code. What would wait for ever there fails here.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np

RGB = ("BGR888", "RGB888")
YUV = ("YUV420", "YVU420", "NV12", "YUYV")
CONTROLS = ("AeEnable", "AnalogueGain", "AwbEnable", "ColourGains", "ExposureTime", "FrameDurationLimits", "ScalerCrop")
SENSOR = (3280, 2464)
ACTIVE = (0, 0, *SENSOR)


class NeverReturnsError(AssertionError):
    """The real one would wait for ever."""


@dataclass
class Device:
    """A camera on a board, and what is wrong with it.

    Attributes:
        clock: Moves on only when somebody waits.
        scene: What it sees, RGB.
        asleep_ns: How far the boottime clock is ahead of the monotonic one.
        stamps: The clock that frames are stamped by.
        latency_ns: From a frame's stamp until it is there.
        settling: So many frames at the start are exposed as the camera likes.
        lost: Numbers of frames that the sensor loses.
        miscounts: Cameras are counted in another order than they are listed.
        frozen_ns: The stamp that every frame has from now on.
        shortest_us: Frame duration at the fastest.
        obeys: Whether the controls are followed at all.
    """

    clock: Any
    scene: np.ndarray = field(default_factory=lambda: np.full((480, 640, 3), (200, 30, 40), np.uint8))
    ids: tuple[str, ...] = ("/base/i2c/imx219@10",)
    platform: str = "PISP"
    asleep_ns: int = 0
    stamps: str = "monotonic"
    latency_ns: int = 20_000_000
    settling: int = 0
    lost: set[int] = field(default_factory=set)
    shortest_us: int = 5_000
    obeys: bool = True
    miscounts: bool = False
    frozen_ns: int | None = None
    stalled: bool = False
    in_use: bool = False
    adjusted: tuple[int, int] | None = None
    failure: Exception | None = None
    opened: Any = None

    def boottime(self) -> int:
        return self.clock.now_ns() + self.asleep_ns

    def modules(self) -> dict[str, ModuleType]:
        """What `sys.modules` holds where it is installed."""
        picamera2, libcamera = ModuleType("picamera2"), ModuleType("libcamera")
        vars(picamera2).update(Picamera2=type("Picamera2", (Picamera2,), {"device": self}), MappedArray=MappedArray)
        vars(libcamera).update(Transform=Transform)
        return {"picamera2": picamera2, "libcamera": libcamera}


@dataclass(frozen=True)
class Transform:
    hflip: bool = False
    vflip: bool = False


class Request:
    def __init__(self, camera: "Picamera2", buffer: np.ndarray, metadata: dict[str, Any]) -> None:
        self.camera, self._buffer, self._metadata = camera, buffer, metadata
        self.held = True

    def get_metadata(self) -> dict[str, Any]:
        assert self.held, "the request was released"
        return dict(self._metadata)

    def buffer(self) -> np.ndarray:
        assert self.held, "the request was released"
        return self._buffer

    def release(self) -> None:
        if not self.held:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self.held = False
        self._buffer[:] = 0x55  # the next frame will be written here
        self.camera.free_buffers += 1


class MappedArray:
    def __init__(self, request: Request, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert stream == "main", "only the main stream was configured"
        self.request = request

    def __enter__(self) -> "MappedArray":
        main = self.request.camera.camera_configuration()["main"]
        rows = self.request.buffer().reshape(main["size"][1], main["stride"])
        self.array = rows[:, : 3 * main["size"][0]].reshape(main["size"][1], main["size"][0], 3)
        return self

    def __exit__(self, *_: object) -> None:
        del self.array


class Job:
    def __init__(self, camera: "Picamera2") -> None:
        self._camera = camera
        self.request: Request | None = None
        self.cancelled = False

    def get_result(self, timeout: float | None = None) -> Request:
        self._camera.run(lambda: self.request is not None or self.cancelled, timeout)
        if self.cancelled:
            raise CancelledError
        if self.request is None:
            raise TimeoutError
        return self.request


class Picamera2:
    device: ClassVar[Device]

    def __init__(self, camera_num: int = 0, tuning: object = None) -> None:
        if camera_num >= len(self.device.ids):
            raise RuntimeError(f"No camera number {camera_num} found")
        if self.device.in_use or self.device.opened is not None:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.device.opened = self
        self.camera = SimpleNamespace(id=self.device.ids[-1 - camera_num if self.device.miscounts else camera_num])
        self.camera_controls: dict[str, Any] = dict.fromkeys(CONTROLS, (0, 0, 0))
        self.configuration: dict[str, Any] | None = None
        self.controls: dict[str, Any] = {}
        self.jobs: list[Job] = []
        self.started = False
        self.free_buffers = 0
        self._number, self._due_ns = 0, 0

    @staticmethod
    def _stream(given: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
        for key in given:
            if key not in ("format", "size", "stride", "preserve_ar"):
                raise ValueError(f"Bad key {key!r}")
        return default | given

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return [{"Model": "imx219", "Num": nth, "Id": id_} for nth, id_ in enumerate(cls.device.ids)]

    def create_video_configuration(
        self,
        main: dict[str, Any] = {},  # noqa: B006 as the real one
        lores: dict[str, Any] | None = None,
        raw: dict[str, Any] | None = {},  # noqa: B006
        transform: Transform = Transform(),
        colour_space: object = None,
        buffer_count: int = 6,
        controls: dict[str, Any] = {},  # noqa: B006
        display: str | None = "main",
        encode: str | None = "main",
        queue: bool = True,
    ) -> dict[str, Any]:
        main = self._stream(main, {"format": "XBGR8888", "size": (1280, 720)})
        if lores is not None:
            lores = self._stream(lores, {"format": "YUV420", "size": main["size"]})
        return {
            "main": main,
            "lores": lores,
            "transform": transform,
            "buffer_count": buffer_count,
            "controls": {"FrameDurationLimits": (33333, 33333)} | controls,
            "display": display,
            "encode": encode,
            "queue": queue,
        }

    def configure(self, configuration: dict[str, Any]) -> None:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        assert self.configuration is None, "configured twice: each time leaks memory of the camera's"
        assert isinstance(configuration["transform"], Transform), "Transform has incorrect type"
        self._check(configuration)
        main = dict(configuration["main"])
        main["size"] = self.device.adjusted or main["size"]
        main["stride"] = -(-3 * main["size"][0] // 64) * 64
        self.configuration = configuration | {"main": main}
        self.camera_controls |= {
            "FrameDurationLimits": (self.device.shortest_us, 1_000_000, 33_333),
            "ScalerCrop": ((0, 0, 64, 64), ACTIVE, ACTIVE),
        }
        self.set_controls(configuration["controls"])
        if self.device.platform == "PISP":
            self.camera_controls["ScalerCrops"] = [ACTIVE]
            self.set_controls({"ScalerCrops": [ACTIVE]})

    def _check(self, configuration: dict[str, Any]) -> None:
        main, lores = configuration["main"], configuration["lores"]
        for stream in (main, lores or main):
            if stream["format"] not in RGB + YUV:
                raise RuntimeError(f"Bad format {stream['format']}")
            if type(stream["size"]) is not tuple or stream["size"][0] % 2 or stream["size"][1] % 2:
                raise RuntimeError("width and height should be even")
        if lores is None:
            return
        if any(small > large for small, large in zip(lores["size"], main["size"], strict=True)):
            raise RuntimeError("lores stream dimensions may not exceed main stream")
        if self.device.platform == "VC4" and lores["format"] not in YUV:
            raise RuntimeError("lores stream must be YUV")

    def camera_configuration(self) -> dict[str, Any]:
        assert self.configuration is not None, "not configured"
        return self.configuration

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name in controls:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self.controls |= controls

    def start(self) -> None:
        if self.configuration is None:
            raise RuntimeError("Camera has not been configured")
        assert not self.started, "started twice"
        if self.device.failure is not None:
            raise self.device.failure
        self.started = True
        self.free_buffers = self.configuration["buffer_count"]
        self._due_ns = self.device.clock.now_ns() + self.period_ns

    @property
    def period_ns(self) -> int:
        shortest, longest = self.controls["FrameDurationLimits"]
        assert shortest == longest, "the frame rate is left open"
        return int(1000 * shortest)

    def capture_request(
        self, wait: bool | float | None = None, signal_function: object = None, flush: object = None
    ) -> Any:
        assert self.started, "a capture before the start waits for ever"
        if self.device.failure is not None:
            raise self.device.failure
        self.run(lambda: False, 0)  # what has passed by until now
        job = Job(self)
        self.jobs.append(job)
        return job if wait is False else job.get_result(None if wait in (None, True) else wait)

    def run(self, done: Callable[[], bool], timeout: float | None) -> None:
        """Let time pass until something is done, or for so long."""
        clock, device = self.device.clock, self.device
        end_ns = None if timeout is None else clock.now_ns() + round(1e9 * timeout)
        while not done():
            there_ns = self._due_ns + device.latency_ns
            if device.stalled or not self.started or self.free_buffers == 0:
                # Time goes on, and the frames of it are lost.
                until_ns = clock.now_ns() if end_ns is None else max(end_ns, clock.now_ns())
                while self._due_ns + device.latency_ns <= until_ns:
                    self._number, self._due_ns = self._number + 1, self._due_ns + self.period_ns
                if end_ns is None:
                    raise NeverReturnsError("no frame will come: stalled, or no buffer was given back")
                clock.wait_until_ns(end_ns)
                return
            if end_ns is not None and there_ns > max(end_ns, clock.now_ns()):
                clock.wait_until_ns(end_ns)
                return
            clock.wait_until_ns(there_ns)
            self._complete()

    def _complete(self) -> None:
        """A frame is there: for the first capture that waits, or, since nothing is queued, for nobody."""
        number, due_ns = self._number, self._due_ns
        self._number, self._due_ns = number + 1, due_ns + self.period_ns
        if number in self.device.lost:
            return
        if self.jobs or self.camera_configuration()["queue"]:
            assert not self.camera_configuration()["queue"], "a queued frame is older than the call"
            self.free_buffers -= 1
            self.jobs.pop(0).request = Request(self, self._draw(), self._metadata(number, due_ns))

    def _metadata(self, number: int, due_ns: int) -> dict[str, Any]:
        settled = self.device.obeys and number >= self.device.settling
        asked = self.controls if settled else {}
        crops = self.controls.get("ScalerCrops", [self.controls.get("ScalerCrop", ACTIVE)])
        fixed = asked.get("AeEnable") is False
        return {
            "SensorTimestamp": (self.device.frozen_ns or due_ns)
            + {"monotonic": 0, "boottime": self.device.asleep_ns}.get(self.device.stamps, 10**15),
            # Exposure is counted in rows of 18.9 us.
            "ExposureTime": int(asked["ExposureTime"] / 18.9) * 18.9 // 1 if fixed else 9_876,
            "AnalogueGain": asked["AnalogueGain"] if fixed else 3.7,
            "ColourGains": asked["ColourGains"] if asked.get("AwbEnable") is False else (1.9, 1.4),
            "ScalerCrop": tuple(crops[0]),
            "FrameDuration": self.period_ns // 1000,
        }

    def _draw(self) -> np.ndarray:
        main, transform = self.camera_configuration()["main"], self.camera_configuration()["transform"]
        width, height = main["size"]
        rows = np.arange(height) * self.device.scene.shape[0] // height
        columns = np.arange(width) * self.device.scene.shape[1] // width
        picture = self.device.scene[rows][:, columns]
        picture = picture[:: -1 if transform.vflip else 1, :: -1 if transform.hflip else 1]
        buffer = np.full((height, main["stride"]), 0xEE, np.uint8)  # what is beyond a row's end is not picture
        in_memory = {"RGB888": picture[..., ::-1], "BGR888": picture}[main["format"]]
        buffer[:, : 3 * width] = in_memory.reshape(height, -1)
        return buffer.reshape(-1)

    def cancel_all_and_flush(self) -> None:
        for job in self.jobs:
            job.cancelled = True
        self.jobs.clear()

    def stop(self) -> None:
        if self.started and self.jobs and (self.device.stalled or self.free_buffers == 0):
            raise NeverReturnsError("stopping waits behind a capture that gets no frame")
        self.started = False

    def close(self) -> None:
        """Its event loop ends first, so that nothing waits behind a capture here."""
        self.jobs.clear()
        self.started = False
        self.device.opened = None
