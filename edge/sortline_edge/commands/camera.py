"""`sortline camera`: what a station's camera really does, and whether its colours are right."""

import argparse
import io
import sys
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError, HardwareError
from sortline_bundle.files import write_whole
from sortline_bundle.progress import progress
from sortline_edge.camera import open_camera
from sortline_edge.camera.commission import (
    Arrival,
    Card,
    Flow,
    Look,
    Verdict,
    explain_card,
    judge_card,
    look_at_picture,
    measure_flow,
)
from sortline_edge.camera.timing import Timed
from sortline_edge.clocks import Clock, MonotonicClock
from sortline_edge.config import LiveCamera, Station, VideoCamera, load_station
from sortline_edge.ports import Camera, Frame, NoFrame

_WAIT_S = 0.1


class CameraReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera did.

    Attributes:
        asked: Width and height in the station file; None where it has none.
        got: Width and height of the pictures.
        asked_frames_per_s: In the station file; None where it has none.
        exposure: `locked`: as in the station file, and checked. `automatic`: as the camera likes. None: it has none.
        times: Whose time the frames carry; None where they are not of a real camera.
        card: What a coloured card says of red and blue; None where none was asked for.
    """

    asked: tuple[int, int] | None
    got: tuple[int, int]
    asked_frames_per_s: float | None
    exposure: str | None
    times: str | None
    flow: Flow
    look: Look
    card: Verdict | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline camera` takes."""
    parser.add_argument("station", type=Path, metavar="STATION.toml", help="the station file")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="N", help="how long to watch (default 3)")
    parser.add_argument("--save", type=Path, metavar="FILE.png", help="write the last picture")
    parser.add_argument("--card", choices=get_args(Card), help="a card of this colour fills the middle of the picture")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Watch the camera, print what it did, and refuse swapped colours."""
    if not 0 < arguments.seconds <= 3600:
        raise ConfigError(f"--seconds is {arguments.seconds:g}, may be above 0 and at most 3600")
    station, clock = load_station(arguments.station), MonotonicClock()
    camera = open_camera(station, arguments.station.resolve().parent, clock)
    try:
        arrivals, frame = watch(camera, clock, arguments.seconds)
        times = camera.times if isinstance(camera, Timed) else None
    finally:
        camera.close()
    image = frame.image if frame.order == "RGB" else np.ascontiguousarray(frame.image[..., ::-1])
    report = _report(station, arrivals, image, times, arguments.card)
    if arguments.save:
        write_whole(arguments.save, _png(image))
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _print_table(report)
    if report.card is not None:
        sentence = explain_card(report.card, arguments.card)
        if report.card != "right":
            raise HardwareError(sentence)
        sys.stderr.write(sentence + "\n")
    return 0


def watch(camera: Camera, clock: Clock, seconds: float) -> tuple[list[Arrival], Frame]:
    """Read every frame of some seconds, or until the camera ends; return when each came, and the last.

    Raises:
        HardwareError: there was none, or the camera failed.
    """
    arrivals: list[Arrival] = []
    last: Frame | None = None
    end_ns = clock.now_ns() + round(1e9 * seconds)
    tenths = round(10 * seconds)
    done = 0
    with progress("camera", tenths) as advance:
        while clock.now_ns() < end_ns:
            frame = camera.read(_WAIT_S, seconds)
            if frame is NoFrame.ENDED:
                break
            if isinstance(frame, Frame):
                arrivals.append(Arrival(frame.sequence, frame.captured_ns, clock.now_ns()))
                last = frame
            gone = tenths - round((end_ns - clock.now_ns()) / 1e8)
            advance(gone - done)
            done = gone
    if last is None:
        raise HardwareError(f"the camera gave no frame in {seconds:g} s; check its cable")
    return arrivals, last


def _report(
    station: Station, arrivals: list[Arrival], image: NDArray[np.uint8], times: str | None, card: Card | None
) -> CameraReport:
    settings = station.camera
    live = settings if isinstance(settings, LiveCamera) else None
    height, width = image.shape[:2]
    return CameraReport(
        asked=(live.width, live.height) if live else None,
        got=(width, height),
        asked_frames_per_s=None if isinstance(settings, VideoCamera) else settings.frames_per_s,
        exposure=("automatic" if live.exposure_ms is None else "locked") if live else None,
        times=times,
        flow=measure_flow(arrivals),
        look=look_at_picture(image),
        card=judge_card(image, card) if card else None,
    )


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def _print_table(report: CameraReport) -> None:
    from rich.console import Console
    from rich.table import Table

    flow, rate = report.flow, report.flow.frames_per_s
    asked = f" (asked for {report.asked_frames_per_s:g})" if report.asked_frames_per_s else ""
    rows = {
        "size": "{} x {}".format(*report.got) + (" (asked for {} x {})".format(*report.asked) if report.asked else ""),
        "frames per second": ("-" if rate is None else f"{rate:.2f}") + asked,
        "frames": f"{flow.frames}, {flow.dropped} dropped",
        "age when read": f"{flow.age_ms_p50:.1f} ms median, 99 of 100 below {flow.age_ms_p99:.1f} ms",
        "times": report.times or "of the recording",
        "exposure": report.exposure or "-",
        "brightness": f"{report.look.brightness:.0f} of 255",
        "sharpness": f"{report.look.sharpness:.0f}",
    }
    table = Table(show_header=False)
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)
