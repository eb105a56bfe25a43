"""What a thing is, in 64 hexadecimal digits."""

import hashlib
from collections.abc import Iterable

DIGEST_PATTERN = r"^[0-9a-f]{64}\Z"


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_all(digests: Iterable[str]) -> str:
    """One digest for an ordered list of digests: the SHA-256 of them, a line each."""
    return sha256("".join(f"{digest}\n" for digest in digests).encode())
