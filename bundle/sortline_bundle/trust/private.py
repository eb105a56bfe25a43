"""Private keys: made, signed with, and written as PEM. Bytes in, bytes out; no message says anything of a secret."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from sortline_bundle.errors import KeyFileRefused, KeyRefused
from sortline_bundle.trust.ed25519 import check_public_key, key_id
from sortline_bundle.trust.signatures import Role, Signature, signed_bytes

_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(key: Ed25519PrivateKey, role: Role, document: bytes) -> Signature:
    """Sign a document, given as the bytes that are shipped."""
    made = key.sign(signed_bytes(role, document))
    return Signature(key=key_id(public_bytes(key)), signature=made.hex())


def encode_private(key: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    """A private key as PKCS 8 in PEM, encrypted where there is a passphrase."""
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def encode_public(key: Ed25519PrivateKey) -> bytes:
    """The public half as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def is_encrypted(pem: bytes) -> bool:
    """Whether a private key takes a passphrase to read."""
    return _ENCRYPTED in pem


def decode_private(pem: bytes, passphrase: bytes | None, *, where: str) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        KeyFileRefused: it is none of Ed25519, damaged, or not opened by this passphrase.
    """
    try:
        key = load_pem_private_key(pem, passphrase)
    except _UNREADABLE:
        why = "is damaged, or that is not its passphrase" if is_encrypted(pem) else "is no private key"
        raise KeyFileRefused(f"{where} {why}; try again, or take another key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileRefused(f"{where} is no Ed25519 key; make one with `sortline keys new`")
    return key


def decode_public(pem: bytes, *, where: str) -> bytes:
    """The 32 bytes of a public key.

    Raises:
        KeyFileRefused: it is none of Ed25519, damaged, or weak.
    """
    try:
        key = load_pem_public_key(pem)
    except _UNREADABLE:
        raise KeyFileRefused(f"{where} is no public key; ask its owner for the .pub file") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileRefused(f"{where} is no Ed25519 key; ask its owner for one made with `sortline keys new`")
    public = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    try:
        check_public_key(public, where=where)
    except KeyRefused as cause:
        raise KeyFileRefused(str(cause)) from None
    return public
