"""The bundle as a file: whole, unchanged and made by sortline, or refused."""

import io
import json
import os
import stat
import struct
import subprocess
import sys
import zipfile

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_bundle import archive
from sortline_bundle.archive import BUNDLE_BYTES, CARD, MANIFEST, MODEL, SIGNATURES, open_bundle, write_bundle
from sortline_bundle.digest import sha256
from sortline_bundle.errors import BundleError

GOLDEN = "golden/00.png"
LOCAL_HEADER, CENTRAL_HEADER = b"PK\x03\x04", b"PK\x01\x02"


def complaint(data):
    with pytest.raises(BundleError) as caught:
        archive.parse_bundle(data, where="some.sortline")
    message = str(caught.value)
    assert message.startswith("some.sortline: ")
    assert "\n" not in message
    return message


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def pack(parts, change=None, comment=b""):
    """A zip file of (name, bytes) pairs as sortline writes it, but for what `change` does to each entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in parts:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            if change:
                change(entry)
            file.writestr(entry, data)
        file.comment = comment
    return buffer.getvalue()


def relisted(parts):
    """The parts with a manifest that lists whatever they are."""
    document = json.loads(parts[MANIFEST])
    document["members"] = {
        name: {"size": len(data), "sha256": sha256(data)}
        for name, data in parts.items()
        if name not in {MANIFEST, SIGNATURES}
    }
    return {**parts, MANIFEST: json.dumps(document).encode()}


def test_what_is_written_is_read_back(tmp_path, manifest, members):
    path = tmp_path / "new" / "small.sortline"
    written = write_bundle(path, manifest, members)
    opened = open_bundle(path)
    assert opened == written
    assert opened.members == members
    assert opened.model == members[MODEL]
    assert opened.manifest == manifest
    assert opened.digest == sha256(parts_of(path.read_bytes())[MANIFEST])
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_list_of_members_is_made_when_writing(tmp_path, manifest, members):
    unlisted = msgspec.structs.replace(manifest, members={})
    bundle = write_bundle(tmp_path / "small.sortline", unlisted, members)
    assert {name: listed.size for name, listed in bundle.manifest.members.items()} == {
        name: len(data) for name, data in members.items()
    }


@settings(max_examples=30)
@given(st.data())
def test_any_model_card_and_images_come_back(tmp_path_factory, manifest, data):
    some = st.binary(max_size=100)
    images = data.draw(st.lists(some, min_size=1, max_size=64))
    names = [f"golden/{nth:02d}.png" for nth in range(len(images))]
    golden = tuple(msgspec.structs.replace(manifest.golden[0], member=name) for name in names)
    parts = {MODEL: data.draw(some), CARD: data.draw(some), **dict(zip(names, images, strict=True))}
    path = tmp_path_factory.getbasetemp() / "any.sortline"
    write_bundle(path, msgspec.structs.replace(manifest, golden=golden), parts)
    assert open_bundle(path).members == parts


def test_the_same_parts_make_the_same_bytes_on_every_system(tmp_path, manifest, members, bundle_data, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")  # zip files usually say where they were made
    monkeypatch.setattr("time.time", lambda: 2e9)
    path = tmp_path / "again.sortline"
    write_bundle(path, manifest, members)
    assert path.read_bytes() == bundle_data
    plain = bytes.fromhex("0000 0000 0000 2100")  # no flags, stored, midnight, first of January 1980
    parts = parts_of(bundle_data)
    assert bundle_data.count(LOCAL_HEADER + bytes.fromhex("1400") + plain) == len(parts)
    assert bundle_data.count(CENTRAL_HEADER + bytes.fromhex("1403 1400") + plain) == len(parts)


def test_cut_off_anywhere_it_is_refused(bundle_data):
    for length in range(len(bundle_data)):
        complaint(bundle_data[:length])


def test_one_changed_byte_anywhere_is_noticed(bundle_data):
    for place in range(len(bundle_data)):
        for flip in (1, 16, 128, 255):
            damaged = bytearray(bundle_data)
            damaged[place] ^= flip
            complaint(bytes(damaged))


@given(st.data())
def test_changed_removed_or_inserted_bytes_are_noticed(bundle_data, data):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(bundle_data))] * 2)))
    inserted = data.draw(st.binary(max_size=50))
    edited = bundle_data[:start] + inserted + bundle_data[end:]
    if edited != bundle_data:
        complaint(edited)


@pytest.mark.parametrize("extra", [b"\0", b"PK", b"\n" * 100])
def test_bytes_before_behind_and_between_are_refused(bundle_data, extra):
    complaint(bundle_data + extra)
    complaint(extra + bundle_data)
    complaint(bundle_data + bundle_data)
    complaint(bundle_data[:-2] + struct.pack("<H", len(extra)) + extra)  # as the comment of the zip file
    directory = bundle_data.index(CENTRAL_HEADER)
    end = bytearray(bundle_data[directory:])
    struct.pack_into("<I", end, len(end) - 6, directory + len(extra))
    complaint(bundle_data[:directory] + extra + bytes(end))


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURES, MODEL, CARD, GOLDEN])
def test_a_missing_member_is_named(bundle_data, name):
    parts = parts_of(bundle_data)
    del parts[name]
    message = complaint(pack(parts.items()))
    assert f"{name} is missing" in message.replace("'", "")


@pytest.mark.parametrize("name", [MODEL, CARD, GOLDEN])
def test_a_member_that_the_manifest_leaves_out_as_well_is_missed(bundle_data, name):
    parts = parts_of(bundle_data)
    del parts[name]
    assert name in complaint(pack(relisted(parts).items()))


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "../model.tflite",
        "/etc/passwd",
        "golden/",
        "golden/01.png",
        "golden/../../evil",
        "golden/00.PNG",
        "Model.tflite",
        "MANIFEST.JSON",
        "model.tflite ",
        "golden\\00.png",
        "gölden/00.png",
    ],
)
def test_a_member_too_many_is_refused_even_if_listed(bundle_data, name):
    parts = parts_of(bundle_data)
    complaint(pack([*parts.items(), (name, b"")]))
    complaint(pack(relisted({**parts, name: b""}).items()))
    renamed = {name if old == MODEL else old: data for old, data in parts.items()}
    complaint(pack(renamed.items()))


def test_a_name_with_something_behind_its_end_is_refused(bundle_data):
    # Zip libraries cut names at a zero byte.
    renamed = {f"{name}?" if name == MODEL else name: data for name, data in parts_of(bundle_data).items()}
    complaint(pack(renamed.items()).replace(b"model.tflite?", b"model.tflite\0"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [MANIFEST, MODEL])
def test_a_member_that_stands_there_twice_is_refused(bundle_data, name):
    parts = parts_of(bundle_data)
    assert "twice" in complaint(pack([*parts.items(), (name, parts[name])]))


def test_members_are_told_apart_from_those_of_another_bundle(tmp_path, manifest, members, bundle_data):
    path = tmp_path / "other.sortline"
    write_bundle(path, manifest, {name: data[::-1] for name, data in members.items()})
    these, others = parts_of(bundle_data), parts_of(path.read_bytes())
    for name in (MANIFEST, MODEL, CARD, GOLDEN):
        message = complaint(pack({**these, name: others[name]}.items()))
        assert "is not the one the manifest was made for" in message
        assert name == MANIFEST or name in message
    assert archive.parse_bundle(pack(these.items()), where="").members == members


@pytest.mark.parametrize(
    ("name", "listed", "says"),
    [
        (MODEL, {"size": 5}, "model.tflite is not the one the manifest was made for"),
        (MODEL, {"sha256": "0" * 64}, "model.tflite is not the one the manifest was made for"),
        ("golden/07.png", {"size": 0, "sha256": "0" * 64}, "'golden/07.png' is missing"),
    ],
)
def test_a_manifest_that_lists_something_else_is_refused(bundle_data, name, listed, says):
    parts = parts_of(bundle_data)
    document = json.loads(parts[MANIFEST])
    document["members"][name] = {**document["members"].get(name, {}), **listed}
    assert says in complaint(pack({**parts, MANIFEST: json.dumps(document).encode()}.items()))


def compressed(entry):
    entry.compress_type = zipfile.ZIP_DEFLATED


def a_link(entry):
    entry.external_attr = 0o120777 << 16


def executable(entry):
    entry.external_attr = 0o100755 << 16


def with_extra_field(entry):
    entry.extra = struct.pack("<HH4s", 0x7777, 4, b"data")


def with_comment(entry):
    entry.comment = b"hello"


def of_today(entry):
    entry.date_time = (2025, 1, 1, 0, 0, 0)


def of_windows(entry):
    entry.create_system = 0


@pytest.mark.parametrize(
    "change", [compressed, a_link, executable, with_extra_field, with_comment, of_today, of_windows]
)
def test_what_zip_files_may_also_hold_is_refused(bundle_data, change):
    parts = parts_of(bundle_data)
    assert pack(parts.items()) == bundle_data
    complaint(pack(parts.items(), change))


def test_nothing_is_ever_unpacked(bundle_data, monkeypatch):
    data = pack(parts_of(bundle_data).items(), compressed)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    assert "is compressed or encrypted" in complaint(data)


def test_an_encrypted_member_is_refused(bundle_data):
    marked = bytearray(bundle_data)
    marked[bundle_data.index(LOCAL_HEADER) + 6] |= 1
    marked[bundle_data.index(CENTRAL_HEADER) + 8] |= 1
    assert "is compressed or encrypted" in complaint(bytes(marked))


def test_a_comment_on_the_archive_is_refused(bundle_data):
    complaint(pack(parts_of(bundle_data).items(), comment=b"made by hand"))


def test_signatures_are_strict_as_well(bundle_data):
    parts = parts_of(bundle_data)
    for wrong in (b"", b"{}", b'{"format":"sortline-signatures","format_version":1,"signatures":["me"]}', b"[]"):
        assert "signatures: " in complaint(pack({**parts, SIGNATURES: wrong}.items()))


def test_a_member_that_claims_to_be_huge_is_not_read(bundle_data, monkeypatch):
    names = list(parts_of(bundle_data))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    for claim in (96 << 20) + 1, 0xFFFFFFFE:
        for name in names:
            claiming = bytearray(bundle_data)
            struct.pack_into("<II", claiming, bundle_data.rindex(name.encode()) - 26, claim, claim)
            assert f"member {name!r} has {claim} bytes, where at most" in complaint(bytes(claiming))


def test_members_that_share_their_bytes_are_not_read(bundle_data, monkeypatch):
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    claiming = bytearray(bundle_data)
    for name in (MODEL, CARD):
        size = len(bundle_data) - 100
        struct.pack_into("<II", claiming, bundle_data.rindex(name.encode()) - 26, size, size)
    assert "overlap" in complaint(bytes(claiming))


def test_many_members_are_not_read(bundle_data, monkeypatch):
    many = [(f"golden/{nth:03d}.png", b"") for nth in range(64)]
    data = pack([*parts_of(bundle_data).items(), *many])
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    assert "69 members, where at most 68 are allowed" in complaint(data)


def test_a_huge_file_is_not_read(tmp_path, bundle_data):
    path = tmp_path / "huge.sortline"
    path.write_bytes(bundle_data)
    os.truncate(path, 1 << 40)
    with pytest.raises(BundleError, match=f"{path}: {1 << 40} bytes, where a bundle has at most {BUNDLE_BYTES}"):
        open_bundle(path)


def test_a_bundle_that_could_not_be_opened_is_not_written(tmp_path, manifest, members, monkeypatch):
    monkeypatch.setattr(archive, "BUNDLE_BYTES", 1000)
    with pytest.raises(BundleError, match="where a bundle has at most 1000"):
        write_bundle(tmp_path / "big.sortline", manifest, members)
    monkeypatch.undo()
    for wrong in ({}, {**members, "more": b""}, {**members, CARD: bytes((4 << 20) + 1)}):
        with pytest.raises(BundleError):
            write_bundle(tmp_path / "wrong.sortline", manifest, wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"hello" * 100, bytes(1000)])
def test_what_is_no_archive_is_refused(put, data):
    path = put(data)
    with pytest.raises(BundleError, match=f"{path}: .*; make or fetch the bundle anew"):
        open_bundle(path)


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(BundleError, match=f"{tmp_path} cannot be read: Is a directory"):
        open_bundle(tmp_path)
    with pytest.raises(BundleError, match=r"absent.sortline cannot be read: No such file"):
        open_bundle(tmp_path / "absent.sortline")


def test_a_full_disk_leaves_the_old_bundle_and_nothing_else(put, bundle_data, manifest):
    path = put(bundle_data)
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from sortline_bundle.archive import open_bundle, write_bundle;"
        "path = Path(sys.argv[1]); old = open_bundle(path);"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "write_bundle(path, old.manifest, {**old.members, 'model.tflite': b'another'})"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert "OSError: [Errno 27]" in done.stderr
    assert path.read_bytes() == bundle_data
    assert list(path.parent.iterdir()) == [path]
