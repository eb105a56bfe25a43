"""What a bundle says of itself, version 2.

Strict: whatever is unknown, missing, of a wrong type or out of range is refused by name.
"""

import math
from collections import Counter
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sortline_bundle.digest import DIGEST_PATTERN
from sortline_bundle.errors import SchemaError
from sortline_bundle.fingerprint import Fingerprint
from sortline_bundle.moments import Timestamp, lifetime_complaints
from sortline_bundle.preprocess import InputSpec
from sortline_bundle.strict import Table, read_document

FORMAT: Final = "sortline-bundle"
FORMAT_VERSION: Final = 2
MANIFEST_BYTES = 1 << 20
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}\Z"

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0, lt=1 << 53)]
Version = Annotated[int, Meta(ge=1, lt=1 << 53)]
Digest = Annotated[str, Meta(pattern=DIGEST_PATTERN)]
Words = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,200}\Z")]
RuntimeName = Literal["litert", "tflite-runtime"]
StationModel = Annotated[str, Meta(pattern=NAME_PATTERN)]


class ClassSpec(Table, frozen=True, kw_only=True):
    """One class, at its place in the model's output.

    Attributes:
        name: Of the class.
        threshold: Calibrated score from which an item is trusted to be of this class; below it the item is rejected.
        target_purity: The purity the threshold was solved for; null when it was given by hand.
        purity_bound: One-sided lower confidence bound that backs it; null when there is none. See `Promise`.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f/\\]+\Z")]
    threshold: Share
    target_purity: Share | None = None
    purity_bound: Share | None = None


class Promise(Table, frozen=True, kw_only=True):
    """What the thresholds that name a target purity keep.

    Attributes:
        scope: Whether each class's bin is that pure, or all bins together.
        confidence: How often a promise made this way holds, at least.
        mix: Share of each class on the line, in the order of the classes; null: as in the calibration photographs.
        photographs: From how many it was solved: those of the class where it is kept in each bin, added up.
        overall_purity: Of all bins together; null where it is kept in each bin, or not at all.
    """

    scope: Literal["class", "overall"]
    confidence: Share
    mix: tuple[Share, ...] | None
    photographs: Count
    overall_purity: Share | None


class OutputSpec(Table, frozen=True, kw_only=True):
    """What the model gives: one logit per class, quantised as the model file says."""

    kind: Literal["logits"] = "logits"
    dtype: Literal["int8", "float32"] = "int8"


class RunsOn(Table, frozen=True, kw_only=True):
    """A runtime that knows all operators of the model (tflite-runtime: that of 2.14).

    Attributes:
        runtime: Its name.
        tolerance: Largest difference from the golden scores that a healthy station may show with it.
    """

    runtime: RuntimeName
    tolerance: Annotated[float, Meta(gt=0, le=0.5)]


class Calibration(Table, frozen=True, kw_only=True):
    """How logits become scores: softmax of logits divided by the temperature."""

    method: Literal["none", "temperature"] = "none"
    temperature: Positive = 1.0


class Golden(Table, frozen=True, kw_only=True):
    """An image inside the bundle and the answer it must give on every machine.

    Attributes:
        member: Its name in the archive, a lossless PNG.
        class_name: What it shows.
        scores: Calibrated score per class.
    """

    member: Annotated[str, Meta(pattern=r"^golden/[0-9]{2}\.png\Z")]
    class_name: str
    scores: Annotated[tuple[Share, ...], Meta(min_length=2)]


class Member(Table, frozen=True, kw_only=True):
    """A file of the archive."""

    size: Count
    sha256: Digest


class Provenance(Table, frozen=True, kw_only=True):
    """Where the model comes from and how it did on photographs it was not trained on.

    Attributes:
        tool: Name and version of what made the bundle.
        photographs_sha256: Digest of all photographs of the run.
        photographs: How many there were.
        quantised_by: How the file was made.
        representative: How many training photographs set its ranges; 0 where none were needed.
        representative_sha256: Of their pixels, one after the other; null where there were none.
        held_out: How many photographs of the test part were measured, kept from training and quantising.
        accuracy_float: Share right, the trained model.
        accuracy: Share right, the model in this bundle.
        agreement: Share to which both give the same answer.
        calibration_error: Mean distance of the scores from the share right.
        calibration_error_before: The same before the temperature.
        calibration_error_by_chance: What perfectly true scores would show on so few photographs.
    """

    tool: Words
    photographs_sha256: Digest
    photographs: Count
    quantised_by: Words
    representative: Count
    representative_sha256: Digest | None
    held_out: Count
    accuracy_float: Share
    accuracy: Share
    agreement: Share
    calibration_error: Share
    calibration_error_before: Share
    calibration_error_by_chance: Share


class Manifest(Table, frozen=True, kw_only=True):
    """All of it. The station's wiring is not in here.

    Attributes:
        expires: From when on no station installs it; null for never. One that runs it keeps running.
        stations: Models of station that it is made for; none named means any.
        runtimes: Which can run the model.
        promise: Of the thresholds; null where they were given by hand.
        fingerprint: What photographs of the training look like to the model, for the alarm when that changes.
    """

    format: Literal["sortline-bundle"] = FORMAT
    format_version: Literal[2] = FORMAT_VERSION
    name: Annotated[str, Meta(pattern=NAME_PATTERN)]
    version: Version
    created: Timestamp
    expires: Timestamp | None = None
    stations: Annotated[tuple[StationModel, ...], Meta(max_length=64)] = ()
    classes: Annotated[tuple[ClassSpec, ...], Meta(min_length=2, max_length=1000)]
    input: InputSpec
    output: OutputSpec
    runtimes: Annotated[tuple[RunsOn, ...], Meta(min_length=1, max_length=2)]
    calibration: Calibration
    promise: Promise | None
    fingerprint: Fingerprint
    golden: Annotated[tuple[Golden, ...], Meta(min_length=1, max_length=64)]
    provenance: Provenance
    members: dict[str, Member]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of the model's output."""
        return tuple(spec.name for spec in self.classes)


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        UnsupportedFormat: it is of another format, or of another version of it.
        SchemaError: naming the field, what it is and what it may be.
    """
    form = FORMAT, FORMAT_VERSION
    manifest = read_document(data, Manifest, format_version=form, limit=MANIFEST_BYTES, where="manifest")
    for complaint in _contradictions(manifest):
        raise SchemaError(f"manifest: {complaint}")
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of a manifest as they stand in a bundle. What it could not read back it does not write.

    Raises:
        SchemaError: the manifest contradicts itself.
    """
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    parse_manifest(data)
    return data


