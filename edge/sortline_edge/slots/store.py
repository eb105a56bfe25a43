"""The store: slots on a disk, and the order of steps by which no power cut leaves the station without a model.

    STORE/current           link to the slot that the station sorts by; changed by renaming another link over it
    STORE/slots/12/         a bundle, `bundle.sortline`, written once and never changed
    STORE/journal.json      which slots are good, on trial, or failed; replaced as a whole
    STORE/keyring.json      whom to trust, if anybody; see `sortline slots trust`

A change is: bytes, synced; read back from the card and hashed; the folder's names, synced; the journal; the link. What
a cut leaves half done `recover` makes whole: the journal says what is to be, everything else follows it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import msgspec

from sortline_bundle.digest import sha256
from sortline_bundle.errors import BundleError, ConfigError, HardwareError
from sortline_bundle.strict import read_json
from sortline_edge.slots import state as states
from sortline_edge.slots.fs import Fs, storage_error
from sortline_edge.slots.place import CURRENT, FILE, JOURNAL, SLOTS
from sortline_edge.slots.state import STARTS, Slot, State

_NEW = ".new"
_JOURNAL_BYTES = 1 << 20
_ROOM_BYTES = 1 << 20  # beside the bundle: journal, link, and what the file system needs for itself


class Known(NamedTuple):
    """What a bundle is: its name, version and digest."""

    name: str
    version: int
    digest: str


class Store:
    """Slots below one folder. Only one process at a time may change them: whoever makes a store holds its lock."""

    def __init__(
        self,
        fs: Fs,
        identify: Callable[[bytes], Known],
        now: Callable[[], str],
        say: Callable[[str], None],
        largest: int,
    ) -> None:
        """Bring the store into order.

        Args:
            fs: Where it lies.
            identify: What a bundle's bytes are, and whether they may be trusted; raises BundleError.
            now: The time, as a timestamp.
            say: Takes what a person should know.
            largest: Bytes that a bundle has at most.
        """
        self._fs, self._identify, self._now, self._say, self._largest = fs, identify, now, say, largest
        self._state = State()
        self.recover()

    @property
    def state(self) -> State:
        """What is known."""
        return self._state

    def path(self, slot: Slot) -> str:
        """Where a slot's bundle lies, below the store."""
        return f"{SLOTS}/{slot.number}/{FILE}"

    def recover(self) -> None:
        """Make whole what a power cut, a worn card or a hand has left. Again, it changes nothing."""
        written = self._read_journal()
        state = written if written is not None else self._rebuild()
        damaged = {slot.number for slot in state.slots if not self._is_whole(slot)}
        if damaged:
            state = self._lose(state, damaged)
        self._state = state
        try:
            if written != state:
                self._write_journal()
            self._point()
            self._tidy()
        except OSError as cause:
            # A station whose card can no longer be written to still sorts, by the slot that `state.current` names.
            self._say(f"the store cannot be put in order: {cause.strerror or cause}")

    def stage(self, data: bytes, known: Known) -> Slot:
        """Write a bundle into a slot of its own, and see that the card has it. Nothing refers to it yet.

        Raises:
            HardwareError: there is no room, or the card does not give back what was written; nothing is left.
        """
        need = len(data) + _ROOM_BYTES
        with _storage("the bundle could not be written"):
            if self._fs.free_bytes() < need:
                self.gc()
            if (free := self._fs.free_bytes()) < need:
                raise HardwareError(f"the store has room for {free >> 10} kB, and {need >> 10} are needed; make room")
            numbers = self._numbers()
            slot = Slot(
                number=max((*numbers, *(slot.number for slot in self._state.slots)), default=0) + 1,
                name=known.name,
                version=known.version,
                bundle=known.digest,
                file=sha256(data),
            )
            if SLOTS not in self._fs.names("."):
                self._fs.make_folder(SLOTS)
                self._fs.sync(".")
            try:
                self._fs.make_folder(f"{SLOTS}/{slot.number}")
                self._fs.write(self.path(slot), data)
                self._fs.sync(self.path(slot))
                if not self._is_whole(slot):
                    raise HardwareError("the card does not give back what was written to it; replace the card")
                self._fs.sync(f"{SLOTS}/{slot.number}")
                self._fs.sync(SLOTS)
            except OSError:  # a HardwareError is one
                with suppress(OSError):
                    self._remove(slot.number)
                raise
        return slot

    def activate(self, slot: Slot, starts: int = STARTS) -> None:
        """Put a staged bundle on trial: from now on it is the current one.

        Raises:
            BundleError: it failed its trial here before.
            HardwareError: the card could not be written to; what was current still is.
        """
        label = f"{slot.name} version {slot.version} ({slot.bundle[:12]})"
        self._change(states.begin_trial(self._state, slot, starts), f"on trial: {label}")

    def count_start(self) -> None:
        """A station is about to start. Kept before it does: a start that brings the machine down counts."""
        state = states.count_start(self._state)
        if state == self._state:
            return
        given_up = self._state.trial is not None and state.trial is None
        try:
            self._change(state, "given up: it was never confirmed" if given_up else "started with what is on trial")
        except HardwareError as cause:
            if self._state.good is not None:  # what cannot be counted cannot be on trial
                self._state = msgspec.structs.replace(self._state, trial=None)
            self._say(str(cause))

    def confirm(self, bundle: str) -> None:
        """What is on trial has proved itself, by evidence for the bundle of this digest.

        Raises:
            ConfigError: nothing is on trial, or something else.
            HardwareError: the card could not be written to; the trial goes on.
        """
        self._change(states.confirm(self._state, bundle), f"confirmed: {bundle[:12]}")

    def give_up(self, reason: str) -> None:
        """What is on trial has failed.

        Raises:
            ConfigError: nothing is on trial.
            HardwareError: the card could not be written to.
        """
        self._change(states.give_up(self._state), f"given up: {reason}")

    def withdraw(self, reason: str) -> None:
        """What is on trial cannot be tried now.

        Raises:
            HardwareError: the card could not be written to.
        """
        self._change(states.withdraw(self._state), f"withdrawn: {reason}")

    def go_back(self) -> None:
        """To the good bundle, or to the one before it.

        Raises:
            ConfigError: there is none.
            HardwareError: the card could not be written to.
        """
        self._change(states.go_back(self._state), "gone back by hand")

    def forget(self, bundle: str) -> None:
        """That a bundle failed its trial shall not stand in its way any more."""
        failed = tuple(one for one in self._state.failed if one != bundle)
        if failed != self._state.failed:
            self._change(msgspec.structs.replace(self._state, failed=failed), f"to be tried again: {bundle[:12]}")

    def hear(self, sequence: int, digest: str) -> None:
        """Remember a channel: none older is news any more."""
        if digest != self._state.news_digest:
            news = msgspec.structs.replace(self._state, news=sequence, news_digest=digest)
            self._change(news, f"heard channel {sequence}")

    def gc(self) -> list[int]:
        """Remove the slots that nothing refers to; return their numbers.

        Raises:
            HardwareError: the card could not be written to.
        """
        kept = {slot.number for slot in self._state.slots}
        with _storage("old slots could not be removed"):
            old = sorted(self._numbers() - kept)
            for number in old:
                self._remove(number)
            if old:
                self._fs.sync(SLOTS)
        return old

    def _change(self, state: State, what: str) -> None:
        """The journal first, then the link: what is to be is known before it is."""
        before = self._state
        self._state = states.note(state, self._now(), what)
        try:
            self._write_journal()
            self._point()
        except OSError as cause:
            self._state = before
            with suppress(OSError):
                self._write_journal()
                self._point()
            raise storage_error(cause, "the store could not be changed, and is as it was") from None

    def _write_journal(self) -> None:
        data = msgspec.json.format(msgspec.json.encode(self._state), indent=1) + b"\n"
        self._fs.write(JOURNAL + _NEW, data)
        self._fs.sync(JOURNAL + _NEW)
        self._fs.rename(JOURNAL + _NEW, JOURNAL)
        self._fs.sync(".")

    def _point(self) -> None:
        """Let the link lead to the current slot."""
        slot = self._state.current
        wanted = None if slot is None else f"{SLOTS}/{slot.number}"
        if self._fs.target(CURRENT) == wanted:
            return
        if wanted is None:
            self._fs.remove(CURRENT)
        else:
            if CURRENT + _NEW in self._fs.names("."):
                self._fs.remove(CURRENT + _NEW)
            self._fs.make_link(CURRENT + _NEW, wanted)
            self._fs.rename(CURRENT + _NEW, CURRENT)
        self._fs.sync(".")

    def _tidy(self) -> None:
        for name in {JOURNAL + _NEW, CURRENT + _NEW} & set(self._fs.names(".")):
            self._fs.remove(name)

    def _read_journal(self) -> State | None:
        """The journal; None where there is none, or none that holds."""
        try:
            data = self._fs.read(JOURNAL, _JOURNAL_BYTES)
            return read_json(data, State, limit=_JOURNAL_BYTES, error=ConfigError, where=JOURNAL)
        except FileNotFoundError:
            return None
        except (OSError, ConfigError) as cause:
            self._say(f"the journal cannot be used: {cause}")
            return None

    def _rebuild(self) -> State:
        """What the slots themselves say, where the journal is lost.

        What the link leads to is on trial, since nobody knows that it was ever confirmed; unless there is nothing else.
        The floor is that of the newest: it never starts from nothing.
        """
        found = sorted(self._survivors(()), key=lambda slot: (slot.version, slot.number))
        if not found:
            return State()
        linked = self._fs.target(CURRENT)
        current = next((slot for slot in found if f"{SLOTS}/{slot.number}" == linked), found[-1])
        others = [slot for slot in found if slot != current]
        newest = found[-1]
        state = State(floor=newest.version, floor_bundle=newest.bundle, good=others[-1] if others else current)
        if others:
            state = states.begin_trial(state, current)
        return states.note(state, self._now(), "the journal was lost; made anew from the slots")

    def _lose(self, state: State, damaged: set[int]) -> State:
        """Fall back from damaged slots to whole ones: what was good before, else any that can be trusted."""
        numbers = ", ".join(map(str, sorted(damaged)))
        self._say(f"slot {numbers} is damaged; see whether the card is worn out")
        state = states.lose(state, damaged)
        if state.good is None:
            others = [slot for slot in self._survivors(damaged) if slot.bundle not in state.failed]
            if state.trial is not None:
                others = [slot for slot in others if slot.number != state.trial.slot.number]
            best = max(others, key=lambda slot: (slot.version, slot.number), default=None)
            state = msgspec.structs.replace(state, good=best)
        return states.note(state, self._now(), f"slot {numbers} was damaged")

    def _survivors(self, damaged: set[int] | tuple[()]) -> Iterator[Slot]:
        for number in sorted(self._numbers() - set(damaged)):
            try:
                data = self._fs.read(f"{SLOTS}/{number}/{FILE}", self._largest)
                known = self._identify(data)
            except (OSError, BundleError):
                continue
            yield Slot(number=number, name=known.name, version=known.version, bundle=known.digest, file=sha256(data))

    def _is_whole(self, slot: Slot) -> bool:
        try:
            return sha256(self._fs.read(self.path(slot), self._largest)) == slot.file
        except OSError:
            return False

    def _numbers(self) -> set[int]:
        return {int(name) for name in self._fs.names(SLOTS) if name.isascii() and name.isdigit()}

    def _remove(self, number: int) -> None:
        for name in self._fs.names(f"{SLOTS}/{number}"):
            self._fs.remove(f"{SLOTS}/{number}/{name}")
        self._fs.remove(f"{SLOTS}/{number}")


@contextmanager
def _storage(what: str) -> Iterator[None]:
    try:
        yield
    except HardwareError:
        raise
    except OSError as cause:
        raise storage_error(cause, what) from None
