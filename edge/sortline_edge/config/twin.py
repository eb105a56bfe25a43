"""Table of the station file: what goes wrong on the simulated belt, when, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from msgspec import Meta

from sortline_bundle.strict import Table
from sortline_edge.config.fields import Name, NotNegative, Positive
from sortline_edge.config.wiring import CodeSignal

if TYPE_CHECKING:
    from sortline_edge.config import Station

FaultKind = Literal[
    "camera-stalls",
    "camera-freezes",
    "frames-dropped",
    "frames-stale",
    "stamps-jump",
    "light-step",
    "lens-dirty",
    "colours-swapped",
    "eye-covered",
    "eye-free",
    "eye-glitches",
    "encoder-misses",
    "encoder-extra",
    "encoder-dead",
    "belt-stands",
    "belt-stands-unseen",
    "belt-slips",
    "belt-fast",
    "emergency-stop",
    "gate-dead",
    "gate-open",
    "gate-slow",
    "chute-eye-dead",
    "chute-blocked",
    "bin-full",
    "items-fall",
    "items-on-top",
    "plc-silent",
    "outputs-die",
    "station-hangs",
    "classifier-slow",
    "board-hot",
]

Needs = Literal[
    "",
    "inputs.eye",
    "inputs.encoder",
    "inputs.belt_running",
    "inputs.emergency_stop",
    "bin",
    "bin.eye",
    "bin.full",
    "code",
]


class Amount(NamedTuple):
    """What a fault's `amount` is.

    Attributes:
        usual: What it is where nothing is said.
        least: The least it may be.
        most: The most it may be.
        what: In words, with the unit.
    """

    usual: float
    least: float
    most: float
    what: str


class Kind(NamedTuple):
    """One kind of fault.

    Attributes:
        about: What happens, in one line.
        amount: How much of it; None where there is no more and less.
        needs: What the station must have for it to mean anything: an input; a bin that `bin` names, perhaps with an
            input of its own; `code`, that is a PLC; or nothing.
        by_hand: A person mends it, and presses the reset button a second after its end.
    """

    about: str
    amount: Amount | None = None
    needs: Needs = ""
    by_hand: bool = False


def _share(what: str, usual: float, most: float = 1.0) -> Amount:
    return Amount(usual, 0.0, most, f"share of {what}")


KINDS: Mapping[FaultKind, Kind] = MappingProxyType(
    {
        "camera-stalls": Kind("the camera takes no picture"),
        "camera-freezes": Kind("the camera gives one picture again and again, with fresh time stamps"),
        "frames-dropped": Kind("pictures get lost between camera and station", _share("the pictures", 0.5)),
        "frames-stale": Kind("pictures come late, with the time they were taken", Amount(0.3, 0.0, 60.0, "s late")),
        "stamps-jump": Kind("the camera's time stamps are off", Amount(5.0, -3600.0, 3600.0, "s ahead")),
        "light-step": Kind("the light is brighter or darker", Amount(-0.4, -1.0, 4.0, "share brighter")),
        "lens-dirty": Kind("a dark blob is in every picture", Amount(30.0, 1.0, 10_000.0, "mm across")),
        "colours-swapped": Kind("the camera gives red for blue and blue for red"),
        "eye-covered": Kind("the photo-eye across the belt stays covered", needs="inputs.eye", by_hand=True),
        "eye-free": Kind("the photo-eye across the belt sees nothing", needs="inputs.eye"),
        "eye-glitches": Kind(
            "the photo-eye across the belt flickers for 2 ms at a time",
            Amount(5.0, 0.0, 100.0, "glitches a second"),
            needs="inputs.eye",
        ),
        "encoder-misses": Kind(
            "the encoder leaves out counts", _share("the counts", 0.2), needs="inputs.encoder", by_hand=True
        ),
        "encoder-extra": Kind(
            "the encoder gives counts too many", _share("the counts", 0.2, 10.0), needs="inputs.encoder", by_hand=True
        ),
        "encoder-dead": Kind("the encoder gives no counts", needs="inputs.encoder", by_hand=True),
        "belt-stands": Kind("the belt stands, and `inputs.belt_running` says so where it is wired"),
        "belt-stands-unseen": Kind(
            "the belt stands, and `inputs.belt_running` says that it goes", needs="inputs.belt_running", by_hand=True
        ),
        "belt-slips": Kind("the belt is slower than it was set", _share("its speed", 0.2), by_hand=True),
        "belt-fast": Kind("the belt is faster than it was set", _share("its speed", 0.2, 10.0), by_hand=True),
        "emergency-stop": Kind(
            "the emergency stop is pressed, which also stops the belt until the reset",
            needs="inputs.emergency_stop",
            by_hand=True,
        ),
        "gate-dead": Kind("a gate does not open", needs="bin", by_hand=True),
        "gate-open": Kind("a gate stays open", needs="bin", by_hand=True),
        "gate-slow": Kind(
            "a gate opens and closes late", Amount(100.0, 0.0, 10_000.0, "ms more"), needs="bin", by_hand=True
        ),
        "chute-eye-dead": Kind("the photo-eye in a chute sees nothing", needs="bin.eye", by_hand=True),
        "chute-blocked": Kind("something is stuck before the photo-eye in a chute", needs="bin.eye", by_hand=True),
        "bin-full": Kind("a bin is full", needs="bin.full"),
        "items-fall": Kind("items fall off the belt between camera and first gate", _share("the items", 1.0)),
        "items-on-top": Kind("items lie on top of the one before", _share("the items", 1.0)),
        "plc-silent": Kind("the PLC takes no code and acknowledges none", needs="code", by_hand=True),
        "outputs-die": Kind("the output process ends, and cannot be started before the end of the fault"),
        "station-hangs": Kind("the station's program gets no processor time"),
        "classifier-slow": Kind("each look takes longer", Amount(200.0, 0.0, 60_000.0, "ms more")),
        "board-hot": Kind("the board gets hot", Amount(90.0, 0.0, 150.0, "degrees Celsius")),
    }
)


class Fault(Table, frozen=True, kw_only=True):
    """One thing that goes wrong once.

    Attributes:
        kind: What.
        at_s: When it begins, from the start of the belt.
        for_s: How long it lasts.
        amount: How much; what it means and what it is by default depends on the kind.
        bin: Name of the bin it happens to, for the kinds that happen to one.
    """

    kind: FaultKind
    at_s: NotNegative
    for_s: Positive = 5.0
    amount: Annotated[float, Meta(ge=-1_000_000, le=1_000_000)] | None = None
    bin: Name | None = None

    @property
    def size(self) -> float:
        """Its amount, or what that is by default; 0 for kinds that have none."""
        usual = KINDS[self.kind].amount
        return self.amount if self.amount is not None else usual.usual if usual else 0.0


def fault_complaints(faults: tuple[Fault, ...], station: Station) -> Iterator[str]:
    """What does not fit about faults, in a sentence each; nothing when all is well."""
    for nth, fault in enumerate(faults):
        for complaint in (*_about_amount(fault), *_about_place(fault, station)):
            yield f"`camera.faults[{nth}]`: {fault.kind} {complaint}"


def _about_amount(fault: Fault) -> Iterator[str]:
    amount = KINDS[fault.kind].amount
    if fault.amount is None:
        return
    if amount is None:
        yield "has no more and less; leave out `amount`"
    elif not amount.least <= fault.amount <= amount.most:
        yield f"has `amount` {fault.amount:g}, which may be {amount.least:g} to {amount.most:g} ({amount.what})"


def _about_place(fault: Fault, station: Station) -> Iterator[str]:
    place, _, input_ = KINDS[fault.kind].needs.partition(".")
    if place == "bin":
        yield from _about_bin(fault.bin, input_, station)
        return
    if fault.bin is not None:
        yield f"does not happen to one bin; leave out `bin`, received {fault.bin!r}"
    if place == "code" and not isinstance(station.signal, CodeSignal):
        yield 'needs a PLC, that is `signal.kind = "code"`'
    if place == "inputs" and getattr(station.inputs, input_) is None:
        yield f"needs `inputs.{input_}`, which is not wired"


def _about_bin(name: str | None, input_: str, station: Station) -> Iterator[str]:
    known = ", ".join(bin_.name for bin_ in station.bins)
    bin_ = next((bin_ for bin_ in station.bins if bin_.name == name), None)
    if name is None:
        yield f"happens to one bin; name it with `bin`, which may be {known}"
    elif bin_ is None:
        yield f"is for bin {name!r}, which may be {known}"
    elif input_ and getattr(bin_, input_) is None:
        yield f"is for bin {name!r}, which has no `{input_}`"
