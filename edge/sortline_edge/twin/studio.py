"""Full-size pictures of single items on bare belt, whatever the camera over the belt can resolve."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from sortline_bundle.photographs import Photograph
from sortline_bundle.preprocess import Box
from sortline_edge.twin.items import Cutting
from sortline_edge.twin.render import Lens, Picture, Renderer, Shown
from sortline_edge.twin.riders import Layout
from sortline_edge.twin.sprites import lay


class Studio:
    """Lays an item on the middle of the belt and takes its picture with the full-size camera.

    Attributes:
        layout: Of the full-size camera.
    """

    def __init__(self, layout: Layout, cut: Callable[[Photograph], Cutting | None], seed: int, noise: float) -> None:
        """Set up the studio.

        Args:
            layout: Of the camera over the belt.
            cut: Makes a full-size item of a photograph.
            seed: Of the belt, the same as that under the camera.
            noise: Of the camera, standard deviation in grey levels.
        """
        self.layout = replace(
            layout,
            mm_per_px=layout.mm_per_px / layout.reduction,
            width_px=layout.width_px * layout.reduction,
            height_px=layout.height_px * layout.reduction,
            reduction=1,
        )
        self._cut, self._seed, self._noise = cut, seed, noise

    @cached_property
    def _renderer(self) -> Renderer:
        # Weaving the belt takes time, and not everybody takes pictures.
        return Renderer(self.layout, self._seed, self._noise)

    def picture(self, photograph: Photograph | None, angle: float, lens: Lens) -> tuple[Picture, Box]:
        """An item's picture `(H, W, 3) uint8 RGB`, and its box there.

        Args:
            photograph: The item's; one that an item was cut out of before. None: bare belt, and a box of it.
            angle: By which the item is turned, degrees.
            lens: How the camera sees.
        """
        width, height = self.layout.width_px, self.layout.height_px
        cutting = None if photograph is None else self._cut(photograph)
        if cutting is None:
            side = height // 3
            box = Box((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2)
            return self._renderer.picture((), 0.0, 0, lens), box
        sprite = lay(cutting, angle)
        high, wide = sprite.alpha.shape
        left, top = (width - wide) // 2, (height - high) // 2
        picture = self._renderer.picture([Shown(0, sprite, left, top)], 0.0, round(angle), lens)
        return picture, Box(left, top, left + wide, top + high)
