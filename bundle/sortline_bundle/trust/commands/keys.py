"""`sortline keys`: make keys, show them, and say in keyrings whose signatures count."""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from sortline_bundle.errors import BundleError
from sortline_bundle.files import read_at_most
from sortline_bundle.trust.commands import ring
from sortline_bundle.trust.commands.documents import read_keyring
from sortline_bundle.trust.ed25519 import key_id
from sortline_bundle.trust.keyfiles import make_key_files, new_passphrase, read_public_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline keys` takes."""
    actions = parser.add_subparsers(required=True, title="what to do")

    new = actions.add_parser("new", help="make a key: NAME.key to sign with and keep, NAME.pub to hand out")
    new.add_argument("name", type=Path, metavar="NAME", help="whose key it is; a folder may stand before it")
    protection = new.add_mutually_exclusive_group()
    add_passphrase_file(protection)
    protection.add_argument("--unencrypted", action="store_true", help="without passphrase: whoever has the file signs")
    new.set_defaults(action=_new)

    show = actions.add_parser("show", help="show a public key, or all keys of a keyring")
    show.add_argument("file", type=Path, metavar="FILE", help="NAME.pub, or a keyring")
    show.add_argument("--json", action="store_true", help="print it as JSON")
    show.set_defaults(action=_show)

    ring.add_arguments(actions.add_parser("ring", help="make a keyring, or one that follows another"))


def add_passphrase_file(parser: Any) -> None:
    """Declare where the passphrase comes from, if not from the terminal."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="file with the passphrase, such as /dev/stdin (default: asked for at the terminal)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    arguments.action(arguments)
    return 0


def _new(arguments: argparse.Namespace) -> None:
    passphrase = None if arguments.unencrypted else new_passphrase(arguments.passphrase_file)
    made = make_key_files(arguments.name, passphrase)
    sys.stdout.write(f"id       {key_id(made.public_key)}\n")
    sys.stdout.write(f"private  {made.private}: sign with it; keep it, and a copy, where only you can read it\n")
    sys.stdout.write(f"public   {made.public}: hand it to whoever makes the keyring\n")


def _show(arguments: argparse.Namespace) -> None:
    if _is_keyring(arguments.file):
        keyring = read_keyring(arguments.file)
        document: dict[str, object] = {"keyring": keyring}
        text = ring.describe(keyring)
    else:
        public = read_public_key(arguments.file)
        document = {"id": key_id(public), "public": public.hex()}
        text = f"id      {key_id(public)}\npublic  {public.hex()}\n"
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n" if arguments.json else text)


def _is_keyring(path: Path) -> bool:
    try:
        return read_at_most(path, 1).startswith(b"{")
    except OSError as cause:
        raise BundleError(f"{path} cannot be read: {cause.strerror}; name a .pub file or a keyring") from None
