"""Opens what the station file names as outputs and inputs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sortline_edge.config.wiring import GpiodOutputs, Input, OutputSettings, RecorderOutputs
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import InputLines, LineDriver

if TYPE_CHECKING:
    from sortline_edge.outputs.servo import ServoLines


class Devices(NamedTuple):
    """What the output process drives.

    Attributes:
        lines: Every output line.
        inputs: None: there are none, or nothing is wired to them and they stay inactive.
        servos: Those of the lines that are servos, which want to be ticked.
    """

    lines: LineDriver
    inputs: InputLines | None = None
    servos: ServoLines | None = None


def open_devices(settings: OutputSettings, wiring: Wiring, inputs: tuple[Input, ...]) -> Devices:
    """Claim every line, or none. The drivers are imported here: the process starts sooner with one.

    Raises:
        HardwareError: a line cannot be had.
    """
    with contextlib.ExitStack() as opened:
        match settings:
            case RecorderOutputs():
                devices = _recorder(settings, wiring, opened)
            case GpiodOutputs():
                devices = _gpiod(settings, wiring, inputs, opened)
        opened.pop_all()
        return devices


def _recorder(settings: RecorderOutputs, wiring: Wiring, opened: contextlib.ExitStack) -> Devices:
    from sortline_edge.outputs.recorder import Recorder

    lines = Recorder(Path(settings.path), wiring.lines)
    opened.callback(lines.close)
    if settings.inputs is None or not wiring.inputs:
        return Devices(lines)
    from sortline_edge.outputs.played import PlayedInputs

    return Devices(lines, PlayedInputs(Path(settings.inputs), wiring.inputs, counting=wiring.encoders))


def _gpiod(settings: GpiodOutputs, wiring: Wiring, inputs: tuple[Input, ...], opened: contextlib.ExitStack) -> Devices:
    from sortline_edge.outputs.gpio import GpioInputs, GpioLines

    moved = frozenset(servo.line for servo in settings.servos)
    wired = [line for line in wiring.lines if line not in moved]
    drivers: list[LineDriver] = []
    if wired:
        drivers.append(GpioLines(settings.chip, wired, active_low=settings.active_low))
        opened.callback(drivers[-1].close)
    watched = GpioInputs(settings.chip, inputs, counting=wiring.encoders) if inputs else None
    if watched is not None:
        opened.callback(watched.close)
    if not settings.servos:
        return Devices(drivers[0], watched)
    from sortline_edge.outputs.servo import LinesAndServos, ServoLines

    servos = ServoLines(settings.servos)
    return Devices(LinesAndServos(drivers[0], servos, moved) if drivers else servos, watched, servos)
