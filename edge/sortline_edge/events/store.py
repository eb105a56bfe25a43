"""The event store as the sorting loop has it: what is put in is written by a thread of its own, once a second."""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sortline_bundle.errors import SortlineError
from sortline_edge.clocks import Clock
from sortline_edge.config.events import Events
from sortline_edge.events.file import Entry, EventFile, Say, Session
from sortline_edge.events.schema import Occurrence
from sortline_edge.records import Record

HELD = 10_000
"""So many entries wait for the disk at most; a few megabytes, and over half an hour at five items a second."""
_EVERY_S = 0.8  # with what a card takes to sync, a record is on it within a second
_BATCH = 256
_CLOSING_S = 10.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class EventStore:
    """Keeps every item and every change of state. Nothing that befalls the disk can stop or delay the sorting.

    When the disk is full or fails, up to `HELD` entries wait in memory; what is more is lost and counted. It is said
    once, and once again when they are written. A file that cannot be used is moved aside and a new one begun.

    Args:
        path: The database; made when missing.
        settings: How large it may become.
        station: Name of the station.
        bundle: Digest of the bundle at the start, the first twelve digits.
        clock: The station's.
        wall_ns: What time it is, unix time.
        say: Told each thing to say in a sentence; from a thread of the store's own.

    Raises:
        ConfigError: the file cannot be written, another station writes it, or another program's data are in it.
    """

    def __init__(
        self,
        path: Path,
        settings: Events,
        *,
        station: str,
        bundle: str,
        clock: Clock,
        wall_ns: Callable[[], int] = time.time_ns,
        say: Say | None = None,
    ) -> None:
        self._say = say or _say
        session = Session(station, bundle, _boot())
        self._file = EventFile(path, settings.max_mb, session, clock=clock, wall_ns=wall_ns, say=self._say)
        # Appended to at one end and taken from at the other: neither side ever waits for a lock.
        self._waiting: deque[Entry] = deque()
        self._dropped = self._told_dropped = 0
        self._failing = False
        self._owing = True  # a write though nothing waits: this run is to be noted, or the disk to be tried again
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="events", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many entries were lost because the disk could not follow."""
        return self._dropped

    @property
    def failing(self) -> bool:
        """Whether what is put in is not written at present: it waits, or is lost."""
        return self._failing or not self._thread.is_alive()

    def put(self, record: Record) -> None:
        """Keep an item. Never waits."""
        self._hold(record)

    def note(self, kind: str, at_ns: int, message: str) -> None:
        """Keep a change of state, such as an interlock that was entered; `at_ns` on the station's clock. Never waits.

        Args:
            kind: A word to look for, such as `interlock`.
            at_ns: When it happened.
            message: A sentence for people.
        """
        self._hold(Occurrence(at_ns, kind, message.encode(errors="backslashreplace").decode()))

    def close(self) -> None:
        """Write what waits and let go of the file. Harmless when repeated.

        Takes seconds at most, also where the disk hangs; what could not be written by then is lost, and that is said.
        """
        self._closing.set()
        self._thread.join(_CLOSING_S)
        if self._thread.is_alive():
            self._say(f"events: the disk does not answer; {len(self._waiting)} entries are lost")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _hold(self, entry: Entry) -> None:
        if len(self._waiting) < HELD and not self._closing.is_set():
            self._waiting.append(entry)
        else:
            self._dropped += 1

    def _write_on(self) -> None:
        try:
            self._write()
            while not self._closing.wait(_EVERY_S):
                self._write()
            self._write()
            if self._waiting:
                self._say(f"events: {len(self._waiting)} entries could not be written and are lost")
        finally:
            self._file.close()

    def _write(self) -> None:
        """Write all that waits, up to what the disk does not take."""
        at_once = _BATCH
        while self._waiting or self._owing:
            batch = [self._waiting[nth] for nth in range(min(len(self._waiting), at_once))]
            try:
                self._file.write(batch, self._dropped)
            except SortlineError as error:
                if not self._failing:
                    self._say(f"{error}; sorting goes on, and up to {HELD} entries wait until it can")
                self._failing = self._owing = True
                return
            except ValueError as error:
                if len(batch) > 1:
                    at_once = 1  # one of them it is
                    continue
                self._dropped += 1
                self._told_dropped += 1
                self._say(f"events: {batch[0]} is lost, for it cannot be written: {error}")
            self._owing = False
            for _ in batch:
                self._waiting.popleft()  # only now: what the disk did not take is still there
        lost = self._dropped - self._told_dropped
        if self._failing or lost:
            self._say(f"events are written again; {lost} entries were lost, for which there was no room")
        self._failing, self._told_dropped = False, self._dropped


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _say(sentence: str) -> None:
    with suppress(OSError):  # nobody listens any more, which is no reason to keep nothing
        sys.stderr.write(f"{sentence}\n")
