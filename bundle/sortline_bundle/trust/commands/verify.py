"""`sortline verify`: whether trusted people vouch for a bundle, a channel, or the successor of a keyring."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from sortline_bundle.digest import sha256
from sortline_bundle.errors import ConfigError
from sortline_bundle.moments import trusted_time
from sortline_bundle.trust.channel import Channel
from sortline_bundle.trust.commands.documents import Signed, read_keyring, read_signed
from sortline_bundle.trust.keyring import Keyring, NotCounted
from sortline_bundle.trust.signatures import Role
from sortline_bundle.trust.verify import Alarm, Floor, Verified, verify, verify_channel

T = TypeVar("T")


class _Verdict(msgspec.Struct, frozen=True):
    """What is trusted, by whose word, and what somebody should look at."""

    kind: Role
    says: str
    digest: str
    signers: list[dict[str, str]]
    not_counted: tuple[NotCounted, ...]
    alarms: tuple[Alarm, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline verify` takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="bundle; or a channel, or the successor of the keyring")
    parser.add_argument("--keyring", type=Path, required=True, metavar="RING", help="keyring in use: whom to trust")
    parser.add_argument("--floor", type=int, metavar="N", help="refuse versions below N")
    parser.add_argument("--station", metavar="MODEL", help="refuse bundles made for other models of station only")
    parser.add_argument(
        "--channel", type=Path, metavar="FILE", help="refuse bundles other than the one announced there"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print who vouches for it. Where not enough do, that is an error."""
    signed, keyring = read_signed(arguments.file), read_keyring(arguments.keyring)
    if signed.role != "bundle" and (arguments.station or arguments.channel):
        raise ConfigError(
            f"--station and --channel are for bundles, and {arguments.file} is a {signed.role}; leave them out"
        )
    if signed.role == "keyring" and arguments.floor is not None:
        raise ConfigError(f"--floor is not for keyrings, which go up by one, and {arguments.file} is one; leave it out")
    verdict = _judge(signed, keyring, arguments)
    if arguments.json:
        document = {**msgspec.structs.asdict(verdict), "not_counted": [one._asdict() for one in verdict.not_counted]}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    else:
        sys.stdout.write(_describe(verdict))
    return 0


def _judge(signed: Signed, keyring: Keyring, arguments: argparse.Namespace) -> _Verdict:
    if signed.role == "keyring":
        new = keyring.succeed(signed.data, signed.signatures)
        count = keyring.count("keyring", signed.data, signed.signatures)
        says = f"keyring version {new.version} follows version {keyring.version}"
        return _Verdict("keyring", says, sha256(signed.data), _names(count.signers, keyring), count.not_counted)
    seen = [keyring.created]
    floor = None if arguments.floor is None else Floor(arguments.floor)
    if signed.role == "channel":
        news = _news(signed, keyring, floor)
        newest = news.value.newest
        says = f"channel {news.value.sequence} announces version {newest.version} ({newest.digest})"
        return _verdict("channel", says, news, keyring)
    channel: Verified[Channel] | None = None
    if arguments.channel:
        other = read_signed(arguments.channel)
        if other.role != "channel":
            raise ConfigError(f"--channel {arguments.channel} is a {other.role}; name a channel")
        channel = _news(other, keyring, None)
        seen.append(channel.value.created)
    verified = verify(
        signed.data,
        signed.signatures,
        keyring,
        now=trusted_time(datetime.now(UTC), seen),
        floor=floor,
        station=arguments.station,
        channel=channel,
    )
    return _verdict("bundle", f"{verified.value.name}, version {verified.value.version}, is trusted", verified, keyring)


def _news(signed: Signed, keyring: Keyring, last: Floor | None) -> Verified[Channel]:
    now = trusted_time(datetime.now(UTC), [keyring.created])
    return verify_channel(signed.data, signed.signatures, keyring, now=now, last=last)


def _verdict(kind: Role, says: str, verified: Verified[T], keyring: Keyring) -> _Verdict:
    signers = _names(verified.signers, keyring)
    return _Verdict(kind, says, verified.digest, signers, verified.not_counted, verified.alarms)


def _names(signers: Sequence[str], keyring: Keyring) -> list[dict[str, str]]:
    return [{"key": key, "label": keyring.label(key)} for key in signers]


def _describe(verdict: _Verdict) -> str:
    lines = [verdict.says, f"digest       {verdict.digest}"]
    lines += [f"signed by    {signer['key'][:12]} {signer['label']}" for signer in verdict.signers]
    lines += [f"not counted  {key[:12]} {reason}" for key, reason in verdict.not_counted]
    lines += [f"alarm        {alarm}" for alarm in verdict.alarms]
    return "".join(f"{line}\n" for line in lines)
