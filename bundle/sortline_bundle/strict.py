"""Reading JSON and TOML whole: unknown, missing, wrong-typed and out-of-range fields are refused by name."""

import json
import re
import tomllib
from typing import Any, TypeVar

import msgspec

from sortline_bundle.errors import SortlineError

T = TypeVar("T")


def read_json(data: bytes, kind: type[T], *, limit: int, error: type[SortlineError], where: str) -> T:
    """Decode `data` as one JSON document of type `kind`.

    Stricter than JSON itself: UTF-8 without a byte-order mark, `limit` bytes at most, no key twice, no NaN or Infinity.

    Raises:
        error: with `where`, the field, what it is and what it may be.
    """
    if len(data) > limit:
        raise error(f"{where}: {len(data)} bytes, where at most {limit} are allowed")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as cause:
        raise error(f"{where}: not the JSON expected: {str(cause) or 'nested too deeply'}") from None
    return convert(document, kind, error=error, where=where)


def read_toml(data: bytes, kind: type[T], *, error: type[SortlineError], where: str) -> T:
    """Decode `data` as one TOML document of type `kind`; errors as in `read_json`."""
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
        raise error(f"{where}: {explain(str(cause), document)}") from None


def explain(message: str, document: object) -> str:
    """Say what stands at the place a msgspec message names: "Expected `int`, got `str` - at `$.bins[0].line`"."""
    text, _, place = message.partition(" - at ")
    path = place.strip("`")
    if not path:
        return text
    found = _look_up(document, path)
    received = "" if isinstance(found, dict | list) or found is None else f", received {found!r}"
    return f"`{path.removeprefix('$.')}`: {text}{received}"


def _look_up(document: object, path: str) -> object:
    here: Any = document
    for key, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        try:
            here = here[int(index)] if index else here[key]
        except (KeyError, IndexError, TypeError):
            return None
    return here


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"`{twice}` stands there twice")
    return fields


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")
