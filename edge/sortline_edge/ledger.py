"""The station's own books: every item that was decided on is closed exactly once, with a cause.

What the core decided and what the outputs did are two things. An item is binned when its gate was switched for it,
rejected when it was left to ride on, and missed when its gate should have been switched and was not.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sortline_edge.config import Bin, CodeSignal, Station
from sortline_edge.decide import Decision
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Answered, Coded, Edge, Report, Suppressed, Switched
from sortline_edge.records import Outcome, Record

SORTED = "sorted"
# An output that has said nothing so long after its item passed the gate was never switched.
_SILENT_MS = 1_000.0


@dataclass(slots=True)
class _Page:
    """An item that is to be binned and is not closed yet."""

    decision: Decision
    bin: Bin
    passes_mm: float
    answered: bool
    switched_ns: int | None = None
    late_ms: float | None = None
    confirmed: bool | None = None


@dataclass(slots=True)
class Ledger:
    """Follows each item from its decision to its end.

    Attributes:
        seen: How many items were decided on.
        closed: How many were closed, by outcome and cause.
    """

    station: Station
    odometer: Odometer
    seen: int = 0
    closed: Counter[tuple[Outcome, str]] = field(default_factory=Counter)
    _open: dict[int, _Page] = field(default_factory=dict)
    _records: list[Record] = field(default_factory=list)
    _strays: list[str] = field(default_factory=list)
    _bins_by_eye: dict[int, Bin] = field(default_factory=dict)
    _answer_ns: int | None = None

    def __post_init__(self) -> None:
        self._bins_by_eye = {bin_.eye.line: bin_ for bin_ in self.station.bins if bin_.eye is not None}
        signal = self.station.signal
        if isinstance(signal, CodeSignal) and signal.acknowledge is not None:
            self._answer_ns = round(1e6 * (signal.setup_ms + signal.answer_ms + _SILENT_MS))

    @property
    def open(self) -> int:
        """How many items are still on their way."""
        return len(self._open)

    def enter(self, decision: Decision, bin_: Bin | None) -> None:
        """Take a decision; with a bin, its gate is to be switched."""
        self.seen += 1
        if bin_ is None:
            late = decision.reason == "late"
            self._close(decision, "missed" if late else "rejected", decision.reason, decision.decided_ns)
        else:
            passes_mm = decision.way_mm + bin_.distance_mm
            self._open[decision.item] = _Page(decision, bin_, passes_mm, answered=self._answer_ns is None)

    def miss(self, items: Iterable[int], cause: str, now_ns: int) -> None:
        """These items' gates are not switched after all."""
        for item in items:
            if (page := self._open.pop(item, None)) is not None:
                self._close(page.decision, "missed", cause, now_ns, late_ms=page.late_ms)

    def halt(self, cause: str, now_ns: int) -> None:
        """Nothing moves any more: whose gate was not switched yet will not have it switched."""
        self.miss([item for item, page in self._open.items() if page.switched_ns is None], cause, now_ns)

    def take(self, report: Report) -> None:
        """Note what the outputs did, and what the eyes in the chutes saw."""
        match report:
            case Switched(active=True, item=int(item)) | Coded(item=item):
                self._switched(item, report.at_ns, report.late_ns)
            case Suppressed(item=item, reason=reason) if item in self._open:
                self.miss([item], reason, self._open[item].decision.decided_ns)
            case Answered(item=item, in_time=False, at_ns=at_ns):
                self.miss([item], "no answer", at_ns)
            case Answered(item=item, at_ns=at_ns) if item in self._open:
                self._open[item].answered = True
                self._settle(item, at_ns)
            case Edge(line=line, active=True, at_ns=at_ns) if line in self._bins_by_eye:
                self._arrived(self._bins_by_eye[line], at_ns)
            case _:
                pass

    def strays(self) -> list[str]:
        """Bins that something came into since the last call, for which nothing had been switched."""
        strays, self._strays = self._strays, []
        return strays

    def turn(self, now_ns: int) -> list[Record]:
        """Close what nothing more can come for; every record since the last call."""
        way_mm = self.odometer.way_mm(now_ns)
        silent_mm = _SILENT_MS / 1e3 * self.station.belt.speed_mm_s
        for item, page in list(self._open.items()):
            if page.switched_ns is None:
                if way_mm > page.passes_mm + silent_mm:
                    self.miss([item], "outputs silent", now_ns)
            elif now_ns > page.switched_ns + self._wait_ns(page):
                self._end(item, now_ns)
        records, self._records = self._records, []
        return records

    def finish(self, now_ns: int) -> list[Record]:
        """The station ends: close everything."""
        for item, page in list(self._open.items()):
            if page.switched_ns is not None:
                self._end(item, now_ns)
            else:
                self.miss([item], "station ended", now_ns)
        return self.turn(now_ns)

    def _switched(self, item: int, at_ns: int, late_ns: int) -> None:
        page = self._open.get(item)
        if page is None or page.switched_ns is not None:
            return
        page.switched_ns, page.late_ms = at_ns, late_ns / 1e6
        page.confirmed = None if page.bin.eye is None else False
        self._settle(item, at_ns)

    def _settle(self, item: int, now_ns: int) -> None:
        """Close an item of which nothing more is to be heard."""
        page = self._open[item]
        if page.answered and page.switched_ns is not None and page.bin.eye is None:
            self._end(item, now_ns)

    def _end(self, item: int, now_ns: int) -> None:
        """Close an item whose gate was switched: binned, unless the PLC has not answered."""
        page = self._open.pop(item)
        if page.answered:
            self._close(page.decision, "binned", SORTED, now_ns, late_ms=page.late_ms, confirmed=page.confirmed)
        else:
            self._close(page.decision, "missed", "no answer", now_ns, late_ms=page.late_ms)

    def _arrived(self, bin_: Bin, at_ns: int) -> None:
        """The chute's eye saw something: the eldest item that can have arrived by now did."""
        waiting = [page for page in self._open.values() if page.bin is bin_]
        for page in sorted(waiting, key=lambda page: page.passes_mm):
            if not page.confirmed and page.switched_ns is not None and at_ns >= page.switched_ns:
                page.confirmed = True
                return
        self._strays.append(bin_.name)

    def _wait_ns(self, page: _Page) -> int:
        """From the command until an item has arrived or is lost, and the PLC has answered or will not."""
        bin_ = page.bin
        arrival_ns = 0 if bin_.eye is None else round(1e6 * (bin_.delay_ms + bin_.dwell_ms + bin_.confirm_ms))
        answer_ns = 0 if page.answered or self._answer_ns is None else self._answer_ns
        return max(arrival_ns, answer_ns)

    def _close(
        self,
        decision: Decision,
        outcome: Outcome,
        cause: str,
        now_ns: int,
        *,
        late_ms: float | None = None,
        confirmed: bool | None = None,
    ) -> None:
        self.closed[outcome, cause] += 1
        self._records.append(
            Record(
                item=decision.item,
                seen_ns=decision.seen_ns,
                decided_ns=decision.decided_ns,
                closed_ns=max(now_ns, decision.decided_ns),
                looks=decision.looks,
                scores=decision.scores,
                class_name=decision.class_name,
                bin=decision.bin,
                outcome=outcome,
                cause=cause,
                late_ms=late_ms,
                confirmed=confirmed,
                bundle=decision.bundle,
            )
        )
