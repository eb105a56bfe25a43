"""How the board is: its temperature, and whether it is slowed down or short of power.

Everything is read from small files of the kernel, which takes well under a millisecond: cheap enough for the loop that
sorts, once a second. `vcgencmd`, which says the same on a Raspberry Pi, would be a process each time.
"""

from pathlib import Path

import msgspec

# Of the Raspberry Pi's firmware (`vcgencmd get_throttled`): the same bits 16 higher say that it was so before.
_BITS = {0: "undervoltage", 1: "frequency capped", 2: "throttled", 3: "near the temperature limit"}
_BEFORE = 16
# Name of the kernel driver raspberrypi-hwmon. It asks the firmware every two seconds, for itself and for get_throttled.
_MONITOR = "rpi_volt"


class Readings(msgspec.Struct, frozen=True, kw_only=True, tag="board"):
    """One look at the board. What cannot be read is None, and `missing` says why; it is never 0.

    Attributes:
        temperature_c: Of the hottest zone.
        limits: What limits the board now: undervoltage, frequency capped, throttled, near the temperature limit.
        limited: What has limited it before; undervoltage is forgotten after some seconds.
        missing: For each reading that is None, why.
    """

    temperature_c: float | None
    limits: tuple[str, ...] | None
    limited: tuple[str, ...] | None
    missing: dict[str, str]


class Board:
    """Reads the board's files; which there are is looked up once.

    Args:
        kernel: The folder that the kernel shows its devices in.
    """

    def __init__(self, kernel: Path = Path("/sys")) -> None:
        self._zones = sorted(kernel.glob("class/thermal/thermal_zone*/temp"))
        self._undervoltage = next(
            (
                folder / "in0_lcrit_alarm"
                for folder in sorted(kernel.glob("class/hwmon/hwmon*"))
                if _text(folder / "name") == _MONITOR
            ),
            None,
        )
        # On a Pi 5 the folders' names hold an address.
        self._throttled = next(iter(sorted(kernel.glob("devices/platform/*/*firmware/get_throttled"))), None)

    def read(self) -> Readings:
        """Look at the board now."""
        missing: dict[str, str] = {}
        limits, limited = self._limits(missing)
        return Readings(temperature_c=self._temperature_c(missing), limits=limits, limited=limited, missing=missing)

    def _temperature_c(self, missing: dict[str, str]) -> float | None:
        read = [_number(zone, 10) for zone in self._zones]
        known = [millidegrees / 1000 for millidegrees in read if millidegrees is not None]
        if not known:
            why = "none of its thermal zones can be read" if self._zones else "the kernel shows no thermal zone"
            missing["temperature_c"] = why
        return max(known, default=None)

    def _limits(self, missing: dict[str, str]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        bits = None if self._undervoltage is None or self._throttled is None else _number(self._throttled, 16)
        if bits is not None:
            return _named(bits), _named(bits >> _BEFORE)
        alarm = None if self._undervoltage is None else _number(self._undervoltage, 10)
        if alarm is not None:
            missing["limited"] = "this kernel tells of undervoltage only, and only of now"
            return _named(alarm), None
        # Without the driver nobody asks the firmware anew, and get_throttled says 0 for ever.
        why = "the kernel driver raspberrypi-hwmon is not there, or cannot be read"
        missing |= {"limits": why, "limited": why}
        return None, None


def _named(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in _BITS.items() if bits >> bit & 1)


def _number(path: Path, base: int) -> int | None:
    text = _text(path)
    try:
        return None if text is None else int(text, base)
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
