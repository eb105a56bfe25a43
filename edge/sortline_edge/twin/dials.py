"""What can be turned about a simulated belt without a station file: for the command line, and to be swept."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.strict import convert
from sortline_edge.config import BeltCamera, Station, check_station
from sortline_edge.config.twin import KINDS, Fault

# A fault whose begin is not said begins then: late enough for the first items to be on the belt.
_FAULT_AT_S = 5.0


class Dial(NamedTuple):
    """One number of the station file.

    Attributes:
        table: Of the station file.
        field: In that table.
        kind: What it is.
        about: What it is, in words, with the unit.
        swept: Whether a sweep may turn it: it then changes neither which items ride nor how large they are.
    """

    table: Literal["belt", "camera", "deciding"]
    field: str
    kind: type[int | float]
    about: str
    swept: bool = True


DIALS: Mapping[str, Dial] = MappingProxyType(
    {
        "count": Dial("camera", "count", int, "how many items ride", swept=False),
        "seed": Dial("camera", "seed", int, "of the items, their order and how they lie", swept=False),
        "item_mm": Dial("camera", "item_mm", float, "longer side of every item, mm", swept=False),
        "speed": Dial("belt", "speed_mm_s", float, "belt speed, mm/s"),
        "gap": Dial("camera", "gap_mm", float, "shortest gap between items, mm; twice that in the mean"),
        "looks": Dial("deciding", "looks", int, "the most looks taken at one item"),
        "frames_per_s": Dial("camera", "frames_per_s", float, "of the camera"),
        "exposure_ms": Dial("camera", "exposure_ms", float, "of the camera: what moves is blurred, ms"),
        "jitter": Dial("camera", "jitter", float, "how far the belt's speed wanders, as a share of it"),
        "overlap": Dial("camera", "overlap", float, "share of the items that touch or overlap the one before"),
        "light": Dial("camera", "light", float, "how far the brightness drifts within ten minutes, as a share"),
        "gate_spread": Dial("camera", "gate_spread_ms", float, "standard deviation of the gates' delays, ms"),
    }
)


def turn(station: Station, values: Mapping[str, float], where: str) -> Station:
    """The station with some dials set.

    Args:
        station: Whose camera is the simulated belt.
        values: By the names of `DIALS`.
        where: Who set them, for the error.

    Raises:
        ConfigError: with `where`, the key, what it is and what it may be.
    """
    document = msgspec.to_builtins(station)
    for name, value in values.items():
        dial = DIALS[name]
        # What should be whole and is not is left as it is, to be refused by name.
        document[dial.table][dial.field] = dial.kind(value) if value == dial.kind(value) else value
    turned = convert(document, Station, error=ConfigError, where=where)
    check_station(turned, where=where)
    return turned


def with_faults(station: Station, faults: tuple[Fault, ...], where: str) -> Station:
    """The station with more faults on its simulated belt.

    Raises:
        ConfigError: with `where`: a fault is none that this station can have.
    """
    assert isinstance(station.camera, BeltCamera)
    camera = msgspec.structs.replace(station.camera, faults=station.camera.faults + faults)
    station = msgspec.structs.replace(station, camera=camera)
    check_station(station, where=where)
    return station


def parse_fault(text: str) -> Fault:
    """Read a fault as `KIND:at_s=5,for_s=5,amount=0.5,bin=NAME`; everything after the kind may be left out.

    Raises:
        ConfigError: what does not fit, and what may stand there.
    """
    kind, colon, rest = text.partition(":")
    if kind not in KINDS:
        raise ConfigError(f"--fault {text}: there is no fault {kind!r}; there are {', '.join(KINDS)}")
    given: dict[str, object] = {"kind": kind, "at_s": _FAULT_AT_S}
    for word in rest.split(",") if colon else ():
        key, equals, value = word.partition("=")
        if not equals or key not in {"at_s", "for_s", "amount", "bin"}:
            raise ConfigError(f"--fault {text}: {word!r} is none of at_s=, for_s=, amount=, bin=")
        given[key] = value if key == "bin" else _number(value, f"--fault {text}: `{key}`")
    return convert(given, Fault, error=ConfigError, where=f"--fault {text}")


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{where}: received {text!r}, must be a number") from None
