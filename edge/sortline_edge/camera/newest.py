"""Hands the newest of something from one thread to another."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Holds one thing: what comes later takes the place of what nobody has taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: T | None = None
        self._closed = False

    def put(self, thing: T) -> None:
        """Offer a thing; never waits. When it is closed the thing is forgotten."""
        with self._changed:
            if not self._closed:
                self._held = thing
                self._changed.notify()

    def take(self, timeout_s: float) -> T | None:
        """The newest thing, once; None when none came within `timeout_s`, or at once when it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._held is not None or self._closed, timeout_s)
            thing, self._held = self._held, None
            return thing

    def close(self) -> None:
        """Let whoever waits go; nothing more will come."""
        with self._changed:
            self._closed = True
            self._held = None
            self._changed.notify_all()
