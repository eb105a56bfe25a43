"""Output lines of a GPIO chip, through the kernel's character device and libgpiod 2."""

import errno
import importlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sortline_bundle.errors import HardwareError

CONSUMER = "sortline"


class GpioLines:
    """A `LineDriver` on the lines of one chip, claimed together and for this process alone.

    The chip is found by its label, since its number changes with the kernel and with what else is plugged in. When this
    process ends, however it ends, the kernel takes the lines back and most chips make them inputs: an external resistor
    has to pull each gate to its resting position.

    Args:
        chip: Label of the chip, such as pinctrl-rp1.
        lines: Offsets of the lines to claim on it.
        active_low: Active is the low level.
        devices: Folder of the device files.

    Raises:
        HardwareError: gpiod is not installed, there is no such chip, it may not be opened, or a line is not free.
    """

    def __init__(
        self, chip: str, lines: Iterable[int], *, active_low: bool = False, devices: Path = Path("/dev")
    ) -> None:
        self._chip = chip
        self._lines = tuple(sorted(set(lines)))
        gpiod = _load()
        self._values = {True: gpiod.line.Value.ACTIVE, False: gpiod.line.Value.INACTIVE}
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.OUTPUT, output_value=self._values[False], active_low=active_low
        )
        with _open_chip(gpiod, chip, devices) as opened:
            try:
                self._request = opened.request_lines(config={self._lines: settings}, consumer=CONSUMER)
            except (OSError, ValueError) as cause:
                raise HardwareError(_why_not_claimed(opened, chip, self._lines, cause)) from None

    def set(self, levels: Mapping[int, bool]) -> None:
        """Make each named line active (True) or inactive, all in one call to the kernel.

        Raises:
            HardwareError: a line was not claimed, the lines were released, or the chip refused.
        """
        if not self._request:
            raise HardwareError(
                f"the lines of GPIO chip {self._chip} were used after their release; open the outputs anew"
            )
        for line in levels:
            if line not in self._lines:
                raise HardwareError(
                    f"line {line} of {self._chip} is not claimed, only {list(self._lines)}; claim it first"
                )
        try:
            self._request.set_values({line: self._values[active] for line, active in levels.items()})
        except (OSError, ValueError) as cause:
            raise HardwareError(
                f"GPIO chip {self._chip} refused to set {dict(levels)}: {cause}; check the chip"
            ) from None

    def close(self) -> None:
        """Make every line inactive and release it. Harmless when repeated."""
        if not self._request:
            return
        try:
            self.set(dict.fromkeys(self._lines, False))
        finally:
            self._request.release()


def _load() -> Any:
    try:
        return importlib.import_module("gpiod")
    except ImportError:
        raise HardwareError("GPIO outputs need the package gpiod: pip install 'sortline[edge]'") from None


def _open_chip(gpiod: Any, label: str, devices: Path) -> Any:
    """Open the one chip with this label."""
    labels: dict[str, str] = {}
    # A chip may have several names (Raspberry Pi OS links gpiochip4 to gpiochip0): the real path is the chip.
    for path in sorted({os.path.realpath(entry) for entry in devices.glob("gpiochip*")}):
        if gpiod.is_gpiochip_device(path):
            with _open(gpiod, path) as chip:
                labels[path] = chip.get_info().label
    matching = [path for path, its in labels.items() if its == label]
    if len(matching) > 1:
        raise HardwareError(
            f"{len(matching)} GPIO chips have the label {label!r} ({', '.join(matching)}); unplug all but one"
        )
    if not matching:
        seen = ", ".join(sorted(labels.values())) or "no GPIO chip at all"
        raise HardwareError(f"no GPIO chip has the label {label!r}; this machine has {seen}; correct `outputs.chip`")
    return _open(gpiod, matching[0])


def _open(gpiod: Any, path: str) -> Any:
    try:
        return gpiod.Chip(path)
    except PermissionError:
        raise HardwareError(
            f"{path} may not be opened by this user; add the user to group gpio and log in anew"
        ) from None
    except OSError as cause:
        raise HardwareError(f"{path} cannot be opened: {cause.strerror}; check the chip") from None


def _why_not_claimed(chip: Any, label: str, lines: tuple[int, ...], cause: Exception) -> str:
    there = chip.get_info().num_lines
    beyond = [line for line in lines if line >= there]
    if beyond:
        return f"GPIO chip {label} has lines 0 to {there - 1}, not {beyond}; correct the lines of the bins"
    taken = [info for info in map(chip.get_line_info, lines) if info.used]
    if taken and isinstance(cause, OSError) and cause.errno == errno.EBUSY:
        who = ", ".join(f"line {info.offset} by {info.consumer or 'the kernel'}" for info in taken)
        return f"GPIO chip {label}: {who} is in use; stop what uses it or take another line"
    return f"GPIO chip {label} refused lines {list(lines)}: {cause}; check the chip and the lines of the bins"
