"""The two clocks a station can run by. Everything that waits or stamps takes one of them."""

import time
from typing import Protocol

NS_PER_MS = 1_000_000


class Clock(Protocol):
    """Tells the time and waits."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment; never goes back."""

    def wait_until_ns(self, when_ns: int) -> None:
        """Return at `when_ns`, or at once if that has passed."""


def wait_for_ns(clock: Clock, due_ns: int, timeout_s: float) -> bool:
    """Wait for a moment, but no longer than `timeout_s`; return whether it has come."""
    end_ns = clock.now_ns() + round(1e9 * timeout_s)
    clock.wait_until_ns(min(due_ns, end_ns))
    return due_ns <= end_ns


class MonotonicClock:
    """The machine's own monotonic clock."""

    def now_ns(self) -> int:
        """Nanoseconds of `time.monotonic_ns`, the clock of kernel GPIO events and camera time stamps."""
        return time.monotonic_ns()

    def wait_until_ns(self, when_ns: int) -> None:
        """Sleep until `when_ns`."""
        time.sleep(max(0, when_ns - time.monotonic_ns()) / 1e9)


class VirtualClock:
    """A clock that jumps ahead instead of waiting: a day of sorting takes as long as the computing does."""

    def __init__(self) -> None:
        self._now_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds since the clock was made."""
        return self._now_ns

    def wait_until_ns(self, when_ns: int) -> None:
        """Be there."""
        self._now_ns = max(self._now_ns, when_ns)
