"""Where the belt is at a time: the way it has gone, out of its speed or out of measured readings.

Everything on the belt is known by its place on it, so a belt that slows down or stands takes all items with it and no
gate has to be told.
"""

from bisect import bisect_right

# Readings are kept for longer than an item needs from the picture to the farthest gate of a slow belt.
_KEPT_NS = 120_000_000_000
# The speed is that of the readings of so long: one count of an encoder more or less is little in it.
_SPEED_OVER_NS = 300_000_000


class Odometer:
    """The belt's way, in mm since the clock's zero.

    Without readings it goes at its speed. With them (`read`) it is between two readings where a straight line says, and
    after the last one it goes on at the newest speed. `stand` stops it and `go` starts it again.
    """

    def __init__(self, speed_mm_s: float) -> None:
        self._set_speed = speed_mm_s
        self._speed = speed_mm_s
        self._standing = False
        self._times: list[int] = [0]
        self._ways: list[float] = [0.0]

    @property
    def speed_mm_s(self) -> float:
        """The speed it goes at now; 0 while it stands."""
        return 0.0 if self._standing else self._speed

    def way_mm(self, at_ns: int) -> float:
        """How far the belt has gone at `at_ns`, which may lie ahead."""
        last = len(self._times) - 1
        after = bisect_right(self._times, at_ns)
        if after > last:
            return self._ways[last] + self.speed_mm_s * max(0, at_ns - self._times[last]) / 1e9
        if after == 0:
            return self._ways[0] - self._speed * (self._times[0] - at_ns) / 1e9
        before = after - 1
        share = (at_ns - self._times[before]) / (self._times[after] - self._times[before])
        return self._ways[before] + share * (self._ways[after] - self._ways[before])

    def when_ns(self, way_mm: float) -> int | None:
        """When the belt has gone so far, as things are now; None while it stands and has not."""
        if way_mm <= self._ways[-1] and len(self._ways) > 1:
            after = max(1, bisect_right(self._ways, way_mm))
            after = min(after, len(self._ways) - 1)
            start, end = self._ways[after - 1], self._ways[after]
            share = (way_mm - start) / (end - start) if end > start else 1.0
            return round(self._times[after - 1] + share * (self._times[after] - self._times[after - 1]))
        if not self.speed_mm_s:
            return None
        return round(self._times[-1] + 1e9 * (way_mm - self._ways[-1]) / self._speed)

    def read(self, gone_mm: float, at_ns: int) -> None:
        """A measurement: since the last reading or the start the belt went `gone_mm`, until `at_ns`."""
        if at_ns <= self._times[-1]:
            return
        self._knot(at_ns, self._ways[-1] + max(0.0, gone_mm))
        since = max(0, bisect_right(self._times, at_ns - _SPEED_OVER_NS) - 1)
        passed_ns = self._times[-1] - self._times[since]
        self._speed = 1e9 * (self._ways[-1] - self._ways[since]) / passed_ns

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

    def _knot(self, at_ns: int, way_mm: float) -> None:
        if at_ns <= self._times[-1]:
            self._ways[-1] = max(way_mm, self._ways[-1])
            return
        self._times.append(at_ns)
        self._ways.append(way_mm)
        if self._times[1] < at_ns - 2 * _KEPT_NS:
            drop = bisect_right(self._times, at_ns - _KEPT_NS) - 1
            del self._times[:drop], self._ways[:drop]
