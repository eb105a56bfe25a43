"""What the wires say, made into what the station needs to know: how far the belt has gone, and its states."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sortline_edge.config import Input, Station
from sortline_edge.interlocks import CauseName, Change, Interlocks
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Answered, Counted, Edge, Report
from sortline_edge.records import Record
from sortline_edge.watch import InARow, Lasting, Silence

# A wheel that has given no count for so long stands; the slowest belt it can measure gives four counts a second.
_STANDS_AFTER_NS = 250_000_000
# A belt that is said to run has given counts by then.
_SILENT_WHEEL_S = 2.0
# An item needs longer than this through the picture; a shadow at its edge does not last.
_STRANGE_S = 0.4
# A belt that slips for a moment is none to stop for.
_WRONG_SPEED_S = 2.0


@dataclass(slots=True)
class Senses:
    """Takes what the inputs and outputs say, in its order; gives the changes of state that come of it."""

    station: Station
    odometer: Odometer
    interlocks: Interlocks
    _names: dict[int, str] = field(default_factory=dict)
    _covered: dict[str, Lasting] = field(default_factory=dict)
    _dark: set[str] = field(default_factory=set)
    _overdue: InARow = field(default_factory=InARow)
    _silence: Silence = field(default_factory=Silence)
    _silent_wheel: Lasting = field(default_factory=lambda: Lasting(_SILENT_WHEEL_S))
    _wrong_speed: Lasting = field(default_factory=lambda: Lasting(_WRONG_SPEED_S))
    _strange: Lasting = field(default_factory=lambda: Lasting(_STRANGE_S))
    _strays: InARow = field(default_factory=InARow)
    _count: int = 0
    _counted_ns: int | None = None

    def __post_init__(self) -> None:
        self._names = {input_.line: name for name, input_ in self.station.wired.items()}
        eyes = [name for name in self.station.wired if name == "inputs.eye" or name.startswith("eye of bin ")]
        self._covered = {name: Lasting(self.station.guard.jam_s) for name in eyes}

    def take(self, report: Report) -> Iterator[Change]:
        """Take one report."""
        match report:
            case Edge(line=line) if line in self._names:
                yield from self._edge(self._names[line], report)
            case Counted(line=line) if self._is(self.station.inputs.encoder, line):
                self._turned(report)
            case Answered(in_time=in_time):
                silent = self._silence.answered(in_time=in_time)
                reason = "it acknowledges again" if in_time else "several codes in a row were not acknowledged"
                yield from self._tell("PLC silent", report.at_ns, reason, present=silent)
            case _:
                pass

    def close(self, records: Iterable[Record], strays: Iterable[str], now_ns: int) -> Iterator[Change]:
        """Take the ends of items, and the bins something came into that nothing was sent to.

        A gate whose items never arrive is out of order, and so is one whose bin gets what was not sent there.
        """
        for name in strays:
            if self._strays.add(name, good=False):
                reason = "several things in a row came that nothing was switched for"
                yield from self._tell("gate open", now_ns, reason, about=name, present=True)
        for record in records:
            if record.confirmed:
                self._strays.add(record.bin, good=True)
            if record.confirmed is not None and self._overdue.add(record.bin, good=record.confirmed):
                reason = "its gate was switched several times in a row and nothing arrived"
                yield from self._tell("actuator overdue", now_ns, reason, about=record.bin, present=True)

    def turn(self, now_ns: int, error: float | None, *, unannounced: bool) -> Iterator[Change]:
        """What the passing of time brings, and what the pictures show.

        Args:
            now_ns: The time.
            error: How wrong the belt's way looks, as a share; None: nobody can tell.
            unannounced: The picture shows something that the entry eye has not seen.
        """
        belt_goes = self.odometer.speed_mm_s > 0
        for name, covered in self._covered.items():
            covered.see(present=name in self._dark and belt_goes, at_ns=now_ns)
            if covered.lasts(now_ns):
                reason = f"covered for longer than {self.station.guard.jam_s:g} s"
                yield from self._tell("jam", now_ns, reason, about=name, present=True)
        yield from self._watch_wheel(now_ns)
        yield from self._watch_speed(now_ns, error)
        self._strange.see(present=unannounced, at_ns=now_ns)
        strange = self._strange.lasts(now_ns)
        if strange or not unannounced:
            reason = "the picture shows items that the eye has not seen" if strange else "they agree"
            yield from self._tell("eye and picture disagree", now_ns, reason, present=strange)
        yield from self.interlocks.tick(now_ns)

    def _edge(self, name: str, edge: Edge) -> Iterator[Change]:
        at_ns, active = edge.at_ns, edge.active
        if name in self._covered:
            (self._dark.add if active else self._dark.discard)(name)
            self._covered[name].see(present=active and self.odometer.speed_mm_s > 0, at_ns=at_ns)
            if not active:
                yield from self._tell("jam", at_ns, "free again", about=name, present=False)
        if name == "inputs.emergency_stop":
            yield from self._tell("emergency stop", at_ns, "pressed" if active else "released", present=active)
        elif name == "inputs.belt_running":
            (self.odometer.go if active else self.odometer.stand)(at_ns)
            yield from self._tell("belt stands", at_ns, "it runs" if active else "it was stopped", present=not active)
        elif name == "inputs.reset" and active:
            yield from self.interlocks.reset(at_ns)
        elif name.startswith("full of bin "):
            about = name.removeprefix("full of bin ")
            reason = "it says so" if active else "it was emptied"
            yield from self._tell("bin full", at_ns, reason, about=about, present=active)

    def forget(self, now_ns: int) -> None:
        """The outputs died: nobody tells how the inputs are until they are opened anew, and then all is told anew."""
        self._dark.clear()
        for covered in self._covered.values():
            covered.see(present=False, at_ns=now_ns)
        self._count = 0

    def _turned(self, report: Counted) -> None:
        encoder = self.station.inputs.encoder
        counts, self._count = report.count - self._count, report.count
        self._counted_ns = report.at_ns
        if encoder is not None and self.station.belt.measured_by == "encoder":
            self.odometer.read(counts * encoder.mm_per_count, report.at_ns)

    def _watch_wheel(self, now_ns: int) -> Iterator[Change]:
        if self.station.belt.measured_by != "encoder":
            return
        self._counted_ns = now_ns if self._counted_ns is None else self._counted_ns
        silent = now_ns - self._counted_ns > _STANDS_AFTER_NS
        if silent:
            self.odometer.read(0.0, now_ns)
        told_to_run = self.station.inputs.belt_running is not None and not self.interlocks.holds("belt stands")
        self._silent_wheel.see(present=silent and told_to_run, at_ns=now_ns)
        dead = self._silent_wheel.lasts(now_ns)
        reason = "the encoder gives no counts while the belt runs" if dead else "the encoder counts again"
        yield from self._tell("encoder silent", now_ns, reason, present=dead)

    def _watch_speed(self, now_ns: int, error: float | None) -> Iterator[Change]:
        """Hold the way in use against the one that the pictures show."""
        off = error is not None and abs(error) > self.station.belt.tolerance
        self._wrong_speed.see(present=off, at_ns=now_ns)
        wrong = self._wrong_speed.lasts(now_ns)
        if wrong or (error is not None and not off):
            reason = f"in the pictures it goes {abs(error or 0):.0%} {'farther' if (error or 0) > 0 else 'less far'}"
            yield from self._tell("speed doubtful", now_ns, reason, present=wrong)

    def _tell(self, cause: CauseName, now_ns: int, reason: str, *, present: bool, about: str = "") -> Iterator[Change]:
        change = self.interlocks.tell(cause, present=present, now_ns=now_ns, reason=reason, about=about)
        if change is not None:
            yield change

    @staticmethod
    def _is(input_: Input | None, line: int) -> bool:
        return input_ is not None and input_.line == line
