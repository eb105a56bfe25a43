"""Finds a GPIO chip by its label and claims lines of it, through libgpiod 2."""

import errno
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sortline_bundle.errors import HardwareError

CONSUMER = "sortline"
DEVICES = Path("/dev")
# As much as the kernel gives: edges that wait while this process does something else.
EVENT_BUFFER = 1024


def load_gpiod() -> Any:
    """The package gpiod.

    Raises:
        HardwareError: it is not installed.
    """
    try:
        return importlib.import_module("gpiod")
    except ImportError:
        raise HardwareError("GPIO lines need the package gpiod: pip install 'sortline[edge]'") from None


def claim(label: str, settings: Mapping[int, Any], *, of_what: str, devices: Path) -> Any:
    """Claim lines of the one chip with this label, all or none, for this process alone.

    Args:
        label: Of the chip, such as pinctrl-rp1; its number changes with the kernel and with what else is plugged in.
        settings: `gpiod.LineSettings` by line.
        of_what: Whose lines these are in the station file, for the errors.
        devices: Folder of the device files.

    Returns:
        A `gpiod.LineRequest`.

    Raises:
        HardwareError: there is no such chip, it may not be opened, or a line is not free.
    """
    gpiod = load_gpiod()
    with _open_chip(gpiod, label, devices) as chip:
        try:
            return chip.request_lines(
                config={(line,): its for line, its in settings.items()},
                consumer=CONSUMER,
                event_buffer_size=EVENT_BUFFER,
            )
        except (OSError, ValueError) as cause:
            raise HardwareError(_why_not_claimed(chip, label, tuple(settings), of_what, cause)) from None


def _open_chip(gpiod: Any, label: str, devices: Path) -> Any:
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


def _why_not_claimed(chip: Any, label: str, lines: tuple[int, ...], of_what: str, cause: Exception) -> str:
    there = chip.get_info().num_lines
    beyond = [line for line in lines if line >= there]
    if beyond:
        return f"GPIO chip {label} has lines 0 to {there - 1}, not {beyond}; correct the lines of the {of_what}"
    taken = [info for info in map(chip.get_line_info, lines) if info.used]
    if taken and isinstance(cause, OSError) and cause.errno == errno.EBUSY:
        who = ", ".join(f"line {info.offset} by {info.consumer or 'the kernel'}" for info in taken)
        return f"GPIO chip {label}: {who} is in use; stop what uses it or take another line"
    return f"GPIO chip {label} refused lines {list(lines)}: {cause}; check the chip and the lines of the {of_what}"
