"""What a training will do, decided before it begins: which photographs, in which part, with which settings.

The plan is kept in the run folder, so that a training that is taken up again is the same training.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from sortline_bundle.errors import ConfigError, PhotographError
from sortline_bundle.files import write_whole
from sortline_bundle.strict import Table, read_json
from sortline_train.audit import Audit, Finding, audit_photographs, list_findings
from sortline_train.layout import list_entries
from sortline_train.run import File, LeftOut, Settings
from sortline_train.split import Candidate, Leak, divide

_PLAN_BYTES = 1 << 30

Say = Callable[[str], None]


class Plan(Table, frozen=True, kw_only=True):
    """All that is decided.

    Attributes:
        format: Of the file.
        photographs: Folder that all paths are below.
        weights: As given: a file, `none`, or null to find the published ones.
        settings: The recipe.
        classes: In the order of the outputs.
        files: The photographs that take part.
        left_out: Those that do not, and why.
        findings: What the audit has to say.
    """

    format: Literal["sortline-plan-1"] = "sortline-plan-1"
    photographs: str
    weights: str | None
    settings: Settings
    classes: tuple[str, ...]
    files: tuple[File, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]


def make_plan(photographs: Path, weights: str | None, settings: Settings, say: Say) -> Plan:
    """Look the photographs over and divide them.

    Args:
        photographs: Folder of class folders, or of parts with class folders each.
        weights: As given.
        settings: The recipe.
        say: Is told what is left out and how many photographs each part has.

    Raises:
        PhotographError: the folder does not hold, or too little of it can be used.
    """
    entries = list_entries(photographs)
    audit = audit_photographs(entries, say)
    reasons: dict[int, str] = {nth: str(audit.photographs[nth].problem) for nth in audit.unusable}
    for group in audit.conflicts if not settings.keep_conflicts else ():
        others = " and ".join(group.classes)
        reasons |= dict.fromkeys(group.members, f"copies of it lie under {others}")
    usable = [nth for nth in range(len(entries)) if nth not in reasons]
    classes = tuple(dict.fromkeys(entry.class_name for entry in entries))
    _refuse_if_nothing_is_left(audit, reasons, classes)
    groups = _number_groups(audit)
    candidates = [
        Candidate(
            class_name=entries[nth].class_name,
            digest=str(audit.photographs[nth].sha256),
            group=groups[nth],
            part=entries[nth].part or "train",
        )
        for nth in usable
    ]
    divided = divide(candidates)
    for leak in divided.leaks:
        reasons[usable[leak.nth]] = _explain(leak)
    files = tuple(
        File(
            path=entries[nth].path.relative_to(photographs).as_posix(),
            class_name=entries[nth].class_name,
            sha256=candidate.digest,
            part=part,
        )
        for nth, candidate, part in zip(usable, candidates, divided.parts, strict=True)
        if part is not None
    )
    left_out = tuple(
        LeftOut(path=entries[nth].path.relative_to(photographs).as_posix(), reason=reason)
        for nth, reason in sorted(reasons.items())
    )
    _tell(files, left_out, say)
    return Plan(
        photographs=str(photographs.resolve()),
        weights=weights,
        settings=settings,
        classes=classes,
        files=files,
        left_out=left_out,
        findings=list_findings(audit),
    )


def _number_groups(audit: Audit) -> list[int]:
    """A number for each photograph, shared by copies of one class: a group for `divide`.

    Copies under two classes that are trained on nevertheless are two groups.
    """
    numbers = audit.number_groups()
    known: dict[tuple[int, str], int] = {}
    pairs = zip(numbers, audit.photographs, strict=True)
    return [known.setdefault((number, photograph.class_name), len(known)) for number, photograph in pairs]


def _refuse_if_nothing_is_left(audit: Audit, reasons: dict[int, str], classes: Sequence[str]) -> None:
    left = Counter(one.class_name for nth, one in enumerate(audit.photographs) if nth not in reasons)
    for name in classes:
        if not left[name]:
            first = next(nth for nth, one in enumerate(audit.photographs) if one.class_name == name)
            raise PhotographError(
                f"class {name!r} has no photograph that can be used: {audit.photographs[first].path} {reasons[first]}"
            )


def _explain(leak: Leak) -> str:
    return f"a copy of it lies in {leak.kept_in}, and would be known by heart there"


def _tell(files: Sequence[File], left_out: Sequence[LeftOut], say: Say) -> None:
    for reason, count in Counter(one.reason for one in left_out).most_common():
        names = [one.path for one in left_out if one.reason == reason]
        more = f" and {count - 3} more" if count > 3 else ""
        say(f"left out: {', '.join(names[:3])}{more}: {reason}")
    counts = Counter(file.part for file in files)
    say("photographs: " + ", ".join(f"{counts[part]} for {part}" for part in counts))


def save_plan(path: Path, plan: Plan) -> None:
    """Write what `load_plan` reads."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n")


def load_plan(path: Path) -> Plan:
    """Read a kept plan.

    Raises:
        ConfigError: it is damaged, or of another version.
        OSError: it cannot be read.
    """
    return read_json(path.read_bytes(), Plan, limit=_PLAN_BYTES, error=ConfigError, where=str(path))
