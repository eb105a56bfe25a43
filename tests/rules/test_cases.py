"""Tests that the documents name are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_a_document_names_exists():
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py")))
    there = set(re.findall(r"^\s*def (test_\w+)\(", text, flags=re.MULTILINE))
    named = {
        name
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    }
    assert named
    assert not named - there


def test_the_cases_are_all_sixty():
    page = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
    numbers = [
        number
        for first, last in re.findall(r"^\| (\d+)(?:-(\d+))? \|", page, flags=re.MULTILINE)
        for number in range(int(first), int(last or first) + 1)
    ]
    assert numbers == list(range(1, 61))
