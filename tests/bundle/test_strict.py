"""Reading whole documents: errors name the place, what stands there and what may."""

import re
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from sortline_bundle.errors import BundleError, ConfigError, SortlineError
from sortline_bundle.strict import convert, read_json, read_toml


class Gate(msgspec.Struct, forbid_unknown_fields=True, tag_field="driver", tag="gate"):
    """A gate."""

    line: Annotated[int, Meta(ge=0, le=511)]
    edge: Literal["rising", "falling"] = "rising"


class Lamp(msgspec.Struct, forbid_unknown_fields=True, tag_field="driver", tag="lamp"):
    """A lamp."""

    colour: Literal["red", "green"] = "red"


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """All kinds of fields."""

    name: str
    outputs: tuple[Gate | Lamp, ...] = ()
    limits: dict[str, Annotated[float, Meta(gt=0)]] = {}
    mode: Literal["slow", "fast"] | None = None


def toml(text):
    return read_toml(text.encode(), Settings, error=ConfigError, where="station.toml")


def json(text, limit=1000):
    return read_json(text.encode(), Settings, limit=limit, error=BundleError, where="some.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Object missing required field `name`"),
        ("name = 3", "`name`: Expected `str`, got `int`, received 3"),
        ("name = 'a'\nnaem = 'b'", "Object contains unknown field `naem`"),
        ("name = 'a'\nmode = 'quick'", "`mode`: Invalid enum value 'quick', received 'quick', may be 'fast', 'slow'"),
        ("name = 'a'\nmode = 7", "`mode`: Expected `str | null`, got `int`, received 7, may be 'fast', 'slow'"),
        (
            "name = 'a'\n[[outputs]]\ndriver = 'gaet'",
            "`outputs[0].driver`: Invalid value 'gaet', received 'gaet', may be 'gate', 'lamp'",
        ),
        ("name = 'a'\n[[outputs]]\nline = 1", "`outputs[0]`: Object missing required field `driver`"),
        (
            "name = 'a'\noutputs = [{driver = 'lamp'}, {driver = 'gate', line = 512}]",
            "`outputs[1].line`: Expected `int` <= 511, received 512",
        ),
        (
            "name = 'a'\noutputs = [{driver = 'lamp', colour = 'blue'}]",
            "`outputs[0].colour`: Invalid enum value 'blue', received 'blue', may be 'green', 'red'",
        ),
        (
            "name = 'a'\noutputs = [{driver = 'lamp', line = 3}]",
            "`outputs[0]`: Object contains unknown field `line`",
        ),
        ("name = 'a'\nlimits = {low = 0}", "`limits[...]`: Expected `float` > 0.0"),
        ("name = 'a'\noutputs = 'none'", "`outputs`: Expected `array`, got `str`, received 'none'"),
        ("name = 2025-01-01", "`name`: Expected `str`, got `date`, received datetime.date(2025, 1, 1)"),
    ],
)
def test_toml_that_does_not_fit_is_refused_with_place_value_and_choice(text, says):
    with pytest.raises(ConfigError) as caught:
        toml(text)
    assert str(caught.value) == f"station.toml: {says}"


@pytest.mark.parametrize(
    "data", [b"name = ", b"name = 'a'\nname = 'b'", b"\xff", b"\xef\xbb\xbfname = 'a'", b"a = " + b"[" * 10_000]
)
def test_what_is_no_toml_is_refused(data):
    with pytest.raises(ConfigError, match=r"station.toml: not TOML: \S"):
        read_toml(data, Settings, error=ConfigError, where="station.toml")


def test_toml_may_leave_out_what_has_a_default_and_json_may_not():
    assert toml("name = 'a'") == Settings(name="a")
    whole = '{"name": "a", "outputs": [{"driver": "gate", "line": 3, "edge": "rising"}], "limits": {}, "mode": null}'
    assert json(whole) == Settings(name="a", outputs=(Gate(line=3),))
    for left_out, field in [
        (', "edge": "rising"', "outputs[0].edge"),
        (', "limits": {}', "limits"),
        (', "mode": null', "mode"),
    ]:
        assert left_out in whole
        with pytest.raises(BundleError, match=re.escape(f"some.json: `{field}` is missing")):
            json(whole.replace(left_out, ""))


def test_the_error_is_of_the_kind_asked_for():
    for error in (BundleError, ConfigError, SortlineError):
        with pytest.raises(SortlineError) as caught:
            convert({"name": 3}, Settings, error=error, where="here")
        assert type(caught.value) is error


def test_the_limit_is_the_number_of_bytes():
    text = msgspec.json.encode(Settings(name="ä" * 10)).decode()
    size = len(text.encode())
    assert json(text, limit=size).name == "ä" * 10
    with pytest.raises(BundleError, match=f"some.json: {size} bytes, where at most {size - 1} are allowed"):
        json(text, limit=size - 1)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["name", "outputs", "limits", "mode", "driver"]) | st.text(max_size=3), values))
def test_any_document_either_fits_or_is_refused_in_one_sentence(document):
    try:
        settings = convert(document, Settings, error=ConfigError, where="here")
    except ConfigError as error:
        message = str(error)
    else:
        message = "here: "
        assert settings.name == document["name"]
    assert message.startswith("here: ")


@given(st.builds(Settings, st.text(), st.lists(st.builds(Gate, st.integers(0, 511))).map(tuple)))
def test_what_is_encoded_is_read_back(settings):
    data = msgspec.json.encode(settings)
    assert read_json(data, Settings, limit=len(data), error=BundleError, where="") == settings
