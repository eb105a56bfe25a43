"""`sortline service`: the systemd unit of a station."""

import argparse
import contextlib
import re
import subprocess
import sys
from pathlib import Path

from sortline_bundle.files import write_whole
from sortline_edge.config import load_station
from sortline_edge.life.unit import NAME, OLDEST_SYSTEMD, service_unit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline service` takes."""
    parser.add_argument("station", type=Path, metavar="STATION.toml", help="the station file")
    parser.add_argument("--user", default="sortline", help="that the service runs as (default sortline)")
    parser.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        metavar="PATH",
        help="of the environment that sortline is installed in on the station (default: this one)",
    )
    parser.add_argument("--write", type=Path, metavar="DIR", help=f"write DIR/{NAME} instead of printing it")


def run(arguments: argparse.Namespace) -> int:
    """Check the station file, and print or write the unit for it."""
    station = load_station(arguments.station)
    # The Python of a virtual environment is a link that means it only by its own name.
    python = arguments.python.parent.resolve() / arguments.python.name
    file = arguments.station.resolve()
    unit = service_unit(station, file, user=arguments.user, python=python, systemd=_systemd_here())
    if arguments.write is None:
        sys.stdout.write(unit)
    else:
        write_whole(arguments.write / NAME, unit.encode())
        sys.stdout.write(f"{arguments.write / NAME}\n")
    return 0


def _systemd_here() -> int:
    """Version of this machine's systemd, or the oldest that is written for where it has none."""
    with contextlib.suppress(OSError):
        done = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False)
        if found := re.match(r"systemd (\d+)", done.stdout):
            return int(found[1])
    return OLDEST_SYSTEMD
