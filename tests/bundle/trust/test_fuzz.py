"""Whatever the bytes, a parser gives a value or one of sortline's own errors."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_bundle.archive import parse_bundle, write_bundle, write_signatures
from sortline_bundle.errors import BundleError, KeyFileRefused
from sortline_bundle.manifest import parse_manifest
from sortline_bundle.trust.channel import Channel
from sortline_bundle.trust.keyring import Keyring
from sortline_bundle.trust.private import decode_private, decode_public, encode_private, encode_public
from sortline_bundle.trust.signatures import encode_signatures, parse_signatures

PARSERS = {
    "bundle": lambda data: parse_bundle(data, where="some"),
    "manifest": parse_manifest,
    "keyring": Keyring.parse,
    "channel": Channel.parse,
    "signatures": parse_signatures,
    "public key": lambda data: decode_public(data, where="some"),
    "private key": lambda data: decode_private(data, None, where="some"),
    "locked key": lambda data: decode_private(data, b"a passphrase of some length", where="some"),
}
# What stands in these documents and files, to be put where it does not belong.
WORDS = [
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"true", b"NaN", b"1e999", b"-1", b"9" * 40, b"\\ud800", b"\xff",
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x01\x00", b"\x99\x00", bytes(4),
    b"\xff\xff\xff\xff", b"-----BEGIN", b"format", b"version", b"keys", b"model.tflite", b"golden/00.png",
]  # fmt: skip


@pytest.fixture(scope="module")
def samples(world, manifest, members, tmp_path_factory):
    path = tmp_path_factory.mktemp("samples") / "small.sortline"
    bundle = write_bundle(path, manifest, members)
    signatures = world.sign(bundle.manifest_bytes, "alice", "bob")
    write_signatures(path, bundle, signatures)
    alice = world.keys["alice"]
    return {
        "bundle": path.read_bytes(),
        "manifest": bundle.manifest_bytes,
        "keyring": world.ring("alice", "bob").encode(),
        "channel": world.channel_bytes(),
        "signatures": encode_signatures(signatures),
        "public key": encode_public(alice),
        "private key": encode_private(alice, None),
        "locked key": encode_private(alice, b"a passphrase of some length"),
    }


@pytest.mark.parametrize("name", PARSERS)
def test_the_samples_themselves_are_read(samples, name):
    PARSERS[name](samples[name])


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=300))
def test_any_bytes(name, data):
    with contextlib.suppress(BundleError, KeyFileRefused):
        PARSERS[name](data)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=200)
@given(data=st.data())
def test_a_sample_with_anything_in_it_or_taken_out_of_it(samples, name, data):
    text = bytearray(samples[name])
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 4) | st.integers(0, 100))
        text[start : start + length] = data.draw(st.sampled_from(WORDS) | st.binary(max_size=8))
    with contextlib.suppress(BundleError, KeyFileRefused):
        PARSERS[name](bytes(text))
