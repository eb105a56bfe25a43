"""What the wires of the simulated belt say: every input of the station file, as its edges at their true times."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np

from sortline_edge.config import Bin, CodeSignal, Station
from sortline_edge.config.twin import FaultKind
from sortline_edge.config.wiring import Encoder
from sortline_edge.ports import Counted, Edge
from sortline_edge.twin.faults import Faults, Window
from sortline_edge.twin.gates import GateLog
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.riders import Layout, Rider, Traffic

# From the gate to the eye in the chute: an item falls, and none quite as another.
_FALL_NS, _FALL_SPREAD_NS, _CHUTE_NS = 120_000_000, 30_000_000, 60_000_000
# A PLC reads its inputs once in each of its cycles.
_PLC_NS, _PLC_SPREAD_NS = 4_000_000, 6_000_000
_GLITCH_NS = 2_000_000
_TOLD_EVERY_NS = 50_000_000


@dataclass(slots=True)
class _Sense:
    """One input line: what it told last, since when it is otherwise, and how many things make it so or wrong."""

    line: int
    debounce_ns: int
    told: bool = False
    changed_ns: int | None = None
    reasons: int = 0
    glitches: int = 0
    held: int = 0
    blind: int = 0

    @property
    def active(self) -> bool:
        return self.held > 0 or (self.blind == 0 and (self.reasons > 0) != (self.glitches > 0))


class Senses:
    """The inputs of a station, moved on in time order: ask `next_ns`, then `advance` to there.

    An input with `debounce_ms` is told when it has been at its new level for so long, as the kernel does.
    """

    def __init__(
        self,
        station: Station,
        layout: Layout,
        motion: Motion,
        traffic: Traffic,
        faults: Faults,
        gates: GateLog,
        seed: int,
    ) -> None:
        """Wire the inputs.

        Args:
            station: Says which inputs there are, and where.
            layout: Belt and camera.
            motion: Of the belt.
            traffic: What rides on it.
            faults: What goes wrong.
            gates: Which must know, at a time that is advanced to, what the outputs did until then.
            seed: Of falls, glitches, counts and answers.
        """
        self._motion, self._traffic, self._faults, self._gates, self._seed = motion, traffic, faults, gates, seed
        self._bins = sorted(station.bins, key=lambda bin_: bin_.distance_mm)
        self._eye, self._encoder = station.inputs.eye, station.inputs.encoder
        self._strobe_line = station.signal.strobe if isinstance(station.signal, CodeSignal) else None
        self._ahead_mm = layout.width_px * layout.mm_per_px + max(0.0, -self._eye.distance_mm if self._eye else 0.0)
        self._senses: dict[str, _Sense] = {
            name: _Sense(input_.line, round(1e6 * input_.debounce_ms))
            for name, input_ in station.wired.items()
            if not isinstance(input_, Encoder)
        }
        self._order = count()
        self._events: list[tuple[int, int, Callable[[int], None]]] = []
        self._said: list[Edge | Counted] = []
        self._touched: dict[int, _Sense] = {}
        self._met = 0
        self._off: set[int] = set()
        self._counts = 0
        self._strobe = False
        self._answers = count()
        self._plan_faults()
        self._plan_count(motion.start_ns, 0)

    def open(self, now_ns: int) -> list[Edge]:
        """Somebody begins to listen: each input's level now, as an edge; counts begin anew."""
        while (due_ns := self.next_ns(now_ns)) is not None:
            self.advance(due_ns)
        self._counts = 0
        for sense in self._senses.values():
            sense.told, sense.changed_ns = sense.active, None
        return [Edge(line=sense.line, active=sense.told, at_ns=now_ns) for sense in self._senses.values()]

    def next_ns(self, until_ns: int) -> int | None:
        """When something happens next, if that is not after `until_ns`."""
        self._traffic.until(self._motion.way_mm(until_ns) + self._ahead_mm)
        for rider in self._traffic.riders[self._met :]:
            self._meet(rider)
        self._met = len(self._traffic.riders)
        return self._events[0][0] if self._events and self._events[0][0] <= until_ns else None

    def advance(self, at_ns: int) -> list[Edge | Counted]:
        """Let happen what happens until `at_ns`, which `next_ns` has given; what the wires say of it, oldest first."""
        while self._events and self._events[0][0] <= at_ns:
            due_ns, _, act = heapq.heappop(self._events)
            act(due_ns)
            if self._touched and not (self._events and self._events[0][0] == due_ns):
                # Only now: of what ends and what begins at one time a wire shows no gap.
                for sense in self._touched.values():
                    self._tell(sense, due_ns)
                self._touched.clear()
        said, self._said = self._said, []
        return said

    def see(self, levels: Mapping[int, bool], at_ns: int) -> None:
        """The PLC sees output lines change; it answers the strobe."""
        if self._strobe_line is None or self._strobe_line not in levels:
            return
        self._strobe = levels[self._strobe_line]
        if self._faults.at("plc-silent", at_ns) is None:
            random = np.random.default_rng((self._seed, 10, next(self._answers)))
            self._at(at_ns + _PLC_NS + int(random.integers(_PLC_SPREAD_NS)), self._answer)

    def _answer(self, _: int) -> None:
        """The acknowledgement follows the strobe."""
        if "signal.acknowledge" in self._senses:
            sense = self._senses["signal.acknowledge"]
            sense.reasons = int(self._strobe)
            self._touched[sense.line] = sense

    def _at(self, at_ns: int, act: Callable[[int], None]) -> None:
        heapq.heappush(self._events, (at_ns, next(self._order), act))

    def _during(self, begin_ns: int, end_ns: int, sense: _Sense, what: str, step: int = 1) -> None:
        """From `begin_ns` to `end_ns` there is one more reason of a kind (or one less) for what a sense says."""
        self._at(begin_ns, partial(self._shift, sense, what, step))
        self._at(end_ns, partial(self._shift, sense, what, -step))

    def _shift(self, sense: _Sense, what: str, step: int, _: int) -> None:
        setattr(sense, what, getattr(sense, what) + step)
        self._touched[sense.line] = sense

    def _tell(self, sense: _Sense, at_ns: int) -> None:
        if sense.active == sense.told:
            sense.changed_ns = None
        elif not sense.debounce_ns:
            self._say(sense, at_ns)
        elif sense.changed_ns is None:
            sense.changed_ns = at_ns
            self._at(at_ns + sense.debounce_ns, partial(self._settle, sense, at_ns))

    def _settle(self, sense: _Sense, changed_ns: int, at_ns: int) -> None:
        if sense.changed_ns == changed_ns:
            self._say(sense, at_ns)

    def _say(self, sense: _Sense, at_ns: int) -> None:
        sense.told, sense.changed_ns = sense.active, None
        self._said.append(Edge(line=sense.line, active=sense.told, at_ns=at_ns))

    def _meet(self, rider: Rider) -> None:
        """Plan what will happen to an item."""
        if self._eye is not None:
            front_mm = rider.middle_mm + self._eye.distance_mm - rider.length_mm / 2
            self._at(self._motion.when_ns(front_mm), partial(self._cover, rider, front_mm + rider.length_mm))
        if rider.falls:
            self._at(self._motion.when_ns(rider.middle_mm + self._bins[0].distance_mm / 2), partial(self._drop, rider))
        else:
            self._plan_gate(rider, 0)

    def _cover(self, rider: Rider, back_mm: float, at_ns: int) -> None:
        if rider.number not in self._off:
            self._during(at_ns, self._motion.when_ns(back_mm), self._senses["inputs.eye"], "reasons")

    def _drop(self, rider: Rider, _: int) -> None:
        self._off.add(rider.number)

    def _plan_gate(self, rider: Rider, nth: int) -> None:
        if nth < len(self._bins):
            place_mm = rider.middle_mm + self._bins[nth].distance_mm
            self._at(self._motion.when_ns(place_mm), partial(self._pass, rider, nth))

    def _pass(self, rider: Rider, nth: int, at_ns: int) -> None:
        """An item's middle is at a gate: there it leaves the belt, or it rides on."""
        bin_ = self._bins[nth]
        if not self._gates.is_open(bin_, at_ns):
            self._plan_gate(rider, nth + 1)
            return
        self._off.add(rider.number)
        sense = self._senses.get(f"eye of bin {bin_.name}")
        if sense is not None:
            random = np.random.default_rng((self._seed, 11, rider.number))
            seen_ns = at_ns + _FALL_NS + int(random.integers(-_FALL_SPREAD_NS, _FALL_SPREAD_NS))
            self._during(seen_ns, seen_ns + _CHUTE_NS, sense, "reasons")

    def _plan_count(self, told_ns: int, told: int) -> None:
        """The next count that is told is the first after a while."""
        if self._encoder is not None:
            way_mm = self._motion.way_mm(told_ns + _TOLD_EVERY_NS)
            nth = max(told, int(way_mm / self._encoder.mm_per_count)) + 1
            self._at(self._motion.when_ns(nth * self._encoder.mm_per_count), partial(self._count, told, nth))

    def _count(self, told: int, nth: int, at_ns: int) -> None:
        self._plan_count(at_ns, nth)
        if self._encoder is None or self._faults.at("encoder-dead", at_ns):
            return
        gone = nth - told
        misses, extra = (self._faults.at(kind, at_ns) for kind in _MISCOUNTS)
        if misses or extra:
            random = np.random.default_rng((self._seed, 8, nth))
            gone -= int(random.binomial(gone, misses.amount)) if misses else 0
            gone += int(random.poisson(gone * extra.amount)) if extra else 0
        if gone:
            self._counts += gone
            self._said.append(Counted(line=self._encoder.line, count=self._counts, at_ns=at_ns))

    def _plan_faults(self) -> None:
        for name, sense in self._senses.items():
            for kind, bin_name, what in _effects(name, self._bins):
                for window in self._faults.windows(kind, bin_name):
                    self._during(window.begin_ns, window.end_ns, sense, what)
        if (reset := self._senses.get("inputs.reset")) is not None:
            for window in self._faults.resets():
                self._during(window.begin_ns, window.end_ns, reset, "reasons")
        if (running := self._senses.get("inputs.belt_running")) is not None:
            running.reasons = 1
            for begin_ns, end_ns in self._motion.stands():
                self._during(begin_ns, end_ns, running, "reasons", -1)
        for window in self._faults.windows("eye-glitches"):
            self._plan_glitches(window, self._senses["inputs.eye"])
        for window in self._faults.windows("plc-silent"):
            self._at(window.end_ns, self._answer)

    def _plan_glitches(self, window: Window, sense: _Sense) -> None:
        random = np.random.default_rng((self._seed, 9, window.begin_ns - self._motion.start_ns))
        many = int(random.poisson(window.amount * (window.end_ns - window.begin_ns) / 1e9))
        for begin_ns in random.integers(window.begin_ns, window.end_ns, many).tolist():
            self._during(begin_ns, begin_ns + _GLITCH_NS, sense, "glitches")


_MISCOUNTS: tuple[FaultKind, FaultKind] = ("encoder-misses", "encoder-extra")
_OF_INPUTS: Mapping[str, tuple[tuple[FaultKind, str], ...]] = {
    "inputs.eye": (("eye-covered", "held"), ("eye-free", "blind")),
    "inputs.belt_running": (("belt-stands-unseen", "held"),),
    "inputs.emergency_stop": (("emergency-stop", "reasons"),),
}
_OF_BINS: Mapping[str, tuple[tuple[FaultKind, str], ...]] = {
    "eye": (("chute-blocked", "held"), ("chute-eye-dead", "blind")),
    "full": (("bin-full", "reasons"),),
}


def _effects(name: str, bins: list[Bin]) -> list[tuple[FaultKind, str | None, str]]:
    """Which faults, of which bin, do what to the input that is called so."""
    found: list[tuple[FaultKind, str | None, str]] = [(kind, None, what) for kind, what in _OF_INPUTS.get(name, ())]
    for bin_ in bins:
        for input_, effects in _OF_BINS.items():
            if name == f"{input_} of bin {bin_.name}":
                found.extend((kind, bin_.name, what) for kind, what in effects)
    return found
