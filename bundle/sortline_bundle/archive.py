"""The bundle as a file: a zip archive of stored members in which every byte is accounted for.

Members are exactly manifest.json, signatures.json, model.tflite, card.html and the golden images; the manifest holds
the digests of the last three. Nothing is ever extracted by name; members are read into memory, within limits checked
before reading. What was read is then packed anew and must give the same file, headers and all.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sortline_bundle.digest import sha256
from sortline_bundle.errors import ArchiveRefused, BundleError, DigestMismatch, ThresholdNotMet
from sortline_bundle.files import read_at_most, write_whole
from sortline_bundle.manifest import MANIFEST_BYTES, Manifest, Member, encode_manifest, parse_manifest
from sortline_bundle.trust.signatures import SIGNATURES_BYTES, Signature, encode_signatures, parse_signatures

MANIFEST = "manifest.json"
SIGNATURES = "signatures.json"
MODEL = "model.tflite"
CARD = "card.html"
GOLDEN = "golden/"

BUNDLE_BYTES = 128 << 20
_MEMBER_BYTES = {
    MANIFEST: MANIFEST_BYTES,
    SIGNATURES: SIGNATURES_BYTES,
    MODEL: 96 << 20,
    CARD: 4 << 20,
    GOLDEN: 2 << 20,
}
_MOST_MEMBERS = 68

# The same for every bundle on every system, so that the same parts make the same file.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_PLAIN_FILE = 0o100644 << 16


class Bundle(NamedTuple):
    """A bundle that was read and checked. Whether to trust it is for `trust.verify` to say.

    Attributes:
        manifest: What it says.
        members: Bytes of each member the manifest lists.
        digest: SHA-256 of the manifest's bytes, which hold the digests of all the rest: the identity of the bundle.
        manifest_bytes: The manifest as shipped, which is what is signed.
        signatures: On the manifest, not checked.
    """

    manifest: Manifest
    members: Mapping[str, bytes]
    digest: str
    manifest_bytes: bytes
    signatures: tuple[Signature, ...]

    @property
    def model(self) -> bytes:
        """The TFLite model."""
        return self.members[MODEL]


def write_bundle(path: Path, manifest: Manifest, members: Mapping[str, bytes]) -> Bundle:
    """Write a bundle; the manifest's own list of members is made here.

    Args:
        path: Where to; replaced as a whole.
        manifest: With any `members`.
        members: model.tflite, card.html and golden images by name.

    Raises:
        BundleError: the parts contradict each other or break a limit.
    """
    listed = {name: Member(size=len(data), sha256=sha256(data)) for name, data in members.items()}
    whole = msgspec.structs.replace(manifest, members=listed)
    parts = {MANIFEST: encode_manifest(whole), SIGNATURES: encode_signatures(()), **members}
    return _write(path, parts)


def write_signatures(path: Path, bundle: Bundle, signatures: Sequence[Signature]) -> Bundle:
    """Write a bundle with other signatures. Its manifest, and so its digest, are the same to the byte.

    Args:
        path: Where to; replaced as a whole.
        bundle: As it was opened.
        signatures: All that it shall have.

    Raises:
        SchemaError: there are too many signatures.
        ArchiveRefused: the bundle was as long as one can be already.
    """
    parts = {MANIFEST: bundle.manifest_bytes, SIGNATURES: encode_signatures(signatures), **bundle.members}
    return _write(path, parts)


def open_bundle(path: Path) -> Bundle:
    """Read a bundle and check all that can be checked without running it.

    Raises:
        ArchiveRefused: not as sortline writes it: cut off, padded, compressed, or with other members than are listed.
        UnsupportedFormat: it is of another version of the format.
        SchemaError: its manifest or its signatures do not hold.
        ThresholdNotMet: it has no place for signatures.
        DigestMismatch: a member is not the one the manifest was made for.
        BundleError: it cannot be read.
    """
    try:
        _check_size(path.stat().st_size, path)
        data = read_at_most(path, BUNDLE_BYTES)
    except OSError as cause:
        raise BundleError(f"bundle {path} cannot be read: {cause.strerror}") from None
    return parse_bundle(data, where=str(path))


def parse_bundle(data: bytes, *, where: str) -> Bundle:
    """As `open_bundle`, for bytes in memory."""
    _check_size(len(data), where)
    try:
        parts = _read_parts(data)
        manifest_bytes = _take(parts, MANIFEST)
        manifest = parse_manifest(manifest_bytes)
        signatures = parse_signatures(_take(parts, SIGNATURES, ThresholdNotMet))
        _check_members(manifest, parts)
    except BundleError as cause:
        raise type(cause)(f"{where}: {cause}; make or fetch the bundle anew") from None
    return Bundle(manifest, parts, sha256(manifest_bytes), manifest_bytes, signatures)


def _write(path: Path, parts: Mapping[str, bytes]) -> Bundle:
    """What could not be opened is not written."""
    data = _pack(parts)
    bundle = parse_bundle(data, where=str(path))
    write_whole(path, data)
    return bundle


def _check_size(size: int, where: object) -> None:
    if size > BUNDLE_BYTES:
        raise ArchiveRefused(f"{where}: {size} bytes, where a bundle has at most {BUNDLE_BYTES}")


def _pack(parts: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, date_time=_NO_TIME)
            entry.create_system = _UNIX
            entry.external_attr = _PLAIN_FILE
            archive.writestr(entry, data)
    return buffer.getvalue()


def _read_parts(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, len(data))
            parts = {entry.filename: archive.read(entry) for entry in entries}
    except BundleError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError) as cause:
        if str(cause).startswith("Bad CRC-32"):
            raise DigestMismatch(f"a member is damaged ({cause})") from None
        raise ArchiveRefused(f"not a whole bundle ({cause})") from None
    if _pack(parts) != data:
        raise ArchiveRefused("it holds bytes besides its members, or headers that sortline does not write")
    return parts


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse what must not even be read."""
    if len(entries) > _MOST_MEMBERS:
        raise ArchiveRefused(f"{len(entries)} members, where at most {_MOST_MEMBERS} are allowed")
    for entry in entries:
        name = entry.filename
        limit = _MEMBER_BYTES.get(GOLDEN if name.startswith(GOLDEN) else name)
        if limit is None:
            raise ArchiveRefused(f"member {name!r} does not belong in a bundle")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits:
            raise ArchiveRefused(f"member {name!r} is compressed or encrypted")
        if entry.file_size > limit:
            raise ArchiveRefused(f"member {name!r} has {entry.file_size} bytes, where at most {limit} are allowed")
    if len({entry.filename for entry in entries}) != len(entries):
        raise ArchiveRefused("a member stands there twice")
    if sum(entry.file_size for entry in entries) > size:
        raise ArchiveRefused("members that overlap or end behind its end")


def _take(parts: dict[str, bytes], name: str, error: type[BundleError] = ArchiveRefused) -> bytes:
    if name not in parts:
        raise error(f"member {name} is missing")
    return parts.pop(name)


def _check_members(manifest: Manifest, parts: Mapping[str, bytes]) -> None:
    wanted = {MODEL, CARD, *(golden.member for golden in manifest.golden)}
    for name in sorted(wanted | manifest.members.keys()):
        if name not in parts:
            raise ArchiveRefused(f"member {name!r} is missing")
    for name, data in parts.items():
        listed = manifest.members.get(name)
        if name not in wanted or listed is None:
            raise ArchiveRefused(f"member {name!r} is not among those of the manifest")
        if listed.size != len(data) or listed.sha256 != sha256(data):
            raise DigestMismatch(f"member {name} is not the one the manifest was made for")
