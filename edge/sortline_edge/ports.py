"""What the station core and the devices say to each other. Everything that is a device is one of these protocols."""

# The output process imports this module and must start fast: what only annotations need is not imported when it runs.
from __future__ import annotations

import enum
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
        captured_ns: When it was taken (the middle of its exposure, as near as the camera can tell), on the clock the
            station runs by (monotonic, or the belt's virtual one).
        sequence: Counts the frames the camera took; a gap is a dropped frame.
    """

    image: NDArray[np.uint8]
    order: ChannelOrder
    captured_ns: int
    sequence: int


class NoFrame(enum.Enum):
    """Why there is no frame."""

    YET = "none came within the time given"
    ENDED = "a finite source has given its last"


class Camera(Protocol):
    """A source of frames: always the newest, never a queue of old ones."""

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """Wait at most `timeout_s` for a frame that was not given before and is no older than `max_age_s`.

        Raises:
            HardwareError: the camera has failed in a way that only opening it anew, or a person, can mend.
        """

    def close(self) -> None:
        """Let go of the device. Harmless when repeated."""


class Classifier(Protocol):
    """Looks at one item."""

    def logits(
        self, image: NDArray[np.uint8], box: Box | None = None, order: ChannelOrder = "RGB"
    ) -> NDArray[np.float32]:
        """Return one raw score per class, `(C,) float32`, for the part of `image` inside `box` (default: all of it)."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True, tag="pulse"):
    """Make a line active from `on_ns` to `off_ns` (monotonic), for the sake of one item."""

    line: int
    on_ns: int
    off_ns: int
    item: int


class Code(msgspec.Struct, frozen=True, kw_only=True, tag="code"):
    """Say `value` on the code lines at `at_ns`, for the sake of one item; with a strobe, hand it over by it."""

    value: int
    at_ns: int
    item: int


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag="recall"):
    """Forget what has not begun: for one item, or, with None, for all."""

    item: int | None = None


Command = Pulse | Code | Recall


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


class Coded(msgspec.Struct, frozen=True, kw_only=True, tag="coded"):
    """The code lines said `value` from `at_ns` on, `late_ns` after it was due."""

    value: int
    at_ns: int
    late_ns: int
    item: int


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """The PLC acknowledged an item's code at `at_ns`, or (`in_time` is false) did not within its time."""

    item: int
    at_ns: int
    in_time: bool


class Suppressed(msgspec.Struct, frozen=True, kw_only=True, tag="suppressed"):
    """A command was left out.

    Attributes:
        item: Whose.
        late_ns: How long after its time it was left out; negative: before.
        reason: `late`: it could have begun only now, and would have hit the next item. `stopped`: the emergency stop
            is active. `busy`: the PLC had not taken the code before.
    """

    item: int
    late_ns: int
    reason: Literal["late", "stopped", "busy"] = "late"


class MadeSafe(msgspec.Struct, frozen=True, kw_only=True, tag="safe"):
    """Every output was made inactive for good, and why."""

    at_ns: int
    reason: str


class Edge(msgspec.Struct, frozen=True, kw_only=True, tag="edge"):
    """An input line became active or inactive at `at_ns`. Each input's level at the start is told as an edge too.

    `times` is how many edges it stands for: of an encoder, those before it that the kernel had to drop as well.
    """

    line: int
    active: bool
    at_ns: int
    times: int = 1


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag="counted"):
    """An encoder's line had given `count` rising edges since the start, the newest at `at_ns`.

    Told at most every 10 ms, and a new count no later than 100 ms after it came.
    """

    line: int
    count: int
    at_ns: int


Report = Switched | Coded | Answered | Suppressed | MadeSafe | Edge | Counted


class Outputs(Protocol):
    """Takes timed commands and carries them out on its own; tells what it did, and what the inputs said."""

    def send(self, commands: Sequence[Command]) -> None:
        """Hand over commands, any time before they are due; also a beat.

        Raises:
            ValueError: a command that cannot be carried out (a pulse that ends before it begins, a line that is not
                claimed, a code that is too large); none of them was sent.
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


class InputLines(Protocol):
    """Input lines that keep their edges, each with the time it came at, until they are fetched."""

    def fileno(self) -> int:
        """File descriptor to `select` on: readable while edges wait."""

    def levels(self) -> list[Edge]:
        """What every line is now, but those that only count. Edges from before are not told by `edges` any more.

        Raises:
            HardwareError: the device refused.
        """

    def edges(self) -> list[Edge]:
        """Some of the edges that wait, oldest first, of a counting line the rising ones; called when some wait.

        Raises:
            HardwareError: the device refused.
        """

    def close(self) -> None:
        """Let go of the lines. Harmless when repeated."""
