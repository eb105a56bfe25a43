"""`sortline keys ring`: keyrings, the first and its successors. A successor counts once keys of both have signed it."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from sortline_bundle.errors import ConfigError
from sortline_bundle.files import write_new
from sortline_bundle.moments import read_moment, write_moment
from sortline_bundle.trust.commands.documents import read_keyring
from sortline_bundle.trust.ed25519 import key_id
from sortline_bundle.trust.keyfiles import read_public_key
from sortline_bundle.trust.keyring import Key, Keyring, Thresholds
from sortline_bundle.trust.signatures import Role

_NEVER = "never"
ROLES: tuple[Role, ...] = get_args(Role)


class _Named(NamedTuple):
    """A public key file and the roles it shall have."""

    path: Path
    roles: tuple[Role, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline keys ring` takes."""
    actions = parser.add_subparsers(required=True, title="what to do")
    keys_help = "NAME.pub, or NAME.pub=ROLE,... where it may not sign all of bundle, keyring and channel"

    new = actions.add_parser("new", help="make a first keyring, which the stations are given by hand")
    new.add_argument("keys", type=_named, nargs="+", metavar="KEY", help=keys_help)
    _add_common(new)
    new.set_defaults(action=_new)

    add = actions.add_parser("add", help="make a successor with more keys, or with other roles of a key")
    add.add_argument("ring", type=Path, metavar="RING", help="keyring in use")
    add.add_argument("keys", type=_named, nargs="+", metavar="KEY", help=keys_help)
    _add_common(add)
    add.set_defaults(action=_add)

    remove = actions.add_parser("remove", help="make a successor without some keys: what they signed counts no more")
    remove.add_argument("ring", type=Path, metavar="RING", help="keyring in use")
    remove.add_argument("labels", nargs="+", metavar="WHO", help="name or id of a key, see `sortline keys show RING`")
    _add_common(remove)
    remove.set_defaults(action=_remove)


def describe(keyring: Keyring) -> str:
    """A keyring for people."""
    lines = [f"keyring version {keyring.version}, made {keyring.created}, until {keyring.expires or 'further notice'}"]
    for role, needed in msgspec.structs.asdict(keyring.thresholds).items():
        lines.append(f"a {role} is signed by at least {needed} of these")
        lines += [f"  {key.id}  {key.label}" for key in keyring.keys if role in key.roles]
    return "".join(f"{line}\n" for line in lines)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="keyring to make")
    parser.add_argument(
        "--threshold",
        type=_threshold,
        action="append",
        default=[],
        metavar="ROLE=N",
        help="how many keys must sign a bundle, keyring or channel (at first 1 each)",
    )
    parser.add_argument(
        "--expires",
        type=_day,
        metavar="YYYY-MM-DD",
        help="day from which it counts no more, or never (default: as the one before, at first never)",
    )


def _new(arguments: argparse.Namespace) -> None:
    first = Keyring(version=1, created=_now(), thresholds=Thresholds(), keys=_read_keys(arguments.keys))
    _write(arguments, first)
    sys.stdout.write("hand it to the stations; its successors they take from anywhere\n")


def _add(arguments: argparse.Namespace) -> None:
    old = read_keyring(arguments.ring)
    added = _read_keys(arguments.keys)
    kept = (key for key in old.keys if key.id not in {new.id for new in added})
    _write_successor(arguments, old, (*kept, *added))


def _remove(arguments: argparse.Namespace) -> None:
    old = read_keyring(arguments.ring)
    known = {name for key in old.keys for name in (key.id, key.label)}
    for name in arguments.labels:
        if name not in known:
            raise ConfigError(f"{arguments.ring} has no key {name!r}; see `sortline keys show {arguments.ring}`")
    kept = (key for key in old.keys if not {key.id, key.label} & set(arguments.labels))
    _write_successor(arguments, old, tuple(kept))


def _write_successor(arguments: argparse.Namespace, old: Keyring, keys: tuple[Key, ...]) -> None:
    new = msgspec.structs.replace(old, version=old.version + 1, created=_now(), keys=keys)
    _write(arguments, new)
    for which, ring in (("in use", old), ("new", new)):
        holders = ", ".join(sorted({key.label for key in ring.keys if "keyring" in key.roles}))
        sys.stdout.write(f"to be signed by at least {ring.thresholds.keyring} of the keyring {which}: {holders}\n")


def _write(arguments: argparse.Namespace, keyring: Keyring) -> None:
    thresholds = msgspec.structs.replace(keyring.thresholds, **dict(arguments.threshold))
    expires = keyring.expires if arguments.expires is None else arguments.expires
    whole = msgspec.structs.replace(keyring, thresholds=thresholds, expires=None if expires == _NEVER else expires)
    try:
        write_new(arguments.out, whole.encode())
    except FileExistsError:
        raise ConfigError(f"{arguments.out} is there already and is not overwritten; choose another name") from None
    sys.stdout.write(f"{arguments.out}: {describe(whole)}")


def _read_keys(named: Sequence[_Named]) -> tuple[Key, ...]:
    keys = []
    for path, roles in named:
        public = read_public_key(path)
        keys.append(Key(id=key_id(public), public=public.hex(), roles=roles, label=path.stem))
    return tuple(keys)


def _named(text: str) -> _Named:
    path, stated, roles = text.partition("=")
    chosen = tuple(role for role in ROLES if role in roles.split(",")) if stated else ROLES
    if stated and len(chosen) != len(roles.split(",")):
        raise argparse.ArgumentTypeError(f"roles are {', '.join(ROLES)}, received {roles!r}")
    return _Named(Path(path), chosen)


def _threshold(text: str) -> tuple[str, int]:
    role, _, number = text.partition("=")
    if role not in ROLES or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"as in bundle=2, for {', '.join(ROLES)}; received {text!r}")
    return role, int(number)


def _day(text: str) -> str:
    if text == _NEVER:
        return text
    moment = f"{text}T00:00:00Z"
    try:
        read_moment(moment)
    except ValueError:
        raise argparse.ArgumentTypeError(f"as in 2028-01-31, or never; received {text!r}") from None
    return moment


def _now() -> str:
    return write_moment(datetime.now(UTC))
