"""Loads another bundle while the station sorts by the one it has."""

import threading
from collections.abc import Callable

from sortline_bundle.errors import SortlineError
from sortline_edge.station import Brain


class Reloader:
    """Loads in a thread of its own when asked, and hands over what came of it once.

    Args:
        load: Opens, checks and loads the bundle that is there now.
    """

    def __init__(self, load: Callable[[], Brain]) -> None:
        self._load = load
        self._loaded: Brain | SortlineError | None = None
        self._asked = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="reload", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Load the bundle anew; safe in a signal handler. While one is being loaded, another will be afterwards."""
        self._asked.set()

    def take(self) -> Brain | SortlineError | None:
        """What was loaded, or why it could not be; None when nothing is new."""
        loaded, self._loaded = self._loaded, None
        return loaded

    def close(self) -> None:
        """End the thread, after what it is loading now."""
        self._ended = True
        self._asked.set()
        self._thread.join()

    def _work(self) -> None:
        while self._asked.wait() and not self._ended:
            self._asked.clear()
            try:
                self._loaded = self._load()
            except SortlineError as error:
                self._loaded = error
