"""The audit of a list of photographs: read each, find the copies, say what stands out."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sortline_train.audit.candidates import find_candidates
from sortline_train.audit.confirm import confirm
from sortline_train.audit.facts import Reading, read_all
from sortline_train.audit.findings import KINDS, list_findings
from sortline_train.audit.fingerprint import Fingerprint
from sortline_train.audit.groups import join_pairs
from sortline_train.audit.survey import count_classes, describe_group, find_hints, pair_equals, pick_different
from sortline_train.audit.values import Audit
from sortline_train.layout import Entry


def audit_photographs(entries: Sequence[Entry], say: Callable[[str], None]) -> Audit:
    """Audit photographs, however they were listed.

    Args:
        entries: At least one; the audit's photographs have the same order.
        say: Is told each finding that a person should act on, in a sentence.
    """
    folder = Path(os.path.commonpath([entry.path.parent for entry in entries]))
    with warnings.catch_warnings(action="ignore"):  # Pillow's, of odd EXIF blocks; here, since threads share filters
        readings = read_all(entries, folder)
    photographs = tuple(reading.photograph for reading in readings)
    groups = tuple(describe_group(photographs, members) for members in _group(readings))
    audit = Audit(
        folder=str(folder),
        photographs=photographs,
        groups=groups,
        classes=count_classes(photographs, groups),
        hints=find_hints(photographs),
    )
    for finding in list_findings(audit):
        if KINDS[finding.kind].grave:
            more = ", ..." if finding.photographs > len(finding.paths) else ""
            say(f"audit: {finding.sentence}: {', '.join(finding.paths)}{more}")
    return audit


def find_near_copies(fingerprints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """The pairs of fingerprints that show one photograph, or two taken in one go."""
    if not fingerprints:
        return []
    pairs = find_candidates(np.stack([fingerprint.vector for fingerprint in fingerprints]))
    return confirm(fingerprints, pairs)


def _group(readings: Sequence[Reading]) -> list[tuple[int, ...]]:
    equals = pair_equals([reading.photograph for reading in readings])
    fingerprints = [reading.fingerprint for reading in readings]
    different = pick_different(fingerprints, equals)
    near = find_near_copies([one for one in (fingerprints[place] for place in different) if one is not None])
    return join_pairs([*equals, *((different[first], different[second]) for first, second in near)])
