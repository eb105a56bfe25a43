"""What the store knows of its slots, and how that changes: values in, values out.

install      nothing on trial ──► on trial
start        on trial ──► on trial, one start less; after the last ──► given up
confirm      on trial ──► good; what was good is kept as the one before; the floor rises, here and nowhere else
give up      on trial ──► the good one again; what failed is not tried again
go back      good ──► the one before
lose         a slot whose file is damaged: whatever was that, is no more
"""

from collections.abc import Container
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sortline_bundle.errors import BundleError, ConfigError
from sortline_bundle.strict import Table
from sortline_bundle.trust.verify import Floor

FORMAT: Final = "sortline-slots-1"
STARTS = 3
_REMEMBERED, _LONGEST = 32, 300

Count = Annotated[int, Meta(ge=0, lt=1 << 53)]


class Slot(Table, frozen=True, kw_only=True):
    """A bundle on the station.

    Attributes:
        number: Of the slot; larger than that of any other slot when it was written.
        name: Of the bundle.
        version: Of the bundle.
        bundle: The bundle's digest, its identity.
        file: SHA-256 of the whole file.
    """

    number: Count
    name: str
    version: Count
    bundle: str
    file: str


class Trial(Table, frozen=True, kw_only=True):
    """A bundle that must prove itself: how often a station may still start with it before it is given up."""

    slot: Slot
    starts_left: Count


class Entry(Table, frozen=True, kw_only=True):
    """Something that happened: when, by the station's clock, and what."""

    at: str
    what: str


class State(Table, frozen=True, kw_only=True):
    """The journal.

    Attributes:
        floor: Version of the newest bundle ever confirmed; older ones are refused.
        floor_bundle: Its digest: no other bundle may have the same version.
        news: Sequence of the newest channel that was heard; older ones are refused.
        news_digest: Its digest.
        good: What was confirmed.
        before: What was good before that.
        trial: What is being tried.
        failed: Digests of bundles that failed their trial, the newest last.
        history: What happened, the newest last.
    """

    format: Literal["sortline-slots-1"] = FORMAT
    floor: Count = 0
    floor_bundle: str | None = None
    news: Count = 0
    news_digest: str | None = None
    good: Slot | None = None
    before: Slot | None = None
    trial: Trial | None = None
    failed: tuple[str, ...] = ()
    history: tuple[Entry, ...] = ()

    @property
    def current(self) -> Slot | None:
        """What the station sorts by."""
        return self.trial.slot if self.trial else self.good

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All that must not be lost."""
        return tuple(slot for slot in (self.trial and self.trial.slot, self.good, self.before) if slot)

    @property
    def lowest(self) -> Floor | None:
        """What an installer must hold a bundle against."""
        return Floor(self.floor, self.floor_bundle) if self.floor_bundle else None

    @property
    def last_news(self) -> Floor | None:
        """What a channel must be held against."""
        return Floor(self.news, self.news_digest) if self.news_digest else None


def begin_trial(state: State, slot: Slot, starts: int = STARTS) -> State:
    """Try a bundle; an earlier trial ends without a verdict.

    Raises:
        BundleError: it failed its trial here before.
    """
    if slot.bundle in state.failed:
        raise BundleError(
            f"{slot.name} version {slot.version} ({slot.bundle[:12]}) failed its trial on this station before;"
            " mend it and release it under a higher version, or forget that with --again"
        )
    return msgspec.structs.replace(state, trial=Trial(slot=slot, starts_left=starts))


def count_start(state: State) -> State:
    """A station starts; one that has started too often with what is on trial starts with the good one."""
    if state.trial is None:
        return state
    left = state.trial.starts_left - 1
    if left < 0 and state.good is not None:
        return give_up(state)
    return msgspec.structs.replace(state, trial=msgspec.structs.replace(state.trial, starts_left=max(0, left)))


def confirm(state: State, bundle: str) -> State:
    """The bundle on trial has proved itself.

    Args:
        state: Before.
        bundle: Digest of the bundle that the evidence is of.

    Raises:
        ConfigError: nothing is on trial, or something else.
    """
    if state.trial is None:
        raise ConfigError("nothing is on trial; `sortline slots status` shows what there is")
    slot = state.trial.slot
    if slot.bundle != bundle:
        raise ConfigError(f"what is on trial is {slot.bundle[:12]}, and what was seen working is {bundle[:12]}")
    before = state.before if state.good is None or state.good.bundle == bundle else state.good
    floor, floor_bundle = max((state.floor, state.floor_bundle or ""), (slot.version, slot.bundle))
    return msgspec.structs.replace(
        state, good=slot, before=before, trial=None, floor=floor, floor_bundle=floor_bundle or None
    )


def give_up(state: State) -> State:
    """What is on trial has failed.

    Raises:
        ConfigError: nothing is on trial.
    """
    if state.trial is None:
        raise ConfigError("nothing is on trial")
    failed = (*state.failed, state.trial.slot.bundle)[-_REMEMBERED:]
    return msgspec.structs.replace(state, trial=None, failed=failed)


def withdraw(state: State) -> State:
    """What is on trial cannot be tried here, through no fault of its own."""
    return msgspec.structs.replace(state, trial=None)


def go_back(state: State) -> State:
    """To the good one, from one on trial; else to the one before, which is then the good one.

    Raises:
        ConfigError: there is none.
    """
    if state.trial is not None and state.good is not None:
        return give_up(state)
    if state.before is None:
        raise ConfigError("there is no bundle to go back to; install one")
    return msgspec.structs.replace(state, good=state.before, before=None, trial=None)


def lose(state: State, damaged: Container[int]) -> State:
    """The files of some slots are gone or damaged."""
    if state.trial is not None and state.trial.slot.number in damaged:
        state = msgspec.structs.replace(state, trial=None)
    good, before = (None if slot and slot.number in damaged else slot for slot in (state.good, state.before))
    return msgspec.structs.replace(state, good=good or before, before=before if good else None)


def note(state: State, at: str, what: str) -> State:
    """Add to the history, as one line that nothing in it can break."""
    line = "".join(letter if letter.isprintable() else "?" for letter in what[:_LONGEST])
    return msgspec.structs.replace(state, history=(*state.history, Entry(at=at, what=line))[-_REMEMBERED:])
