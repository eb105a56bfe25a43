"""Where the belt is at a time: the way it has gone, out of its speed or out of measured readings.

Everything on the belt is known by its place on it, so a belt that slows down or stands takes all items with it and no
gate has to be told.
"""

from bisect import bisect_left, bisect_right

# Readings are kept for longer than an item needs from the picture to the farthest gate of a slow belt.
_KEPT_NS = 120_000_000_000
# The speed is that of the readings of so long: one count of an encoder more or less is little in it.
_SPEED_OVER_NS = 300_000_000


class Odometer:
    """The belt's way, in mm since the start.

    Without readings it goes at its speed. With them (`read`) it is between two readings where a straight line says, and
    after the last one it goes on at the newest speed. `pace` gives it another speed, `stand` stops it and `go` starts
    it again. Only between the newest two of these calls, and after them, may it change what it says.
    """

    def __init__(self, speed_mm_s: float, start_ns: int) -> None:
        """Start at way 0.

        Args:
            speed_mm_s: Speed as long as nothing else is known.
            start_ns: When; the first reading is held against this time.
        """
        self._set_speed = speed_mm_s
        self._speed = speed_mm_s
        self._standing = False
        self._going_ns = start_ns
        self._times: list[int] = [start_ns]
        self._ways: list[float] = [0.0]
        self._read_mm = 0.0

    @property
    def speed_mm_s(self) -> float:
        """The speed it goes at now; 0 while it stands."""
        return 0.0 if self._standing else self._speed

    def way_mm(self, at_ns: int) -> float:
        """How far the belt has gone at `at_ns`, which may lie ahead; negative before the start."""
        after = bisect_right(self._times, at_ns)
        if after == len(self._times):
            return self._ways[-1] + self.speed_mm_s * (at_ns - self._times[-1]) / 1e9
        if after == 0:
            return self._ways[0] - self._set_speed * (self._times[0] - at_ns) / 1e9
        start_ns, end_ns = self._times[after - 1], self._times[after]
        start, end = self._ways[after - 1], self._ways[after]
        return start + (end - start) * (at_ns - start_ns) / (end_ns - start_ns)

    def when_ns(self, way_mm: float) -> int | None:
        """When the belt had or will have gone so far first, as things are now; None while it stands and has not."""
        after = bisect_left(self._ways, way_mm)
        if after == len(self._ways):
            if not self.speed_mm_s:
                return None
            return round(self._times[-1] + 1e9 * (way_mm - self._ways[-1]) / self._speed)
        if after == 0:
            return round(self._times[0] - 1e9 * (self._ways[0] - way_mm) / self._set_speed)
        start_ns, end_ns = self._times[after - 1], self._times[after]
        start, end = self._ways[after - 1], self._ways[after]
        return round(start_ns + (end_ns - start_ns) * (way_mm - start) / (end - start))

    def read(self, gone_mm: float, at_ns: int) -> None:
        """A measurement: since the last reading or the start the belt went `gone_mm`, until `at_ns`."""
        self._read_mm += max(0.0, gone_mm)
        self._knot(at_ns, self._read_mm)
        since_ns = max(self._going_ns, self._times[-1] - _SPEED_OVER_NS)
        since = max(0, bisect_right(self._times, since_ns) - 1)
        passed_ns = self._times[-1] - self._times[since]
        if passed_ns:
            self._speed = 1e9 * (self._ways[-1] - self._ways[since]) / passed_ns

    def pace(self, speed_mm_s: float, at_ns: int) -> None:
        """The belt goes at this speed from `at_ns` on, as something else than an encoder has measured."""
        self._knot(at_ns, self.way_mm(at_ns))
        self._speed = speed_mm_s

    def stand(self, at_ns: int) -> None:
        """The belt stands from `at_ns` on."""
        if not self._standing:
            self._knot(at_ns, self.way_mm(at_ns))
            self._standing = True

    def go(self, at_ns: int) -> None:
        """The belt goes again, at the speed that was set: what was measured before it stood says nothing."""
        if self._standing:
            self._knot(at_ns, self._ways[-1])
            self._standing = False
            self._speed = self._set_speed
            self._going_ns = self._times[-1]

    def _knot(self, at_ns: int, way_mm: float) -> None:
        """Hold on to the way at a time. The belt never goes back: where it was said to be farther, it waits there."""
        way_mm = max(way_mm, self._ways[-1])
        if at_ns <= self._times[-1]:
            self._ways[-1] = way_mm
            return
        self._times.append(at_ns)
        self._ways.append(way_mm)
        if self._times[1] < at_ns - 2 * _KEPT_NS:
            drop = bisect_right(self._times, at_ns - _KEPT_NS) - 1
            del self._times[:drop], self._ways[:drop]
