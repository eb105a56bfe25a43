import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import PhotographError
from sortline_train.split import find_conflicts, split


def digests(name: str, count: int) -> list[str]:
    return [hashlib.sha256(f"{name}{nth}".encode()).hexdigest() for nth in range(count)]


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(4, 200), min_size=2))
def test_every_class_is_in_every_part_and_every_photograph_in_one(counts: dict[str, int]) -> None:
    given_ = {name: digests(name, count) for name, count in counts.items()}
    parts = split(given_)
    assert len(parts) == sum(counts.values())
    for members in given_.values():
        assert {parts[digest] for digest in members} == {"train", "validation", "test"}


@given(st.integers(60, 300), st.integers(1, 100))
def test_adding_photographs_moves_none(before: int, added: int) -> None:
    small, large = split({"a": digests("a", before)}), split({"a": digests("a", before + added)})
    assert all(large[digest] == part for digest, part in small.items())


def test_the_parts_have_their_sizes() -> None:
    parts = list(split({"a": digests("a", 5000)}).values())
    assert parts.count("test") == pytest.approx(750, abs=80)
    assert parts.count("validation") == pytest.approx(750, abs=80)


def test_copies_of_a_photograph_stay_together() -> None:
    assert len(split({"a": digests("a", 20) * 2})) == 20


def test_a_class_with_too_few_photographs_is_refused_by_name() -> None:
    with pytest.raises(PhotographError, match="class 'b' has 3 different photographs"):
        split({"a": digests("a", 10), "b": digests("b", 3) * 2})


def test_a_photograph_under_two_classes_is_a_conflict() -> None:
    shared = digests("x", 1)[0]
    found = find_conflicts({"a": [*digests("a", 5), shared], "b": [shared, *digests("b", 5)], "c": digests("c", 5)})
    assert found == {shared: ("a", "b")}
