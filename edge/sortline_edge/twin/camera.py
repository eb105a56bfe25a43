"""The simulated belt's camera."""

from collections import deque
from collections.abc import Collection, Iterator

from sortline_bundle.photographs import Photograph
from sortline_edge.clocks import Clock, wait_for_ns
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.ports import Frame, NoFrame
from sortline_edge.twin.render import Renderer
from sortline_edge.twin.world import Layout, Rider, Sprite


class BeltCamera:
    """Renders the belt at the clock's time, one frame every period; implements `ports.Camera`.

    A reader that is too slow gets the newest frame and a gap in the sequence, as from a real camera.

    Attributes:
        layout: Belt and camera.
        start_ns: Time on the clock when the belt started; riders' own times count from there.
        riders: Every item that has come so far.
        left_out: Photographs that no item could be cut out of.
    """

    def __init__(
        self,
        traffic: Iterator[tuple[Rider, Sprite]],
        layout: Layout,
        clock: Clock,
        settings: Settings,
        left_out: Collection[Photograph],
    ) -> None:
        """Start the belt now.

        Args:
            traffic: The items in the order they come.
            layout: Belt and camera.
            clock: Real or virtual.
            settings: Frame rate and seed.
            left_out: Grows by the photographs that no item could be cut out of.
        """
        self.layout, self._traffic, self._clock, self.left_out = layout, traffic, clock, left_out
        self._renderer = Renderer(layout, settings.seed)
        self._period_ns = round(1e9 / settings.frames_per_s)
        self._visible: deque[tuple[Rider, Sprite]] = deque()
        self._coming = next(traffic, None)
        self._sequence = 0
        self.start_ns = clock.now_ns()
        self.riders: list[Rider] = []

    @property
    def visible(self) -> list[tuple[Rider, Sprite]]:
        """What is in the newest picture."""
        return list(self._visible)

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """The next frame, never one that is over a period old; it has ended when the last item left the picture."""
        del max_age_s
        newest = (self._clock.now_ns() - self.start_ns) // self._period_ns
        coming = max(self._sequence + 1, newest)
        due_ns = self.start_ns + coming * self._period_ns
        if not wait_for_ns(self._clock, due_ns, timeout_s):
            return NoFrame.YET
        self._sequence = coming
        self._move(self._sequence * self._period_ns)
        if self._coming is None and not self._visible and self.riders:
            return NoFrame.ENDED
        picture = self._renderer.picture(self._visible, self._sequence * self._period_ns, self._sequence)
        return Frame(picture, "RGB", due_ns, self._sequence)

    def close(self) -> None:
        """Nothing to let go of."""

    def _move(self, belt_ns: int) -> None:
        while self._coming is not None and self.layout.left_px(self._coming[0], belt_ns) > -2 * self.layout.width_px:
            self._visible.append(self._coming)
            self.riders.append(self._coming[0])
            self._coming = next(self._traffic, None)
        while self._visible and self.layout.left_px(self._visible[0][0], belt_ns) > self.layout.width_px + 50:
            self._visible.popleft()
