"""Pairs in, groups out."""

from hypothesis import given
from hypothesis import strategies as st

from sortline_train.audit.groups import join_pairs

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40)


def test_a_chain_of_pairs_is_one_group():
    assert join_pairs([(7, 5), (1, 2), (5, 9), (9, 3)]) == [(1, 2), (3, 5, 7, 9)]


@given(PAIRS)
def test_a_pair_is_never_torn_and_a_member_is_in_one_group(pairs):
    groups = join_pairs(pairs)
    home = {member: number for number, group in enumerate(groups) for member in group}
    assert len(home) == sum(len(group) for group in groups)
    assert set(home) == {member for pair in pairs if pair[0] != pair[1] for member in pair}
    assert all(home.get(first) == home.get(second) for first, second in pairs)


@given(PAIRS)
def test_a_group_holds_together_by_its_pairs_alone(pairs):
    for group in join_pairs(pairs):
        reached = {group[0]}
        for _ in group:
            reached |= {member for pair in pairs if reached & set(pair) for member in pair}
        assert reached == set(group)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(pairs, random):
    other = [pair[::-1] for pair in pairs]
    random.shuffle(other)
    assert join_pairs(other) == join_pairs(pairs)
