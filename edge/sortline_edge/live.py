"""What a live station does besides sorting: it says what happens, keeps it, watches itself, and tells systemd."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from sortline_edge.clocks import Clock
from sortline_edge.config import Guard
from sortline_edge.decide import Decision
from sortline_edge.interlocks import Change, log_line
from sortline_edge.life.board import Board
from sortline_edge.life.notify import Notifier, Watchdog
from sortline_edge.ports import MadeSafe, Report
from sortline_edge.records import Record
from sortline_edge.runner import Moment, Runner
from sortline_edge.station import Core
from sortline_edge.watch import Heat

if TYPE_CHECKING:
    from sortline_edge.events.store import EventStore

_LOOK_EVERY_NS = 1_000_000_000
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Live:
    """Takes each moment of a runner.

    Attributes:
        guard: The station's limits.
        core: Is told how the board and the store are.
        runner: Whose moments they are.
        clock: The station's.
        notifier: The way to systemd.
        store: Keeps every item; None: nothing is kept.
        board: Where the board's temperature is read.
        as_json: Print every event as a JSON line, else decisions and misses for people.
        write: Prints a line; the states' lines go to the log.
        log: Takes a line for the log.
    """

    guard: Guard
    core: Core
    runner: Runner
    clock: Clock
    notifier: Notifier
    store: EventStore | None
    board: Board
    as_json: bool
    write: Callable[[str], object] = sys.stdout.write
    log: Callable[[str], object] = sys.stderr.write
    binned: Counter[str] = field(default_factory=Counter)
    _watchdog: Watchdog = field(init=False)
    _heat: Heat = field(init=False)
    _looked_ns: int | None = None

    def __post_init__(self) -> None:
        self._watchdog = Watchdog(self.notifier.watchdog_s)
        self._heat = Heat(self.guard.hot_c, self.guard.cool_c)

    def take(self, moment: Moment) -> None:
        """Say, keep and watch."""
        step = moment.step
        self.binned.update(decision.bin for decision in step.decisions)
        self._say(step.decisions, step.records, moment.reports)
        for change in step.changes:
            self._change(change)
        self._keep(step.records)
        now_ns = self.clock.now_ns()
        if self._looked_ns is None or now_ns - self._looked_ns >= _LOOK_EVERY_NS:
            self._looked_ns = now_ns
            self._look(now_ns)
        stale = self.core.interlocks.holds("camera stale")
        if self._watchdog.feed(now_ns, frames_flow=not stale, outputs_answer=self.runner.outputs_answer):
            self.notifier.alive()

    def end(self, records: list[Record]) -> None:
        """The station ends: what became of the items that were still on their way."""
        self._say([], records, [])
        self._keep(records)

    def _keep(self, records: Iterable[Record]) -> None:
        if self.store is not None:
            for record in records:
                self.store.put(record)

    def _look(self, now_ns: int) -> None:
        board = self.board.read()
        hot = self._heat.read(board.temperature_c)
        self.core.tell("board hot", now_ns, f"{board.temperature_c} degrees Celsius", present=hot)
        if self.store is not None:
            failing = self.store.failing
            reason = "the disk takes none" if failing else "they are written again"
            self.core.tell("events not written", now_ns, reason, present=failing)
        counted = ", ".join(f"{name} {count}" for name, count in sorted(self.binned.items()))
        limits = "".join(f"; board: {limit}" for limit in board.limits or ())
        state = self.core.interlocks.state
        self.notifier.status(f"{state}; {self.core.ledger.seen} items: {counted or 'none'}{limits}")

    def _change(self, change: Change) -> None:
        if self.as_json:
            self._print(change)
        self.log(log_line(change) + "\n")
        if self.store is not None:
            self.store.note("state", change.at_ns, log_line(change).removeprefix("state: "))

    def _say(self, decisions: list[Decision], records: list[Record], reports: list[Report]) -> None:
        if self.as_json:
            for event in (*decisions, *reports, *records):
                self._print(event)
            return
        for decision in decisions:
            self.write(_describe(decision) + "\n")
        for record in records:
            if record.outcome == "missed":
                self.write(f"item {record.item}: missed ({record.cause})\n")
        for report in reports:
            if isinstance(report, MadeSafe):
                self.write(f"outputs safe: {report.reason}\n")

    def _print(self, event: Decision | Report | Record | Change) -> None:
        self.write(_encode(event).decode() + "\n")


def _describe(decision: Decision) -> str:
    seen = f"{decision.class_name} {decision.score:.2f}" if decision.class_name else "not recognisable"
    why = "" if decision.reason == "sorted" else f" ({decision.reason})"
    return f"item {decision.item}: {seen} -> {decision.bin}{why}, {decision.looks} looks"
