"""Loads another bundle while the station sorts by the one it has."""

import queue
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
        # Of all queues this one alone may be put into from a signal handler, whatever it interrupts.
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._loaded: queue.SimpleQueue[Brain | SortlineError] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="reload", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Load the bundle anew; safe in a signal handler. While one is being loaded, another will be afterwards."""
        self._asked.put(True)

    def take(self) -> Brain | SortlineError | None:
        """What was loaded, or why it could not be; None when nothing is new."""
        try:
            return self._loaded.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """End the thread, after what it was asked for before."""
        self._asked.put(False)
        self._thread.join()

    def _work(self) -> None:
        while self._asked.get():
            try:
                self._loaded.put(self._load())
            except SortlineError as error:
                self._loaded.put(error)
