"""What the output process must know of a station's wires."""

from typing import Literal

import msgspec

from sortline_edge.config import Station
from sortline_edge.config.wiring import CodeSignal, Input
from sortline_edge.ports import Code, Command, Pulse, Recall

InputKind = Literal["edge", "count", "stop"]


class Wiring(msgspec.Struct, frozen=True):
    """Which line is what.

    Attributes:
        lines: Every output line, those of the code and the servos included.
        code: How bins are told to a PLC; None: by a pulse on a line of the bin's own.
        inputs: What each input line is: told edge by edge, an encoder whose edges are counted, or an emergency stop.
            The code's acknowledgement is one of them.
    """

    lines: tuple[int, ...]
    code: CodeSignal | None = None
    inputs: dict[int, InputKind] = {}

    @property
    def gates(self) -> frozenset[int]:
        """The lines that pulses may be for."""
        return frozenset(self.lines).difference(() if self.code is None else self.code.outputs)

    @property
    def encoders(self) -> frozenset[int]:
        """The input lines whose edges are counted."""
        return frozenset(line for line, kind in self.inputs.items() if kind == "count")


def wiring_of(station: Station) -> Wiring:
    """The wiring that a station file describes."""
    kinds: dict[int, InputKind] = {input_.line: "edge" for input_ in station.wired.values()}
    if station.inputs.encoder is not None:
        kinds[station.inputs.encoder.line] = "count"
    if station.inputs.emergency_stop is not None:
        kinds[station.inputs.emergency_stop.line] = "stop"
    code = station.signal if isinstance(station.signal, CodeSignal) else None
    return Wiring(station.lines, code, kinds)


def inputs_of(station: Station) -> tuple[Input, ...]:
    """How each input line of a station file is wired, without what it means."""
    return tuple(
        Input(**{name: getattr(its, name) for name in Input.__struct_fields__}) for its in station.wired.values()
    )


def check_command(command: Command, wiring: Wiring) -> None:
    """Refuse a command that cannot be carried out on `wiring`.

    Raises:
        ValueError: a pulse that does not end after it begins or is for a line that has no gate; a code where there are
            no code lines, or that does not go onto them.
    """
    match command:
        case Pulse(line=line, on_ns=on_ns, off_ns=off_ns, item=item):
            if off_ns <= on_ns:
                raise ValueError(f"the pulse for item {item} ends at {off_ns} ns, not after its begin at {on_ns} ns")
            if line not in wiring.gates:
                gates = sorted(wiring.gates)
                raise ValueError(f"the pulse for item {item} is for line {line}, which is not one of {gates}")
        case Code(value=value, item=item):
            if wiring.code is None:
                raise ValueError(f"there is a code for item {item}, but no code lines; send a pulse")
            largest = wiring.code.largest
            if not 0 <= value <= largest:
                raise ValueError(f"code {value} for item {item} does not go onto the lines, which say 0 to {largest}")
        case Recall():
            pass
