"""The command as a person meets it first: `sortline --help`, and what the documents say to type."""

import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sortline_bundle.command import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HEAVY = {
    "tensorflow", "keras", "cv2", "numpy", "rich", "jinja2", "msgspec",
    "cryptography", "gpiod", "picamera2", "ai_edge_litert", "tflite_runtime",
}  # fmt: skip


def sortline(*words, python_options=()):
    command = [sys.executable, *python_options, "-m", "sortline_bundle.command", *words]
    wide = os.environ | {"COLUMNS": "400"}  # argparse then breaks no sentence
    return subprocess.run(command, capture_output=True, text=True, env=wide, check=False)


@functools.cache
def help_of(*verb):
    done = sortline(*verb, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def verb_of(words):
    """The verb that a command's words begin with, and those within it: `keys ring add`."""
    verb = words[:1]
    for word in words[1:]:
        choices = re.search(r"\{([a-z,]+)\} \.\.\.$", help_of(*verb).partition("\n")[0])
        if choices is None:
            break
        assert word in choices[1].split(",")
        verb.append(word)
    return verb


def commands():
    """Every `sortline ...` in a fenced block of the documents, as (page:line, its words)."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        for block in re.finditer(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            line = text[: block.start(1)].count("\n") + 1
            for found in re.finditer(r"^[ ]*(?:\$ )?sortline (?:[^\n]*\\\n)*[^\n]*", block[1], flags=re.MULTILINE):
                where = line + block[1][: found.start()].count("\n")
                yield f"{page.relative_to(ROOT)}:{where}", words_of(found[0])


def words_of(command):
    """The words of the first command of a shell line."""
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    end = next((at for at, word in enumerate(words) if set(word) <= set("|&;<>()")), len(words))
    return [word for word in words[:end] if word != "$"][1:]


COMMANDS = list(commands())


def test_help_names_every_verb_and_imports_nothing_heavy():
    done = sortline("--help", python_options=["-X", "importtime"])
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "sortline_bundle" in imported
    assert not imported & HEAVY
    for name, verb in VERBS.items():
        assert re.search(rf"^ +{name}\s+{re.escape(verb.purpose)}$", done.stdout, flags=re.MULTILINE), name


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    assert VERBS[verb].purpose.capitalize() in help_of(verb)


def test_the_readme_shows_commands():
    assert any(where.startswith("README.md") for where, _ in COMMANDS)


@pytest.mark.parametrize("words", [pytest.param(words, id=where) for where, words in COMMANDS])
def test_documented_commands_can_be_typed(words):
    if words[0].startswith("-"):
        return
    assert words[0] in VERBS
    known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", help_of(*verb_of(words))))
    assert {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)} <= known
