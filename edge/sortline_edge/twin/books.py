"""The books of a sorting run: what went in, what came out where, and what was lost on the way."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sortline_edge.config import Station
from sortline_edge.decide import Decision
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.riders import Rider

PHANTOM = -1


class BinBook(msgspec.Struct, frozen=True, kw_only=True):
    """One bin.

    Attributes:
        bin: Its name.
        items: How many landed in it.
        right: How many of those belong there.
        belong: How many of all items belong there.
        purity: `right / items`; None when the bin stayed empty.
        recovery: `right / belong`; None when nothing belongs there.
        throughput_per_min: Items landed per minute of belt time.
    """

    bin: str
    items: int
    right: int
    belong: int
    purity: float | None
    recovery: float | None
    throughput_per_min: float


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        items: How many rode past.
        seconds: Belt time.
        bins: The sorting bins in the station's order, then the reject bin.
        purity: Right items of all that landed in a sorting bin.
        recovery: Right items of all that belong in a sorting bin.
        throughput_per_min: Items per minute of belt time.
        missed: Items that no decision was made for.
        double_counted: Items that more than one decision was made for.
        phantoms: Decisions for which there was no item.
        late: Decisions or pulses that came too late for their gate.
        doubtful: Items rejected because no class was sure enough.
        misdirected: Items that landed elsewhere than decided.
        decided_wrong: Items whose likeliest class was not the true one.
    """

    items: int
    seconds: float
    bins: tuple[BinBook, ...]
    purity: float | None
    recovery: float | None
    throughput_per_min: float
    missed: int
    double_counted: int
    phantoms: int
    late: int
    doubtful: int
    misdirected: int
    decided_wrong: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one item: the decisions made for it (one, if all is well) and the bin it landed in."""

    rider: Rider
    decisions: tuple[Decision, ...]
    bin: str


def match(riders: Sequence[Rider], motion: Motion, decisions: Sequence[Decision]) -> dict[int, list[Decision]]:
    """Which decision was made for which rider, by where it lies on the belt; phantoms stand under `PHANTOM`."""
    places = [rider.middle_mm for rider in riders]
    made: dict[int, list[Decision]] = {}
    for decision in decisions:
        place_mm = motion.way_mm(decision.middle_ns)
        after = bisect_left(places, place_mm)
        near = min(riders[max(0, after - 1) : after + 1], key=lambda rider: abs(rider.middle_mm - place_mm))
        hit = abs(near.middle_mm - place_mm) < near.length_mm / 2
        made.setdefault(near.number if hit else PHANTOM, []).append(decision)
    return made


def balance(station: Station, fates: Sequence[Fate], phantoms: int, suppressed: int, seconds: float) -> Books:
    """Add everything up.

    Args:
        station: Bins and classes.
        fates: Of every item.
        phantoms: Decisions without an item.
        suppressed: Pulses the outputs left out for being late.
        seconds: Belt time.
    """
    names = [bin_.name for bin_ in station.bins]
    landed = Counter(fate.bin for fate in fates)
    belong = Counter(_home(station, fate) for fate in fates)
    right = Counter(fate.bin for fate in fates if fate.bin == _home(station, fate))
    minutes = seconds / 60
    bins = tuple(
        BinBook(
            bin=name,
            items=landed[name],
            right=right[name],
            belong=belong[name],
            purity=_share(right[name], landed[name]),
            recovery=_share(right[name], belong[name]),
            throughput_per_min=landed[name] / minutes,
        )
        for name in (*names, station.reject)
    )
    return Books(
        items=len(fates),
        seconds=seconds,
        bins=bins,
        purity=_share(sum(right[name] for name in names), sum(landed[name] for name in names)),
        recovery=_share(sum(right[name] for name in names), sum(belong[name] for name in names)),
        throughput_per_min=len(fates) / minutes,
        missed=sum(not fate.decisions for fate in fates),
        double_counted=sum(len(fate.decisions) > 1 for fate in fates),
        phantoms=phantoms,
        late=suppressed + _reasons(fates, "late"),
        doubtful=_reasons(fates, "doubtful"),
        misdirected=sum(bool(fate.decisions) and fate.bin != fate.decisions[0].bin for fate in fates),
        decided_wrong=sum(
            bool(fate.decisions) and fate.decisions[0].class_name != fate.rider.photograph.class_name for fate in fates
        ),
    )


def _home(station: Station, fate: Fate) -> str:
    bin_ = station.bin_of(fate.rider.photograph.class_name)
    return bin_.name if bin_ else station.reject


def _reasons(fates: Sequence[Fate], reason: str) -> int:
    return sum(decision.reason == reason for fate in fates for decision in fate.decisions)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
