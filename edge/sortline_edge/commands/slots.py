"""`sortline slots`: install a bundle on this station so that nothing can leave it without one, and go back."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sortline_bundle.archive import BUNDLE_BYTES, parse_bundle
from sortline_bundle.errors import BundleError, ConfigError
from sortline_bundle.files import read_at_most, write_whole
from sortline_bundle.trust.commands.documents import read_signed
from sortline_bundle.trust.keyring import Keyring
from sortline_edge.slots.install import Done, install, self_test
from sortline_edge.slots.place import KEYRING, PLACE
from sortline_edge.slots.state import STARTS, Slot, State
from sortline_edge.slots.station import judge, keyring_of, known, opened_store

_SHOWN = 5  # of what happened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline slots` takes."""
    whats = parser.add_subparsers(required=True, title="what to do")
    for name, purpose in (
        ("status", "show what is in use, on trial, and to go back to"),
        ("install", "verify a bundle, write it to a slot, test it and put it on trial"),
        ("confirm", "what is on trial works: keep it"),
        ("rollback", "go back to the bundle before"),
        ("gc", "remove what nothing refers to"),
        ("trust", "say whom this station trusts: its first keyring, or the successor of the one it has"),
    ):
        child = whats.add_parser(name, help=purpose, description=purpose.capitalize() + ".")
        child.set_defaults(what=_WHATS[name])
        child.add_argument(
            "--store", type=Path, default=PLACE, metavar="DIR", help=f"the station's store (default {PLACE})"
        )
        if name == "status":
            child.add_argument("--json", action="store_true", help="print it as JSON")
        if name == "install":
            child.add_argument("bundle", type=Path, metavar="BUNDLE", help="from anywhere: a stick will do")
            child.add_argument("--unsigned", action="store_true", help="take it though the station has no keyring")
            child.add_argument("--model", metavar="MODEL", help="of this station; refuse bundles made for others")
            child.add_argument(
                "--channel", type=Path, metavar="FILE", help="refuse bundles other than the one announced there"
            )
            child.add_argument("--confirm", action="store_true", help="keep it as soon as it has passed its test")
            child.add_argument("--again", action="store_true", help="try it though it failed its trial here before")
            child.add_argument(
                "--starts",
                type=int,
                default=STARTS,
                metavar="N",
                help=f"it may start N times on trial (default {STARTS})",
            )
        if name == "trust":
            child.add_argument(
                "ring", type=Path, metavar="RING", help="keyring; a successor with its signatures beside"
            )


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what is in use afterwards."""
    result: int = arguments.what(arguments)
    return result


def _status(arguments: argparse.Namespace) -> int:
    with opened_store(arguments.store, _say) as store:
        if arguments.json:
            sys.stdout.write(msgspec.json.encode(store.state).decode() + "\n")
        else:
            _print(store.state)
    return 0


def _install(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.starts <= 1000:
        raise ConfigError(f"--starts is {arguments.starts}, may be 1 to 1000")
    try:
        data = read_at_most(arguments.bundle, BUNDLE_BYTES)
    except OSError as cause:
        raise BundleError(f"bundle {arguments.bundle} cannot be read: {cause.strerror}") from None
    # What is verified is what is written: the file is not looked at again, whoever may change it meanwhile.
    bundle = parse_bundle(data, where=str(arguments.bundle))
    keyring = keyring_of(arguments.store)
    if keyring is None and not arguments.unsigned:
        raise ConfigError(
            f"{arguments.store} has no keyring to hold signatures against; `sortline slots trust RING` gives it one,"
            " and --unsigned takes the bundle as it is"
        )
    channel = read_signed(arguments.channel) if arguments.channel else None
    if channel is not None and channel.role != "channel":
        raise ConfigError(f"--channel {arguments.channel} is a {channel.role}; name a channel")
    with opened_store(arguments.store, _say) as store:
        news = judge(bundle, store.state, keyring, datetime.now(UTC), model=arguments.model, channel=channel)
        if news is not None:
            store.hear(news.value.sequence, news.digest)
            for alarm in news.alarms:
                _say(f"alarm: {alarm}")
        if arguments.again:
            store.forget(bundle.digest)
        _say("writing it, then testing its model and golden images")
        done = install(store, data, known(bundle), arguments.store, self_test, starts=arguments.starts)
        if arguments.confirm and store.state.trial:
            store.confirm(bundle.digest)
            store.gc()
        what = done if store.state.trial else Done.IN_USE
        _say(f"{bundle.manifest.name} version {bundle.manifest.version} is {what.value}")
        if store.state.trial:
            _say("a running station takes it with `systemctl reload sortline`, or else at its next start")
        _print(store.state)
    return 0


def _confirm(arguments: argparse.Namespace) -> int:
    with opened_store(arguments.store, _say) as store:
        trial = store.state.trial
        store.confirm(trial.slot.bundle if trial else "")
        store.gc()
        _print(store.state)
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    with opened_store(arguments.store, _say) as store:
        store.go_back()
        _print(store.state)
    return 0


def _gc(arguments: argparse.Namespace) -> int:
    with opened_store(arguments.store, _say) as store:
        removed = store.gc()
    sys.stdout.write(f"removed {', '.join(map(str, removed)) or 'nothing'}\n")
    return 0


def _trust(arguments: argparse.Namespace) -> int:
    signed, path = read_signed(arguments.ring), arguments.store / KEYRING
    if signed.role != "keyring":
        raise ConfigError(f"{arguments.ring} is a {signed.role}; name a keyring")
    with opened_store(arguments.store, _say):
        old = keyring_of(arguments.store)
        new = Keyring.parse(signed.data) if old is None else old.succeed(signed.data, signed.signatures)
        write_whole(path, signed.data)
    sys.stdout.write(f"{path}: keyring version {new.version}\n")
    return 0


_WHATS = {
    "status": _status,
    "install": _install,
    "confirm": _confirm,
    "rollback": _rollback,
    "gc": _gc,
    "trust": _trust,
}


def _print(state: State) -> None:
    lines = {"oldest taken": f"version {state.floor}"}
    if state.current is None:
        lines["in use"] = "no bundle"
    elif state.trial is None:
        lines["in use"] = _describe(state.current)
    else:
        lines["on trial"] = f"{_describe(state.current)}; {state.trial.starts_left} starts left"
    fallback = state.good if state.trial else state.before
    if fallback is not None:
        lines["to go back to"] = _describe(fallback)
    for title, what in lines.items():
        sys.stdout.write(f"{title:<14} {what}\n")
    for entry in state.history[-_SHOWN:]:
        sys.stdout.write(f"{entry.at}  {entry.what}\n")


def _describe(slot: Slot) -> str:
    return f"{slot.name} version {slot.version} ({slot.bundle[:12]}), slot {slot.number}"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
