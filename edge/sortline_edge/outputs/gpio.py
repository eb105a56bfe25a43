"""Lines of a GPIO chip, through the kernel's character device."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sortline_bundle.errors import HardwareError
from sortline_edge.config.wiring import Input
from sortline_edge.outputs.chip import DEVICES, claim, load_gpiod
from sortline_edge.ports import Edge

# So many edges take about 0.1 ms to look at: a chattering input must not hold up a pulse for longer.
EDGES_AT_ONCE = 16


class GpioLines:
    """A `LineDriver` on the lines of one chip, claimed together and for this process alone.

    When this process ends, however it ends, the kernel takes the lines back and most chips make them inputs: an
    external resistor has to pull each gate to its resting position.

    Args:
        chip: Label of the chip, such as pinctrl-rp1.
        lines: Offsets of the lines to claim on it.
        active_low: Active is the low level.
        devices: Folder of the device files.

    Raises:
        HardwareError: gpiod is not installed, there is no such chip, it may not be opened, or a line is not free.
    """

    def __init__(self, chip: str, lines: Iterable[int], *, active_low: bool = False, devices: Path = DEVICES) -> None:
        self._chip = chip
        self._lines = tuple(sorted(set(lines)))
        line = load_gpiod().line
        self._values = {True: line.Value.ACTIVE, False: line.Value.INACTIVE}
        settings = load_gpiod().LineSettings(
            direction=line.Direction.OUTPUT, output_value=self._values[False], active_low=active_low
        )
        self._request = claim(chip, dict.fromkeys(self._lines, settings), of_what="bins", devices=devices)

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


class GpioInputs:
    """`InputLines` on the lines of one chip, each with its own resistor, debouncing and active level.

    The kernel keeps the edges, with the times they came at, until they are fetched. Where it had to drop some, an
    encoder's are counted by their number all the same, and the levels of the others are read.

    Args:
        chip: Label of the chip.
        inputs: The lines, each as it is wired.
        counting: Those whose rising edges alone matter.
        devices: Folder of the device files.
        now_ns: The clock of the kernel's time stamps.

    Raises:
        HardwareError: as `GpioLines`.
    """

    def __init__(
        self,
        chip: str,
        inputs: Sequence[Input],
        *,
        counting: Collection[int] = (),
        devices: Path = DEVICES,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._chip = chip
        self._now_ns = now_ns
        self._counting = frozenset(counting)
        self._levels = [its.line for its in inputs if its.line not in self._counting]
        self._levels_ns = 0
        self._seen = 0  # number of the newest edge that was fetched
        self._counted: Counter[int] = Counter()  # by encoder line: how many edges there were
        gpiod = load_gpiod()
        self._active = gpiod.line.Value.ACTIVE
        self._rising = gpiod.EdgeEvent.Type.RISING_EDGE
        settings = {its.line: _settings(gpiod, its, counts=its.line in self._counting) for its in inputs}
        self._request = claim(chip, settings, of_what="inputs", devices=devices)

    def fileno(self) -> int:
        """Readable while edges wait."""
        return int(self._request.fd)

    def levels(self) -> list[Edge]:
        """What every line is now, but those that count.

        Raises:
            HardwareError: the chip refused.
        """
        if not self._levels:
            return []
        # What came before this is in the levels, and `edges` must not tell it again.
        self._levels_ns = self._now_ns()
        try:
            values = self._request.get_values(self._levels)
        except (OSError, ValueError) as cause:
            raise self._refusal(cause) from None
        pairs = zip(self._levels, values, strict=True)
        return [Edge(line=line, active=value == self._active, at_ns=self._levels_ns) for line, value in pairs]

    def edges(self) -> list[Edge]:
        """Up to 16 of the edges that wait, oldest first; to be called when there are some.

        Raises:
            HardwareError: the chip refused.
        """
        try:
            events = self._request.read_edge_events(EDGES_AT_ONCE)
        except (OSError, ValueError) as cause:
            raise self._refusal(cause) from None
        told = [edge for event in events for edge in self._told(event)]
        newest = max((event.global_seqno for event in events), default=self._seen)
        dropped, self._seen = newest - self._seen > len(events), newest
        return told + self.levels() if dropped else told

    def close(self) -> None:
        """Release the lines. Harmless when repeated."""
        self._request.release()

    def _told(self, event: Any) -> list[Edge]:
        line, at_ns = event.line_offset, event.timestamp_ns
        if line in self._counting:
            missed = event.line_seqno - self._counted[line]
            self._counted[line] = event.line_seqno
            return [Edge(line=line, active=True, at_ns=at_ns, times=missed)] if missed else []
        if at_ns < self._levels_ns:
            return []
        return [Edge(line=line, active=event.event_type == self._rising, at_ns=at_ns)]

    def _refusal(self, cause: Exception) -> HardwareError:
        return HardwareError(f"GPIO chip {self._chip} does not let its inputs be read: {cause}; check the chip")


def _settings(gpiod: Any, its: Input, *, counts: bool) -> Any:
    line = gpiod.line
    bias = {
        "as-is": line.Bias.AS_IS,
        "pull-up": line.Bias.PULL_UP,
        "pull-down": line.Bias.PULL_DOWN,
        "disabled": line.Bias.DISABLED,
    }
    return gpiod.LineSettings(
        direction=line.Direction.INPUT,
        edge_detection=line.Edge.RISING if counts else line.Edge.BOTH,
        bias=bias[its.bias],
        active_low=its.active_low,
        debounce_period=timedelta(milliseconds=its.debounce_ms),
        event_clock=line.Clock.MONOTONIC,
    )
