"""Puts the simulated belt together from a station file."""

from functools import lru_cache
from pathlib import Path

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.photographs import Photograph, list_photographs
from sortline_edge.clocks import Clock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Station
from sortline_edge.config.twin import FaultKind, fault_complaints
from sortline_edge.twin.camera import BeltCamera
from sortline_edge.twin.faults import Faults
from sortline_edge.twin.items import Cutting, cut, shrink
from sortline_edge.twin.motion import Motion, belt_factors
from sortline_edge.twin.riders import Layout, Mishaps, Traffic, ride
from sortline_edge.twin.studio import Studio
from sortline_edge.twin.world import World

WIDTH_PX, HEIGHT_PX = 640, 480
REDUCTION = 4
# However an item lies, it must fit across the picture.
_LEAST_ITEM_PX, _MOST_ITEM_PX = 16, round(0.9 * HEIGHT_PX)
# To read and cut a photograph takes longer than all the rest of its ride; small ones are kept for thousands.
_KEPT, _SMALL_KEPT = 256, 8192


def sketched(station: Station) -> Station:
    """The same station under a coarse camera: all that it sees is a quarter as many pixels wide and high.

    Raises:
        ConfigError: its camera is not the simulated belt's.
    """
    if not isinstance(station.camera, Settings):
        raise ConfigError(f'a sketch needs `camera.driver = "belt"`, received {station.camera}')
    camera = msgspec.structs.replace(station.camera, sketch=True)
    belt = msgspec.structs.replace(station.belt, mm_per_px=station.belt.mm_per_px * REDUCTION)
    return msgspec.structs.replace(station, camera=camera, belt=belt)


def start_belt(station: Station, settings: Settings, items: Path, clock: Clock) -> BeltCamera:
    """Set the belt going.

    Args:
        station: For the belt's speed and scale, the wiring and the bins.
        settings: Of the belt camera.
        items: Folder of class folders of photographs.
        clock: Real or virtual.

    Raises:
        PhotographError: the photographs cannot be used.
        ConfigError: a fault is none that this station can have, or items do not fit the picture.
    """
    for complaint in fault_complaints(settings.faults, station):
        raise ConfigError(f"the simulated belt: {complaint}")
    photographs = list_photographs(items)
    reduction = REDUCTION if settings.sketch else 1
    layout = Layout(
        speed_mm_s=station.belt.speed_mm_s,
        mm_per_px=station.belt.mm_per_px,
        width_px=WIDTH_PX // reduction,
        height_px=HEIGHT_PX // reduction,
        gap_mm=settings.gap_mm,
        reduction=reduction,
    )
    longest_px = round(settings.item_mm / layout.mm_per_px * reduction)
    if not _LEAST_ITEM_PX <= longest_px <= _MOST_ITEM_PX:
        least_mm, most_mm = (px * layout.mm_per_px / reduction for px in (_LEAST_ITEM_PX, _MOST_ITEM_PX))
        raise ConfigError(
            f"the simulated belt: camera.item_mm: received {settings.item_mm:g}, in this picture (belt.mm_per_px) items"
            f" may be {least_mm:.3g} to {most_mm:.3g} mm long; set it (--item-mm)"
        )
    outline = settings.cut == "outline"
    left_out: set[Photograph] = set()

    def cut_full(photograph: Photograph) -> Cutting | None:
        return _cut(photograph, longest_px, outline=outline)

    def cut_for_ride(photograph: Photograph) -> Cutting | None:
        if reduction == 1:
            cutting = cut_full(photograph)
        else:
            cutting = _cut_small(photograph, longest_px, reduction, outline=outline)
        if cutting is None:
            left_out.add(photograph)
        return cutting

    start_ns = clock.now_ns()
    faults = Faults(settings.faults, start_ns)
    motion = Motion(
        station.belt.speed_mm_s,
        start_ns,
        jitter=settings.jitter,
        seed=settings.seed,
        factors=belt_factors(faults),
    )

    def share(kind: FaultKind, way_mm: float) -> float:
        fault = faults.at(kind, motion.when_ns(way_mm))
        return fault.amount if fault else 0.0

    coming = ride(
        photographs,
        settings.count,
        layout,
        settings.seed,
        cut_for_ride,
        Mishaps(
            settings.overlap,
            on_top=lambda way_mm: share("items-on-top", way_mm),
            fall=lambda way_mm: share("items-fall", way_mm),
        ),
    )
    world = World(station, settings, layout, motion, Traffic(coming, [], {}), faults)
    studio = Studio(layout, cut_full, settings.seed, settings.noise)
    return BeltCamera(world, studio, clock, settings, left_out)


@lru_cache(_KEPT)
def _cut(photograph: Photograph, longest_px: int, *, outline: bool) -> Cutting | None:
    return cut(photograph, longest_px, outline=outline)


@lru_cache(_SMALL_KEPT)
def _cut_small(photograph: Photograph, longest_px: int, factor: int, *, outline: bool) -> Cutting | None:
    cutting = _cut(photograph, longest_px, outline=outline)
    return None if cutting is None else shrink(cutting, factor)
