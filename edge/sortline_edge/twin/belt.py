"""Puts the simulated belt together from a station file."""

from functools import lru_cache
from pathlib import Path

from sortline_bundle.photographs import Photograph, list_photographs
from sortline_edge.clocks import Clock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Station
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.items import Cutting, cut
from sortline_edge.twin.world import Layout, ride

WIDTH_PX, HEIGHT_PX = 640, 480
_KEPT = 256


def start_belt(station: Station, settings: Settings, items: Path, clock: Clock) -> BeltCamera:
    """Set the belt going.

    Args:
        station: For the belt's speed and scale.
        settings: Of the belt camera.
        items: Folder of class folders of photographs.
        clock: Real or virtual.

    Raises:
        PhotographError: the photographs cannot be used.
    """
    photographs = list_photographs(items)
    layout = Layout(
        speed_mm_s=station.belt.speed_mm_s,
        mm_per_px=station.belt.mm_per_px,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        gap_mm=settings.gap_mm,
    )
    longest_px = max(16, min(round(settings.item_mm / layout.mm_per_px), round(0.9 * HEIGHT_PX)))

    left_out: set[Photograph] = set()

    @lru_cache(_KEPT)
    def cut_once(photograph: Photograph) -> Cutting | None:
        cutting = cut(photograph, longest_px, outline=settings.cut == "outline")
        if cutting is None:
            left_out.add(photograph)
        return cutting

    traffic = ride(photographs, settings.count, layout, settings.seed, cut_once)
    return BeltCamera(traffic, layout, clock, settings, left_out)
