"""The systemd unit of a station: started at boot, watched, started anew, and kept to what its drivers need.

Each line that is not obvious has its reason in docs/states.md.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_edge.config import BeltCamera, FolderCamera, GpiodOutputs, RecorderOutputs, Station, VideoCamera
from sortline_edge.slots.place import store_of

NAME = "sortline.service"
# Of Debian 12 and the Raspberry Pi OS made of it.
OLDEST_SYSTEMD = 252
# The first one that knows RestartSteps and RestartMaxDelaySec.
_GROWING_PAUSES = 254
# The output process asks for one less than the kernel's own interrupt threads have.
_REALTIME_PRIORITY = 49
# Twice the budget of a sorting station: what leaks is started anew before the board has no memory left.
_MEMORY = "500M"
_SHORTEST_WATCHDOG_S = 30
_RUN = ("-P", "-m", "sortline_bundle.command", "run", "--wait")


class Needs(NamedTuple):
    """What a driver has to get at: device classes, their group, and kinds of sockets."""

    devices: tuple[str, ...] = ()
    group: str | None = None
    sockets: tuple[str, ...] = ()


# libcamera allocates its buffers from a DMA heap, and learns from udev, over netlink, which cameras there are.
CAMERAS = {
    "belt": Needs(),
    "folder": Needs(),
    "video": Needs(),
    "picamera2": Needs(("char-video4linux", "char-media", "char-dma_heap"), "video", ("AF_NETLINK",)),
    "v4l2": Needs(("char-video4linux",), "video"),
}
_GPIO = Needs(("char-gpiochip",), "gpio")


def service_unit(station: Station, file: Path, *, user: str, python: Path, systemd: int = OLDEST_SYSTEMD) -> str:
    """Write the unit of a station.

    Args:
        station: The station file's content.
        file: The station file, an absolute path without `..`; the service works in its folder.
        user: That the service runs as.
        python: Of the environment that sortline is installed in, an absolute path without `..`.
        systemd: Version of the systemd that will read it.

    Raises:
        ConfigError: a path or the user's name cannot be written into a unit.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_-]*", user):
        raise ConfigError(f"{user!r} cannot be a user's name; use lower-case letters, digits, - and _")
    for path in (file, python, *_written(station, file)):
        if not str(path).isprintable():
            raise ConfigError(f"path {str(path)!r} cannot stand in a systemd unit; use printable letters in it")
    if set(str(python)) & set("\"'\\"):
        raise ConfigError(f"systemd starts no program whose path has quotes or backslashes, such as {python}; move it")
    sections = {
        "Unit": [f"Description=sortline station {station.name}", "StartLimitIntervalSec=0"],
        "Service": [
            *_life(station, file, user, python),
            *(_growing_pauses() if systemd >= _GROWING_PAUSES else ["RestartSec=5"]),
            *_limits(),
            *_devices(station),
            *_files(station, file, python),
            *(line for line in _ALWAYS if line != _TUNABLES or not _has_servos(station)),
        ],
        "Install": ["WantedBy=multi-user.target"],
    }
    return "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items())


def _life(station: Station, file: Path, user: str, python: Path) -> Iterator[str]:
    yield "Type=notify"
    yield f"User={user}"
    yield f"WorkingDirectory={_escaped(str(file.parent))}"
    # Variables are filled in behind the program only.
    words = (_quoted(word).replace("$", "$$") for word in (*_RUN, str(file)))
    yield f"ExecStart={_quoted(str(python))} {' '.join(words)}"
    yield "ExecReload=/bin/kill -HUP $MAINPID"
    yield "Environment=PYTHONFAULTHANDLER=1"
    yield "KillMode=mixed"
    yield "TimeoutStartSec=120"
    yield "TimeoutStopSec=10"
    yield f"WatchdogSec={max(_SHORTEST_WATCHDOG_S, round(2 * station.guard.camera_lost_after_s))}"
    yield "SuccessExitStatus=130"
    yield "Restart=on-failure"


def _growing_pauses() -> Iterator[str]:
    yield "RestartSec=1"
    yield "RestartSteps=5"
    yield "RestartMaxDelaySec=30"


def _limits() -> Iterator[str]:
    yield f"LimitRTPRIO={_REALTIME_PRIORITY}"
    yield "LimitCORE=0"
    yield f"MemoryMax={_MEMORY}"
    yield "TasksMax=64"


def _devices(station: Station) -> Iterator[str]:
    needs = [CAMERAS[msgspec.to_builtins(station.camera)["driver"]]]
    if isinstance(station.outputs, GpiodOutputs):
        needs.append(_GPIO)
    groups = [need.group for need in needs if need.group]
    if groups:
        yield f"SupplementaryGroups={' '.join(groups)}"
    yield "DevicePolicy=closed"
    for device in (device for need in needs for device in need.devices):
        yield f"DeviceAllow={device} rw"
    yield f"RestrictAddressFamilies={' '.join(['AF_UNIX', *(kind for need in needs for kind in need.sockets)])}"


def _files(station: Station, file: Path, python: Path) -> Iterator[str]:
    yield "ProtectSystem=strict"
    homes = [Path("/home"), Path("/root"), Path("/run/user")]
    read = (file, python, *(Path(os.path.normpath(file.parent / path)) for path in _read(station)))
    used = (*read, *_written(station, file))
    at_home = any(path.is_relative_to(home) for path in used for home in homes)
    yield f"ProtectHome={'read-only' if at_home else 'yes'}"
    for folder in _written(station, file):
        yield f"ReadWritePaths={_quoted(str(folder))}"


def _read(station: Station) -> Iterator[str]:
    """What the drivers read, as it stands in the station file; a device file is no matter of folders."""
    yield station.bundle
    if isinstance(station.camera, FolderCamera | VideoCamera):
        yield station.camera.path
    elif isinstance(station.camera, BeltCamera):
        yield station.camera.items


def _written(station: Station, file: Path) -> list[Path]:
    """The folders that a station writes to, without `..`, which systemd does not take."""
    files = []
    if isinstance(station.outputs, RecorderOutputs):
        files += [path for path in (station.outputs.path, station.outputs.inputs) if path is not None]
    if station.events is not None:
        files.append(station.events.path)
    folders = [Path(os.path.normpath(file.parent / path)).parent for path in files]
    store = store_of(Path(os.path.normpath(file.parent / station.bundle)))
    return list(dict.fromkeys(folders if store is None else [*folders, store]))


def _has_servos(station: Station) -> bool:
    return isinstance(station.outputs, GpiodOutputs) and bool(station.outputs.servos)


# A servo's pulse widths are written to files under /sys, which this makes read-only.
_TUNABLES = "ProtectKernelTunables=yes"
_ALWAYS = """\
UMask=0027
PrivateTmp=yes
PrivateNetwork=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM""".splitlines()


def _escaped(word: str) -> str:
    return word.replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
