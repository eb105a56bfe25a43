"""The simulated belt to look at: what the camera saw, what was decided, and which gates moved."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.preprocess import Box
from sortline_edge.config import Station
from sortline_edge.decide import Decision
from sortline_edge.ports import Frame
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.riders import land

STRIP_PX = 150
_THUMB_PX = 34
_WHITE, _GREY, _GREEN, _AMBER = (240, 240, 240), (150, 150, 150), (90, 210, 120), (240, 180, 60)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

Picture = NDArray[np.uint8]


class Film:
    """Draws one picture per moment: the camera's above, the whole belt with its gates below."""

    def __init__(self, station: Station, camera: BeltCamera) -> None:
        self._station, self._camera, self._gates = station, camera, camera.world.gates
        self._decisions: dict[int, Decision] = {}
        self._thumbs: dict[int, NDArray[np.uint8]] = {}

    def note(self, decisions: Sequence[Decision]) -> None:
        """Remember what was decided, and what the items in view look like."""
        self._decisions.update({decision.item: decision for decision in decisions})
        for rider, sprite in self._camera.visible:
            if rider.number not in self._thumbs:
                scale = _THUMB_PX / max(sprite.alpha.shape)
                bare = np.where(sprite.alpha[..., None] > 127, sprite.pixels, np.uint8(0)).astype(np.uint8)
                small = cv2.resize(bare, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                self._thumbs[rider.number] = np.asarray(small, np.uint8)

    def draw(self, frame: Frame, shown: Sequence[tuple[int, Box]]) -> Picture:
        """The picture of one moment, `(H + STRIP_PX, W, 3) uint8 RGB`.

        Args:
            frame: What the camera saw.
            shown: The core's items in it, and where.
        """
        picture = frame.image.copy()
        for number, box in shown:
            self._label(picture, number, box)
        return np.vstack([picture, self._strip(picture.shape[1], frame.captured_ns)])

    def _label(self, picture: NDArray[np.uint8], number: int, box: Box) -> None:
        decision = self._decisions.get(number)
        sorted_ = decision is not None and decision.reason == "sorted"
        colour = _GREY if decision is None else _GREEN if sorted_ else _AMBER
        left, top = box.left, box.top
        cv2.rectangle(picture, (left, top), (box.right, box.bottom), colour, 2, cv2.LINE_AA)
        text = f"#{number}"
        if decision is not None:
            text += f" {decision.class_name or '?'} {decision.score:.2f}" + ("" if sorted_ else f" {decision.reason}")
        place = (max(4, left), max(14, top - 6))
        (wide, high), _ = cv2.getTextSize(text, _FONT, 0.5, 1)
        cv2.rectangle(
            picture, (place[0] - 2, place[1] - high - 3), (place[0] + wide + 2, place[1] + 4), (20, 26, 24), -1
        )
        cv2.putText(picture, text, place, _FONT, 0.5, colour, 1, cv2.LINE_AA)

    def _strip(self, width: int, at_ns: int) -> NDArray[np.uint8]:
        strip = np.full((STRIP_PX, width, 3), 28, np.uint8)
        middle, height = STRIP_PX // 2 - 12, _THUMB_PX + 14
        cv2.rectangle(strip, (0, middle - height // 2), (width, middle + height // 2), (38, 78, 66), -1)
        view_mm = self._camera.layout.width_px * self._camera.layout.mm_per_px
        end_mm = max(bin_.distance_mm for bin_ in self._station.bins) + 150
        px_per_mm = width / (end_mm + view_mm / 2)

        def place(from_middle_mm: float) -> int:
            return round((from_middle_mm + view_mm / 2) * px_per_mm)

        cv2.rectangle(strip, (0, middle - height // 2 - 6), (place(view_mm / 2), middle + height // 2 + 6), _WHITE, 1)
        cv2.putText(strip, "camera", (6, middle - height // 2 - 10), _FONT, 0.38, _WHITE, 1, cv2.LINE_AA)
        for bin_ in self._station.bins:
            active = self._gates.is_open(bin_, at_ns)
            x, colour = place(bin_.distance_mm), _GREEN if active else _GREY
            tip = (x + 16, middle - height // 2) if active else (x + 24, middle + height // 2)
            cv2.line(strip, (x, middle + height // 2), tip, colour, 3, cv2.LINE_AA)
            cv2.circle(strip, (x, middle + height // 2 + 10), 5, colour, -1, cv2.LINE_AA)
            cv2.putText(strip, bin_.name, (x - 18, STRIP_PX - 14), _FONT, 0.4, colour, 1, cv2.LINE_AA)
        self._thumbnails(strip, middle, at_ns, place)
        return strip

    def _thumbnails(self, strip: NDArray[np.uint8], middle: int, at_ns: int, place: Callable[[float], int]) -> None:
        motion = self._camera.world.motion
        for rider in self._camera.riders[-60:]:
            thumb = self._thumbs.get(rider.number)
            ahead_mm = motion.way_mm(at_ns) - rider.middle_mm
            gone = [bin_ for bin_ in self._station.bins if bin_.distance_mm < ahead_mm]
            diverted = land(rider, gone, motion, self._gates.is_open) is not None
            x = place(ahead_mm)
            if thumb is None or diverted or not 0 <= x < strip.shape[1]:
                continue
            left, top = x - thumb.shape[1] // 2, middle - thumb.shape[0] // 2
            x0, x1 = max(0, left), min(strip.shape[1], left + thumb.shape[1])
            part = thumb[:, x0 - left : x1 - left]
            target = strip[top : top + thumb.shape[0], x0:x1]
            target[:] = np.where(part.any(axis=2, keepdims=True), part, target)
