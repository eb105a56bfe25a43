"""When each gate opens: the item's time of arrival there, minus what the actuator needs.

Items are known by their place on the belt, so their times follow the belt: commands are made anew at every call until
they are handed over, and recalled and handed over again when the belt's speed or a neighbour changes them.

Rules for neighbours:
- A gate that opens for one item is never open beyond half the way to the next item that is not for the same bin.
- Items for the same bin that follow each other faster than their gate can close and open again share one opening.
- Where neighbours leave a gate less than its `shortest_ms`, or it cannot be open again by then, the item is let pass to
  the reject bin: one item lost is better than two in the wrong bins.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from sortline_edge.config import Bin, CodeSignal, Station
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Code, Command, Pulse, Recall

HELD_BACK_NS = 300_000_000
# A command that has moved by less is as good as it was.
_SAME_NS = 2_000_000
# What begins so soon may have begun before a recall arrives.
_TOO_SOON_NS = 5_000_000


@dataclass(frozen=True, slots=True)
class Ride:
    """An item on its way: how far the belt has gone when its middle passes the picture's, and its bin (None: none)."""

    item: int
    way_mm: float
    bin: Bin | None


class Due(NamedTuple):
    """What is to be sent now, and the items whose gate cannot open for them, being too close to others."""

    commands: list[Command]
    too_close: list[int]


class _Window(NamedTuple):
    """When a gate is to be open for an item, as commands: `meets_ns` is the command that its middle meets."""

    on_ns: int
    meets_ns: int
    off_ns: int


