"""What an attacker, a bad stick or half a copy may do to the file, each ending in its own named error."""

import io
import json
import os
import struct
import tracemalloc
import zipfile

import pytest

from sortline_bundle.archive import (
    CARD,
    MANIFEST,
    MODEL,
    SIGNATURES,
    open_bundle,
    parse_bundle,
    write_bundle,
    write_signatures,
)
from sortline_bundle.errors import (
    ArchiveRefused,
    BundleError,
    DigestMismatch,
    SchemaError,
    ThresholdNotMet,
    UnsupportedFormat,
)

LINK, DEVICE, FIFO, FOLDER = 0o120777, 0o020666, 0o010666, 0o040755


@pytest.fixture(scope="module")
def signed(world, manifest, members, tmp_path_factory):
    """The bytes of a signed bundle whose model is some pages long."""
    path = tmp_path_factory.mktemp("signed") / "some.sortline"
    bundle = write_bundle(path, manifest, {**members, MODEL: bytes(range(256)) * 80})
    write_signatures(path, bundle, world.sign(bundle.manifest_bytes, "alice", "bob"))
    return path.read_bytes()


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def pack(parts, modes=None, how=zipfile.ZIP_STORED):
    """A zip file as sortline writes it, but for the kinds of files and the compression."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as file:
        for name, data in parts:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0o100644) << 16
            entry.compress_type = how
            file.writestr(entry, data)
    return buffer.getvalue()


def refusal(data):
    with pytest.raises(BundleError) as caught:
        parse_bundle(data, where="some.sortline")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("some.sortline: ")
    return caught.type


def test_the_bundle_itself_is_read_and_as_sortline_packs_it(signed):
    assert pack(parts_of(signed).items()) == signed
    assert len(parse_bundle(signed, where="").signatures) == 2


@pytest.mark.parametrize("name", [MODEL, CARD, "golden/00.png"])
def test_2_a_byte_of_a_member_flipped_is_a_digest_mismatch(signed, name):
    parts = parts_of(signed)
    parts[name] = parts[name][:-1] + bytes([parts[name][-1] ^ 1])
    assert refusal(pack(parts.items())) is DigestMismatch  # by somebody who knows how the file is made
    place = signed.index(parts_of(signed)[name])
    assert refusal(signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :]) is DigestMismatch  # by the stick


@pytest.mark.parametrize("name", [MODEL, CARD, "golden/00.png", MANIFEST])
def test_3_members_of_two_valid_bundles_do_not_mix(signed, bundle_data, members, manifest, name, tmp_path):
    path = tmp_path / "other.sortline"
    write_bundle(path, manifest, {member: data[::-1] for member, data in members.items()})
    mixed = {**parts_of(signed), name: parts_of(path.read_bytes())[name]}
    assert refusal(pack(mixed.items())) is DigestMismatch


def test_4_no_place_for_signatures_is_no_signature(signed):
    parts = parts_of(signed)
    del parts[SIGNATURES]
    assert refusal(pack(parts.items())) is ThresholdNotMet


def refused_in_little_memory(data):
    tracemalloc.start()
    try:
        kind = refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        return kind
    finally:
        tracemalloc.stop()


def test_11_a_huge_member_of_signatures_is_not_read(signed):
    parts = {**parts_of(signed), SIGNATURES: b" " * (10 << 20)}
    data = pack(parts.items())
    assert refused_in_little_memory(data) is ArchiveRefused


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"format": "none"}, UnsupportedFormat),
        ({"format_version": 1}, UnsupportedFormat),
        ({"version": 2**63}, SchemaError),
        ({"version": True}, SchemaError),
    ],
)
def test_13_and_17_the_manifest_inside_is_refused_as_it_is_alone(signed, wrong, error):
    parts = parts_of(signed)
    parts[MANIFEST] = json.dumps({**json.loads(parts[MANIFEST]), **wrong}).encode()
    assert refusal(pack(parts.items())) is error


def test_a_bundle_of_format_1_is_told_by_both_numbers(signed):
    parts = parts_of(signed)
    parts[MANIFEST] = json.dumps({"format": "sortline-bundle", "format_version": 1, "name": "old"}).encode()
    parts[SIGNATURES] = b'{"format":"sortline-signatures","signatures":[]}'
    with pytest.raises(UnsupportedFormat) as caught:
        parse_bundle(pack(parts.items()), where="old.sortline")
    assert str(caught.value) == (
        "old.sortline: manifest: `format_version`: received 1, may be 2 with this sortline;"
        " make or fetch the bundle anew"
    )


@pytest.mark.parametrize("kind", [LINK, DEVICE, FIFO, FOLDER, 0])
@pytest.mark.parametrize("name", [MODEL, SIGNATURES])
def test_23_members_that_are_no_plain_files_are_refused(signed, kind, name):
    assert refusal(pack(parts_of(signed).items(), {name: kind})) is ArchiveRefused


@pytest.mark.parametrize("name", ["../model.tflite", "/model.tflite", "golden/../../x.png", "C:\\model.tflite", "."])
def test_23_members_by_a_way_out_are_refused(signed, name):
    parts = parts_of(signed)
    assert refusal(pack([*parts.items(), (name, b"")])) is ArchiveRefused


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name", ["extra", "Model.tflite", "model.tfl\u0131te", "golden/00.png\u0301", MODEL, "golden/99.png"]
)
def test_24_members_too_many_or_twice_are_refused(signed, name):
    assert refusal(pack([*parts_of(signed).items(), (name, b"")])) is ArchiveRefused


@pytest.mark.parametrize("name", [MANIFEST, MODEL, CARD, "golden/00.png"])
def test_24_members_too_few_are_refused(signed, name):
    parts = parts_of(signed)
    del parts[name]
    assert refusal(pack(parts.items())) is ArchiveRefused


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_25_a_bomb_is_not_unpacked(signed, how):
    data = pack([*parts_of(signed).items(), ("golden/01.png", bytes(50 << 20))], how=how)
    assert len(data) < 1 << 20
    assert refused_in_little_memory(data) is ArchiveRefused


@pytest.mark.parametrize("claim", [1, 10_000, 20_481, 0xFFFFFFFE])
@pytest.mark.parametrize("places", [(-26, -22), (-26,), (-22,)])
def test_25_a_member_of_another_length_than_it_declares_is_refused(signed, claim, places):
    claiming = bytearray(signed)
    for place in places:  # before its name in the directory stand its length in the file and its length unpacked
        struct.pack_into("<I", claiming, signed.rindex(MODEL.encode()) + place, claim)
    assert refusal(bytes(claiming)) in {ArchiveRefused, DigestMismatch}


def test_25_a_sparse_file_and_a_device_end_at_the_limit(tmp_path, signed, monkeypatch):
    path = tmp_path / "sparse.sortline"
    path.write_bytes(signed)
    os.truncate(path, 10 << 30)
    with pytest.raises(ArchiveRefused, match=f"{10 << 30} bytes, where a bundle has at most"):
        open_bundle(path)
    monkeypatch.setattr("sortline_bundle.archive.BUNDLE_BYTES", 1 << 20)
    endless = tmp_path / "endless.sortline"
    endless.symlink_to("/dev/zero")
    with pytest.raises(ArchiveRefused, match=f"{(1 << 20) + 1} bytes"):
        open_bundle(endless)


def test_26_cut_off_at_each_page_and_each_member_it_is_refused(signed):
    borders = [
        place for place in range(len(signed)) if signed.startswith((b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"), place)
    ]
    assert len(borders) == 11
    for place in {*range(0, len(signed), 4096), *borders, *(place + 1 for place in borders)}:
        assert refusal(signed[:place]) is ArchiveRefused


@pytest.mark.parametrize("extra", [b"\0", b"\n", b"PK\x05\x06" + bytes(18), bytes(100_000)])
def test_27_bytes_behind_its_end_are_refused(signed, extra):
    assert refusal(signed + extra) is ArchiveRefused


def test_signing_changes_the_signatures_and_nothing_else(world, signed, bundle_data, tmp_path):
    path = tmp_path / "small.sortline"
    path.write_bytes(bundle_data)
    unsigned = open_bundle(path)
    once = write_signatures(path, unsigned, world.sign(unsigned.manifest_bytes, "bob", "alice"))
    data = path.read_bytes()
    assert open_bundle(path) == once
    assert once._replace(signatures=()) == unsigned
    assert {name: part for name, part in parts_of(data).items() if name != SIGNATURES} == {
        name: part for name, part in parts_of(bundle_data).items() if name != SIGNATURES
    }
    write_signatures(path, unsigned, world.sign(unsigned.manifest_bytes, "alice", "bob"))
    assert path.read_bytes() == data  # in whatever order they signed
    write_signatures(path, once, ())
    assert path.read_bytes() == bundle_data


def test_a_bundle_that_would_be_too_long_with_signatures_keeps_those_it_has(world, bundle_data, tmp_path, monkeypatch):
    path = tmp_path / "small.sortline"
    path.write_bytes(bundle_data)
    unsigned = open_bundle(path)
    monkeypatch.setattr("sortline_bundle.archive.BUNDLE_BYTES", len(bundle_data))
    with pytest.raises(ArchiveRefused):
        write_signatures(path, unsigned, world.sign(unsigned.manifest_bytes, "alice"))
    assert path.read_bytes() == bundle_data
