"""Pairs in, groups out."""

from collections import defaultdict
from collections.abc import Iterable


def join_pairs(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The groups that pairs make when whoever is paired with a member is one (union-find).

    Returns:
        Each group in growing order, of two members at least, the groups by their first member.
    """
    above: dict[int, int] = {}

    def top(member: int) -> int:
        above.setdefault(member, member)
        while above[member] != member:
            above[member] = above[above[member]]
            member = above[member]
        return member

    for first, second in pairs:
        low, high = sorted((top(first), top(second)))
        above[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for member in sorted(above):
        groups[top(member)].append(member)
    return [tuple(members) for _, members in sorted(groups.items()) if len(members) > 1]
