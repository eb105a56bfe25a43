"""The station's core: frames and their times in, decisions and timed pulses out.

It does no input or output, reads no clock and never sleeps, so that it runs the same live, on a recorded video, and on
the simulated belt.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ConfigError
from sortline_bundle.manifest import Manifest
from sortline_edge.config import Station
from sortline_edge.decide import Decision, Reason, Verdict, weigh
from sortline_edge.detect import Detector
from sortline_edge.ports import Classifier, Frame, Pulse
from sortline_edge.schedule import Ride, Scheduler
from sortline_edge.track import Item, Tracker

_FEWEST_FRAMES = 2  # what one single frame showed was a flicker, not an item


class Step(NamedTuple):
    """What one frame brought: items decided on, and pulses that must be sent now."""

    decisions: list[Decision]
    pulses: list[Pulse]


@dataclass(slots=True)
class _Case:
    """What is known of an item that is still in the picture."""

    looks: list[NDArray[np.float32]] = field(default_factory=list)
    longest_px: int = 0
    closed: bool = False


class Core:
    """One station. Each item is decided on exactly once: when it was looked at often enough, or when it leaves."""

    def __init__(self, station: Station, manifest: Manifest, classifier: Classifier) -> None:
        """Bring wiring, bundle and model together.

        Raises:
            ConfigError: the station has a bin for a class that the bundle does not know.
        """
        for bin_ in station.bins:
            for name in bin_.classes:
                if name not in manifest.class_names:
                    known = ", ".join(manifest.class_names)
                    raise ConfigError(
                        f"bin {bin_.name!r} takes class {name!r}, which the bundle does not know: {known}"
                    )
        self._station, self._manifest, self._classifier = station, manifest, classifier
        self._speed_px_s = station.belt.speed_mm_s / station.belt.mm_per_px
        self._detector = Detector()
        self._tracker: Tracker | None = None
        self._scheduler = Scheduler(station.belt.speed_mm_s, _longest_ride_ns(station))
        self._cases: dict[int, _Case] = {}

    @property
    def items(self) -> list[Item]:
        """The items in the newest picture."""
        return self._tracker.items if self._tracker else []

    @property
    def waiting(self) -> int:
        """How many pulses have been planned and not been given out yet."""
        return self._scheduler.waiting

    def step(self, frame: Frame, now_ns: int) -> Step:
        """Take one frame, at the time `now_ns` of the clock that also stamped it."""
        belt = self._station.belt
        width = frame.image.shape[1]
        if self._tracker is None:
            self._tracker = Tracker(width)
        smallest = round(self._station.deciding.smallest_mm / belt.mm_per_px)
        gone_px = round(self._speed_px_s * frame.captured_ns / 1e9)
        gone = self._tracker.follow(self._detector.blobs(frame.image, smallest, gone_px), frame.captured_ns, gone_px)
        for item in self._tracker.items:
            self._look(item, frame)
        ripe = [item for item in self._tracker.items if self._is_ripe(item)]
        decisions = [self._decide(item, now_ns) for item in (*ripe, *gone) if self._is_open(item)]
        for item in gone:
            self._cases.pop(item.number, None)
        return Step(decisions, self._scheduler.due(now_ns))

    def finish(self, now_ns: int) -> Step:
        """The camera has ended: decide on what is still in the picture by the looks there are."""
        decisions = [self._decide(item, now_ns) for item in self.items if self._is_open(item)]
        return Step(decisions, self._scheduler.due(now_ns))

    def due(self, now_ns: int) -> list[Pulse]:
        """Pulses that must be sent now, between frames or after the last one."""
        return self._scheduler.due(now_ns)

    def _look(self, item: Item, frame: Frame) -> None:
        case = self._cases.setdefault(item.number, _Case())
        for part in item.parts:
            case.closed |= self._cases.pop(part, case).closed
        case.longest_px = max(case.longest_px, item.place.width)
        if item.whole is None or case.closed or self._is_too_long(case):
            return
        case.looks.append(self._classifier.logits(frame.image, item.whole, frame.order))

    def _is_open(self, item: Item) -> bool:
        return item.frames >= _FEWEST_FRAMES and not self._cases[item.number].closed

    def _is_ripe(self, item: Item) -> bool:
        return len(self._cases[item.number].looks) >= self._station.deciding.looks

    def _is_too_long(self, case: _Case) -> bool:
        return case.longest_px * self._station.belt.mm_per_px > self._station.deciding.longest_mm

    def _decide(self, item: Item, now_ns: int) -> Decision:
        case = self._cases[item.number]
        case.closed = True
        verdict = weigh(case.looks, self._manifest) if case.looks else None
        bin_ = self._station.bin_of(verdict.class_name) if verdict else None
        reason = self._reason(case, verdict, has_bin=bin_ is not None)
        middle_ns = self._middle_ns(item)
        ride = Ride(item.number, middle_ns, bin_ if reason == "sorted" else None)
        if not self._scheduler.plan(ride, now_ns):
            reason = "late"
        return Decision(
            item=item.number,
            decided_ns=now_ns,
            seen_ns=item.first_ns,
            middle_ns=middle_ns,
            looks=len(case.looks),
            class_name=verdict.class_name if verdict else None,
            score=verdict.score if verdict else 0.0,
            bin=bin_.name if bin_ is not None and reason == "sorted" else self._station.reject,
            reason=reason,
        )

    def _reason(self, case: _Case, verdict: Verdict | None, *, has_bin: bool) -> Reason:
        if self._is_too_long(case):
            return "too long"
        if verdict is None:
            return "never whole"
        if not verdict.trusted:
            return "doubtful"
        return "sorted" if has_bin else "no bin"

    def _middle_ns(self, item: Item) -> int:
        """When the item's middle passes the middle of the picture."""
        if self._tracker is None:
            raise AssertionError("an item without a picture")
        way_px = self._tracker.width_px / 2 - item.middle_px
        return round(1e9 * way_px / self._speed_px_s)


def _longest_ride_ns(station: Station) -> int:
    """From the middle of the picture to the farthest gate, and as long as that gate may be open for another item."""
    farthest_s = max(bin_.distance_mm for bin_ in station.bins) / station.belt.speed_mm_s
    longest_ms = max(bin_.dwell_ms for bin_ in station.bins)
    return round(1e9 * farthest_s + 1e6 * longest_ms)
