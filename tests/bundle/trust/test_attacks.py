"""What an attacker may try on the way to a station, each ending in its own named error."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest

from sortline_bundle.digest import sha256
from sortline_bundle.errors import (
    BundleError,
    ExpiredRefused,
    Incompatible,
    KeyRefused,
    NotAnnounced,
    RollbackRefused,
    SchemaError,
    SignatureInvalid,
    SuccessionRefused,
    ThresholdNotMet,
    UnsupportedFormat,
)
from sortline_bundle.moments import BUILT, trusted_time
from sortline_bundle.trust.channel import Channel
from sortline_bundle.trust.ed25519 import key_id
from sortline_bundle.trust.keyring import Keyring
from sortline_bundle.trust.signatures import encode_signatures, parse_signatures
from sortline_bundle.trust.verify import Floor, rebuild_floor

ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's base point, RFC 8032
# The encodings of points of small order as libsodium refuses them, without the bit that says the sign of x.
SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]


class Attack(NamedTuple):
    """What is tried and how it ends."""

    case: str
    error: type[BundleError]
    attempt: Callable[[Any], object]


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def with_key(world, public):
    key = {**world.key("alice"), "public": public, "id": key_id(bytes.fromhex(public))}
    return json.dumps(world.ring_document(keys=[key])).encode()


def malleable(signature):
    """The same signature with another S, as far as arithmetic modulo the group's order goes."""
    data = bytes.fromhex(signature.signature)
    other = int.from_bytes(data[32:], "little") + ORDER
    return msgspec.structs.replace(signature, signature=(data[:32] + other.to_bytes(32, "little")).hex())


def successor(world, data, *signers, old=("alice", "bob")):
    return world.ring(*old, keyring=2).succeed(data, world.sign(data, *signers, role="keyring"))


def two_ids(world):
    key = {**world.key("alice"), "id": "0" * 64}
    return json.dumps(world.ring_document(keys=[world.key("alice"), key])).encode()


