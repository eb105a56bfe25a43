"""The manifest: what it says comes back whole, and whatever does not fit to the letter is refused by name."""

import contextlib
import copy
import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_bundle.errors import BundleError, UnsupportedFormat
from sortline_bundle.manifest import MANIFEST_BYTES, ClassSpec, Golden, Manifest, encode_manifest, parse_manifest


def parse(document):
    return parse_manifest(json.dumps(document).encode())


def complaint(data):
    with pytest.raises(BundleError) as caught:
        parse_manifest(data if isinstance(data, bytes) else json.dumps(data).encode())
    message = str(caught.value)
    assert "\n" not in message
    return message


def places(node, path=""):
    """Every field of a document as (the object it is in, its name, where that object is)."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield node, name, path
            # Which of the members it is goes unsaid.
            yield from places(value, f"{path}[...]" if path == "members" else f"{path}.{name}".lstrip("."))
    elif isinstance(node, list):
        for nth, value in enumerate(node):
            yield from places(value, f"{path}[{nth}]")


def put(document, path, value):
    """`document` with another value at a path such as `classes.0.threshold`."""
    *way, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    changed = copy.deepcopy(document)
    here = changed
    for key in way:
        here = here[key]
    here[last] = value
    return changed


shares = st.floats(0, 1)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\"), min_size=1, max_size=64)


@settings(max_examples=60)
@given(st.data())
def test_what_is_written_is_read_back(manifest, data):
    drawn = data.draw(st.lists(names, min_size=2, max_size=6, unique=True))
    classes = tuple(
        ClassSpec(
            name=name,
            threshold=data.draw(shares),
            target_purity=data.draw(st.none() | shares),
            purity_bound=data.draw(st.none() | shares),
        )
        for name in drawn
    )
    scores = (1.0, *(0.0 for _ in drawn[1:]))
    golden = (Golden(member="golden/00.png", class_name=drawn[-1], scores=scores),)
    version = data.draw(st.integers(1, 2**53 - 1))
    mix = (1.0, *(0.0 for _ in drawn[1:]))
    fingerprint = msgspec.structs.replace(manifest.fingerprint, label_mix=mix, answer_mix=mix)
    promise = msgspec.structs.replace(manifest.promise, mix=mix)
    changes = {"classes": classes, "golden": golden, "fingerprint": fingerprint, "promise": promise}
    whole = msgspec.structs.replace(manifest, version=version, **changes)
    encoded = encode_manifest(whole)
    assert parse_manifest(encoded) == whole
    assert encode_manifest(parse_manifest(encoded)) == encoded
    assert parse_manifest(encoded).class_names == tuple(drawn)


def test_a_bundle_is_for_any_station_and_for_good_unless_it_says_otherwise(manifest):
    stated = msgspec.structs.asdict(manifest)
    del stated["expires"], stated["stations"]
    plain = Manifest(**stated)
    assert (plain.expires, plain.stations) == (None, ())
    assert b'"expires": null' in encode_manifest(plain)


def test_what_another_sortline_made_is_told_by_both_numbers_whatever_else_is_in_it(document):
    for other in (1, 3):
        with pytest.raises(UnsupportedFormat, match=f"`format_version`: received {other}, may be 2 with this sortline"):
            parse({"format": "sortline-bundle", "format_version": other, "novel": 1})
    with pytest.raises(UnsupportedFormat, match="`format`: received 'none', may be 'sortline-bundle'"):
        parse({**document, "format": "none"})
    with pytest.raises(UnsupportedFormat) as caught:
        parse({**document, "format": "x" * 1000})
    assert len(str(caught.value)) < 200


def test_nothing_that_could_not_be_read_back_is_written(manifest):
    twice = msgspec.structs.replace(manifest, classes=(manifest.classes[1],) * 2)
    with pytest.raises(BundleError, match="'tray' stands there 2 times"):
        encode_manifest(twice)


def test_every_field_must_be_there(document):
    members = document["members"]
    for node, name, path in list(places(document)):
        if node is members:
            continue
        taken = node.pop(name)
        message = complaint(document)
        assert f"`{name}`" in message or f"`{path}.{name}`" in message, message
        assert f"`{path}" in message, message
        node[name] = taken
    parse(document)


def test_no_field_may_be_unknown(document):
    members = document["members"]
    for node, path in {id(node): (node, path) for node, _, path in places(document)}.values():
        if node is members:
            continue
        node["novel"] = 1
        message = complaint(document)
        assert "unknown field `novel`" in message
        assert f"`{path}`" in message or not path
        del node["novel"]
    parse(document)


def test_every_field_is_of_its_own_type(document):
    members = document["members"]
    for node, name, path in list(places(document)):
        kept = node[name]
        where = "members[...]" if node is members else f"{path}.{name}".lstrip(".")
        for wrong, its_type in WRONG:
            if type(wrong) in fitting(name, kept):
                continue
            node[name] = wrong
            message = complaint(document)
            assert f"`{where}`: " in message, message
            assert f"got `{its_type}`" in message, message
        node[name] = kept
    parse(document)


WRONG = [(True, "bool"), (7, "int"), (0.5, "float"), ("7", "str"), (None, "null"), ({}, "object"), ([], "array")]


def fitting(name, kept):
    """The types of plain values that a field takes. Python's truth values are ints, but not here."""
    numbers = {int, float} if isinstance(kept, float) else {type(kept)}
    optional = {
        "target_purity": {int, float},
        "purity_bound": {int, float},
        "expires": {str},
        "overall_purity": {int, float},
        "promise": {dict},
        "mix": {list},
    }
    optional["representative_sha256"] = {str}
    return optional[name] | {type(None)} if name in optional else numbers


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("format", "sortline-bundel", "`format`: .*'sortline-bundel', may be 'sortline-bundle'"),
        ("format_version", 1, "`format_version`: .* 1, may be 2"),
        ("format_version", 3, "`format_version`: .* 3, may be 2"),
        ("name", "Waste 7", "`name`: .*regex.*'Waste 7'"),
        ("name", "waste-7\n", "`name`: .*regex"),
        ("name", "../waste", "`name`: .*regex"),
        ("name", "w" * 65, "`name`: .*regex"),
        ("version", 0, "`version`: .* >= 1, received 0"),
        ("version", -1, "`version`: .* >= 1, received -1"),
        ("version", 2**53, "`version`: .* <= 9007199254740991, received 9007199254740992"),
        ("version", 2**63, "`version`: .*received 9223372036854775808"),
        ("version", 10**30, "`version`: .*received 10{30}"),
        ("created", "2025-02-28 12:30:00", "`created`: .*regex"),
        ("created", "2025-02-28T12:30:00Z\n", "`created`: .*regex"),
        ("created", "٢٠٢٥-02-28T12:30:00Z", "`created`: .*regex"),
        ("created", "2025-02-30T12:30:00Z", "`created`: there is no 2025-02-30T12:30:00Z"),
        ("expires", "2185-02-28", "`expires`: .*regex"),
        ("expires", "2185-02-28T24:00:00Z", "`expires`: there is no 2185-02-28T24:00:00Z"),
        ("expires", "2025-02-28T12:29:59Z", "`expires`: before `created`"),
        ("stations", ["pi5-belt", "Desk"], r"`stations\[1\]`: .*regex.*'Desk'"),
        ("stations", ["desk"] * 65, "`stations`: .*length <= 64"),
        ("classes", [], "`classes`: .*length >= 2"),
        ("classes/0/name", "", r"`classes\[0\].name`: .*length >= 1"),
        ("classes/0/name", "n" * 65, r"`classes\[0\].name`: .*length <= 64"),
        ("classes/0/name", "a/b", r"`classes\[0\].name`: .*regex.*received 'a/b'"),
        ("classes/0/name", "a\x1b[2J", r"`classes\[0\].name`: .*regex.*received 'a\\x1b\[2J'"),
        ("classes/0/name", "paper\n", r"`classes\[0\].name`: .*regex"),
        ("classes/0/name", "tray", "`classes`: 'tray' stands there 2 times"),
        ("classes/0/threshold", 1.5, r"`classes\[0\].threshold`: .* <= 1.0, received 1.5"),
        ("classes/1/threshold", -0.1, r"`classes\[1\].threshold`: .* >= 0.0, received -0.1"),
        ("classes/0/purity_bound", 1.01, r"`classes\[0\].purity_bound`: .*received 1.01"),
        ("input/height", 15, "`input.height`: .* >= 16, received 15"),
        ("input/width", 1025, "`input.width`: .* <= 1024, received 1025"),
        ("input/dtype", "int8", "`input.dtype`: .*'int8', may be 'uint8'"),
        ("input/channels", "BGR", "`input.channels`: .*'BGR', may be 'RGB'"),
        ("input/geometry", "squash", "`input.geometry`: .*'squash', may be 'square'"),
        ("input/margin", -0.1, "`input.margin`: .*received -0.1"),
        ("input/resize", "nearest", "`input.resize`: .*'nearest', may be 'area-linear'"),
        ("output/dtype", "uint8", "`output.dtype`: .*'uint8', may be 'float32', 'int8'"),
        ("calibration/temperature", 0, "`calibration.temperature`: .* > 0.0, received 0"),
        ("calibration/method", "none", "`calibration`: a temperature other than 1 without a method"),
        ("golden", [], "`golden`: .*length >= 1"),
        ("golden/0/member", "golden/../0.png", r"`golden\[0\].member`: .*regex"),
        ("golden/0/member", "golden/00.png\n", r"`golden\[0\].member`: .*regex"),
        ("golden/0/member", "golden/01.png", "`golden`: golden/01.png is not among the members"),
        ("golden/0/class_name", "glass", "`golden`: 'glass' is not a class"),
        ("golden/0/scores", [0.5, 0.25, 0.25], "`golden`: 3 scores for 2 classes"),
        ("golden/0/scores", [0.5, 0.25], "`golden`: scores of golden/00.png do not add up to 1"),
        ("golden/0/scores", [1.5, -0.5], r"`golden\[0\].scores\[0\]`: .*received 1.5"),
        ("runtimes/0/tolerance", 0, r"`runtimes\[0\].tolerance`: .*received 0"),
        ("runtimes/1/tolerance", 0.6, r"`runtimes\[1\].tolerance`: .*received 0.6"),
        ("provenance/photographs", -1, "`provenance.photographs`: .*received -1"),
        ("provenance/photographs_sha256", "0" * 63, "`provenance.photographs_sha256`: .*regex"),
        ("provenance/photographs_sha256", "0" * 64 + "\n", "`provenance.photographs_sha256`: .*regex"),
        ("members/model.tflite/sha256", "A" * 64, r"`members\[...\].sha256`: .*regex"),
        ("members/model.tflite/size", -1, r"`members\[...\].size`: .* >= 0"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(document, path, value, says):
    message = complaint(put(document, path, value))
    assert re.search(says, message), message


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("field", ["temperature", "threshold", "tolerance", "accuracy"])
def test_what_is_no_finite_number_is_refused(manifest_text, field, word):
    text, count = re.subn(f'"{field}": [0-9.]+', f'"{field}": {word}', manifest_text, count=1)
    assert count == 1
    assert f"{word} is not a finite number" in complaint(text.encode())


def test_a_key_that_stands_there_twice_is_refused(manifest_text):
    assert "`version` stands there twice" in complaint(b'{"version": 4, ' + manifest_text.encode()[1:])
    inside = manifest_text.replace('"height": 32', '"height": 32, "height": 32')
    assert "`height` stands there twice" in complaint(inside.encode())


def test_finding_the_key_that_stands_there_twice_is_quick_among_many():
    # Comparing each key with every other would take an hour.
    many = ",".join(f'"{nth}":0' for nth in range(90_000))
    assert "`last` stands there twice" in complaint(f'{{{many},"last":0,"last":0}}'.encode())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not the JSON expected"),
        (b"\xff\xfe", "not the JSON expected"),
        (b"null", "Expected `object`, got `null`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"7", "Expected `object`, got `int`"),
        (b"[" * 10_000 + b"]" * 10_000, "not the JSON expected"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "not the JSON expected"),
        (b'{"version":' + b"9" * 10_000 + b"}", "not the JSON expected"),
    ],
)
def test_what_is_no_manifest_at_all_is_refused(data, says):
    assert says in complaint(data)


