"""Signatures as they are kept: who signed, how, and the signature, beside the document and never inside it.

What is signed is the name of the kind of document, a zero byte, and the document's bytes as shipped. So a signature on
one kind of document is none on another, and nothing is ever written anew to be checked.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sortline_bundle.digest import DIGEST_PATTERN
from sortline_bundle.errors import UnsupportedFormat
from sortline_bundle.strict import Table, read_document

FORMAT: Final = "sortline-signatures"
FORMAT_VERSION: Final = 1
SIGNATURES_BYTES = 64 << 10
ALGORITHM = "ed25519"

Role = Literal["bundle", "keyring", "channel"]
"""The kinds of documents that are signed. Whoever may sign one has the role of that name."""

KeyId = Annotated[str, Meta(pattern=DIGEST_PATTERN)]


class Signature(Table, frozen=True, kw_only=True):
    """One signature.

    Attributes:
        key: Id of the key it was made with.
        algorithm: ed25519, the only one there is.
        signature: 64 bytes in hexadecimal.
    """

    key: KeyId
    algorithm: Annotated[str, Meta(max_length=64)] = ALGORITHM
    signature: Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]


class Signatures(Table, frozen=True, kw_only=True):
    """All signatures on one document."""

    format: Literal["sortline-signatures"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=32)] = ()


def signed_bytes(role: Role, document: bytes) -> bytes:
    """What a signature on a document of this kind is made over."""
    return f"sortline-{role}-v1".encode() + b"\0" + document


def parse_signatures(data: bytes) -> tuple[Signature, ...]:
    """Read the signatures on a document.

    Raises:
        UnsupportedFormat: of another format, another version of it, or by another algorithm.
        SchemaError: naming the field, what it is and what it may be.
    """
    form = FORMAT, FORMAT_VERSION
    read = read_document(data, Signatures, format_version=form, limit=SIGNATURES_BYTES, where="signatures")
    check_algorithms(read.signatures)
    return read.signatures


def encode_signatures(signatures: Sequence[Signature]) -> bytes:
    """The bytes of signatures as they are kept; the same ones in any order give the same bytes.

    Raises:
        SchemaError: there are too many.
    """
    kept = tuple(sorted(signatures, key=lambda one: one.key))
    data = msgspec.json.format(msgspec.json.encode(Signatures(signatures=kept)), indent=1) + b"\n"
    parse_signatures(data)
    return data


def with_signature(signatures: Sequence[Signature], new: Signature) -> tuple[Signature, ...]:
    """The signatures and a new one, which takes the place of an older one by the same key."""
    return (*(one for one in signatures if one.key != new.key), new)


def check_algorithms(signatures: Sequence[Signature]) -> None:
    """Refuse signatures that sortline could not check, before any is checked.

    Raises:
        UnsupportedFormat: naming the algorithm.
    """
    for one in signatures:
        if one.algorithm != ALGORITHM:
            raise UnsupportedFormat(f"signatures: `algorithm`: received {one.algorithm!r}, may be {ALGORITHM!r}")
