"""Which photographs are trained on, decided by content: adding photographs moves none, and copies stay together."""

from collections.abc import Mapping, Sequence

from sortline_bundle.errors import PhotographError
from sortline_train.run import Part

VALIDATION = 0.15
TEST = 0.15
FEWEST = 4


def split(digests: Mapping[str, Sequence[str]]) -> dict[str, Part]:
    """Assign every photograph to a part.

    A photograph's place is its digest read as a number between 0 and 1; the lowest go to the test, the next to
    validation. Each class keeps at least one photograph in every part.

    Args:
        digests: SHA-256 of each class's photographs.

    Returns:
        The part of each digest.

    Raises:
        PhotographError: a class has fewer than four different photographs.
    """
    parts: dict[str, Part] = {}
    for class_name, all_digests in digests.items():
        ranked = sorted(set(all_digests))
        if len(ranked) < FEWEST:
            raise PhotographError(
                f"class {class_name!r} has {len(ranked)} different photographs; at least {FEWEST} are needed"
            )
        tests = max(1, sum(_place(digest) < TEST for digest in ranked))
        validations = max(1, sum(TEST <= _place(digest) < TEST + VALIDATION for digest in ranked))
        tests = min(tests, len(ranked) - 2)
        validations = min(validations, len(ranked) - tests - 1)
        for rank, digest in enumerate(ranked):
            parts[digest] = "test" if rank < tests else "validation" if rank < tests + validations else "train"
    return parts


def find_conflicts(digests: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Photographs that lie under more than one class, so that one of the labels is wrong: digest to classes."""
    under: dict[str, set[str]] = {}
    for class_name, members in digests.items():
        for digest in members:
            under.setdefault(digest, set()).add(class_name)
    return {digest: tuple(sorted(classes)) for digest, classes in under.items() if len(classes) > 1}


def _place(digest: str) -> float:
    return int(digest[:13], 16) / 16**13
