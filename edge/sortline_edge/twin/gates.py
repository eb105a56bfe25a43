"""When each gate of the simulated belt stood open: what its line said, and how the gate answered."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from sortline_edge.config import Bin
from sortline_edge.ports import Coded, Report, Switched
from sortline_edge.twin.faults import Faults

_FARTHEST_SPREADS = 3.0


@dataclass(slots=True)
class _Openings:
    """From when to when a gate was told to be open; the last may have no end yet."""

    begins_ns: list[int] = field(default_factory=list)
    ends_ns: list[int | None] = field(default_factory=list)

    def begin(self, at_ns: int) -> None:
        if not self.ends_ns or self.ends_ns[-1] is not None:
            self.begins_ns.append(at_ns)
            self.ends_ns.append(None)

    def end(self, at_ns: int) -> None:
        if self.ends_ns and self.ends_ns[-1] is None:
            self.ends_ns[-1] = at_ns


@dataclass(slots=True)
class GateLog:
    """The gates, told by the outputs' reports.

    A gate with a line of its own is told to be open while its line is active. Where bins have codes it is from its
    bin's code until the next one, as long as the PLC takes them.

    Attributes:
        faults: What goes wrong with gates.
        spread_ns: Standard deviation of a gate's delay; none is farther than three of them from the mean.
        seed: Of the delays.
        holds_ns: How long a code is obeyed that a PLC has taken; None: until the next one, where no PLC takes them.
        worst_late_ns: The latest that any line was switched.
    """

    faults: Faults = field(default_factory=lambda: Faults((), 0))
    spread_ns: float = 0.0
    seed: int = 0
    holds_ns: int | None = None
    worst_late_ns: int = 0
    _lines: dict[int, _Openings] = field(default_factory=dict)
    _codes: dict[int, _Openings] = field(default_factory=dict)

    def take(self, reports: Iterable[Report]) -> None:
        """Note what the outputs say, in their order."""
        for report in reports:
            match report:
                case Switched():
                    self.worst_late_ns = max(self.worst_late_ns, report.late_ns)
                    openings = self._lines.setdefault(report.line, _Openings())
                    (openings.begin if report.active else openings.end)(report.at_ns)
                case Coded():
                    self.worst_late_ns = max(self.worst_late_ns, report.late_ns)
                    if self.faults.at("plc-silent", report.at_ns) is None:
                        for openings in self._codes.values():
                            openings.end(report.at_ns)
                        openings = self._codes.setdefault(report.value, _Openings())
                        openings.begin(report.at_ns)
                        if self.holds_ns is not None:
                            openings.end(report.at_ns + self.holds_ns)

    def is_open(self, bin_: Bin, at_ns: int) -> bool:
        """Whether a bin's gate stood open at a time, which the reports must have reached."""
        if self.faults.at("gate-dead", at_ns, bin_.name):
            return False
        if self.faults.at("gate-open", at_ns, bin_.name):
            return True
        key, openings = self._openings(bin_)
        if openings is None:
            return False
        slow = self.faults.at("gate-slow", at_ns, bin_.name)
        delay_ns = 1e6 * (bin_.delay_ms + (slow.amount if slow else 0.0))
        slowest_ns = delay_ns + _FARTHEST_SPREADS * self.spread_ns
        for nth in range(bisect_right(openings.begins_ns, at_ns) - 1, -1, -1):
            end_ns = openings.ends_ns[nth]
            if end_ns is not None and end_ns + slowest_ns <= at_ns:
                return False
            opening_ns, closing_ns = (delay_ns + apart_ns for apart_ns in self._spread(key, nth))
            if openings.begins_ns[nth] + opening_ns <= at_ns and (end_ns is None or at_ns < end_ns + closing_ns):
                return True
        return False

    def _openings(self, bin_: Bin) -> tuple[int, _Openings | None]:
        if bin_.line is not None:
            return bin_.line, self._lines.get(bin_.line)
        if bin_.code is not None:
            return bin_.code, self._codes.get(bin_.code)
        return 0, None

    def _spread(self, key: int, nth: int) -> tuple[float, float]:
        """How much later than usual the gate opens and closes for its `nth` opening, in nanoseconds."""
        if not self.spread_ns:
            return 0.0, 0.0
        apart = np.random.default_rng((self.seed, 4, key, nth)).normal(0, self.spread_ns, 2)
        farthest_ns = _FARTHEST_SPREADS * self.spread_ns
        opening_ns, closing_ns = np.clip(apart, -farthest_ns, farthest_ns)
        return float(opening_ns), float(closing_ns)
