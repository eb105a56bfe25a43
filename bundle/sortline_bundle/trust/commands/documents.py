"""What can be signed, on the disk: bundles hold their signatures; keyrings and channels have them in a file beside."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from sortline_bundle.archive import BUNDLE_BYTES, Bundle, parse_bundle, write_signatures
from sortline_bundle.errors import BundleError
from sortline_bundle.files import read_at_most, write_whole
from sortline_bundle.trust import channel, keyring
from sortline_bundle.trust.channel import Channel
from sortline_bundle.trust.keyring import Keyring
from sortline_bundle.trust.signatures import SIGNATURES_BYTES, Role, Signature, encode_signatures, parse_signatures

T = TypeVar("T")


class Signed(NamedTuple):
    """A document and the signatures on it, not checked.

    Attributes:
        role: Which kind of document it is.
        data: The bytes that are signed.
        signatures: On them.
        bundle: Where it is one.
    """

    role: Role
    data: bytes
    signatures: tuple[Signature, ...]
    bundle: Bundle | None = None


def signatures_path(path: Path) -> Path:
    """Where the signatures on a keyring or a channel are."""
    return path.with_name(f"{path.name}.sig")


def read_signed(path: Path) -> Signed:
    """Read a bundle, a keyring or a channel; which of them it is, it says itself.

    Raises:
        BundleError: it cannot be read, or does not hold.
    """
    data = _read(path, BUNDLE_BYTES)
    if not data.startswith(b"{"):
        bundle = parse_bundle(data, where=str(path))
        return Signed("bundle", bundle.manifest_bytes, bundle.signatures, bundle)
    role: Role = "channel" if _format_of(data) == channel.FORMAT else "keyring"
    beside = signatures_path(path)
    signatures = _read(beside, SIGNATURES_BYTES) if beside.exists() else None
    with _told_of(path):
        (Channel.parse if role == "channel" else Keyring.parse)(data)
    with _told_of(beside):
        return Signed(role, data, () if signatures is None else parse_signatures(signatures))


def _format_of(data: bytes) -> object:
    try:
        return json.loads(data).get("format")
    except (ValueError, RecursionError, AttributeError):
        return None


def write_signed(path: Path, signed: Signed, signatures: tuple[Signature, ...]) -> None:
    """Put other signatures on what `read_signed` gave.

    Raises:
        SchemaError: there are too many.
    """
    if signed.bundle:
        write_signatures(path, signed.bundle, signatures)
    else:
        write_whole(signatures_path(path), encode_signatures(signatures))


def read_keyring(path: Path) -> Keyring:
    """Read a keyring.

    Raises:
        BundleError: it cannot be read, or does not hold.
    """
    return _load(path, keyring.KEYRING_BYTES, Keyring.parse)


def read_channel(path: Path) -> Channel:
    """Read a channel, whoever signed it.

    Raises:
        BundleError: it cannot be read, or does not hold.
    """
    return _load(path, channel.CHANNEL_BYTES, Channel.parse)


def _load(path: Path, limit: int, parse: Callable[[bytes], T]) -> T:
    data = _read(path, limit)
    with _told_of(path):
        return parse(data)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Say in the error which file it is about."""
    try:
        yield
    except BundleError as cause:
        raise type(cause)(f"{path}: {cause}") from None


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_at_most(path, limit)
    except OSError as cause:
        raise BundleError(f"{path} cannot be read: {cause.strerror}") from None
