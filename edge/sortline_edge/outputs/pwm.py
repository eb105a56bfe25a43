"""A channel of a hardware PWM chip, through the kernel's files in /sys/class/pwm.

The kernel refuses settings that contradict each other: a pulse longer than the period, anything but a period while
there is none. A channel outlives the process that exported it, signal and all, so one that a killed process left behind
is taken over; a lock on its folder tells it from one in use.
"""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from sortline_bundle.errors import HardwareError
from sortline_bundle.files import lock_alone

CLASS = Path("/sys/class/pwm")
Write = Callable[[Path, str], None]
# Until udev has given the files of a new channel to the user's group.
PERMISSION_TRIES = 50
PERMISSION_PAUSE_S = 0.02


def write_attribute(path: Path, text: str) -> None:
    """Write a kernel attribute in one call.

    Raises:
        OSError: the kernel refused.
    """
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


class PwmChannel:
    """One channel, claimed for this process alone, without a signal.

    Args:
        chip: Name of the chip's device, such as 1f00098000.pwm.
        channel: Its number on the chip.
        period_us: From pulse to pulse.
        folder: The kernel's folder of PWM chips.
        write: Writes one of its files.
        sleep: Waits so many seconds.

    Raises:
        HardwareError: no such chip or channel, it is in use, or the user may not write its files.
    """

    def __init__(
        self,
        chip: str,
        channel: int,
        period_us: float,
        *,
        folder: Path = CLASS,
        write: Write = write_attribute,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = f"channel {channel} of PWM chip {chip}"
        self._channel = channel
        self._write_file = write
        self._sleep = sleep
        self._chip = _find_chip(chip, folder)
        self._folder = self._chip / f"pwm{channel}"
        self._on = False
        self._export()
        self._lock: int | None = self._lock_folder()
        try:
            if self._read("period"):
                self._set_when_permitted("duty_cycle", 0)
            self._set_when_permitted("period", round(period_us * 1000))
        except BaseException:
            self.close()
            raise

    def pulse(self, width_us: float) -> None:
        """Give pulses of this length from now on.

        Raises:
            HardwareError: the kernel refused.
        """
        self._set("duty_cycle", round(width_us * 1000))
        if not self._on:
            self._set("enable", 1)
            self._on = True

    def quiet(self) -> None:
        """Give no signal.

        Raises:
            HardwareError: the kernel refused.
        """
        self._set("enable", 0)
        self._on = False

    def close(self) -> None:
        """Give the channel back, without a signal. Harmless when repeated."""
        if self._lock is None:
            return
        try:
            if self._on:
                self.quiet()
        finally:
            # Under the lock, or another station may have it already.
            try:
                self._set("unexport", self._channel, where=self._chip)
            finally:
                os.close(self._lock)
                self._lock = None

    def _export(self) -> None:
        there = self._read("npwm", where=self._chip)
        if self._channel >= there:
            raise HardwareError(f"{self._name} does not exist, only 0 to {there - 1}; correct `outputs.servos`")
        if not self._folder.exists():
            self._set("export", self._channel, where=self._chip)

    def _lock_folder(self) -> int:
        try:
            lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            alone = lock_alone(lock)
        except OSError as cause:
            raise HardwareError(f"{self._folder} cannot be opened: {cause.strerror}; check the chip") from None
        if not alone:
            os.close(lock)
            raise HardwareError(f"{self._name} is held by another station; stop it or take another channel")
        return lock

    def _read(self, name: str, *, where: Path | None = None) -> int:
        path = (where or self._folder) / name
        try:
            return int(path.read_text())
        except (OSError, ValueError) as cause:
            raise HardwareError(f"{path} cannot be read: {cause}; check the chip and `outputs.servos`") from None

    def _set_when_permitted(self, name: str, value: int) -> None:
        for _ in range(PERMISSION_TRIES):
            if os.access(self._folder / name, os.W_OK):
                break
            self._sleep(PERMISSION_PAUSE_S)
        self._set(name, value)

    def _set(self, name: str, value: int, *, where: Path | None = None) -> None:
        path = (where or self._folder) / name
        try:
            self._write_file(path, str(value))
        except PermissionError:
            message = f"{path} may not be written by this user; add the user to the group that owns it and log in anew"
            raise HardwareError(message) from None
        except OSError as cause:
            if cause.errno == errno.EBUSY:
                message = f"{self._name} is in use by the kernel; take another channel"
            else:
                message = f"{self._name} refused {name} {value}: {cause.strerror}; check the chip and `outputs.servos`"
            raise HardwareError(message) from None


def _find_chip(name: str, folder: Path) -> Path:
    chips = {(entry / "device").resolve().name: entry for entry in sorted(folder.glob("pwmchip*"))}
    if name not in chips:
        seen = ", ".join(sorted(chips)) or "no PWM chip at all; load its overlay"
        raise HardwareError(f"no PWM chip has the device {name!r}; this machine has {seen}; correct `outputs.servos`")
    return chips[name]