ATTACKS = [
    Attack("1 manifest byte flipped", SignatureInvalid, lambda w: w.verify(
        w.manifest.replace(b"paper", b"qaper"), w.sign(w.manifest, "alice"), w.ring("alice"))),
    Attack("3 signatures of another bundle", SignatureInvalid, lambda w: w.verify(
        w.manifest, w.sign(w.changed(version=4), "alice"), w.ring("alice"))),
    Attack("4 no signatures", ThresholdNotMet, lambda w: w.verify(w.manifest, (), w.ring("alice"))),
    Attack("5 one signature where two are asked for", ThresholdNotMet, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice", "bob", bundle=2))),
    Attack("6 one key signs twice", ThresholdNotMet, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice", "alice"), w.ring("alice", "bob", bundle=2))),
    Attack("6 one key stands there twice", ThresholdNotMet, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice", "alice"), w.ring("alice", "alice", "bob", bundle=2))),
    Attack("6 one key twice, for want of a second", SchemaError, lambda w: w.ring("alice", "alice", bundle=2)),
    Attack("6 one key under two ids", KeyRefused, lambda w: Keyring.parse(two_ids(w))),
    Attack("7 a key that is not in the keyring", ThresholdNotMet, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "mallory"), w.ring("alice"))),
    Attack("7 a key of another role", ThresholdNotMet, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "bob"),
        w.ring(keys=[w.key("alice"), w.key("bob", ["channel", "keyring"])]))),
    Attack("8 a key that was taken out", ThresholdNotMet, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "bob"),
        w.ring("alice", "bob").succeed(
            w.ring_bytes("alice", version=2), w.sign(w.ring_bytes("alice", version=2), "alice", role="keyring")))),
    Attack("9 signed as a channel", SignatureInvalid, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice", role="channel"), w.ring("alice"))),
    Attack("9 signed as a keyring", SignatureInvalid, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice", role="keyring"), w.ring("alice"))),
    Attack("10 signed by the new keys only", ThresholdNotMet, lambda w: successor(
        w, w.ring_bytes("bob", "carol", version=2, keyring=2), "bob", "carol")),
    Attack("10 signed by the old keys only", ThresholdNotMet, lambda w: successor(
        w, w.ring_bytes("bob", "carol", version=2, keyring=2), "alice", "bob")),
    Attack("10 signed as a bundle", SignatureInvalid, lambda w: w.ring("alice").succeed(
        w.ring_bytes("alice", version=2), w.sign(w.ring_bytes("alice", version=2), "alice"))),
    Attack("10 one version too far", SuccessionRefused, lambda w: successor(
        w, w.ring_bytes("alice", "bob", version=3), "alice", "bob")),
    Attack("10 the same one again", RollbackRefused, lambda w: successor(
        w, w.ring_bytes("alice", "bob", keyring=2), "alice", "bob")),
    Attack("10 an older one", RollbackRefused, lambda w: w.ring("alice", version=7).succeed(
        w.ring_bytes("alice", version=6), w.sign(w.ring_bytes("alice", version=6), "alice", role="keyring"))),
    Attack("11 key of 31 bytes", KeyRefused, lambda w: Keyring.parse(with_key(w, "aa" * 31))),
    Attack("11 key of 33 bytes", KeyRefused, lambda w: Keyring.parse(with_key(w, "aa" * 33))),
    Attack("11 no key at all", KeyRefused, lambda w: Keyring.parse(with_key(w, ""))),
    Attack("11 half a byte", SchemaError, lambda w: w.ring(keys=[{**w.key("alice"), "public": "a" * 63}])),
    Attack("11 key that is no point of the curve", KeyRefused, lambda w: Keyring.parse(with_key(w, "02" + "00" * 31))),
    Attack("11 another S", SignatureInvalid, lambda w: w.verify(
        w.manifest, (malleable(w.sign(w.manifest, "alice")[0]),), w.ring("alice"))),
    Attack("11 signatures of 10 MB", SchemaError, lambda w: parse_signatures(b"[" * (10 << 20))),
    Attack("11 33 signatures", SchemaError, lambda w: encode_signatures(w.sign(w.manifest, "alice") * 33)),
    Attack("12 one bad signature, and none good", SignatureInvalid, lambda w: w.verify(
        w.manifest, w.sign(b"something else", "alice"), w.ring("alice"))),
    Attack("14 below the floor", RollbackRefused, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice"), floor=Floor(4))),
    Attack("15 at the floor, another digest", RollbackRefused, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice"), floor=Floor(3, "0" * 64))),
    Attack("18 an older channel", RollbackRefused, lambda w: w.channel(
        w.channel_bytes(), w.ring("alice"), "alice", last=Floor(6))),
    Attack("18 another channel of the same sequence", RollbackRefused, lambda w: w.channel(
        w.channel_bytes(), w.ring("alice"), "alice", last=Floor(5, "0" * 64))),
    Attack("18 a channel nobody signed", ThresholdNotMet, lambda w: w.channel(w.channel_bytes(), w.ring("alice"))),
    Attack("19 an expired bundle", ExpiredRefused, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice"), now=datetime(2185, 2, 28, 12, 30, tzinfo=UTC))),
    Attack("19 by an expired keyring", ExpiredRefused, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice", expires="2026-12-01T00:00:00Z"))),
    Attack("21 for another station", Incompatible, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice"), station="pi4-belt")),
    Attack("22 not the one announced", NotAnnounced, lambda w: w.verify(
        w.manifest, w.sign(w.manifest, "alice"), w.ring("alice"),
        channel=w.channel(w.channel_bytes("0" * 64), w.ring("alice"), "alice"))),
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.case)
def test_it_ends_in_its_own_error_and_one_sentence(world, attack):
    with pytest.raises(BundleError) as caught:
        attack.attempt(world)
    assert type(caught.value) is attack.error
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 6


def test_what_is_signed_by_enough_is_verified(world):
    signatures = world.sign(world.manifest, "alice", "bob")
    verified = world.verify(world.manifest, signatures, world.ring("alice", "bob", bundle=2), station="desk")
    assert verified.value.name == "waste-7"
    assert verified.digest == sha256(world.manifest)
    assert verified.signers == (world.id("alice"), world.id("bob"))
    assert (verified.not_counted, verified.alarms) == ((), ())


def test_a_flip_of_any_byte_of_the_manifest_is_noticed(world):
    ring, signatures = world.ring("alice"), world.sign(world.manifest, "alice")
    seen = set()
    for place in range(len(world.manifest)):
        with pytest.raises((SignatureInvalid, UnsupportedFormat)) as caught:
            world.verify(flipped(world.manifest, place), signatures, ring)
        seen.add(caught.type)
    assert seen == {SignatureInvalid, UnsupportedFormat}  # what claims to be something else is not looked at further


def test_every_bit_of_a_signature_counts(world):
    (good,) = world.sign(world.manifest, "alice")
    for bit in range(512):
        other = (int(good.signature, 16) ^ (1 << bit)).to_bytes(64, "big").hex()
        with pytest.raises(SignatureInvalid):
            world.verify(world.manifest, (msgspec.structs.replace(good, signature=other),), world.ring("alice"))


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("public", SMALL_ORDER)
def test_keys_under_which_anybody_can_sign_are_refused(world, public, sign):
    data = bytearray.fromhex(public)
    data[31] |= sign
    with pytest.raises(KeyRefused, match="no safe Ed25519 key"):
        Keyring.parse(with_key(world, data.hex()))


def test_a_bad_signature_beside_enough_good_ones_is_told_of(world):
    bad = (*world.sign(b"else", "carol"), *world.sign(world.manifest, "mallory"), *world.sign(b"else", "alice"))
    signatures = (*bad, *world.sign(world.manifest, "alice", "bob", "alice"))
    verified = world.verify(world.manifest, signatures, world.ring("alice", "bob", "carol", bundle=2))
    assert verified.signers == (world.id("alice"), world.id("bob"))
    assert verified.not_counted == (
        (world.id("carol"), "did not sign this as a bundle"),
        (world.id("mallory"), "is not in the keyring"),
        (world.id("alice"), "did not sign this as a bundle"),
        (world.id("alice"), "counts once only"),
    )


@pytest.mark.parametrize("algorithm", ["none", "", "ed448", "ED25519", "rsa"])
def test_13_an_unknown_algorithm_is_refused_before_any_crypto(world, algorithm, monkeypatch):
    monkeypatch.setattr("sortline_bundle.trust.keyring.holds", lambda *_: pytest.fail("checked"))
    good, bad = world.sign(world.manifest, "alice", "bob")
    bad = msgspec.structs.replace(bad, algorithm=algorithm)
    with pytest.raises(UnsupportedFormat, match=f"`algorithm`: received '{algorithm}', may be 'ed25519'"):
        world.verify(world.manifest, (good, bad), world.ring("alice"))
    with pytest.raises(UnsupportedFormat, match="`algorithm`"):
        encode_signatures((good, bad))


@pytest.mark.parametrize("wrong", [{"format": "none"}, {"format": ""}, {"format_version": 1}, {"format_version": 3}])
def test_13_an_unknown_format_is_refused_before_any_crypto(world, wrong, monkeypatch):
    monkeypatch.setattr("sortline_bundle.trust.keyring.holds", lambda *_: pytest.fail("checked"))
    data = world.changed(**wrong)
    with pytest.raises(UnsupportedFormat):
        world.verify(data, world.sign(data, "alice"), world.ring("alice"))


@pytest.mark.parametrize("wrong", [{"format": "none"}, {"format": "sortline-bundle"}, {"format_version": 2}])
def test_13_other_documents_say_what_they_are_as_well(world, wrong):
    signatures = json.loads(encode_signatures(()))
    for parse, document in (
        (Keyring.parse, world.ring_document("alice")),
        (Channel.parse, json.loads(world.channel_bytes())),
        (parse_signatures, signatures),
    ):
        parse(json.dumps(document).encode())
        with pytest.raises(UnsupportedFormat):
            parse(json.dumps({**document, **wrong}).encode())


@pytest.mark.parametrize("version", [2**63, 2**53, 10**30, 0, -1, "7", 7.0, True, None])
def test_17_a_version_that_is_none_is_refused_though_signed(world, version):
    data = world.changed(version=version)
    with pytest.raises(SchemaError, match="`version`"):
        world.verify(data, world.sign(data, "alice"), world.ring("alice"))


def test_17_a_huge_version_does_not_lock_out_what_comes_after_the_key_is_taken_out(world):
    huge = world.changed(version=2**53 - 1)
    bundles = [(data, world.sign(data, name)) for data, name in ((world.manifest, "alice"), (huge, "bob"))]
    old = world.ring("alice", "bob")
    floor = rebuild_floor(bundles, old)
    assert floor == Floor(2**53 - 1, sha256(huge))
    newer = world.changed(version=4)
    with pytest.raises(RollbackRefused):
        world.verify(newer, world.sign(newer, "alice"), old, floor=floor)
    data = world.ring_bytes("alice", version=2)
    new = old.succeed(data, world.sign(data, "alice", role="keyring"))
    floor = rebuild_floor(bundles, new)
    assert floor == Floor(3, sha256(world.manifest))
    assert world.verify(newer, world.sign(newer, "alice"), new, floor=floor).value.version == 4
    assert rebuild_floor([(huge, ()), (b"torn", ())], new) is None


def test_the_floor_itself_and_what_is_above_are_accepted(world):
    signatures, digest = world.sign(world.manifest, "alice"), sha256(world.manifest)
    for floor in (None, Floor(2, "0" * 64), Floor(3, digest), Floor(3)):
        assert world.verify(world.manifest, signatures, world.ring("alice"), floor=floor).digest == digest


def test_18_a_channel_that_has_expired_is_an_alarm_and_no_refusal(world):
    ring, data = world.ring("alice", expires="2027-01-01T00:00:00Z"), world.channel_bytes(sha256(world.manifest))
    fresh = world.channel(data, ring, "alice", last=Floor(5, sha256(data)))
    assert fresh.alarms == ()
    late = world.channel(data, ring, "alice", now=datetime(2027, 6, 1, tzinfo=UTC))
    assert late.alarms == ("channel expired", "keyring expired")
    late = world.channel(data, ring, "alice", now=datetime(2026, 12, 26, tzinfo=UTC))
    assert late.alarms == ("channel expired",)
    verified = world.verify(world.manifest, world.sign(world.manifest, "alice"), ring, channel=late)
    assert verified.alarms == ("channel expired",)


def test_20_no_clock_revives_what_has_expired_or_refuses_for_good(world):
    data = world.changed(created="2026-11-20T00:00:00Z", expires="2026-11-25T00:00:00Z")
    ring, signatures = world.ring("alice"), world.sign(data, "alice")
    for clock in (datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)):
        with pytest.raises(ExpiredRefused):  # the keyring was made after it expired
            world.verify(data, signatures, ring, now=trusted_time(clock, [ring.created]))
    ahead = trusted_time(datetime(2199, 1, 1, tzinfo=UTC), [ring.created])
    with pytest.raises(ExpiredRefused):
        world.verify(world.manifest, world.sign(world.manifest, "alice"), ring, now=ahead)
    put_right = trusted_time(datetime(2026, 12, 1, tzinfo=UTC), [ring.created])
    set_back = trusted_time(datetime(1970, 1, 1, tzinfo=UTC), [ring.created])
    for now in (put_right, set_back):
        assert world.verify(world.manifest, world.sign(world.manifest, "alice"), ring, now=now).value.version == 3
    assert trusted_time(datetime(1970, 1, 1, tzinfo=UTC)) == BUILT


def test_an_expired_keyring_can_still_be_succeeded(world):
    old = world.ring("alice", expires="2026-11-26T00:00:00Z")
    data = world.ring_bytes("alice", version=2)
    assert old.succeed(data, world.sign(data, "alice", role="keyring")).version == 2


@pytest.mark.parametrize(
    "data",
    [
        b'{"version": 3, "version": 4}',
        b'{"version": NaN}',
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 10_000,
        b"\xef\xbb\xbf{}",
        b'{"classes": [' + b'{"name": "x"},' * 70_000 + b'{"name": "x"}]}',
        b'{"classes": [' + b'"x",' * 1_000_000 + b'"x"]}',
    ],
    ids=["a key twice", "NaN", "deep", "deeper", "BOM", "many labels", "a million labels"],
)
def test_28_what_is_no_manifest_is_refused_though_signed_and_takes_little_memory(world, data):
    signatures = world.sign(data, "alice")
    tracemalloc.start()
    try:
        with pytest.raises(SchemaError):
            world.verify(data, signatures, world.ring("alice"))
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_11_long_documents_are_refused_by_their_length(world):
    for parse in (parse_signatures, Keyring.parse, Channel.parse):
        data = b" " * (10 << 20)
        tracemalloc.start()
        try:
            with pytest.raises(SchemaError, match="10485760 bytes, where at most"):
                parse(data)
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()
