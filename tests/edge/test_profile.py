"""A board's latency profile: read strictly, and drawn from as the board would have behaved."""

from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError
from sortline_edge.profile import MOST_SAMPLES, Profile, read_profile


def profile(**changes: Any) -> Profile:
    made = Profile(
        board="bench 4",
        machine="aarch64",
        cores=4,
        runtime="litert 2.3.0",
        threads=3,
        model_sha256="0f" * 32,
        frame_ms=(2.5, 2.75, 9.0),
        look_ms=(41.5, 40.25),
        output_late_ms=(0.0625,),
    )
    return msgspec.structs.replace(made, **changes)


def drawn(one: Profile, seed: int, count: int = 500) -> list[list[float]]:
    return [list(islice(stream, count)) for stream in one.sample(np.random.default_rng(seed))]


samples = st.lists(st.floats(0, 60_000), min_size=1, max_size=30).map(tuple)


@given(samples, samples, samples)
def test_what_is_written_is_read(frame_ms: Any, look_ms: Any, output_late_ms: Any) -> None:
    written = profile(frame_ms=frame_ms, look_ms=look_ms, output_late_ms=output_late_ms)
    assert read_profile(written.to_json(), "p.json") == written


def test_the_largest_profile_is_read() -> None:
    longest = tuple(1000 + nth / 7 for nth in range(MOST_SAMPLES))
    written = profile(frame_ms=longest, look_ms=longest, output_late_ms=longest)
    assert read_profile(written.to_json(), "p.json") == written


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": "waste"}, r"`format`: .*received 'waste', may be 'sortline-profile'"),
        ({"format_version": 2}, r"`format_version`: .*received 2, may be 1"),
        ({"board": "a\nb"}, "`board`"),
        ({"cores": 0}, "`cores`: .*received 0"),
        ({"threads": 9}, "`threads`: .*received 9"),
        ({"model_sha256": "0F" * 32}, "`model_sha256`"),
        ({"look_ms": []}, "`look_ms`: .*length >= 1"),
        ({"look_ms": [1.0] * (MOST_SAMPLES + 1)}, f"`look_ms`: .*length <= {MOST_SAMPLES}"),
        ({"look_ms": [1.0, -0.5]}, r"`look_ms\[1\]`: .*received -0.5"),
        ({"look_ms": [70_000.0]}, r"`look_ms\[0\]`: .*received 70000"),
        ({"frame_ms": ["fast"]}, r"`frame_ms\[0\]`: .*received 'fast'"),
        ({"speed": 1}, "unknown field `speed`"),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes: dict[str, Any], complaint: str) -> None:
    document = msgspec.to_builtins(profile()) | changes
    with pytest.raises(ConfigError, match=f"^p.json: .*{complaint}"):
        read_profile(msgspec.json.encode(document), "p.json")


@pytest.mark.parametrize("field", list(msgspec.to_builtins(profile())))
def test_no_field_may_be_missing(field: str) -> None:
    document = msgspec.to_builtins(profile())
    del document[field]
    with pytest.raises(ConfigError, match=f"`{field}`"):
        read_profile(msgspec.json.encode(document), "p.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b" " * (5 << 20), b'{"look_ms": [NaN]}'])
def test_what_is_no_profile_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^p\.json: "):
        read_profile(data, "p.json")


@given(samples, st.integers(0, 2**32))
def test_a_seed_decides_what_is_drawn_and_only_what_was_measured_is(look_ms: Any, seed: int) -> None:
    one = profile(look_ms=look_ms)
    assert drawn(one, seed) == drawn(one, seed)
    assert {*drawn(one, seed)[1]} <= {*look_ms}


def test_another_seed_draws_something_else() -> None:
    one = profile(look_ms=tuple(range(100)))
    assert drawn(one, 1)[1] != drawn(one, 2)[1]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60))
def test_how_often_one_is_drawn_changes_nothing_for_the_others(order: list[int]) -> None:
    one = profile(frame_ms=tuple(range(50)), look_ms=tuple(range(50)), output_late_ms=tuple(range(50)))
    expected = drawn(one, 3, len(order))
    streams = one.sample(np.random.default_rng(3))
    found: list[list[float]] = [[], [], []]
    for nth in order:
        found[nth].append(next(streams[nth]))
    assert found == [stream[: len(taken)] for stream, taken in zip(expected, found, strict=True)]


def test_every_sample_is_as_likely_as_every_other() -> None:
    counts = np.bincount(drawn(profile(look_ms=tuple(range(20))), 0, 100_000)[1], minlength=20)
    assert counts == pytest.approx(np.full(20, 5_000), rel=0.1)


def test_slow_spells_stay_together() -> None:
    spell = (*[1.0] * 900, *[9.0] * 100)
    looks = np.array(drawn(profile(look_ms=spell), 0, 50_000)[1])
    slow = looks == 9
    # Drawn one by one, a tenth would follow a slow one.
    assert slow[1:][slow[:-1]].mean() > 0.9
    assert slow.mean() == pytest.approx(0.1, abs=0.02)
