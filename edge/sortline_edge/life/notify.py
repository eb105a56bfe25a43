"""What the station tells systemd: that it is ready, how it is, that it lives. Without systemd nothing is told.

The protocol (sd_notify(3), sd_watchdog_enabled(3)): datagrams of `NAME=value` lines to the socket that the environment
variable NOTIFY_SOCKET names; a name that begins with `@` is one of the abstract namespace.
"""

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Self


class Notifier:
    """The way to systemd, a context manager. Telling never fails and never waits: the station sorts, heard or not.

    Args:
        environment: Where systemd has left the socket's name and the watchdog's time.
        pid: Of the process that tells.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if name.startswith(("/", "@")) else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._watchdog_s = _watchdog_s(environment, os.getpid() if pid is None else pid)

    @property
    def watchdog_s(self) -> float | None:
        """After how long without `alive` systemd ends this process; None where it does not."""
        return self._watchdog_s

    def ready(self, status: str) -> None:
        """The station is up."""
        self._tell("READY=1", f"STATUS={_one_line(status)}")

    def status(self, status: str) -> None:
        """How it is, for `systemctl status`."""
        self._tell(f"STATUS={_one_line(status)}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def stopping(self, reason: str) -> None:
        """The station ends, and why."""
        self._tell("STOPPING=1", f"STATUS={_one_line(reason)}")

    def close(self) -> None:
        """Let go of the socket. Harmless when repeated."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, *lines: str) -> None:
        if self._socket is not None:
            # Nobody there, or its queue is full: the next one will do.
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(errors="replace"), self._address)


class Watchdog:
    """When the watchdog is fed: while frames flow and the outputs answer, and only then.

    Where one of the two is missing the station is in a state with a name first, and ends with a reason after
    `guard.camera_lost_after_s` (`runner.py`). systemd waits for longer than that: what it ends is a loop that hangs,
    which cannot give a reason.

    Args:
        watchdog_s: systemd's patience; None where it does not watch.
    """

    def __init__(self, watchdog_s: float | None) -> None:
        # Four times in systemd's patience, so that one that is missed is no death.
        self._every_ns = None if watchdog_s is None else watchdog_s * 1e9 / 4
        self._fed_ns: int | None = None

    def feed(self, now_ns: int, *, frames_flow: bool, outputs_answer: bool) -> bool:
        """Say in every turn of the loop how things are; return whether to feed the watchdog now.

        Args:
            now_ns: The time.
            frames_flow: Whether the camera gives fresh frames.
            outputs_answer: Whether the output process does its part.
        """
        if self._every_ns is None or not (frames_flow and outputs_answer):
            return False
        due = self._fed_ns is None or now_ns - self._fed_ns >= self._every_ns
        if due:
            self._fed_ns = now_ns
        return due


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    # Both are systemd's, who sets them for this process or, where they were inherited, for another.
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
