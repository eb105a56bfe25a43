"""The audit as one HTML page with pictures, which needs nothing else."""

import math
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import data_address, load_image
from sortline_train.audit.findings import KINDS, Kind, list_findings
from sortline_train.audit.survey import FEW
from sortline_train.audit.values import Audit, Finding, Group, Photograph

_PICTURES = 400  # at some 4 kB each: a page of about 2 MB
_ROWS = 40  # groups of copies in a section
_IN_A_ROW = 6
_SHOWN = 24  # photographs in a section without groups
_LISTED = 100  # unusable files
_THUMB_PX = 150  # longer side
_QUALITY = 72


class Shown(NamedTuple):
    """A photograph on the page, and its picture as a data address; None when there is none to show."""

    photograph: Photograph
    picture: str | None


class Row(NamedTuple):
    """A group of copies on the page, the first few of its members."""

    group: Group
    shown: list[Shown]


class Section(NamedTuple):
    """One kind of finding on the page."""

    name: str
    kind: Kind
    findings: list[Finding]
    rows: list[Row]
    gallery: list[Shown]
    files: list[Photograph]
    more: int


def render_page(audit: Audit) -> str:
    """The page as HTML; pictures are read again from the photographs' files."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        audit=audit,
        sections=_Pictures(audit).sections(),
        largest=max(one.photographs for one in audit.classes),
        few=FEW,
        even=math.isfinite(audit.imbalance),
    )


class _Pictures:
    """Makes sections until the room for pictures is used up."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._folder = Path(audit.folder)
        self._made: dict[int, str | None] = {}

    def sections(self) -> list[Section]:
        findings = list_findings(self._audit)
        return [self._section(name, [one for one in findings if one.kind == name]) for name in _kinds(findings)]

    def _section(self, name: str, findings: list[Finding]) -> Section:
        audit = self._audit
        groups = {"conflict": audit.conflicts, "leak": audit.leaks, "copies": audit.repeats}.get(name, ())
        spoilt = [audit.photographs[nth] for nth in audit.unusable] if name == "unusable" else []
        noted = [nth for nth, photograph in enumerate(audit.photographs) if name in photograph.notes]
        rows = [self._row(group) for group in groups[:_ROWS]]
        gallery = [self._show(nth) for nth in noted[:_SHOWN]]
        more = len(groups) - len(rows) + len(noted) - len(gallery) + max(0, len(spoilt) - _LISTED)
        return Section(name, KINDS[name], findings, rows, gallery, spoilt[:_LISTED], more)

    def _row(self, group: Group) -> Row:
        return Row(group, [self._show(member) for member in group.members[:_IN_A_ROW]])

    def _show(self, nth: int) -> Shown:
        photograph = self._audit.photographs[nth]
        if nth not in self._made:
            room = len(self._made) < _PICTURES
            self._made[nth] = _picture(self._folder / photograph.path) if room else None
        return Shown(photograph, self._made[nth])


def _kinds(findings: tuple[Finding, ...]) -> list[str]:
    return list(dict.fromkeys(finding.kind for finding in findings))


def _picture(path: Path) -> str | None:
    """A small JPEG as a data address; None when the file has gone since, or changed."""
    try:
        image = load_image(path)
    except PhotographError:
        return None
    return data_address(image, _THUMB_PX, _QUALITY)
