"""Where photographs go: by their content, whole groups at a time, and as the engineer has put them."""

import hashlib
from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import PhotographError
from sortline_train.split import Candidate, Leak, Shares, divide

PLACES = st.integers(0, 99).map(lambda percent: percent / 100)
MIDDLES = (0.05, 0.15, 0.225, 0.65)  # of the four parts, at the usual shares
PARTS = ("test", "calibration", "validation", "train")


def at(place: float, salt: str = "") -> str:
    """A digest that lies at `place` between 0 and 1."""
    return f"{int(place * 16**8):08x}" + hashlib.sha256(f"{place}{salt}".encode()).hexdigest()[:56]


def scatter(name: str, count: int) -> list[Candidate]:
    """Photographs of one class, each alone in its group."""
    return [Candidate(name, digest, int(digest[:12], 16)) for digest in digests(name, count)]


def collections(parts: tuple[str, ...] = ("train",)) -> st.SearchStrategy[list[Candidate]]:
    """Two classes with four lone photographs in each of `parts`, and some groups that lie anywhere."""
    lone = [
        Candidate(name, at(nth / 4, f"{name}{part}"), 4 * lane + nth, part)
        for lane, (name, part) in enumerate(product("ab", parts))
        for nth in range(4)
    ]
    drawn = st.tuples(
        st.sampled_from([("a", 100), ("a", 101), ("a", 102), ("b", 103), ("b", 104)]), PLACES, st.sampled_from(parts)
    )
    return st.lists(drawn, max_size=16).map(
        lambda found: (
            lone
            + [
                Candidate(name, at(place, f"{nth}"), group, part)
                for nth, ((name, group), place, part) in enumerate(found)
            ]
        )
    )


def by_group(candidates, parts):
    found = defaultdict(set)
    for candidate, part in zip(candidates, parts, strict=True):
        found[candidate.group].add(part)
    return found


@given(collections())
def test_every_class_is_in_every_part_and_no_group_in_two(candidates):
    division = divide(candidates)
    assert not division.leaks
    assert all(len(parts) == 1 for parts in by_group(candidates, division.parts).values())
    for name in {candidate.class_name for candidate in candidates}:
        pairs = zip(candidates, division.parts, strict=True)
        assert {part for candidate, part in pairs if candidate.class_name == name} == set(PARTS)


@given(collections(("train", "test")) | collections(), st.randoms(use_true_random=False))
def test_the_order_of_the_photographs_changes_nothing(candidates, shuffler):
    shuffled = shuffler.sample(candidates, len(candidates))
    shuffled = [candidate._replace(group=1000 - candidate.group) for candidate in shuffled]
    parts = {candidate.digest: part for candidate, part in zip(candidates, divide(candidates).parts, strict=True)}
    assert divide(shuffled).parts == tuple(parts[candidate.digest] for candidate in shuffled)


@given(collections(), st.lists(st.tuples(st.sampled_from("ab"), PLACES), max_size=30))
def test_adding_photographs_moves_none(candidates, added):
    # One in each part to begin with, so that none of the parts is filled from another.
    anchors = [Candidate(name, at(place), 500 + nth) for nth, (name, place) in enumerate(product("ab", MIDDLES))]
    before = [*candidates, *anchors]
    after = before + [Candidate(name, at(place, f"new {nth}"), 1000 + nth) for nth, (name, place) in enumerate(added)]
    assert divide(after).parts[: len(before)] == divide(before).parts


@given(collections(), st.data())
def test_a_new_near_copy_joins_its_group_and_moves_nothing_when_it_lies_higher(candidates, data):
    original = data.draw(st.sampled_from(candidates))
    copy = original._replace(digest=at(0.995))
    assert divide([*candidates, copy]).parts == (
        *divide(candidates).parts,
        divide(candidates).parts[candidates.index(original)],
    )


@pytest.mark.parametrize("asked", [Shares(), Shares(test=0.2, calibration=0.05, validation=0.15)])
def test_the_parts_of_many_photographs_have_the_shares_asked_for(asked):
    parts = divide(scatter("a", 5000), asked).parts
    for part, share in asked._asdict().items():
        assert parts.count(part) / 5000 == pytest.approx(share, abs=0.015)


@given(st.lists(PLACES, min_size=4, max_size=8))
def test_the_smallest_classes_are_in_every_part(places):
    candidates = [Candidate("a", at(place, str(nth)), nth) for nth, place in enumerate(places)]
    assert set(divide(candidates).parts) == set(PARTS)


