"""What the command line of `sortline simulate` sets up: the station under its simulated belt, and the conditions."""

import argparse
from pathlib import Path

import msgspec

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ConfigError
from sortline_edge.config import Belt, BeltCamera, Bin, LiveCamera, RecorderOutputs, Station, load_station
from sortline_edge.config.twin import KINDS
from sortline_edge.profile import Profile, read_profile
from sortline_edge.simulation import Conditions
from sortline_edge.twin.belt import WIDTH_PX
from sortline_edge.twin.dials import DIALS, parse_fault, turn, with_faults

FIRST_GATE_MM, GATE_MM = 450.0, 150.0
SPEED_MM_S = 250.0
_WHERE = "the command line"
# Two options that cannot go together, and why.
_EITHER_OR = (
    ("realtime", "board", "a board's latencies are for virtual time; this machine has its own"),
    ("realtime", "sketch", "looks that are remembered take no time"),
    ("realtime", "sweep", "a sweep runs in virtual time"),
    ("sketch", "save_video", "there is little to see in a sketch's pictures"),
    ("sweep", "save_video", "there is little to see in a sketch's pictures"),
)


def stage(arguments: argparse.Namespace, bundle: Bundle) -> Station:
    """The station that the options describe: the station file's, or a gate for each class, with the belt as its camera.

    Raises:
        ConfigError: naming the option or key, what it is and what it may be.
    """
    for one, other, why in _EITHER_OR:
        if getattr(arguments, one) and getattr(arguments, other):
            raise ConfigError(f"{_option(one)} and {_option(other)} do not go together: {why}; leave out one of them")
    base = load_station(arguments.station) if arguments.station else default_station(bundle)
    station = on_belt(base, _items(arguments, base.camera))
    if arguments.cut:
        camera = msgspec.structs.replace(station.camera, cut=arguments.cut)
        station = msgspec.structs.replace(station, camera=camera)
    given = {name: getattr(arguments, name) for name in DIALS if getattr(arguments, name) is not None}
    station = with_faults(turn(station, given, _WHERE), tuple(map(parse_fault, arguments.fault)), _WHERE)
    if arguments.realtime and getattr(station.camera, "faults", ()):
        raise ConfigError("faults happen in virtual time only; leave out --realtime, or the faults of the station file")
    return station


def conditions(arguments: argparse.Namespace) -> Conditions:
    """What a run is under.

    Raises:
        ConfigError: the board's profile cannot be read, or the threshold is no share.
    """
    if arguments.threshold is not None and not 0 <= arguments.threshold <= 1:
        raise ConfigError(f"--threshold: received {arguments.threshold:g}, may be 0 to 1")
    board = None if arguments.board is None else load_profile(arguments.board)
    return Conditions(realtime=arguments.realtime, sketch=arguments.sketch, board=board, threshold=arguments.threshold)


def load_profile(path: Path) -> Profile:
    """Read a board's profile.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise ConfigError(f"profile {path} cannot be read: {cause.strerror}") from None
    return read_profile(data, str(path))


def default_station(bundle: Bundle) -> Station:
    """A gate for each class, one behind the other."""
    bins = [
        Bin(name=name, classes=(name,), line=nth + 1, distance_mm=FIRST_GATE_MM + nth * GATE_MM, delay_ms=20)
        for nth, name in enumerate(bundle.manifest.class_names)
    ]
    return Station(
        name="simulated",
        bundle="none",
        camera=BeltCamera(items=""),
        belt=Belt(speed_mm_s=SPEED_MM_S, mm_per_px=0.5),
        bins=tuple(bins),
        outputs=RecorderOutputs(),
    )


def on_belt(station: Station, items: Path) -> Station:
    """The station with the simulated belt for its camera, which keeps what the station file says of it.

    Of a real camera the frame rate and the exposure are kept, and how much of the belt is in its picture.
    """
    camera, belt = station.camera, station.belt
    if isinstance(camera, BeltCamera):
        simulated = msgspec.structs.replace(camera, items=str(items))
    else:
        exposure_ms = (camera.exposure_ms or 0.0) if isinstance(camera, LiveCamera) else 0.0
        frames_per_s = getattr(camera, "frames_per_s", BeltCamera(items="").frames_per_s)
        simulated = BeltCamera(items=str(items), frames_per_s=frames_per_s, exposure_ms=exposure_ms)
    if isinstance(camera, LiveCamera):
        belt = msgspec.structs.replace(belt, mm_per_px=belt.mm_per_px * camera.width / WIDTH_PX)
    return msgspec.structs.replace(station, camera=simulated, belt=belt)


def list_faults() -> str:
    """Every kind of fault, a line each."""
    width = max(map(len, KINDS))
    lines = [
        f"{name:<{width}}  {kind.about}"
        + (f"; amount: {kind.amount.what}, {kind.amount.usual:g} unless said" if kind.amount else "")
        + (f"; needs {kind.needs}" if kind.needs else "")
        for name, kind in KINDS.items()
    ]
    return "\n".join(lines) + "\n"


def _items(arguments: argparse.Namespace, camera: object) -> Path:
    if arguments.items is not None:
        return Path(arguments.items).resolve()
    if isinstance(camera, BeltCamera) and camera.items:
        return Path(arguments.station).resolve().parent / camera.items
    raise ConfigError("--items is missing: the class folders of photographs that the items are cut from")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