@dataclass(slots=True)
class Scheduler:
    """Turns rides into commands."""

    station: Station
    odometer: Odometer
    _rides: dict[int, Ride] = field(default_factory=dict)
    _waiting: dict[int, Ride] = field(default_factory=dict)
    _handed: dict[int, Pulse | Code] = field(default_factory=dict)
    _asked_ns: int | None = None

    @property
    def waiting(self) -> int:
        """How many commands are not handed over yet."""
        return len(self._waiting)

    def plan(self, ride: Ride, now_ns: int) -> bool:
        """Take an item that was decided on.

        Returns:
            Whether its gate can still open for it in time. If not it rides on to the reject bin.
        """
        window = None if ride.bin is None else self._window(ride, ride.bin)
        if window is not None and window.on_ns < now_ns:
            self._rides[ride.item] = Ride(ride.item, ride.way_mm, None)
            return False
        self._rides[ride.item] = ride
        if ride.bin is not None or isinstance(self.station.signal, CodeSignal):
            self._waiting[ride.item] = ride
        return True

    def due(self, now_ns: int) -> Due:
        """What is to be handed over now, earliest first, and what is to be handed over anew."""
        # Where frames are rare, the next call may come after the usual time to hold back.
        pause_ns = 0 if self._asked_ns is None else now_ns - self._asked_ns
        self._asked_ns = now_ns
        self._forget(now_ns)
        before_ns = now_ns + max(HELD_BACK_NS, 2 * pause_ns)
        commands, too_close = self._mend(now_ns)
        ready: list[Pulse | Code] = []
        for ride in sorted(self._waiting.values(), key=lambda ride: ride.way_mm):
            window = self._window(ride, ride.bin)
            if window is None or window.on_ns > before_ns:
                continue
            del self._waiting[ride.item]
            command = self._command(ride, now_ns)
            if command is None:
                too_close.append(ride.item)
                self._let_pass(ride.item)
            else:
                self._handed[ride.item] = command
                ready.append(command)
        return Due([*commands, *sorted(ready, key=_starts_ns)], too_close)

    def last_call_ns(self, way_mm: float) -> int | None:
        """Until when an item at `way_mm` must be decided on for any bin to be still within reach; None: no hurry."""
        windows = [self._window(Ride(0, way_mm, bin_), bin_) for bin_ in self.station.bins]
        return min((window.on_ns for window in windows if window is not None), default=None)

    def clear(self, now_ns: int) -> list[int]:
        """Forget every command that has not begun, handed over or not; the items they were for."""
        to_come = (item for item, command in self._handed.items() if _starts_ns(command) > now_ns)
        items = sorted([*self._waiting, *to_come])
        self._waiting.clear()
        for item in items:
            self._handed.pop(item, None)
            self._let_pass(item)
        return items

    def _let_pass(self, item: int) -> None:
        """An item rides on to the reject bin; its place stays known, to keep the gates of others off it."""
        self._rides[item] = Ride(item, self._rides[item].way_mm, None)

    def _mend(self, now_ns: int) -> tuple[list[Command], list[int]]:
        """Recall what the belt or a neighbour has changed since it was handed over, and hand it over anew.

        Returns:
            The commands, and the items whose gate cannot open for them any more.
        """
        commands: list[Command] = []
        too_close: list[int] = []
        for item, command in list(self._handed.items()):
            if _starts_ns(command) <= now_ns + _TOO_SOON_NS:
                continue
            ride = self._rides[item]
            if self.odometer.when_ns(ride.way_mm + self._distance_mm(ride.bin)) is None:
                del self._handed[item]
                self._waiting[item] = ride
                commands.append(Recall(item=item))
                continue
            mended = self._command(ride, now_ns)
            if mended is None:
                del self._handed[item]
                self._let_pass(item)
                too_close.append(item)
                commands.append(Recall(item=item))
            elif not _is_same(mended, command) and _starts_ns(mended) > now_ns:
                self._handed[item] = mended
                commands += [Recall(item=item), mended]
        return commands, too_close

    def _forget(self, now_ns: int) -> None:
        """Drop the rides that are so far past the last gate that no item near them has still to come to it."""
        farthest_mm = max(bin_.distance_mm for bin_ in self.station.bins)
        longest_ms = max(bin_.dwell_ms for bin_ in self.station.bins)
        past_mm = self.odometer.way_mm(now_ns) - farthest_mm - longest_ms / 1e3 * self.station.belt.speed_mm_s
        for ride in [ride for ride in self._rides.values() if ride.way_mm < past_mm]:
            if ride.item not in self._waiting:
                del self._rides[ride.item]
                self._handed.pop(ride.item, None)

    def _distance_mm(self, bin_: Bin | None) -> float:
        """To a bin's gate; for no bin at all to the first gate, where it has to be known."""
        return min(one.distance_mm for one in self.station.bins) if bin_ is None else bin_.distance_mm

    def _window(self, ride: Ride, bin_: Bin | None) -> _Window | None:
        """When the gate would be open for an item that has the belt to itself; None while the belt stands."""
        arrival_ns = self.odometer.when_ns(ride.way_mm + self._distance_mm(bin_))
        if arrival_ns is None:
            return None
        like = bin_ or self.station.bins[0]
        meets_ns = arrival_ns - round(like.delay_ms * 1e6)
        half_ns = round(like.dwell_ms * 5e5)
        return _Window(meets_ns - half_ns, meets_ns, meets_ns + half_ns)

    def _command(self, ride: Ride, now_ns: int) -> Pulse | Code | None:
        """The command for an item among its neighbours; None where they leave its gate too little."""
        window = self._window(ride, ride.bin)
        if window is None:
            raise AssertionError("a command for a belt that stands")
        on_ns, meets_ns, off_ns = self._trim(ride, window)
        if isinstance(self.station.signal, CodeSignal):
            code = self.station.signal.reject_code if ride.bin is None else ride.bin.code
            return Code(value=code or 0, at_ns=on_ns, item=ride.item)
        if ride.bin is None or ride.bin.line is None:
            raise AssertionError("a pulse for no line")
        on_ns = self._after_the_one_before(ride, ride.bin, on_ns, now_ns)
        if on_ns > meets_ns or off_ns - on_ns < ride.bin.shortest_ms * 1e6:
            return None
        return Pulse(line=ride.bin.line, on_ns=on_ns, off_ns=max(off_ns, on_ns + 1), item=ride.item)

    def _trim(self, ride: Ride, window: _Window) -> _Window:
        others = [
            other.way_mm for other in self._rides.values() if other.item != ride.item and self._apart(other, ride)
        ]
        before = max((way for way in others if way <= ride.way_mm), default=None)
        after = min((way for way in others if way > ride.way_mm), default=None)
        half_ns_per_mm = 5e8 / (self.odometer.speed_mm_s or self.station.belt.speed_mm_s)
        on_ns, meets_ns, off_ns = window
        if before is not None:
            on_ns = max(on_ns, meets_ns - int((ride.way_mm - before) * half_ns_per_mm))
        if after is not None:
            off_ns = min(off_ns, meets_ns + int((after - ride.way_mm) * half_ns_per_mm))
        return _Window(on_ns, meets_ns, off_ns)

    def _apart(self, other: Ride, ride: Ride) -> bool:
        """Whether two items need different things: codes are said for each item, even for the same bin."""
        return other.bin is not ride.bin or isinstance(self.station.signal, CodeSignal)

    def _after_the_one_before(self, ride: Ride, bin_: Bin, on_ns: int, now_ns: int) -> int:
        """When its gate opens for an item, given when it closes after the item before."""
        earlier = [
            (command.off_ns, self._rides[item].way_mm)
            for item, command in self._handed.items()
            if item != ride.item and isinstance(command, Pulse) and command.line == bin_.line
        ]
        closing = [(off_ns, way_mm) for off_ns, way_mm in earlier if way_mm <= ride.way_mm]
        if not closing:
            return on_ns
        off_ns, way_mm = max(closing)
        again_ns = off_ns + round(bin_.rest_ms * 1e6)
        if again_ns <= on_ns:
            return on_ns
        between = (other for other in self._rides.values() if way_mm <= other.way_mm <= ride.way_mm)
        shares = off_ns > now_ns + _TOO_SOON_NS and all(other.bin is bin_ for other in between)
        return min(on_ns, off_ns) if shares else max(on_ns, again_ns)


def _starts_ns(command: Pulse | Code) -> int:
    return command.on_ns if isinstance(command, Pulse) else command.at_ns


def _is_same(command: Pulse | Code, other: Pulse | Code) -> bool:
    if isinstance(command, Pulse) and isinstance(other, Pulse) and abs(command.off_ns - other.off_ns) > _SAME_NS:
        return False
    return abs(_starts_ns(command) - _starts_ns(other)) <= _SAME_NS