def test_a_byte_order_mark_and_anything_around_the_document_are_refused(manifest_text):
    data = manifest_text.encode()
    assert "BOM" in complaint(b"\xef\xbb\xbf" + data)
    assert "Extra data" in complaint(data + b"{}")
    assert "not the JSON expected" in complaint(manifest_text.encode("utf-16"))
    assert "not the JSON expected" in complaint(data[:-1])


def test_half_a_surrogate_pair_is_refused(manifest_text):
    # Python reads it from JSON, and then can neither print nor encode it.
    assert "surrogates not allowed" in complaint(manifest_text.replace("sortline 0", r"\ud800").encode())


def test_the_size_is_bounded_before_anything_is_read(manifest_text):
    padded = manifest_text.encode().ljust(MANIFEST_BYTES)
    parse_manifest(padded)
    assert f"{MANIFEST_BYTES + 1} bytes, where at most {MANIFEST_BYTES} are allowed" in complaint(padded + b" ")


def test_too_many_classes_are_refused_briefly(document):
    spec = document["classes"][0]
    document["classes"] = [spec] * 1001
    assert "`classes`: Expected `array` of length <= 1000" in complaint(document)
    document["classes"] = []
    crowd = json.dumps(document).replace('"classes": []', '"classes": [' + ",".join("0" * 500_000) + "]")
    assert len(complaint(crowd.encode())) < 200


def test_a_long_value_is_quoted_briefly(document):
    assert len(complaint(put(document, "name", "x" * 500_000))) < 300


@given(st.data())
def test_a_damaged_manifest_is_read_or_refused_but_never_breaks(manifest_text, data):
    text = bytearray(manifest_text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BundleError):
        encode_manifest(parse_manifest(bytes(text)))


@pytest.mark.parametrize("place", ["provenance/tool", "provenance/quantised_by", "classes/0/name"])
def test_no_text_that_is_shown_can_move_a_terminals_cursor(document, place):
    for control in ("\x1b[2J", "\x9b2J", "\x7f"):
        with pytest.raises(BundleError, match="regex"):
            parse(put(document, place, f"x{control}"))
