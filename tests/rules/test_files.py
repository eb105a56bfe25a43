"""What no file of the repository may hold: addresses and paths of the machine somebody worked on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "the address of a package index": re.compile(
        r"pypi\.org|pythonhosted\.|piwheels\.|npmjs\.|debian\.org|(https?|file)://\S*/simple\b|--(extra-)?index-url",
        re.IGNORECASE,
    ),
    "a path of one machine": re.compile(r"(?<![\w.$}~-])/(home|root|Users|work)/\w|file:/{3}"),
}


def text_files():
    """What is in the repository, or would be with the next commit."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    listing = subprocess.run(
        [git, "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    files = {ROOT / name for name in listing.decode().split("\0") if name}
    return sorted(path for path in files if path.is_file() and b"\0" not in path.read_bytes())


FILES = text_files()


@pytest.mark.skipif(not FILES, reason="not in a git checkout")
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert not found, what


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("the address of a package index", "pip install --index-" + "url somewhere"),
        ("the address of a package index", "https://a.example" + "/simple/"),
        ("a path of one machine", "read /home" + "/somebody/file"),
    ],
)
def test_the_patterns_find_what_they_are_for(what, line):
    assert FORBIDDEN[what].search(line)
