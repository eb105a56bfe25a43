"""What takes time on a station, in virtual time: work on a frame, looks, and the machine's own troubles."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import Box
from sortline_edge.clocks import Clock
from sortline_edge.ports import ChannelOrder, Classifier, Frame, NoFrame
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.world import World


class LoadedCamera:
    """The belt's camera on a machine that takes its time for each frame, and hangs when the world says so.

    Args:
        camera: The belt's.
        clock: The virtual one; it is moved on.
        frame_ms: How long each frame takes besides its looks; None: no time.
    """

    def __init__(self, camera: BeltCamera, clock: Clock, frame_ms: Iterator[float] | None) -> None:
        self._camera, self._clock, self._frame_ms = camera, clock, frame_ms

    def read(self, timeout_s: float, max_age_s: float) -> Frame | NoFrame:
        """As the belt's camera, and later by what a frame takes."""
        now_ns = self._clock.now_ns()
        self._clock.wait_until_ns(now_ns + self._camera.world.hang_ns(now_ns))
        frame = self._camera.read(timeout_s, max_age_s)
        if isinstance(frame, Frame) and self._frame_ms is not None:
            self._clock.wait_until_ns(self._clock.now_ns() + round(1e6 * next(self._frame_ms)))
        return frame

    def close(self) -> None:
        """Nothing to let go of."""
        self._camera.close()


class LoadedClassifier:
    """A classifier whose looks take as long as on a board, and longer when the world says so.

    Args:
        classifier: That answers.
        world: Where looks may take longer for a while.
        clock: The virtual one; it is moved on.
        look_ms: How long each look takes; None: no time.
    """

    def __init__(self, classifier: Classifier, world: World, clock: Clock, look_ms: Iterator[float] | None) -> None:
        self._classifier, self._world, self._clock, self._look_ms = classifier, world, clock, look_ms

    def logits(
        self, image: NDArray[np.uint8], box: Box | None = None, order: ChannelOrder = "RGB"
    ) -> NDArray[np.float32]:
        """As the classifier, later."""
        now_ns = self._clock.now_ns()
        usual_ns = round(1e6 * next(self._look_ms)) if self._look_ms is not None else 0
        self._clock.wait_until_ns(now_ns + usual_ns + self._world.look_ns(now_ns))
        return self._classifier.logits(image, box, order)
