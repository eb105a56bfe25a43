"""`sortline sign`: vouch for a bundle, a keyring or a channel."""

import argparse
import sys
from pathlib import Path

from sortline_bundle.trust.commands.documents import read_signed, write_signed
from sortline_bundle.trust.commands.keys import add_passphrase_file
from sortline_bundle.trust.keyfiles import read_private_key
from sortline_bundle.trust.private import sign
from sortline_bundle.trust.signatures import with_signature


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline sign` takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="bundle, keyring or channel")
    parser.add_argument("--key", type=Path, required=True, metavar="NAME.key", help="private key to sign with")
    add_passphrase_file(parser)


def run(arguments: argparse.Namespace) -> int:
    """Add the signature, in the place of an older one by the same key."""
    signed = read_signed(arguments.file)
    new = sign(read_private_key(arguments.key, arguments.passphrase_file), signed.role, signed.data)
    signatures = with_signature(signed.signatures, new)
    write_signed(arguments.file, signed, signatures)
    sys.stdout.write(
        f"{arguments.file}: {signed.role} signed with key {new.key}; signatures on it: {len(signatures)}\n"
    )
    return 0
