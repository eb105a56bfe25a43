"""`sortline audit`: what is wrong with a folder of photographs, before anything is learnt from it."""

import argparse
import json
import sys
from pathlib import Path

import msgspec

from sortline_bundle.errors import PhotographError
from sortline_bundle.files import write_whole
from sortline_train.audit.audit import audit_photographs
from sortline_train.audit.findings import list_findings
from sortline_train.audit.page import render_page
from sortline_train.audit.table import write_table
from sortline_train.audit.values import Audit
from sortline_train.layout import list_entries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline audit` takes."""
    parser.add_argument(
        "photographs",
        type=Path,
        metavar="PHOTOS",
        help="folder with one folder of photographs per class, or with parts (train, validation, test) of such folders",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with pictures of what was found")
    parser.add_argument(
        "--strict", action="store_true", help="fail on unusable files, label conflicts and copies across parts"
    )


def run(arguments: argparse.Namespace) -> int:
    """Audit, tell, and return the exit code: 0 whatever was found.

    Raises:
        PhotographError: the folder holds no class folders, or `--strict` and something grave was found.
    """
    audit = audit_photographs(list_entries(arguments.photographs), _say_nothing)
    if arguments.html:
        write_whole(arguments.html, render_page(audit).encode("utf-8", "replace"))
    if arguments.json:
        sys.stdout.write(_to_json(audit))
    else:
        sys.stdout.write(write_table(audit))
    if arguments.strict:
        _refuse(audit, arguments.photographs)
    return 0


def _say_nothing(_: str) -> None:
    """The table tells all of it."""


def _to_json(audit: Audit) -> str:
    document = {**msgspec.to_builtins(audit), "findings": msgspec.to_builtins(list_findings(audit))}
    # A file name need not be text; what is not is written as `?`.
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n"


def _refuse(audit: Audit, folder: Path) -> None:
    grave = [
        f"{len(found)} {noun}{'' if len(found) == 1 else 's'}"
        for found, noun in (
            (audit.unusable, "unusable file"), (audit.conflicts, "label conflict"), (audit.leaks, "leak"),
        )
        if found
    ]  # fmt: skip
    if grave:
        raise PhotographError(
            f"{folder} has {', '.join(grave)}; correct what the audit lists, or run it without `--strict`"
        )
