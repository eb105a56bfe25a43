"""The simulated belt as a whole: its motion, what rides on it, its gates, its faults, and what is wrong elsewhere."""

import math
from dataclasses import dataclass, field

from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Bin, CodeSignal, Station
from sortline_edge.twin.faults import Faults, Window
from sortline_edge.twin.gates import GateLog
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.render import Lens
from sortline_edge.twin.riders import Layout, Rider, Traffic, land
from sortline_edge.twin.senses import Senses

LOST = "(lost)"
_BOARD_C = 55.0
_LIGHT_PERIOD_S = 600.0
_GAIN_STEPS = 64


@dataclass(slots=True)
class World:
    """All that is true. The camera and the inputs show the station some of it.

    Attributes:
        station: How the station is wired.
        settings: Of the belt.
        layout: Belt and camera.
        motion: Of the belt.
        traffic: What rides on it.
        faults: What goes wrong.
        gates: What the outputs told the gates, and when they stood open.
        senses: What the inputs say of all this.
    """

    station: Station
    settings: Settings
    layout: Layout
    motion: Motion
    traffic: Traffic
    faults: Faults
    gates: GateLog = field(init=False)
    senses: Senses = field(init=False)

    def __post_init__(self) -> None:
        """Put up the gates, and the eyes and wires."""
        seed = self.settings.seed
        signal = self.station.signal
        taken = isinstance(signal, CodeSignal) and signal.strobe is not None
        holds_ns = round(1e6 * max(bin_.dwell_ms for bin_ in self.station.bins)) if taken else None
        self.gates = GateLog(self.faults, 1e6 * self.settings.gate_spread_ms, seed, holds_ns)
        self.senses = Senses(self.station, self.layout, self.motion, self.traffic, self.faults, self.gates, seed)

    def fate(self, rider: Rider) -> str:
        """Name of the bin an item ends in, or `LOST`; the gates must have been told all that matters for it."""
        if rider.falls:
            return LOST
        return self.bin_name(land(rider, self.station.bins, self.motion, self.gates.is_open))

    def bin_name(self, bin_: Bin | None) -> str:
        """Name of a bin; None is the belt's end."""
        return self.station.reject if bin_ is None else bin_.name

    def lens(self, at_ns: int, layout: Layout) -> Lens:
        """How a camera of some layout sees at a time."""
        faults = self.faults
        light = self.settings.light * math.sin(2 * math.pi * (at_ns - self.motion.start_ns) / 1e9 / _LIGHT_PERIOD_S)
        step, dirt = faults.at("light-step", at_ns), faults.at("lens-dirty", at_ns)
        gain = (1 + light) * (1 + step.amount if step else 1.0)
        blur_mm = self.motion.speed_mm_s(at_ns) * self.settings.exposure_ms / 1000
        return Lens(
            gain=round(gain * _GAIN_STEPS) / _GAIN_STEPS,
            blur_px=min(round(blur_mm / layout.mm_per_px), layout.width_px),
            swapped=faults.at("colours-swapped", at_ns) is not None,
            dirt_px=max(1, min(round(dirt.amount / layout.mm_per_px), layout.width_px)) if dirt else 0,
        )

    def hang_ns(self, at_ns: int) -> int:
        """For how long from now on the station's program gets no processor time; 0: it does."""
        hang = self.faults.at("station-hangs", at_ns)
        return hang.end_ns - at_ns if hang else 0

    def look_ns(self, at_ns: int) -> int:
        """How much longer than usual a look at an item takes."""
        slow = self.faults.at("classifier-slow", at_ns)
        return round(1e6 * slow.amount) if slow else 0

    def temperature_c(self, at_ns: int) -> float:
        """Temperature of the board."""
        hot = self.faults.at("board-hot", at_ns)
        return hot.amount if hot else _BOARD_C

    def outputs_end(self, after_ns: int) -> Window | None:
        """The next time from `after_ns` on at which there is no output process, or ends to be one."""
        windows = self.faults.windows("outputs-die")
        return next((window for window in windows if after_ns < window.end_ns), None)
