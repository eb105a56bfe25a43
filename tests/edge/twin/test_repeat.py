"""The same seed gives the same of everything, whatever goes wrong."""

from pathlib import Path
from typing import Any

import msgspec

from sortline_edge.clocks import VirtualClock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Fault
from sortline_edge.config.twin import KINDS
from sortline_edge.ports import Frame, NoFrame, Pulse
from sortline_edge.twin.belt import start_belt
from sortline_edge.twin.outputs import VirtualOutputs


def everything() -> tuple[Fault, ...]:
    """A fault of every kind that a station with gates can have and go on, one after the other."""
    kinds = [kind for kind, known in KINDS.items() if known.needs != "code" and kind != "outputs-die"]
    bins = [f"{('red', 'green', 'blue')[nth % 3]} bin" for nth in range(len(kinds))]
    return tuple(
        Fault(kind=kind, at_s=0.5 + 0.25 * nth, for_s=0.6, bin=bin_ if KINDS[kind].needs.startswith("bin") else None)
        for nth, (kind, bin_) in enumerate(zip(kinds, bins, strict=True))
    )


ALL = everything()


def run(station: Any, items: Path, seed: int) -> list[object]:
    """All that a run gives away: pictures, stamps, reports and fates."""
    camera_settings = Settings(
        items=str(items), item_mm=45, count=16, gap_mm=20, seed=seed, overlap=0.2, jitter=0.1, light=0.1, exposure_ms=3,
        gate_spread_ms=5, faults=ALL,
    )  # fmt: skip
    station = msgspec.structs.replace(station, camera=camera_settings)
    clock = VirtualClock()
    camera = start_belt(station, camera_settings, items, clock)
    outputs = VirtualOutputs(station, clock, camera.world)
    got: list[object] = []
    while (frame := camera.read(0.1, 0.5)) is not NoFrame.ENDED:
        now_ns = clock.now_ns()
        if isinstance(frame, Frame):
            got.append((frame.image.tobytes(), frame.captured_ns, frame.sequence))
        outputs.send([Pulse(line=now_ns // 10**7 % 3, on_ns=now_ns + 10**7, off_ns=now_ns + 6 * 10**7, item=1)])
        got.extend(outputs.reports())
    return [*got, *camera.riders, *(camera.world.fate(rider) for rider in camera.riders)]


def test_the_same_seed_gives_the_same_of_everything_and_another_seed_other_things(
    world: Any, twin: Any, coloured_items: Path
) -> None:
    station = twin.wired(world.station())
    one, same, other = (run(station, coloured_items, seed) for seed in (3, 3, 4))
    assert one == same
    assert one != other


def test_the_clocks_zero_does_not_matter(world: Any, twin: Any) -> None:
    station = twin.wired(world.station())
    faults = [fault for fault in ALL if fault.kind not in ("items-fall", "items-on-top")]

    def heard(at_ns: int) -> list[object]:
        belt = twin.world(station, twin.riders(range(300, 2000, 90)), faults, at_ns, jitter=0.2, seed=2)
        return [
            msgspec.structs.replace(report, at_ns=report.at_ns - at_ns) for report in twin.listen(station, belt, 12)
        ]

    assert heard(0) == heard(1000 * 10**9)
