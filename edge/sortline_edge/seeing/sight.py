"""What the camera and the entry eye show: the items in the picture, each known again, and how fast the belt looks."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from sortline_bundle.preprocess import Box
from sortline_edge.config import Station
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Edge, Frame
from sortline_edge.seeing.detect import Detector
from sortline_edge.seeing.eye import Eye
from sortline_edge.seeing.flow import Flow, Shift, Speedometer
from sortline_edge.seeing.track import Item, Tracker

# To check the belt's speed two pictures of so many are enough; of the checks that are sure, so many count.
_CHECK_EVERY, _CHECKS = 8, 10
# Of belts with texture nine shifts in ten are surer. What a lens or a sensor leaves in every picture is less so.
_SURE = 0.28
_LEAST_MM = 1.0
# No two pictures of a belt that goes are alike to the bit: every so many-th pixel each way tells.
_SAMPLED = 12
# The second picture is taken when the belt should have gone by so much of the picture's width: a pixel more or less is
# little then. After more, where frames were lost, little of the belt is in both; items at equal distances, or what they
# have left in the mean of the pictures, would be taken for it.
_LEAST_OF_WIDTH, _MOST_OF_WIDTH = 0.1, 0.25


@dataclass(slots=True)
class Sight:
    """Finds items in frames and follows them. What the belt goes meanwhile, the odometer says.

    Attributes:
        station: Its belt, trigger and sizes.
        odometer: Where the belt is; moved by the pictures where they measure it.
        seen_ns: Capture time of the newest frame.
        repeats: How many frames in a row showed the very same picture as the one before, which is not looked at again.
        unannounced: Whether the newest picture shows something on the belt that the entry eye, if it is the trigger,
            has not seen.
    """

    station: Station
    odometer: Odometer
    seen_ns: int
    repeats: int = 0
    unannounced: bool = False
    _sample: bytes = b""
    _detector: Detector = field(default_factory=Detector)
    _follower: Tracker | Eye | None = None
    _edges: list[Edge] = field(default_factory=list)
    _flow: Flow = field(default_factory=Flow)
    _speedometer: Speedometer = field(default_factory=Speedometer)
    _ways: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_CHECKS))
    _checked_mm: float | None = None
    _nth: int = -1

    @property
    def items(self) -> list[Item]:
        """The items in the newest picture."""
        return self._follower.items if self._follower else []

    @property
    def error(self) -> float | None:
        """By what share the belt goes farther than the odometer says, to the eye; None where the pictures do not tell.

        The median over some checks: -1 where it stands and should go.
        """
        if len(self._ways) < _CHECKS // 2:
            return None
        return median((looks - counted) / max(looks, counted) for looks, counted in self._ways)

    def edge(self, edge: Edge) -> None:
        """The entry eye was covered or became free."""
        self._edges.append(edge)

    def take(self, frame: Frame) -> list[Item]:
        """Take one frame, which must be newer than the last; the items that have left the picture since then."""
        self.seen_ns = frame.captured_ns
        sample = frame.image[::_SAMPLED, ::_SAMPLED].tobytes()
        same = sample == self._sample and self.odometer.speed_mm_s > 0
        self.repeats, self._sample = self.repeats + 1 if same else 0, sample
        if self.repeats:
            return []
        self._nth += 1
        self._watch_belt(frame)
        belt, deciding = self.station.belt, self.station.deciding
        if self._follower is None:
            self._follower = self._new_follower(*frame.image.shape[1::-1])
        if isinstance(self._follower, Eye):
            for edge in self._edges:
                self._follower.edge(active=edge.active, at_ns=edge.at_ns, gone_px=self._gone_px(edge.at_ns))
            self._edges.clear()
        gone_px = round(self._gone_px(frame.captured_ns))
        blobs = self._detector.blobs(frame.image, round(deciding.smallest_mm / belt.mm_per_px), gone_px)
        gone = self._follower.follow(blobs, frame.captured_ns, gone_px)
        self.unannounced = isinstance(self._follower, Eye) and any(
            blob.box.left > 0 and blob.box.right < frame.image.shape[1] and not self._is_of_an_item(blob.box, gone_px)
            for blob in blobs
        )
        return gone

    def _is_of_an_item(self, box: Box, gone_px: int) -> bool:
        return any(
            box.left < item.place.right + gone_px and item.place.left + gone_px < box.right for item in self.items
        )

    def way_mm(self, item: Item) -> float:
        """How far the belt has gone when an item's middle passes the middle of the picture."""
        if self._follower is None:
            raise AssertionError("an item without a picture")
        return (self._follower.width_px / 2 - item.middle_px) * self.station.belt.mm_per_px

    def box(self, item: Item, at_ns: int) -> Box:
        """Where an item is in the picture of a time, or was or will be outside it."""
        gone = round(self._gone_px(at_ns))
        left, top, right, bottom = item.place
        return Box(left + gone, top, right + gone, bottom)

    def _new_follower(self, width: int, height: int) -> Tracker | Eye:
        eye, deciding, mm_per_px = self.station.inputs.eye, self.station.deciding, self.station.belt.mm_per_px
        if deciding.trigger == "picture" or eye is None:
            return Tracker(width)
        ahead, smallest, longest = (
            mm / mm_per_px for mm in (eye.distance_mm, deciding.smallest_mm, deciding.longest_mm)
        )
        return Eye(width, height, ahead, smallest, longest)

    def _watch_belt(self, frame: Frame) -> None:
        way_mm = self.odometer.way_mm(frame.captured_ns)
        width_mm = frame.image.shape[1] * self.station.belt.mm_per_px
        if self.station.belt.measured_by == "pictures":
            self._speedometer.add(self._check(frame, way_mm, width_mm), frame.captured_ns)
            if (speed := self._speedometer.speed) is not None:
                self.odometer.pace(max(0.0, speed * self.station.belt.mm_per_px), frame.captured_ns)
        elif self._checked_mm is None:
            if self._nth % _CHECK_EVERY == 0:
                self._flow.start(frame.image)
                self._checked_mm = way_mm
        elif way_mm - self._checked_mm >= _LEAST_OF_WIDTH * width_mm:
            self._check(frame, way_mm, width_mm)
            self._checked_mm = None

    def _check(self, frame: Frame, way_mm: float, width_mm: float) -> Shift | None:
        """Compare a picture with the one of the check before, and the way in between."""
        shift = self._flow.shift(frame.image)
        if shift is not None and shift.certainty > _SURE and self._checked_mm is not None:
            looks, counted = max(0.0, shift.px * self.station.belt.mm_per_px), way_mm - self._checked_mm
            if max(looks, counted) > _LEAST_MM and counted < _MOST_OF_WIDTH * width_mm:
                self._ways.append((looks, counted))
        self._checked_mm = way_mm
        return shift

    def _gone_px(self, at_ns: int) -> float:
        return self.odometer.way_mm(at_ns) / self.station.belt.mm_per_px
