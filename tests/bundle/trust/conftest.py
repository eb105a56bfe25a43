"""People with keys, and what they sign: the same in every run."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sortline_bundle.trust.ed25519 import key_id
from sortline_bundle.trust.keyring import Keyring
from sortline_bundle.trust.private import public_bytes, sign
from sortline_bundle.trust.signatures import Role, Signature
from sortline_bundle.trust.verify import verify, verify_channel

ROLES = ("bundle", "keyring", "channel")
NOW = datetime(2026, 12, 1, tzinfo=UTC)


class World:
    """Alice, Bob and Carol are trusted, Mallory is not; a manifest is there to be signed."""

    def __init__(self, manifest_text: str) -> None:
        names = ("alice", "bob", "carol", "mallory")
        self.keys = {name: Ed25519PrivateKey.from_private_bytes(bytes([nth]) * 32) for nth, name in enumerate(names, 1)}
        self.document = json.loads(manifest_text)
        self.manifest = manifest_text.encode()

    def key(self, name: str, roles: Sequence[str] = ROLES) -> dict[str, object]:
        """Somebody's entry in a keyring."""
        public = public_bytes(self.keys[name])
        return {"id": key_id(public), "public": public.hex(), "roles": list(roles), "label": name}

    def id(self, name: str) -> str:
        """The id of somebody's key."""
        return key_id(public_bytes(self.keys[name]))

    def ring_document(self, *names: str, version: int = 1, **fields: object) -> dict[str, object]:
        """A keyring as plain dicts and lists; thresholds are given as bundle=2."""
        thresholds = {role: fields.pop(role, 1) for role in ROLES}
        return {
            "format": "sortline-keyring",
            "format_version": 1,
            "version": version,
            "created": "2026-11-25T00:00:00Z",
            "expires": None,
            "thresholds": thresholds,
            "keys": [self.key(name) for name in names],
            **fields,
        }

    def ring_bytes(self, *names: str, **fields: object) -> bytes:
        """A keyring as shipped."""
        return json.dumps(self.ring_document(*names, **fields)).encode()

    def ring(self, *names: str, **fields: object) -> Keyring:
        """A keyring, read."""
        return Keyring.parse(self.ring_bytes(*names, **fields))

    def channel_bytes(self, digest: str = "0" * 64, **fields: object) -> bytes:
        """A channel as shipped."""
        document = {
            "format": "sortline-channel",
            "format_version": 1,
            "sequence": 5,
            "created": "2026-11-26T00:00:00Z",
            "expires": "2026-12-26T00:00:00Z",
            "newest": {"version": 3, "digest": digest},
            **fields,
        }
        return json.dumps(document).encode()

    def changed(self, **fields: object) -> bytes:
        """The manifest with other fields."""
        return json.dumps({**self.document, **fields}).encode()

    def sign(self, data: bytes, *names: str, role: Role = "bundle") -> tuple[Signature, ...]:
        """Signatures of these people."""
        return tuple(sign(self.keys[name], role, data) for name in names)

    def verify(self, data, signatures, ring, *, now=NOW, floor=None, station=None, channel=None):
        """As `trust.verify.verify`, with nothing asked for but signatures."""
        return verify(data, signatures, ring, now=now, floor=floor, station=station, channel=channel)

    def channel(self, data, ring, *names, now=NOW, last=None):
        """A channel signed by these people, verified."""
        return verify_channel(data, self.sign(data, *names, role="channel"), ring, now=now, last=last)


@pytest.fixture(scope="session")
def world(manifest_text: str) -> World:
    """The people and what they have."""
    return World(manifest_text)
