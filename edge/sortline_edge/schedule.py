"""When each gate opens: the item's time of arrival there, minus what the actuator needs.

Rule for neighbours: a gate that opens for one item never stays open over the middle of the way to the next item that is
not for the same bin. Pulses are held back until shortly before they are due, when the neighbours are known.
"""

from dataclasses import dataclass, field

from sortline_edge.config import Bin
from sortline_edge.ports import Pulse

HELD_BACK_NS = 300_000_000


@dataclass(frozen=True, slots=True)
class Ride:
    """An item on its way: when its middle passes the middle of the picture, and its bin (None: to the belt's end)."""

    item: int
    middle_ns: int
    bin: Bin | None


@dataclass(slots=True)
class Scheduler:
    """Turns rides into pulses.

    Attributes:
        speed_mm_s: Belt speed.
        horizon_ns: Rides are forgotten so long after they passed the picture: not before any item near them has had
            its gate.
    """

    speed_mm_s: float
    horizon_ns: int
    _rides: dict[int, Ride] = field(default_factory=dict)
    _waiting: dict[int, Pulse] = field(default_factory=dict)
    _asked_ns: int | None = None

    def plan(self, ride: Ride, now_ns: int) -> bool:
        """Take an item whose bin is decided.

        Returns:
            Whether its gate can still open for it in time. If not it rides on to the reject bin.
        """
        pulse = self._pulse(ride)
        if pulse is not None and pulse.on_ns < now_ns:
            self._rides[ride.item] = Ride(ride.item, ride.middle_ns, None)
            return False
        self._rides[ride.item] = ride
        if pulse is not None:
            self._waiting[ride.item] = pulse
        return True

    def due(self, now_ns: int) -> list[Pulse]:
        """The pulses to be handed over now, trimmed to leave the neighbours alone, earliest first."""
        # Where frames are rare, the next call may come after the usual time to hold back.
        pause_ns = 0 if self._asked_ns is None else now_ns - self._asked_ns
        self._asked_ns = now_ns
        ahead_ns = max(HELD_BACK_NS, 2 * pause_ns)
        ready = [pulse for pulse in self._waiting.values() if pulse.on_ns - ahead_ns <= now_ns]
        for pulse in ready:
            del self._waiting[pulse.item]
        handed = [self._trim(pulse) for pulse in ready]
        old = [ride.item for ride in self._rides.values() if ride.middle_ns + self.horizon_ns < now_ns]
        for item in old:
            del self._rides[item]
        return sorted(handed, key=lambda pulse: pulse.on_ns)

    @property
    def waiting(self) -> int:
        """How many pulses are not handed over yet."""
        return len(self._waiting)

    def _arrival_ns(self, ride: Ride, bin_: Bin) -> int:
        return ride.middle_ns + round(1e9 * bin_.distance_mm / self.speed_mm_s)

    def _pulse(self, ride: Ride) -> Pulse | None:
        if ride.bin is None:
            return None
        open_ns = self._arrival_ns(ride, ride.bin) - round(ride.bin.dwell_ms * 5e5)
        on_ns = open_ns - round(ride.bin.delay_ms * 1e6)
        return Pulse(
            line=ride.bin.line or 0, on_ns=on_ns, off_ns=on_ns + round(ride.bin.dwell_ms * 1e6), item=ride.item
        )

    def _trim(self, pulse: Pulse) -> Pulse:
        ride = self._rides[pulse.item]
        others = [other.middle_ns for other in self._rides.values() if other.bin is not ride.bin]
        before = max((time for time in others if time <= ride.middle_ns), default=None)
        after = min((time for time in others if time > ride.middle_ns), default=None)
        middle_on_ns = (pulse.on_ns + pulse.off_ns) // 2  # the command that the item's middle meets
        on_ns, off_ns = pulse.on_ns, pulse.off_ns
        if before is not None:
            on_ns = max(on_ns, middle_on_ns - (ride.middle_ns - before) // 2)
        if after is not None:
            off_ns = min(off_ns, middle_on_ns + (after - ride.middle_ns) // 2)
        return Pulse(line=pulse.line, on_ns=on_ns, off_ns=max(off_ns, on_ns + 1), item=pulse.item)