def test_four_groups_are_one_for_each_part_in_order_of_their_digests():
    candidates = [Candidate("a", at(place), nth) for nth, place in enumerate((0.9, 0.8, 0.7, 0.6))]
    assert divide(candidates).parts == ("train", "validation", "calibration", "test")


@pytest.mark.parametrize(
    ("places", "parts"),
    [
        ((0.15, 0.225, 0.6, 0.5), ("calibration", "validation", "train", "test")),
        ((0.01, 0.02, 0.15, 0.225), ("test", "train", "calibration", "validation")),
    ],
)
def test_a_part_that_would_be_empty_takes_the_nearest_group_of_the_largest(places, parts):
    assert divide([Candidate("a", at(place), nth) for nth, place in enumerate(places)]).parts == parts


def test_a_group_lies_where_its_lowest_digest_lies():
    lone = [Candidate("a", at(place), nth) for nth, place in enumerate((0.05, 0.15, 0.225, 0.5))]
    pair = [Candidate("a", at(0.9), 9), Candidate("a", at(0.12), 9)]
    assert divide([*lone, *pair]).parts[-2:] == ("calibration", "calibration")


def test_a_class_of_three_photographs_is_refused_by_name():
    with pytest.raises(PhotographError) as caught:
        divide([*scatter("a", 10), *scatter("b", 3)])
    assert str(caught.value) == (
        "class 'b' has 3 photographs for train, test, calibration and validation, copies not counted;"
        " at least 4 are needed"
    )


def test_near_copies_do_not_make_a_class_large_enough():
    copies = [Candidate("b", digest, 7) for digest in digests("copy", 20)]
    with pytest.raises(PhotographError, match="class 'b' has 3 photographs"):
        divide([*scatter("a", 10), *scatter("b", 2), *copies])


@given(collections(("train", "test")))
def test_parts_of_the_engineers_are_kept_and_the_missing_ones_are_cut_from_train(candidates):
    division = divide(candidates)
    assert set(division.parts) - {None} == set(PARTS)
    for candidate, part in zip(candidates, division.parts, strict=True):
        assert (part == "test") == (candidate.part == "test")
    for name in {candidate.class_name for candidate in candidates}:
        pairs = zip(candidates, division.parts, strict=True)
        assert {part for candidate, part in pairs if candidate.class_name == name} >= set(PARTS)


@given(collections(PARTS))
def test_all_four_parts_of_the_engineers_are_kept_but_for_copies(candidates):
    division = divide(candidates)
    left_out = {leak.nth for leak in division.leaks}
    for nth, (candidate, part) in enumerate(zip(candidates, division.parts, strict=True)):
        assert part == (None if nth in left_out else candidate.part)


@given(st.one_of(map(collections, (PARTS, ("train", "validation"), ("train", "calibration", "test")))))
def test_no_copy_of_a_photograph_is_left_in_another_part(candidates):
    division = divide(candidates)
    kept = by_group(candidates, division.parts)
    assert all(len(parts - {None}) == 1 for parts in kept.values())
    for leak in division.leaks:
        assert division.parts[leak.nth] is None
        assert leak.part == candidates[leak.nth].part
        assert kept[candidates[leak.nth].group] == {None, leak.kept_in}
        assert PARTS.index(leak.kept_in) < PARTS.index(leak.part)
    assert division.parts.count(None) == len(division.leaks)


def test_the_copy_in_the_test_stays_and_the_one_in_train_is_left_out():
    candidates = scatter("a", 10)
    candidates += [Candidate("a", at(0.3), 1, "train"), Candidate("a", at(0.5), 1, "test")]
    division = divide(candidates)
    assert division.leaks == (Leak(10, "train", "test"),)
    assert division.parts[10:] == (None, "test")


def test_a_part_that_holds_nothing_but_copies_of_another_is_refused():
    candidates = scatter("a", 10)
    candidates += [Candidate("a", at(0.3), 1, part) for part in ("validation", "test")]
    with pytest.raises(PhotographError, match="class 'a' has 0 photographs for validation, copies not counted"):
        divide(candidates)


def digests(name: str, count: int) -> list[str]:
    return [hashlib.sha256(f"{name}{nth}".encode()).hexdigest() for nth in range(count)]
