"""What the records of all photographs say together. Pure: values in, values out."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sortline_train.audit.fingerprint import Fingerprint
from sortline_train.audit.values import ClassCount, Copies, Group, Hint, Photograph, Source

FEW = 50  # usable photographs of a class
UNEVEN = 5.0  # times as many photographs in the largest class as in the smallest
_MOST, _HARDLY = 0.9, 0.1  # shares for a hint
_ENOUGH = 10  # photographs of a class, before its having one source means anything
_NO_CAMERA = "none named"


def pair_equals(photographs: Sequence[Photograph]) -> list[tuple[int, int]]:
    """Every usable photograph with the first one that has the same pixels, unless it is that one."""
    first: dict[str, int] = {}
    pairs = []
    for nth, photograph in enumerate(photographs):
        if photograph.problem is None and photograph.pixels_sha256 is not None:
            earlier = first.setdefault(photograph.pixels_sha256, nth)
            if earlier != nth:
                pairs.append((earlier, nth))
    return pairs


def pick_different(fingerprints: Sequence[Fingerprint | None], equals: Iterable[tuple[int, int]]) -> list[int]:
    """Places of the usable photographs, one for each set of equal ones."""
    repeated = {later for _, later in equals}
    return [nth for nth, one in enumerate(fingerprints) if one is not None and nth not in repeated]


def describe_group(photographs: Sequence[Photograph], members: tuple[int, ...]) -> Group:
    """What a group of copies is."""
    those = [photographs[member] for member in members]
    return Group(
        members=members,
        copies=_name_copies(those),
        classes=tuple(sorted({photograph.class_name for photograph in those})),
        parts=tuple(sorted({photograph.part for photograph in those if photograph.part is not None})),
    )


def _name_copies(photographs: Sequence[Photograph]) -> Copies:
    if len({photograph.sha256 for photograph in photographs}) == 1:
        return "file"
    return "pixels" if len({photograph.pixels_sha256 for photograph in photographs}) == 1 else "near"


def count_classes(photographs: Sequence[Photograph], groups: Sequence[Group]) -> tuple[ClassCount, ...]:
    """How many photographs each class has."""
    repeated = Counter[str]()
    for group in groups:
        inside = Counter(photographs[member].class_name for member in group.members)
        repeated.update({name: many - 1 for name, many in inside.items()})
    total = Counter(photograph.class_name for photograph in photographs)
    usable = Counter(photograph.class_name for photograph in photographs if photograph.problem is None)
    return tuple(
        ClassCount(class_name=name, photographs=many, usable=usable[name], different=usable[name] - repeated[name])
        for name, many in sorted(total.items())
    )


def find_hints(photographs: Sequence[Photograph]) -> tuple[Hint, ...]:
    """Classes whose photographs nearly all have one size, camera or compression that other classes hardly have."""
    usable = [photograph for photograph in photographs if photograph.problem is None]
    sources: dict[Source, list[str]] = {
        "size": [_name_size(photograph) for photograph in usable],
        "camera": [photograph.camera or _NO_CAMERA for photograph in usable],
        "compression": [photograph.compression or "unknown" for photograph in usable],
    }
    names = [photograph.class_name for photograph in usable]
    return tuple(hint for source, values in sources.items() for hint in _compare_classes(source, names, values))


def _name_size(photograph: Photograph) -> str:
    """Long side first: whether a camera was held upright says little of where a photograph is from."""
    long, short = sorted((photograph.width or 0, photograph.height or 0), reverse=True)
    return f"{long} x {short}"


def _compare_classes(source: Source, names: Sequence[str], values: Sequence[str]) -> list[Hint]:
    counts = Counter(zip(names, values, strict=True))
    overall, sizes = Counter(values), Counter(names)
    hints = []
    for name, size in sorted(sizes.items()):
        others = len(names) - size
        value, many = max(((value, counts[name, value]) for value in overall), key=lambda pair: pair[1])
        if min(size, others) < _ENOUGH:
            continue
        share, elsewhere = many / size, (overall[value] - many) / others
        if share >= _MOST and elsewhere <= _HARDLY:
            hint = Hint(class_name=name, source=source, value=value, photographs=many, share=share, elsewhere=elsewhere)
            hints.append(hint)
    return hints
