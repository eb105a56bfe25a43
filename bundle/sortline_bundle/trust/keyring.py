"""Whose signatures count, for what, and how many are needed; and how one such list follows another."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from sortline_bundle.errors import (
    KeyRefused,
    RollbackRefused,
    SchemaError,
    SignatureInvalid,
    SuccessionRefused,
    ThresholdNotMet,
)
from sortline_bundle.manifest import Version
from sortline_bundle.moments import Timestamp, lifetime_complaints
from sortline_bundle.strict import Table, read_document
from sortline_bundle.trust.ed25519 import check_public_key, holds, key_id
from sortline_bundle.trust.signatures import KeyId, Role, Signature, check_algorithms, signed_bytes

FORMAT: Final = "sortline-keyring"
FORMAT_VERSION: Final = 1
KEYRING_BYTES = 256 << 10

Threshold = Annotated[int, Meta(ge=1, le=32)]


class Key(Table, frozen=True, kw_only=True):
    """A key whose signatures count.

    Attributes:
        id: SHA-256 of the public key.
        public: Its 32 bytes, in hexadecimal.
        roles: What it may sign.
        label: Whose it is, for people.
    """

    id: KeyId
    public: Annotated[str, Meta(pattern=r"^([0-9a-f]{2})*\Z", max_length=128)]
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=3)]
    label: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,64}\Z")]


class Thresholds(Table, frozen=True, kw_only=True):
    """How many different keys must sign a document of each kind."""

    bundle: Threshold = 1
    keyring: Threshold = 1
    channel: Threshold = 1


class NotCounted(NamedTuple):
    """A signature that does not count, and why."""

    key: str
    reason: str


class Count(NamedTuple):
    """Signatures on one document, counted: ids of the keys that signed it, and what did not count."""

    signers: tuple[str, ...]
    not_counted: tuple[NotCounted, ...]


class Keyring(Table, frozen=True, kw_only=True):
    """The keys a station trusts, and how many of them it takes.

    Attributes:
        version: 1, and one more with each successor.
        expires: From when on nothing is accepted by it, but for its successor; null for never.
        thresholds: How many keys must sign, by kind of document.
        keys: In any order. A key that stands there twice is one key, with the roles of both.
    """

    format: Literal["sortline-keyring"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    version: Version
    created: Timestamp
    expires: Timestamp | None = None
    thresholds: Thresholds
    keys: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=64)]

    @classmethod
    def parse(cls, data: bytes) -> "Keyring":
        """Read a keyring. That it may be trusted is not said by this: it came with the station, or by `succeed`.

        Raises:
            UnsupportedFormat: it is of another format, or of another version of it.
            SchemaError: naming the field, what it is and what it may be.
            KeyRefused: a key is malformed, weak, or not the one its id says.
        """
        keyring = read_document(
            data, cls, format_version=(FORMAT, FORMAT_VERSION), limit=KEYRING_BYTES, where="keyring"
        )
        for key in keyring.keys:
            where = f"keyring: key of {key.label}"
            check_public_key(bytes.fromhex(key.public), where=where)
            if key.id != key_id(bytes.fromhex(key.public)):
                raise KeyRefused(f"{where}: its id {key.id[:12]} is that of another key; ask its owner for it anew")
        for complaint in _contradictions(keyring):
            raise SchemaError(f"keyring: {complaint}")
        return keyring

    def encode(self) -> bytes:
        """The bytes of a keyring as they are signed and shipped. What it could not read back it does not write.

        Raises:
            SchemaError: the keyring contradicts itself.
            KeyRefused: as `parse`.
        """
        data = msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"
        self.parse(data)
        return data

    def count(self, role: Role, document: bytes, signatures: Sequence[Signature]) -> Count:
        """Count the keys that have signed a document.

        Args:
            role: What kind of document it is.
            document: Its bytes as shipped.
            signatures: In any order; each key counts once.

        Raises:
            UnsupportedFormat: a signature is by an algorithm unknown here. None has been checked then.
            SignatureInvalid: too few count, and one by a key of the role does not fit the document.
            ThresholdNotMet: too few count.
        """
        check_algorithms(signatures)
        message = signed_bytes(role, document)
        signers: list[str] = []
        not_counted: list[NotCounted] = []
        unfit = False
        for one in signatures:
            found = [key for key in self.keys if key.id == one.key]
            if not found:
                not_counted.append(NotCounted(one.key, "is not in the keyring"))
            elif not any(role in key.roles for key in found):
                not_counted.append(NotCounted(one.key, f"may not sign a {role}"))
            elif one.key in signers:
                not_counted.append(NotCounted(one.key, "counts once only"))
            elif holds(bytes.fromhex(found[0].public), bytes.fromhex(one.signature), message):
                signers.append(one.key)
            else:
                not_counted.append(NotCounted(one.key, f"did not sign this as a {role}"))
                unfit = True
        needed = getattr(self.thresholds, role)
        if len(signers) < needed:
            kind = SignatureInvalid if unfit else ThresholdNotMet
            reasons = "".join(f"; {key[:12]} {reason}" for key, reason in not_counted)
            raise kind(
                f"keyring version {self.version} asks for {needed} of its keys to sign a {role}, and {len(signers)} did"
                f"{reasons}; have it signed, or fetch it anew"
            )
        return Count(tuple(signers), tuple(not_counted))

    def succeed(self, data: bytes, signatures: Sequence[Signature]) -> "Keyring":
        """The keyring that follows this one, which may have expired by now.

        Args:
            data: The new keyring's bytes as shipped.
            signatures: Enough for this one's threshold and for the new one's.

        Raises:
            RollbackRefused: it is this one or an older one.
            SuccessionRefused: one in between is missing.
            SignatureInvalid, ThresholdNotMet: as `count`, by either of the two.
            UnsupportedFormat, SchemaError, KeyRefused: as `parse`.
        """
        new = Keyring.parse(data)
        if new.version <= self.version:
            raise RollbackRefused(
                f"keyring version {new.version} is offered where version {self.version} is in use; fetch the newest"
            )
        if new.version != self.version + 1:
            raise SuccessionRefused(
                f"keyring version {new.version} does not follow version {self.version};"
                f" install version {self.version + 1} first"
            )
        for keyring in (self, new):
            keyring.count("keyring", data, signatures)
        return new

    def label(self, key: str) -> str:
        """Whose key that is; nothing for one that is not in here."""
        return next((known.label for known in self.keys if known.id == key), "")


def _contradictions(keyring: Keyring) -> Iterator[str]:
    yield from lifetime_complaints(keyring.created, keyring.expires)
    for role, needed in msgspec.structs.asdict(keyring.thresholds).items():
        held = len({key.id for key in keyring.keys if role in key.roles})
        if held < needed:
            yield f"`thresholds.{role}`: {needed} keys must sign a {role}, and {held} may; add keys, or ask for fewer"
