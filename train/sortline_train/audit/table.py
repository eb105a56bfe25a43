"""The audit as text for the terminal."""

from collections.abc import Iterator

from sortline_train.audit.findings import KINDS, list_findings
from sortline_train.audit.values import Audit, Finding

_LISTED = 20  # lines under a finding; the JSON has all


def write_table(audit: Audit) -> str:
    """The classes, then every finding with what to do about it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    for title in ("photographs", "usable", "different"):
        table.add_column(title, justify="right")
    for one in audit.classes:
        table.add_row(Text(one.class_name), str(one.photographs), str(one.usable), str(one.different))
    console = Console()
    with console.capture() as captured:
        console.print(table)
    text = captured.get() + "".join(f"{line}\n" for line in _lines(audit))
    # A file name need not be text; what is not is written as `?`.
    return text.encode("utf-8", "replace").decode()


def _lines(audit: Audit) -> Iterator[str]:
    findings = list_findings(audit)
    if not findings:
        yield "\nNothing to complain about."
    for finding in findings:
        kind = KINDS[finding.kind]
        yield f"\n{kind.title}: {finding.sentence}."
        listed = _list(audit, finding)
        yield from (f"  {line}" for line in listed[:_LISTED])
        if len(listed) > _LISTED:
            yield f"  and {len(listed) - _LISTED} more"
        yield f"  {kind.advice}"


def _list(audit: Audit, finding: Finding) -> list[str]:
    """What a finding is about, a line each."""
    groups = {"conflict": audit.conflicts, "leak": audit.leaks, "copies": audit.repeats}.get(finding.kind)
    if groups is not None:
        return [" = ".join(audit.photographs[member].path for member in group.members) for group in groups]
    if finding.kind == "unusable":
        return [f"{audit.photographs[nth].path} {audit.photographs[nth].problem}" for nth in audit.unusable]
    return [photograph.path for photograph in audit.photographs if finding.kind in photograph.notes]
