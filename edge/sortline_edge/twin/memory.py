"""Looks that are remembered: each photograph is classified once for each way it lies, not anew in each picture."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.photographs import Photograph
from sortline_bundle.preprocess import Box
from sortline_edge.ports import ChannelOrder, Classifier
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.render import Lens
from sortline_edge.twin.riders import Rider

# Items lie at any angle; that of a look is the middle of one of so many sectors. None is upright as in a photograph.
VIEWS = 6
# The light changes by the smallest steps; looks are told apart by so many to its whole brightness.
_GAIN_STEPS = 8
# A box that shows less of an item than this share of itself shows the belt.
_LEAST_SHOWN = 0.1


class Subject(NamedTuple):
    """What is looked at, and how; None is the bare belt."""

    photograph: Photograph | None
    lens: Lens
    order: ChannelOrder


Known = dict[Subject, list[NDArray[np.float32]]]


class RememberedLooks:
    """Knows what is under the camera and what the classifier says to it; implements `ports.Classifier`.

    What it says is that of the full-size item alone in the middle of the belt: neighbours in the box, its cut by the
    picture's edge, dirt on the lens, and the noise that tells one look at it from the next are not in it. A box around
    several items gets what is said of the one that fills most of it.
    """

    def __init__(self, classifier: Classifier, camera: BeltCamera, known: Known | None = None) -> None:
        """Look through a camera.

        Args:
            classifier: That is asked once for each photograph, lens and view.
            camera: Whose newest picture the boxes are in.
            known: What was said before, to be added to; by the same classifier, of items of the same size and belt.
        """
        self._classifier, self._camera = classifier, camera
        self._known = {} if known is None else known

    def logits(
        self, image: NDArray[np.uint8], box: Box | None = None, order: ChannelOrder = "RGB"
    ) -> NDArray[np.float32]:
        """What the classifier says, `(C,) float32`, to what lies inside `box` of the newest picture."""
        rider = self._under(box or Box(0, 0, image.shape[1], image.shape[0]))
        lens = self._camera.lens(self._camera.studio.layout)
        lens = lens._replace(gain=round(lens.gain * _GAIN_STEPS) / _GAIN_STEPS, dirt_px=0)
        subject = Subject(rider.photograph if rider else None, lens, order)
        views = self._known.get(subject)
        if views is None:
            # All at once: the photograph has to be read and cut for it only once.
            views = self._known[subject] = [self._look(subject, view) for view in range(VIEWS if rider else 1)]
        return views[int(rider.angle * VIEWS / 360) % VIEWS if rider else 0].copy()

    def _look(self, subject: Subject, view: int) -> NDArray[np.float32]:
        angle = (view + 0.5) * 360 / VIEWS
        picture, box = self._camera.studio.picture(subject.photograph, angle, subject.lens)
        return self._classifier.logits(picture, box, subject.order).copy()

    def _under(self, box: Box) -> Rider | None:
        best, most = None, _LEAST_SHOWN * box.width * box.height
        for rider, place in self._camera.seen:
            width = min(box.right, place.right) - max(box.left, place.left)
            height = min(box.bottom, place.bottom) - max(box.top, place.top)
            if width > 0 and height > 0 and width * height >= most:
                best, most = rider, width * height
        return best
