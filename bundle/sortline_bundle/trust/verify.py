"""The verdict: bytes, signatures and a keyring in, a verified value or a named error out. No files, no clock."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Generic, Literal, NamedTuple, Never, NoReturn, TypeVar, final

from sortline_bundle.digest import sha256
from sortline_bundle.errors import (
    BundleError,
    ExpiredRefused,
    Incompatible,
    NotAnnounced,
    RollbackRefused,
    SchemaError,
)
from sortline_bundle.manifest import Manifest, parse_manifest
from sortline_bundle.moments import has_expired, write_moment
from sortline_bundle.trust.channel import Channel
from sortline_bundle.trust.keyring import Count, Keyring, NotCounted
from sortline_bundle.trust.signatures import Role, Signature

T = TypeVar("T")
Alarm = Literal["channel expired", "keyring expired"]


@final
class Verified(Generic[T]):
    """A value that trusted people have signed. Only the functions of this module make one.

    Attributes:
        value: What they signed, read.
        digest: SHA-256 of the bytes that they signed.
        signers: Ids of their keys.
        not_counted: Signatures that did not count, and why.
        alarms: What somebody should look at, though it is no reason to refuse.
    """

    __slots__ = ("alarms", "digest", "not_counted", "signers", "value")

    value: T
    digest: str
    signers: tuple[str, ...]
    not_counted: tuple[NotCounted, ...]
    alarms: tuple[Alarm, ...]

    def __init__(self, _never: Never, /) -> None:
        raise TypeError("only verify() can tell that something is verified")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("what is verified has no other kinds")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("what is verified cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("what is verified cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("what is verified cannot be copied out of the process: verify it where it is used")


class Floor(NamedTuple):
    """The lowest number that is still accepted, and the digest that it has to have there, where that is known."""

    version: int
    digest: str | None = None


def verify(
    manifest: bytes,
    signatures: Sequence[Signature],
    keyring: Keyring,
    *,
    now: datetime,
    floor: Floor | None,
    station: str | None,
    channel: Verified[Channel] | None = None,
) -> Verified[Manifest]:
    """Whether a bundle may be installed. What is in use already is not asked about: it keeps running.

    Args:
        manifest: Its bytes as shipped.
        signatures: Those of the bundle.
        keyring: Of the station.
        now: See `moments.trusted_time`.
        floor: Of the station; None where nothing was installed before.
        station: The station's model; None where it does not matter, as in the workshop.
        channel: Where it is given, no other bundle than the one it announces.

    Raises:
        UnsupportedFormat: manifest or signatures are of a format or by an algorithm unknown here; nothing was checked.
        SignatureInvalid, ThresholdNotMet: too few signatures count, see `Keyring.count`.
        SchemaError: it is signed, and wrong.
        ExpiredRefused: the time of the keyring or of the bundle has run out.
        RollbackRefused: it is older than the floor, or another one of the same version.
        Incompatible: it is made for other stations.
        NotAnnounced: the channel announces another one.
    """
    read, count = _check("bundle", manifest, signatures, keyring, parse_manifest)
    digest = sha256(manifest)
    for what, expires, then in (
        (f"keyring version {keyring.version}", keyring.expires, "install its successor"),
        (f"{read.name} version {read.version}", read.expires, "fetch a newer bundle"),
    ):
        if has_expired(expires, now):
            raise ExpiredRefused(f"{what} has expired: {expires}, and it is {write_moment(now)}; {then}")
    check_floor(read.name, Floor(read.version, digest), floor)
    check_station(read, station)
    if channel is not None and channel.value.newest.digest != digest:
        newest = channel.value.newest
        raise NotAnnounced(
            f"{read.name} version {read.version} ({digest[:12]}) is not the newest: the channel announces version"
            f" {newest.version} ({newest.digest[:12]}); fetch that one"
        )
    return _make(read, digest, count, channel.alarms if channel else ())


def verify_channel(
    data: bytes, signatures: Sequence[Signature], keyring: Keyring, *, now: datetime, last: Floor | None
) -> Verified[Channel]:
    """Whether a channel is news. One that has expired is an alarm, for a station must not stop for want of news.

    Args:
        data: Its bytes as shipped.
        signatures: On it.
        keyring: Of the station; that it has expired is an alarm here as well.
        now: See `moments.trusted_time`.
        last: Sequence and digest of the channel seen last; None where there was none.

    Raises:
        UnsupportedFormat: channel or signatures are of a format or by an algorithm unknown here; nothing was checked.
        SignatureInvalid, ThresholdNotMet: too few signatures count, see `Keyring.count`.
        SchemaError: it is signed, and wrong.
        RollbackRefused: it is older than the last one, or another one of the same sequence.
    """
    channel, count = _check("channel", data, signatures, keyring, Channel.parse)
    digest = sha256(data)
    check_floor("channel", Floor(channel.sequence, digest), last)
    alarms: list[Alarm] = []
    if has_expired(channel.expires, now):
        alarms.append("channel expired")
    if has_expired(keyring.expires, now):
        alarms.append("keyring expired")
    return _make(channel, digest, count, tuple(alarms))


def rebuild_floor(bundles: Iterable[tuple[bytes, Sequence[Signature]]], keyring: Keyring) -> Floor | None:
    """The floor that a station's own bundles give, each as manifest bytes and signatures: for when its file is lost.

    What no longer counts by the keyring gives none. So a version number set too high, by a thief of a key or by
    mistake, is undone by a successor of the keyring without the key that signed it.
    """
    floors = []
    for manifest, signatures in bundles:
        try:
            read, _ = _check("bundle", manifest, signatures, keyring, parse_manifest)
        except BundleError:
            continue
        floors.append(Floor(read.version, sha256(manifest)))
    return max(floors, default=None)


def _check(
    role: Role, data: bytes, signatures: Sequence[Signature], keyring: Keyring, parse: Callable[[bytes], T]
) -> tuple[T, Count]:
    """Read and count. The format is looked at first; but what was edited is called so, whatever it reads like."""
    try:
        value = parse(data)
    except SchemaError:
        keyring.count(role, data, signatures)
        raise
    return value, keyring.count(role, data, signatures)


def check_floor(what: str, offered: Floor, floor: Floor | None) -> None:
    """Whether a number may follow the lowest that is still accepted.

    Raises:
        RollbackRefused: it is older, or another document under the same number.
    """
    if floor is None or offered.version > floor.version:
        return
    if offered.version < floor.version:
        raise RollbackRefused(
            f"{what} {offered.version} is older than {floor.version}, which is the oldest accepted; fetch a newer one"
        )
    if floor.digest not in (None, offered.digest):
        raise RollbackRefused(f"{what} {offered.version} is not the one known under that number; fetch a newer one")


def check_station(manifest: Manifest, station: str | None) -> None:
    """Whether a bundle is for this model of station; None where it does not matter.

    Raises:
        Incompatible: it is made for others.
    """
    if manifest.stations and station is not None and station not in manifest.stations:
        raise Incompatible(
            f"{manifest.name} version {manifest.version} is made for {', '.join(manifest.stations)}, and this is"
            f" {station}; fetch the bundle for this station"
        )


def _make(value: T, digest: str, count: Count, alarms: tuple[Alarm, ...]) -> Verified[T]:
    made: Verified[T] = object.__new__(Verified)
    whole = {"value": value, "digest": digest, "signers": count.signers, "not_counted": count.not_counted}
    for name, part in {**whole, "alarms": alarms}.items():
        object.__setattr__(made, name, part)
    return made
