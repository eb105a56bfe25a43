"""Which photographs are trained on, decided by content: adding photographs moves none, and copies stay together.

The parts, and what each is for: `train` is learnt from; `validation` decides which state of the model is kept;
`calibration` turns logits into scores and sets thresholds; `test` is looked at once, for the figures in the report.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from sortline_bundle.errors import PhotographError
from sortline_train.run import Part

# Where copies lie in several parts, the first of these keeps its own: a figure must not be earned by heart. Also the
# order in which the parts lie between 0 and 1.
_PRECEDENCE: tuple[Part, ...] = ("test", "calibration", "validation", "train")


class Candidate(NamedTuple):
    """A photograph to be assigned to a part.

    Attributes:
        class_name: Its class.
        digest: SHA-256 of the file, in hexadecimal.
        group: Number of its group: near copies of one photograph, all of one class. Equal files share a group.
        part: The part the engineer put it into; `train` where there are no parts yet.
    """

    class_name: str
    digest: str
    group: int
    part: Part = "train"


class Shares(NamedTuple):
    """How much of each class is cut off for the parts that are not trained on."""

    test: float = 0.1
    calibration: float = 0.1
    validation: float = 0.05


SHARES = Shares()


class Leak(NamedTuple):
    """A photograph that is left out, since a copy of it lies in a part that goes before.

    Attributes:
        nth: Its place among the candidates.
        part: The part it was in.
        kept_in: The part that the copy is in.
    """

    nth: int
    part: Part
    kept_in: Part


class Division(NamedTuple):
    """The part of each candidate, None for those left out; and why those are."""

    parts: tuple[Part | None, ...]
    leaks: tuple[Leak, ...]


def divide(candidates: Sequence[Candidate], shares: Shares = SHARES) -> Division:
    """Assign photographs to the four parts, class by class; a group is never divided.

    Parts that the engineer made are kept as they are. Those that are missing are cut from `train`. The place of a group
    is the lowest digest in it, read as a number between 0 and 1: the lowest go to the test, the next to calibration,
    the next to validation. So what is added moves nothing else, with two exceptions: a new near copy may give its group
    a lower digest; and in a class so small that a part would stay empty, that part takes the nearest group of the
    largest part.

    Raises:
        PhotographError: a class has too few groups for the parts, or one of the engineer's parts holds, of a class,
            nothing but copies of what is in other parts.
    """
    leaks = _find_leaks(candidates)
    left_out = {leak.nth for leak in leaks}
    made = {candidate.part for candidate in candidates}
    classes: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for nth, candidate in enumerate(candidates):
        if nth not in left_out:
            classes[candidate.class_name][candidate.group].append(nth)
    parts: list[Part | None] = [None] * len(candidates)
    for class_name, groups in classes.items():
        lowest = [min(candidates[nth].digest for nth in group) for group in groups.values()]
        so_far = [candidates[group[0]].part for group in groups.values()]
        divided = _divide_class(class_name, list(zip(lowest, so_far, strict=True)), made, shares)
        for part, group in zip(divided, groups.values(), strict=True):
            for nth in group:
                parts[nth] = part
    return Division(tuple(parts), leaks)


def _find_leaks(candidates: Sequence[Candidate]) -> tuple[Leak, ...]:
    keeps: dict[int, Part] = {}
    for candidate in candidates:
        kept = keeps.get(candidate.group, candidate.part)
        keeps[candidate.group] = min(kept, candidate.part, key=_PRECEDENCE.index)
    return tuple(
        Leak(nth, candidate.part, keeps[candidate.group])
        for nth, candidate in enumerate(candidates)
        if candidate.part != keeps[candidate.group]
    )


def _divide_class(class_name: str, groups: Sequence[tuple[str, Part]], made: set[Part], shares: Shares) -> list[Part]:
    """The part of each group; a group is given as its lowest digest and the part it is in so far."""
    missing = [part for part in _PRECEDENCE if part not in made | {"train"}]
    counts = Counter(part for _, part in groups)
    for part in _PRECEDENCE:
        wanted = ["train", *missing] if part == "train" else [part]
        if part not in missing and counts[part] < len(wanted):
            raise PhotographError(
                f"class {class_name!r} has {counts[part]} photographs for {_enumerate(wanted)}, copies not counted;"
                f" at least {len(wanted)} are needed"
            )
    cut = _cut([digest for digest, part in groups if part == "train"], missing, shares)
    return [cut[digest] if part == "train" else part for digest, part in groups]


def _cut(digests: Sequence[str], missing: Sequence[Part], shares: Shares) -> dict[str, Part]:
    """Divide among the missing parts and `train` by place; none of them stays empty."""
    edges = list(accumulate(getattr(shares, part) for part in missing))
    slots: list[list[str]] = [[] for _ in (*missing, "train")]
    for digest in sorted(digests):
        slots[bisect_right(edges, _place(digest))].append(digest)
    for nth, slot in enumerate(slots):
        if not slot:
            largest = max(range(len(slots)), key=lambda other: len(slots[other]))
            slot.append(slots[largest].pop(-1 if largest < nth else 0))
    parts: tuple[Part, ...] = (*missing, "train")
    return {digest: part for part, slot in zip(parts, slots, strict=True) for digest in slot}


def _enumerate(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _place(digest: str) -> float:
    return int(digest[:13], 16) / 16**13
