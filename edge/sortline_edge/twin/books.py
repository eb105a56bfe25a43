"""The books of a sorting run: what went in, what came out where, and what was lost on the way and why."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from sortline_bundle.calibration import wilson
from sortline_bundle.preprocess import Box
from sortline_edge.config import Station
from sortline_edge.decide import Decision
from sortline_edge.records import Record
from sortline_edge.seeing.detect import overlap
from sortline_edge.twin.riders import Layout, Rider

PHANTOM = -1
Interval = tuple[float, float] | None


class BinBook(msgspec.Struct, frozen=True, kw_only=True):
    """One bin.

    Attributes:
        bin: Its name.
        items: How many landed in it.
        right: How many of those belong there.
        belong: How many of all items belong there.
        purity: `right / items`; None when the bin stayed empty.
        purity_interval: Where the true one is, with 95 % confidence.
        recovery: `right / belong`; None when nothing belongs there.
        recovery_interval: Likewise.
        throughput_per_min: Items landed per minute of belt time.
    """

    bin: str
    items: int
    right: int
    belong: int
    purity: float | None
    purity_interval: Interval
    recovery: float | None
    recovery_interval: Interval
    throughput_per_min: float


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        items: How many rode past.
        seconds: Belt time.
        bins: The sorting bins in the station's order, then the reject bin.
        purity: Right items of all that landed in a sorting bin.
        purity_interval: Where the true one is, with 95 % confidence.
        recovery: Right items of all that belong in a sorting bin.
        recovery_interval: Likewise.
        throughput_per_min: Items per minute of belt time.
        missed: Items that no decision was made for.
        double_counted: Items that more than one decision was made for.
        joined: Items that one decision was made for together with others.
        phantoms: Decisions for which there was no item.
        late: Decisions or commands that came too late for their gate.
        doubtful: Items rejected because no class was sure enough.
        misdirected: Items that landed elsewhere than decided.
        decided_wrong: Items whose likeliest class was not the true one.
        losses: Items that did not land where they belong, by cause.
        station: The station's own books: decisions by outcome and cause.
    """

    items: int
    seconds: float
    bins: tuple[BinBook, ...]
    purity: float | None
    purity_interval: Interval
    recovery: float | None
    recovery_interval: Interval
    throughput_per_min: float
    missed: int
    double_counted: int
    joined: int
    phantoms: int
    late: int
    doubtful: int
    misdirected: int
    decided_wrong: int
    losses: dict[str, int]
    station: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Ending:
    """A decision and what came of it in the station's own books; None while that is open."""

    decision: Decision
    record: Record | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one item: the decisions made for it (one, if all is well) and the bin it landed in."""

    rider: Rider
    endings: tuple[Ending, ...]
    bin: str


def match(
    riders: Sequence[Rider], layout: Layout, way_mm: Callable[[int], float], decisions: Sequence[Decision]
) -> dict[int, list[Decision]]:
    """Which decisions were made for which rider, by where it was in the picture; phantoms stand under `PHANTOM`.

    A decision is for every item whose middle is in its box; where there is none, for the item that most of it covers.

    Args:
        riders: All that came, in their order.
        layout: Of the camera that showed them.
        way_mm: How far the belt had really gone at a frame's time stamp.
        decisions: All that were made.
    """
    places = [rider.middle_mm for rider in riders]
    longest_mm = max((rider.length_mm for rider in riders), default=0.0)
    made: dict[int, list[Decision]] = defaultdict(list)
    for decision in decisions:
        gone_mm = way_mm(decision.at_ns)
        first_mm, last_mm = (
            gone_mm - (edge - layout.width_px / 2) * layout.mm_per_px
            for edge in (decision.box.right, decision.box.left)
        )
        near = riders[bisect_left(places, first_mm - longest_mm) : bisect_right(places, last_mm + longest_mm)]
        boxes = {rider.number: layout.box(rider, gone_mm) for rider in near}
        inside = [number for number, box in boxes.items() if _holds_middle(decision.box, box)]
        if not inside:
            most = max(boxes, key=lambda number: overlap(decision.box, boxes[number]), default=PHANTOM)
            inside = [most if most != PHANTOM and overlap(decision.box, boxes[most]) > 0 else PHANTOM]
        for number in inside:
            made[number].append(decision)
    return made


def balance(station: Station, fates: Sequence[Fate], phantoms: int, records: Sequence[Record], seconds: float) -> Books:
    """Add everything up.

    Args:
        station: Bins and classes.
        fates: Of every item.
        phantoms: Decisions without an item.
        records: The station's own books.
        seconds: Belt time.
    """
    names = [bin_.name for bin_ in station.bins]
    landed = Counter(fate.bin for fate in fates)
    belong = Counter(home(station, fate) for fate in fates)
    right = Counter(fate.bin for fate in fates if fate.bin == home(station, fate))
    sorted_, belonging, rightly = (sum(count[name] for name in names) for count in (landed, belong, right))
    minutes = seconds / 60
    bins = tuple(
        BinBook(
            bin=name,
            items=landed[name],
            right=right[name],
            belong=belong[name],
            purity=_share(right[name], landed[name]),
            purity_interval=share_interval(right[name], landed[name]),
            recovery=_share(right[name], belong[name]),
            recovery_interval=share_interval(right[name], belong[name]),
            throughput_per_min=landed[name] / minutes,
        )
        for name in (*names, station.reject)
    )
    outcomes: dict[str, dict[str, int]] = {"binned": {}, "rejected": {}, "missed": {}}
    for (outcome, cause), count in sorted(Counter((record.outcome, record.cause) for record in records).items()):
        outcomes[outcome][cause] = count
    decided = [fate.endings[0].decision for fate in fates if fate.endings]
    return Books(
        items=len(fates),
        seconds=seconds,
        bins=bins,
        purity=_share(rightly, sorted_),
        purity_interval=share_interval(rightly, sorted_),
        recovery=_share(rightly, belonging),
        recovery_interval=share_interval(rightly, belonging),
        throughput_per_min=len(fates) / minutes,
        missed=sum(not fate.endings for fate in fates),
        double_counted=sum(len(fate.endings) > 1 for fate in fates),
        joined=_joined(fates),
        phantoms=phantoms,
        late=outcomes["missed"].get("late", 0),
        doubtful=sum(decision.reason in {"doubtful", "unknown", "mixed"} for decision in decided),
        misdirected=sum(bool(fate.endings) and fate.bin != fate.endings[0].decision.bin for fate in fates),
        decided_wrong=sum(
            bool(fate.endings) and fate.endings[0].decision.class_name != fate.rider.photograph.class_name
            for fate in fates
        ),
        losses=dict(Counter(why for fate in fates if (why := loss(station, fate)) is not None).most_common()),
        station=outcomes,
    )


def home(station: Station, fate: Fate) -> str:
    """Name of the bin that an item belongs in."""
    bin_ = station.bin_of(fate.rider.photograph.class_name)
    return bin_.name if bin_ else station.reject


def loss(station: Station, fate: Fate) -> str | None:
    """Why an item did not land where it belongs; None where it did."""
    if fate.bin == home(station, fate):
        return None
    if fate.rider.falls:
        return "fell off"
    if not fate.endings:
        return "not seen"
    decision, record = fate.endings[0].decision, fate.endings[0].record
    if record is not None and record.outcome != "binned":
        # Nothing was switched for it; where it landed in a bin nevertheless, another one's gate stood open.
        return record.cause if fate.bin == station.reject else "gate"
    return "gate" if decision.bin == home(station, fate) else "taken for another"


def _joined(fates: Sequence[Fate]) -> int:
    shared = Counter(id(ending.decision) for fate in fates for ending in fate.endings)
    return sum(any(shared[id(ending.decision)] > 1 for ending in fate.endings) for fate in fates)


def _holds_middle(box: Box, item: Box) -> bool:
    x, y = (item.left + item.right) / 2, (item.top + item.bottom) / 2
    return box.left <= x < box.right and box.top <= y < box.bottom


def share_interval(part: int, whole: int) -> Interval:
    """Where the true share is, with 95 % confidence; None where nothing was counted."""
    if not whole:
        return None
    interval = wilson(part, whole)
    return interval.low, interval.high


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
