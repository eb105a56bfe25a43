"""The audit in sentences, and what to do about each."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sortline_train.audit.facts import LONG, SHORT
from sortline_train.audit.survey import FEW, UNEVEN
from sortline_train.audit.values import Audit, Finding, Group, Hint, Note, Source

_NAMED = 6  # paths in a finding; the audit has them all


class Kind(NamedTuple):
    """What a kind of finding is called, whether it spoils training or its figures, and what to do about it."""

    title: str
    grave: bool
    advice: str


KINDS = {
    "unusable": Kind(
        "Unusable files",
        True,
        "They are left out of training. Replace them with the original pictures, or remove them.",
    ),
    "conflict": Kind(
        "One photograph under two classes",
        True,
        "At least one of the labels is wrong, so all of them are left out of training. Keep the copy in the right"
        " class and remove the others.",
    ),
    "leak": Kind(
        "One photograph in two parts",
        True,
        "What was learnt by heart looks like accuracy in the other part. Keep all copies of a photograph in one part.",
    ),
    "copies": Kind(
        "Copies",
        False,
        "Equal or nearly equal photographs teach once. They are kept in one part when sortline divides the photographs;"
        " remove those that you do not need.",
    ),
    "few": Kind(
        "Classes with few photographs",
        False,
        f"With fewer than {FEW} photographs a class is learnt badly, and its figures say little. Take more, of other"
        " items of the class rather than more of the same.",
    ),
    "imbalance": Kind(
        "Unequal classes",
        False,
        "A model leans to what it has seen most. Take more photographs of the small classes.",
    ),
    "source": Kind(
        "A class with a source of its own",
        False,
        "A hint, not an error: a model may learn the camera or the file instead of the item, look good here and fail on"
        " the belt. Take some photographs of every class with every camera.",
    ),
    "suffix": Kind("Misleading names", False, "Harmless here: the contents decide. Other programs may stumble."),
    "small": Kind("Small photographs", False, "Fine print and edges are missing. Use the originals if there are any."),
    "long": Kind(
        "Long photographs", False, "They are padded to a square, in which little is left. Crop them to the item."
    ),
    "animated": Kind("Animated pictures", False, "Only the first frame is used."),
    "transparent": Kind(
        "Transparent pictures",
        False,
        "Transparency is dropped, which may bring hidden colours to light. Look at them; put them on a real ground.",
    ),
    "cmyk": Kind(
        "Pictures for print (CMYK)",
        False,
        "Their colours are converted without a profile and come out too strong. Export them as RGB.",
    ),
}
_NOTED: dict[Note, str] = {
    "suffix": "whose name says another kind of picture than they hold",
    "small": f"with a shorter side of less than {SHORT} pixels",
    "long": f"with one side more than {LONG} times the other",
    "animated": "with more than one frame",
    "transparent": "with transparent pixels, or room for them",
    "cmyk": "with colours for print (CMYK)",
}
_SOURCES: dict[Source, str] = {"size": "the size", "camera": "the camera", "compression": "the compression"}


def list_findings(audit: Audit) -> tuple[Finding, ...]:
    """All findings, what spoils most first; none for a folder that is in order."""
    return tuple(
        finding
        for finding in (
            _tell(audit, "unusable", audit.unusable, "that cannot be used"),
            _tell(audit, "conflict", _members(audit.conflicts), "under two or more classes, copies of each other"),
            _tell(audit, "leak", _members(audit.leaks), "in two or more parts, copies of each other"),
            _tell(
                audit, "copies", _members(audit.repeats), f"in {_count(audit.repeats)} of copies, each within one class"
            ),
            *_few(audit),
            *_imbalance(audit),
            *map(_source, audit.hints),
            *(_tell(audit, note, _noted(audit, note), text) for note, text in _NOTED.items()),
        )
        if finding.photographs
    )


def _tell(audit: Audit, kind: str, places: Sequence[int], what: str) -> Finding:
    many = f"{len(places)} photograph{'' if len(places) == 1 else 's'}"
    named = tuple(audit.photographs[place].path for place in places[:_NAMED])
    return Finding(kind=kind, photographs=len(places), sentence=f"{many} {what}", paths=named)


def _members(groups: Iterable[Group]) -> list[int]:
    return [member for group in groups for member in group.members]


def _count(groups: Sequence[Group]) -> str:
    return f"{len(groups)} group{'' if len(groups) == 1 else 's'}"


def _noted(audit: Audit, note: Note) -> list[int]:
    return [nth for nth, photograph in enumerate(audit.photographs) if note in photograph.notes]


def _few(audit: Audit) -> list[Finding]:
    few = [one for one in audit.classes if one.different < FEW]
    if not few:
        return []
    named = ", ".join(f"{one.class_name} {one.different}" for one in few)
    sentence = f"fewer than {FEW} different photographs: {named}"
    return [Finding(kind="few", photographs=sum(one.photographs for one in few), sentence=sentence)]


def _imbalance(audit: Audit) -> list[Finding]:
    if audit.imbalance < UNEVEN:
        return []
    ranked = sorted(audit.classes, key=lambda one: one.usable)
    small, large = ranked[0], ranked[-1]
    sentence = f"{large.class_name} has {large.usable} photographs, {small.class_name} {small.usable}"
    return [Finding(kind="imbalance", photographs=large.usable + small.usable, sentence=sentence)]


def _source(hint: Hint) -> Finding:
    sentence = (
        f"{hint.share:.0%} of {hint.class_name} have {_SOURCES[hint.source]} {hint.value!r},"
        f" of all others {hint.elsewhere:.0%}"
    )
    return Finding(kind="source", photographs=hint.photographs, sentence=sentence)
