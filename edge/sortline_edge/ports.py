"""What the station core and the devices say to each other. Everything that is a device is one of these protocols."""

# The output process imports this module and must start fast: what only annotations need is not imported when it runs.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sortline_bundle.preprocess import Box

ChannelOrder = Literal["RGB", "BGR"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the belt.

    Attributes:
        image: `(H, W, 3) uint8`, channels as `order` says.
        order: Channel order in memory.
        captured_ns: When it was taken, on the clock the station runs by (monotonic, or the belt's virtual one).
        sequence: Counts the frames the camera took; a gap is a dropped frame.
    """

    image: NDArray[np.uint8]
    order: ChannelOrder
    captured_ns: int
    sequence: int


class Camera(Protocol):
    """A source of frames: always the newest, never a queue of old ones."""

    def read(self, timeout_s: float) -> Frame | None:
        """Wait for a frame not given before; None when a finite source has ended.

        Raises:
            HardwareError: no fresh frame came within `timeout_s` seconds.
        """

    def close(self) -> None:
        """Let go of the device. Harmless when repeated."""


class Classifier(Protocol):
    """Looks at one item."""

    def logits(
        self, image: NDArray[np.uint8], box: Box | None = None, order: ChannelOrder = "RGB"
    ) -> NDArray[np.float32]:
        """Return one raw score per class, `(C,) float32`, for the part of `image` inside `box` (default: all of it)."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """Make a line active from `on_ns` to `off_ns` (monotonic), for the sake of one item."""

    line: int
    on_ns: int
    off_ns: int
    item: int


class Switched(msgspec.Struct, frozen=True, kw_only=True, tag="switched"):
    """An output was switched at `at_ns`, `late_ns` after it was due.

    There is one with `active` for every pulse that begins, also where the line is already active for an earlier one,
    and one without when a line becomes inactive. `item` is None when no item was the reason.
    """

    line: int
    active: bool
    at_ns: int
    late_ns: int
    item: int | None = None


class Suppressed(msgspec.Struct, frozen=True, kw_only=True, tag="suppressed"):
    """A pulse was left out: it could have begun only `late_ns` after its time, and would have hit the next item."""

    line: int
    item: int
    late_ns: int


class MadeSafe(msgspec.Struct, frozen=True, kw_only=True, tag="safe"):
    """Every output was made inactive, and why."""

    at_ns: int
    reason: str


Report = Switched | Suppressed | MadeSafe


class Outputs(Protocol):
    """Takes timed pulses and carries them out on its own."""

    def send(self, pulses: Sequence[Pulse]) -> None:
        """Hand over pulses, any time before they are due; also a beat.

        Raises:
            ValueError: a pulse ends before it begins, or is for a line that is not claimed; none of them was sent.
            HardwareError: the outputs have failed and are safe.
        """

    def beat(self) -> None:
        """Say that the sender is alive. Without a beat for the configured time every output goes safe.

        Raises:
            HardwareError: the outputs have failed and are safe.
        """

    def reports(self) -> list[Report]:
        """What happened since the last call, oldest first; never waits.

        Raises:
            HardwareError: the outputs have failed and are safe; nothing more will be carried out.
        """

    def close(self) -> None:
        """Make every output safe and let go. Harmless when repeated."""


class LineDriver(Protocol):
    """Output lines, as simple as they come. Created inactive; inactive is the safe level."""

    def set(self, levels: Mapping[int, bool]) -> None:
        """Make each named line active (True) or inactive, all in one call.

        Raises:
            HardwareError: a line was not claimed, or the device refused.
        """

    def close(self) -> None:
        """Make every line inactive and release it. Harmless when repeated."""
