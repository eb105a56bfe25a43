"""The fault drill: everything that can go wrong on the simulated belt, one thing after the other, and what came of it.

Each fault has a run of its own, and every run has the same items: what is lost against the run without a fault is what
the fault has cost.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sortline_bundle.archive import Bundle
from sortline_edge.config import CodeSignal, Fault, Input, Inputs, Station
from sortline_edge.config.twin import KINDS, FaultKind
from sortline_edge.config.wiring import Encoder, Eye
from sortline_edge.interlocks import Change
from sortline_edge.simulation import Conditions, Outcome, simulate
from sortline_edge.twin.books import Fate, home, loss
from sortline_edge.twin.world import LOST

AT_S, FOR_S = 10.0, 6.0
# A bin gets but a few of the items.
BIN_FOR_S = 25.0
_COUNT_MM = 1.0
_EYE_MM = -250.0


class Row(NamedTuple):
    """What came of one fault.

    Attributes:
        kind: Of the fault.
        about: What happens, in words.
        states: The states that the station entered because of it, in their order.
        back_s: From the end of the fault until the last of them was over; None where there was none, or one stayed.
        restarts: How often the station was started anew.
        lost: Items that landed where they belong in the run without a fault and do not in this one, by cause.
        wrong: Items in a wrong bin in this run only.
        double_counted: Items decided on twice in this run only.
        balanced: Whether every decision has its end in the station's own books.
    """

    kind: FaultKind
    about: str
    states: tuple[str, ...]
    back_s: float | None
    restarts: int
    lost: dict[str, int]
    wrong: int
    double_counted: int
    balanced: bool


def drill(
    bundle: Bundle,
    station: Station,
    folder: Path,
    conditions: Conditions,
    kinds: tuple[FaultKind, ...] = tuple(KINDS),
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[Row]:
    """Run every fault.

    Args:
        bundle: To sort by.
        station: Its camera must be the `belt` driver; what a fault needs to be wired is wired for it.
        folder: The station's paths are relative to it.
        conditions: As for a simulation.
        kinds: Of the faults.
        advance: Called with 1 after each.
    """
    # What the belt of a station file has going wrong would be in every run.
    station = msgspec.structs.replace(station, camera=msgspec.structs.replace(station.camera, faults=()))
    known: dict[bytes, Outcome] = {}
    for kind in kinds:
        wired = wired_for(kind, station)
        key = msgspec.json.encode(wired)
        if key not in known:
            known[key] = simulate(bundle, wired, folder, conditions)
        fault = Fault(kind=kind, at_s=AT_S, for_s=FOR_S)
        if KINDS[kind].needs.startswith("bin"):
            busiest = max(known[key].books.bins[:-1], key=lambda book: book.items)
            fault = msgspec.structs.replace(fault, for_s=BIN_FOR_S, bin=busiest.bin)
        camera = msgspec.structs.replace(wired.camera, faults=(fault,))
        outcome = simulate(bundle, msgspec.structs.replace(wired, camera=camera), folder, conditions)
        advance(1)
        yield _row(fault, wired, known[key], outcome)


def wired_for(kind: FaultKind, station: Station) -> Station:
    """A station with everything wired, on which a fault of some kind can show what it does."""
    lines = iter(range(400, 500))
    bins = tuple(
        msgspec.structs.replace(bin_, eye=Input(line=next(lines)), full=Input(line=next(lines)))
        for bin_ in station.bins
    )
    inputs = Inputs(
        emergency_stop=Input(line=next(lines)),
        belt_running=Input(line=next(lines)),
        reset=Input(line=next(lines)),
        encoder=Encoder(line=next(lines), mm_per_count=_COUNT_MM),
        eye=Eye(line=next(lines), distance_mm=_EYE_MM),
    )
    measured_by = "encoder" if kind.startswith("encoder") else station.belt.measured_by
    trigger = "eye" if kind.startswith("eye") else station.deciding.trigger
    wired = msgspec.structs.replace(
        station,
        bins=bins,
        inputs=inputs,
        belt=msgspec.structs.replace(station.belt, measured_by=measured_by),
        deciding=msgspec.structs.replace(station.deciding, trigger=trigger),
    )
    return _with_plc(wired, iter(range(300, 400))) if KINDS[kind].needs == "code" else wired


def _with_plc(station: Station, lines: Iterator[int]) -> Station:
    first = station.bins[0]
    bins = tuple(
        msgspec.structs.replace(
            bin_, line=None, code=nth, eye=None, distance_mm=first.distance_mm, delay_ms=first.delay_ms
        )
        for nth, bin_ in enumerate(station.bins, start=1)
    )
    bits = len(bins).bit_length()
    signal = CodeSignal(
        lines=tuple(next(lines) for _ in range(bits)), strobe=next(lines), acknowledge=Input(line=next(lines))
    )
    return msgspec.structs.replace(station, bins=bins, signal=signal)


def _row(fault: Fault, station: Station, without: Outcome, with_: Outcome) -> Row:
    pairs = list(zip(without.fates, with_.fates, strict=True))
    lost = Counter(why for before, now in pairs if loss(station, before) is None and (why := loss(station, now)))
    return Row(
        kind=fault.kind,
        about=KINDS[fault.kind].about,
        states=tuple(dict.fromkeys(change.cause for change in with_.changes if change.entered)),
        back_s=_back_s(with_.changes, AT_S + fault.for_s),
        restarts=with_.restarts,
        lost=dict(lost.most_common()),
        wrong=sum(_in_wrong_bin(station, now) and not _in_wrong_bin(station, before) for before, now in pairs),
        double_counted=sum(len(now.endings) > 1 >= len(before.endings) for before, now in pairs),
        balanced=with_.open == 0,
    )


def _in_wrong_bin(station: Station, fate: Fate) -> bool:
    return fate.bin not in (home(station, fate), station.reject, LOST)


def _back_s(changes: list[Change], end_s: float) -> float | None:
    """How long after the fault's end the last state was over."""
    present: set[tuple[str, str]] = set()
    last_ns = 0
    for change in changes:
        (present.add if change.entered else present.discard)((change.cause, change.about))
        last_ns = change.at_ns
    return None if present or not changes else last_ns / 1e9 - end_s
