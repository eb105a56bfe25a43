"""`sortline announce`: say in a channel which bundle is newest, so that a station notices when it is kept away."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_whole
from sortline_bundle.moments import write_moment
from sortline_bundle.trust.channel import Announced, Channel
from sortline_bundle.trust.commands.documents import read_channel, signatures_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline announce` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="newest bundle")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="CHANNEL", help="channel to make, or to bring up to date"
    )
    parser.add_argument(
        "--days",
        type=int,
        default=30,
        metavar="N",
        help="for how long that is news; announce again before (default 30)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the channel, one sequence further than it was, and unsigned."""
    if not 1 <= arguments.days <= 3660:
        raise ConfigError(f"--days must be from 1 to 3660, received {arguments.days}")
    bundle = open_bundle(arguments.bundle)
    sequence = read_channel(arguments.out).sequence + 1 if arguments.out.exists() else 1
    now = datetime.now(UTC)
    channel = Channel(
        sequence=sequence,
        created=write_moment(now),
        expires=write_moment(now + timedelta(days=arguments.days)),
        newest=Announced(version=bundle.manifest.version, digest=bundle.digest),
    )
    signatures_path(arguments.out).unlink(missing_ok=True)  # on what it said before
    write_whole(arguments.out, channel.encode())
    sys.stdout.write(
        f"{arguments.out}: sequence {sequence} announces {bundle.manifest.name} version {bundle.manifest.version}"
        f" until {channel.expires}; to be signed\n"
    )
    return 0