def _contradictions(manifest: Manifest) -> list[str]:
    names = Counter(manifest.class_names)
    complaints = [f"`classes`: {name!r} stands there {count} times" for name, count in names.items() if count > 1]
    complaints += lifetime_complaints(manifest.created, manifest.expires)
    for golden in manifest.golden:
        if golden.member not in manifest.members:
            complaints.append(f"`golden`: {golden.member} is not among the members")
        if golden.class_name not in names:
            complaints.append(f"`golden`: {golden.class_name!r} is not a class")
        if len(golden.scores) != len(manifest.classes):
            complaints.append(f"`golden`: {len(golden.scores)} scores for {len(manifest.classes)} classes")
        elif not math.isclose(sum(golden.scores), 1, abs_tol=1e-3):
            complaints.append(f"`golden`: scores of {golden.member} do not add up to 1")
    fingerprint, promise = manifest.fingerprint, manifest.promise
    mixes = {"fingerprint.label_mix": fingerprint.label_mix, "fingerprint.answer_mix": fingerprint.answer_mix}
    mixes |= {"promise.mix": promise.mix} if promise and promise.mix else {}
    for field, mix in mixes.items():
        if len(mix) != len(manifest.classes):
            complaints.append(f"`{field}`: {len(mix)} shares for {len(manifest.classes)} classes")
    if promise is None and any(spec.target_purity is not None for spec in manifest.classes):
        complaints.append("`classes`: a target purity without a promise")
    if manifest.calibration.method == "none" and manifest.calibration.temperature != 1:
        complaints.append("`calibration`: a temperature other than 1 without a method")
    return complaints
