"""The simulated belt's camera, with all that can be wrong about it."""

from collections import deque
from collections.abc import Collection

import numpy as np

from sortline_bundle.photographs import Photograph
from sortline_bundle.preprocess import Box
from sortline_edge.clocks import Clock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.ports import Frame, NoFrame
from sortline_edge.twin.render import Lens, Picture, Renderer, Shown
from sortline_edge.twin.riders import Layout, Rider
from sortline_edge.twin.sprites import Sprite
from sortline_edge.twin.studio import Studio
from sortline_edge.twin.world import World

_GONE_PX = 50  # beyond the picture's edge a blurred item is out of sight


class BeltCamera:
    """Renders the belt at the clock's time, one frame every period; implements `ports.Camera`.

    A reader that is too slow gets the newest frame and a gap in the sequence, as from a real camera. A frame whose
    stamp is too old is withheld; a stamp from the future is not known for one.

    Attributes:
        world: The belt it looks at.
        layout: Belt and camera.
        studio: Takes full-size pictures of the same items.
        left_out: Photographs that no item could be cut out of.
        taken_ns: When the newest picture was really taken, whatever its time stamp says.
    """

    def __init__(
        self, world: World, studio: Studio, clock: Clock, settings: Settings, left_out: Collection[Photograph]
    ) -> None:
        """Look at a belt.

        Args:
            world: The belt.
            studio: Takes full-size pictures of the same items.
            clock: Real or virtual.
            settings: Frame rate, noise and seed.
            left_out: Grows by the photographs that no item could be cut out of.
        """
        self.world, self.layout, self.studio, self.left_out = world, world.layout, studio, left_out
        self._clock = clock
        self._renderer = Renderer(world.layout, settings.seed, settings.noise)
        self._seed = settings.seed
        self._period_ns = round(1e9 / settings.frames_per_s)
        self._longest_late_ns = round(1e9 * max((w.amount for w in world.faults.windows("frames-stale")), default=0.0))
        self._entered = 0
        self._visible: deque[tuple[Rider, Sprite]] = deque()
        self._slot = 0
        self._sequence = 0
        self._newest: Picture | None = None
        self.taken_ns = 0
        self._seen: list[tuple[Rider, Box]] = []
        self._move(0)

    @property
    def start_ns(self) -> int:
        """Time on the clock when the belt started."""
        return self.world.motion.start_ns

    @property
    def riders(self) -> list[Rider]:
        """Every item that has come so far."""
        return self.world.traffic.riders

    @property
    def visible(self) -> list[tuple[Rider, Sprite]]:
        """What is in the newest picture or near it."""
        return list(self._visible)

    @property
    def seen(self) -> list[tuple[Rider, Box]]:
        """What is in the newest picture, and where; the last of them on top."""
        return self._seen

    def lens(self, layout: Layout) -> Lens:
        """How a camera of some layout would have seen the newest picture."""
        return self.world.lens(self.taken_ns, layout)

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """The next frame; it has ended when the last item left the picture."""
        end_ns = self._clock.now_ns() + round(1e9 * timeout_s)
        first = max(self._slot + 1, (self._clock.now_ns() - self.start_ns) // self._period_ns)
        # What went by while nobody read.
        for slot in range(self._slot + 1, first):
            self._count(slot)
        slot = first
        while (due_ns := self.start_ns + slot * self._period_ns) <= end_ns:
            self._count(slot)
            stamp_ns = due_ns + self._stamp_error_ns(due_ns)
            if self._arrives(slot, due_ns) and due_ns - stamp_ns <= round(1e9 * max_age_s):
                self._clock.wait_until_ns(due_ns)
                return self._frame(due_ns, stamp_ns)
            slot += 1
        self._clock.wait_until_ns(end_ns)
        return NoFrame.YET

    def close(self) -> None:
        """Nothing to let go of."""

    def _count(self, slot: int) -> None:
        """The camera takes the picture of a slot, unless it stalls."""
        self._slot = slot
        if self.world.faults.at("camera-stalls", self.start_ns + slot * self._period_ns) is None:
            self._sequence += 1

    def _arrives(self, slot: int, due_ns: int) -> bool:
        faults = self.world.faults
        if faults.at("camera-stalls", due_ns):
            return False
        dropped = faults.at("frames-dropped", due_ns)
        return dropped is None or np.random.default_rng((self._seed, 7, slot)).uniform() >= dropped.amount

    def _stamp_error_ns(self, due_ns: int) -> int:
        jump = self.world.faults.at("stamps-jump", due_ns)
        return round(1e9 * jump.amount) - self._late_ns(due_ns) if jump else -self._late_ns(due_ns)

    def _late_ns(self, due_ns: int) -> int:
        stale = self.world.faults.at("frames-stale", due_ns)
        return round(1e9 * stale.amount) if stale else 0

    def _frame(self, due_ns: int, stamp_ns: int) -> Frame | NoFrame:
        motion = self.world.motion
        self._move(motion.way_mm(due_ns))
        self._leave(motion.way_mm(due_ns - self._longest_late_ns))
        if self.world.traffic.ended and self._entered == len(self.riders) and not self._visible:
            return NoFrame.ENDED
        if self._newest is None or self.world.faults.at("camera-freezes", due_ns) is None:
            self._newest = self._render(due_ns - self._late_ns(due_ns))
        return Frame(self._newest, "RGB", stamp_ns, self._sequence)

    def _render(self, taken_ns: int) -> Picture:
        self.taken_ns = taken_ns
        way_mm = self.world.motion.way_mm(taken_ns)
        shown = [
            Shown(rider.number, sprite, round(self.layout.left_px(rider, way_mm)), rider.top_px)
            for rider, sprite in self._visible
        ]
        self._seen = [
            (rider, Box(item.left_px, item.top_px, item.left_px + width, item.top_px + height))
            for (rider, sprite), item in zip(self._visible, shown, strict=True)
            for height, width in [sprite.alpha.shape]
            if -width < item.left_px < self.layout.width_px
        ]
        return self._renderer.picture(shown, way_mm, self._sequence, self.lens(self.layout))

    def _move(self, way_mm: float) -> None:
        """Let come what comes near the picture."""
        self.world.traffic.until(way_mm + 3 * self.layout.width_px * self.layout.mm_per_px)
        riders = self.riders
        while self._entered < len(riders):
            rider = riders[self._entered]
            if self.layout.left_px(rider, way_mm) <= -2 * self.layout.width_px:
                break
            self._visible.append((rider, self.world.traffic.sprites.pop(rider.number)))
            self._entered += 1

    def _leave(self, way_mm: float) -> None:
        while self._visible and self.layout.left_px(self._visible[0][0], way_mm) > self.layout.width_px + _GONE_PX:
            self._visible.popleft()
