"""Public keys of Ed25519 (RFC 8032): which are keys at all, what they are called, and whether a signature is theirs."""

from sortline_bundle.digest import sha256
from sortline_bundle.errors import KeyRefused

KEY_BYTES = 32

# The curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo p.
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


def key_id(public: bytes) -> str:
    """What a key is called: the SHA-256 of its 32 bytes."""
    return sha256(public)


def check_public_key(public: bytes, *, where: str) -> None:
    """Refuse what is no key that only its owner can sign with.

    Under a point of small order anybody can make signatures that hold for many documents, and libraries accept them
    (Brendel et al. 2020, "The Provable Security of Ed25519"). All zeros is such a point.

    Raises:
        KeyRefused: not 32 bytes, not a point of the curve in its one form, or one of small order.
    """
    if len(public) != KEY_BYTES:
        raise KeyRefused(
            f"{where}: a public key has {KEY_BYTES} bytes, received {len(public)}; ask its owner for it anew"
        )
    y = int.from_bytes(public, "little") & ~(1 << 255)
    if y >= _P or not _is_on_curve(y) or _has_small_order(y):
        raise KeyRefused(f"{where}: this is no safe Ed25519 key; ask its owner for it anew")


def holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) was made over `message` with the private half of `public`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _is_on_curve(y: int) -> bool:
    """Whether (y^2 - 1) / (d y^2 + 1) is the square of an x, by Euler's criterion; the denominator is never zero."""
    squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    return squared == 0 or pow(squared, (_P - 1) // 2, _P) == 1


def _has_small_order(y: int) -> bool:
    """Whether eight times the point is the neutral one: y is 0, 1 or -1, or the point doubled has y = 0."""
    return y in (0, 1, _P - 1) or (_D * y**4 + 2 * y * y - 1) % _P == 0
