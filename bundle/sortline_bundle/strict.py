"""Reading JSON and TOML whole: unknown, missing, wrong-typed and out-of-range fields are refused by name."""

import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from sortline_bundle.errors import SchemaError, SortlineError, UnsupportedFormat

T = TypeVar("T")
_LONGEST_QUOTE = 80


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what lies in a file: every field by its name, and no others."""


def read_json(data: bytes, kind: type[T], *, limit: int, error: type[SortlineError], where: str) -> T:
    """Decode `data` as one JSON document of type `kind`.

    Stricter than JSON itself: UTF-8 without a byte-order mark, `limit` bytes at most, no key twice, no number that is
    not finite, no half of a surrogate pair. JSON is written by sortline, which writes every field; so none may be left
    to its default, as people may in TOML.

    Raises:
        error: with `where`, the field, what it is and what it may be.
    """
    return _convert_whole(_load_json(data, limit=limit, error=error, where=where), kind, error=error, where=where)


def read_document(data: bytes, kind: type[T], *, format_version: tuple[str, int], limit: int, where: str) -> T:
    """As `read_json`, for a document that says in `format` and `format_version` what it is.

    Raises:
        UnsupportedFormat: it is something else, or of another version, whatever else may be wrong with it.
        SchemaError: with `where`, the field, what it is and what it may be.
    """
    document = _load_json(data, limit=limit, error=SchemaError, where=where)
    if isinstance(document, dict):
        for field, known in zip(("format", "format_version"), format_version, strict=True):
            stated = document.get(field)
            if type(stated) is type(known) and stated != known:
                received = _shorten(repr(stated))
                raise UnsupportedFormat(f"{where}: `{field}`: received {received}, may be {known!r} with this sortline")
    return _convert_whole(document, kind, error=SchemaError, where=where)


def _load_json(data: bytes, *, limit: int, error: type[SortlineError], where: str) -> object:
    if len(data) > limit:
        raise error(f"{where}: {len(data)} bytes, where at most {limit} are allowed")
    try:
        document: object = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite
        )
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair could never be shown or written
    except (ValueError, RecursionError) as cause:
        raise error(f"{where}: not the JSON expected: {str(cause) or 'nested too deeply'}") from None
    return document


def _convert_whole(document: object, kind: type[T], *, error: type[SortlineError], where: str) -> T:
    value = convert(document, kind, error=error, where=where)
    for field in _left_out(msgspec.to_builtins(value), document):
        raise error(f"{where}: `{field}` is missing")
    return value


def read_toml(data: bytes, kind: type[T], *, error: type[SortlineError], where: str) -> T:
    """Decode `data` as one TOML document of type `kind`; what has a default may be left out.

    Raises:
        error: with `where`, the field, what it is and what it may be.
    """
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as cause:
        raise error(f"{where}: not TOML: {str(cause) or 'nested too deeply'}") from None
    return convert(document, kind, error=error, where=where)


def convert(document: object, kind: type[T], *, error: type[SortlineError], where: str) -> T:
    """Turn plain dicts and lists into `kind`, refusing whatever does not fit to the letter."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as cause:
        raise error(f"{where}: {_explain(str(cause), kind, document)}") from None


def _explain(message: str, kind: object, document: object) -> str:
    """Add to a msgspec message, "Expected `int`, got `str` - at `$.bins[0].line`", what stands there and what may."""
    text, _, place = message.partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    if not path:
        return text
    keys = [int(index) if index else key for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]
    found = _look_up(document, keys)
    received = "" if isinstance(found, dict | list) or found is None else f", received {_shorten(repr(found))}"
    values = ", ".join(map(repr, _values_at(inspect.type_info(kind), keys)))
    return f"`{path}`: {text}{received}" + (f", may be {values}" if values else "")


def _look_up(document: Any, keys: Sequence[str | int]) -> object:
    for key in keys:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _values_at(info: Any, keys: Sequence[str | int]) -> Iterator[object]:
    """All values that may stand at a place of a type, where they can be counted."""
    match info:
        case inspect.Metadata():
            yield from _values_at(info.type, keys)
        case inspect.UnionType():
            for one in info.types:
                yield from _values_at(one, keys)
        case inspect.LiteralType() if not keys:
            yield from info.values
        case inspect.StructType() if keys and keys[0] == info.tag_field:
            yield info.tag
        case inspect.StructType() if keys:
            for field in info.fields:
                if field.encode_name == keys[0]:
                    yield from _values_at(field.type, keys[1:])
        case inspect.VarTupleType() if keys:
            yield from _values_at(info.item_type, keys[1:])


def _left_out(whole: Any, given: Any, path: str = "") -> Iterator[str]:
    """The fields of `whole` that `given` does not state."""
    if isinstance(whole, dict):
        for key, part in whole.items():
            place = f"{path}.{key}" if path else key
            if key in given:
                yield from _left_out(part, given[key], place)
            else:
                yield place
    elif isinstance(whole, list | tuple):
        for nth, (part, stated) in enumerate(zip(whole, given, strict=True)):
            yield from _left_out(part, stated, f"{path}[{nth}]")


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"`{_shorten(twice)}` stands there twice")
    return fields


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_shorten(text)} is not a finite number")
    return number
