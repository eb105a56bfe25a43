"""The station's core: frames, and what the wires say, in; decisions and timed commands out.

It does no input or output, reads no clock and never sleeps, so that it runs the same live, on a recorded video, and on
the simulated belt.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError
from sortline_bundle.manifest import Manifest
from sortline_bundle.preprocess import Box
from sortline_edge.config import Bin, Station
from sortline_edge.decide import Decision, Verdict, weigh
from sortline_edge.interlocks import CauseName, Change, Interlocks
from sortline_edge.ledger import SORTED, Ledger
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Classifier, Command, Edge, Frame, Recall, Report
from sortline_edge.records import Record
from sortline_edge.schedule import Ride, Scheduler
from sortline_edge.seeing.sight import Sight
from sortline_edge.seeing.track import Item
from sortline_edge.senses import Senses

_FEWEST_FRAMES = 2  # what one single frame showed was a flicker, not an item
# A decision is made so long, or longer, before the first gate would have to be told, with the looks there are by then.
_HURRY_NS = 60_000_000
_FROZEN_FRAMES = 4


class Brain(NamedTuple):
    """A bundle in use: model, names and thresholds belong together and are exchanged together."""

    manifest: Manifest
    classifier: Classifier
    digest: str


class Step(NamedTuple):
    """What has come of everything since the step before: each item is in one decision and, later, in one record."""

    decisions: list[Decision]
    commands: list[Command]
    changes: list[Change]
    records: list[Record]


@dataclass(slots=True)
class _Case:
    """What is known of an item that is still in the picture; the brain that saw it first decides on it."""

    brain: Brain
    looks: list[NDArray[np.float32]] = field(default_factory=list)
    looked_px: int | None = None
    longest_px: int = 0
    closed: bool = False


class Core:
    """One station. Each item is decided on exactly once: when it was looked at often enough, or when it leaves.

    Attributes:
        guard: What the shell around it watches.
        ledger: The station's own books.
        interlocks: Why nothing is sorted, if so.
    """

    def __init__(self, station: Station, brain: Brain, start_ns: int = 0) -> None:
        """Bring wiring, bundle and model together.

        Raises:
            ConfigError: the station has a bin for a class that the bundle does not know.
        """
        check_classes(station, brain.manifest)
        self._station, self._brain = station, brain
        self.guard = station.guard
        self.odometer = Odometer(station.belt.speed_mm_s, start_ns)
        self.interlocks = Interlocks()
        self.ledger = Ledger(station, self.odometer)
        self._senses = Senses(station, self.odometer, self.interlocks)
        self._scheduler = Scheduler(station, self.odometer)
        self._sight = Sight(station, self.odometer, start_ns - 1)
        self._cases: dict[int, _Case] = {}
        self._gone: list[Item] = []
        self._changes: list[Change] = []
        self._acted_ns = start_ns

    @property
    def items(self) -> list[Item]:
        """The items in the newest picture."""
        return self._sight.items

    @property
    def shown(self) -> list[tuple[int, Box]]:
        """The items in the newest picture, and where they are in it."""
        return [(item.number, self._sight.box(item, self._sight.seen_ns)) for item in self.items]

    @property
    def bundle(self) -> str:
        """Digest of the bundle by which items that come now are sorted."""
        return self._brain.digest

    @property
    def busy(self) -> bool:
        """Whether an item that was decided on is still on its way."""
        return bool(self._scheduler.waiting or self.ledger.open)

    def swap(self, brain: Brain) -> None:
        """Sort by another bundle: every item that no frame has shown yet.

        Raises:
            ConfigError: the station has a bin for a class that the bundle does not know; the old one stays.
        """
        check_classes(self._station, brain.manifest)
        self._brain = brain

    def tell(self, cause: CauseName, now_ns: int, reason: str, *, present: bool) -> None:
        """Hear of a state that only the shell around the core can know: of camera, board, outputs or bundle."""
        if cause == "outputs lost" and present:
            self._senses.forget(now_ns)
        self._note(self.interlocks.tell(cause, present=present, now_ns=now_ns, reason=reason))

    def hear(self, reports: Iterable[Report]) -> None:
        """Take what the outputs did and what the inputs said, oldest first."""
        for report in reports:
            self.ledger.take(report)
            if isinstance(report, Edge) and self._is_trigger(report):
                self._sight.edge(report)
            for change in self._senses.take(report):
                self._note(change)

    def see(self, frame: Frame) -> None:
        """Take one frame: find the items in it, know them again, look at them. What is older than the last is not."""
        for _ in self.looking(frame):
            pass

    def looking(self, frame: Frame) -> Iterator[None]:
        """As `see`, with a pause after each look, for what must not wait for the next: some boards look slowly."""
        if frame.captured_ns <= self._sight.seen_ns:
            return
        self._gone += self._sight.take(frame)
        frozen = self._sight.repeats >= _FROZEN_FRAMES
        reason = "the same picture came again and again" if frozen else "pictures differ again"
        self.tell("camera frozen", frame.captured_ns, reason, present=frozen)
        for item in self.items:
            if self._look(item, frame):
                yield

    def act(self, now_ns: int) -> Step:
        """Decide on what is ripe or has left, and give out what is due at `now_ns`, the time after all looking."""
        for change in self._senses.turn(now_ns, self._sight.error, unannounced=self._sight.unannounced):
            self._note(change)
        # The next chance to decide may come as late as this one did; twice that leaves room.
        hurry_ns = max(_HURRY_NS, 2 * (now_ns - self._acted_ns))
        self._acted_ns = now_ns
        gone = [item for item in self._gone if self._is_open(item)]
        ripe = [item for item in self.items if self._is_open(item) and self._is_ripe(item, now_ns + hurry_ns)]
        return self._step([*ripe, *gone], now_ns)

    def finish(self, now_ns: int) -> Step:
        """The camera has ended: decide on what is still in the picture by the looks there are."""
        return self._step([item for item in (*self._gone, *self.items) if self._is_open(item)], now_ns)

    def close(self, now_ns: int) -> list[Record]:
        """The station ends: the records of all that is still on its way."""
        return self.ledger.finish(now_ns)

    def _step(self, items: list[Item], now_ns: int) -> Step:
        decisions = [self._decide(item, now_ns) for item in items]
        for item in self._gone:
            self._cases.pop(item.number, None)
        self._gone = []
        commands: list[Command] = []
        if any(change.halts for change in self._changes):
            self._scheduler.clear(now_ns)
            commands.append(Recall())
        due = self._scheduler.due(now_ns)
        self.ledger.miss(due.too_close, "too close", now_ns)
        records = self.ledger.turn(now_ns)
        for change in self._senses.close(records, self.ledger.strays(), now_ns):
            self._note(change)
        changes, self._changes = self._changes, []
        return Step(decisions, commands + due.commands, changes, records)

    def _is_trigger(self, edge: Edge) -> bool:
        eye = self._station.inputs.eye
        return self._station.deciding.trigger == "eye" and eye is not None and edge.line == eye.line

    def _note(self, change: Change | None) -> None:
        if change is None:
            return
        self._changes.append(change)
        if change.halts:
            self.ledger.halt(change.cause, change.at_ns)

    def _look(self, item: Item, frame: Frame) -> bool:
        """Look at an item, if there is more to be seen of it."""
        case = self._cases.setdefault(item.number, _Case(self._brain))
        for part in item.parts:
            if (known := self._cases.pop(part, None)) is not None:
                case.closed |= known.closed
                # What was looked at until now was a part of it.
                case.looks.clear()
                case.looked_px = None
        case.longest_px = max(case.longest_px, item.place.width)
        if item.whole is None or case.closed or item.several or self._is_too_long(case) or not self.interlocks.sorting:
            return False
        # Looks at different places of the picture have less in common than looks in a row.
        room_px = (frame.image.shape[1] - item.whole.width) / self._station.deciding.looks
        if case.looked_px is not None and item.whole.left < case.looked_px + room_px:
            return False
        case.looked_px = item.whole.left
        case.looks.append(case.brain.classifier.logits(frame.image, item.whole, frame.order))
        return True

    def _is_open(self, item: Item) -> bool:
        return item.frames >= _FEWEST_FRAMES and not self._cases[item.number].closed

    def _is_ripe(self, item: Item, until_ns: int) -> bool:
        """Whether an item has had its looks, or its first gate would have to be told before `until_ns`."""
        looks = len(self._cases[item.number].looks)
        if looks >= self._station.deciding.looks:
            return True
        last_call_ns = self._scheduler.last_call_ns(self._sight.way_mm(item))
        return looks > 0 and last_call_ns is not None and until_ns >= last_call_ns

    def _is_too_long(self, case: _Case) -> bool:
        return case.longest_px * self._station.belt.mm_per_px > self._station.deciding.longest_mm

    def _decide(self, item: Item, now_ns: int) -> Decision:
        case = self._cases[item.number]
        case.closed = True
        manifest = case.brain.manifest
        verdict = weigh(case.looks, manifest) if case.looks else None
        bin_ = self._station.bin_of(verdict.class_name) if verdict else None
        reason = self._reason(case, verdict, bin_, several=item.several)
        way_mm = self._sight.way_mm(item)
        ride = Ride(item.number, way_mm, bin_ if reason == SORTED else None)
        if not self._scheduler.plan(ride, now_ns):
            reason = "late"
        goes_to = bin_ if reason == SORTED else None
        decision = Decision(
            item=item.number,
            decided_ns=now_ns,
            seen_ns=item.first_ns,
            way_mm=way_mm,
            at_ns=item.newest_ns,
            box=self._sight.box(item, item.newest_ns),
            looks=len(case.looks),
            scores=verdict.scores if verdict else (),
            class_name=verdict.class_name if verdict else None,
            score=verdict.score if verdict else 0.0,
            bin=goes_to.name if goes_to else self._station.reject,
            reason=reason,
            bundle=case.brain.digest[:12],
        )
        self.ledger.enter(decision, goes_to)
        return decision

    def _reason(self, case: _Case, verdict: Verdict | None, bin_: Bin | None, *, several: bool) -> str:
        """The first thing that keeps an item from being sorted."""
        obstacles = {
            self.interlocks.state: not self.interlocks.sorting,
            "too long": self._is_too_long(case),
            "several": several,
            "never whole": verdict is None,
            verdict.doubt if verdict else None: verdict is not None and verdict.doubt is not None,
            "no bin": bin_ is None,
            "bin closed": bin_ is not None and bin_.name in self.interlocks.blocked,
        }
        return next((why for why, there in obstacles.items() if there and why), SORTED)


def check_classes(station: Station, manifest: Manifest) -> None:
    """See that the bundle knows what the bins are for.

    Raises:
        ConfigError: naming the bin, the class, and what the bundle knows.
    """
    for bin_ in station.bins:
        for name in bin_.classes:
            if name not in manifest.class_names:
                known = ", ".join(manifest.class_names)
                raise ConfigError(f"bin {bin_.name!r} takes class {name!r}, which the bundle does not know: {known}")
