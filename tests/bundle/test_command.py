"""The command's ending: an exit code and one sentence for each way to fail."""

import errno
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from sortline_bundle import errors
from sortline_bundle.archive import open_bundle
from sortline_bundle.command import VERBS, Verb, main
from sortline_bundle.errors import SortlineError

CODES = {
    "SortlineError": 1,
    "ConfigError": 3,
    "KeyFileRefused": 3,
    "PhotographError": 4,
    "HardwareError": 5,
    "BundleError": 6,
    "ModelRefused": 6,
    "ContractMismatch": 6,
    "GoldenMismatch": 6,
    "ArchiveRefused": 6,
    "UnsupportedFormat": 6,
    "SchemaError": 6,
    "DigestMismatch": 6,
    "SignatureInvalid": 6,
    "ThresholdNotMet": 6,
    "KeyRefused": 6,
    "SuccessionRefused": 6,
    "RollbackRefused": 6,
    "ExpiredRefused": 6,
    "Incompatible": 6,
    "NotAnnounced": 6,
    "TryAgainError": 7,
    "ReleaseError": 8,
    "WeightsMissing": 8,
    "NotQuantised": 8,
    "ScaledTwice": 8,
    "UnsupportedOperators": 8,
    "NotFinite": 8,
    "DeadOutput": 8,
    "ChannelsSwapped": 8,
    "LabelsReordered": 8,
    "NotTheTrainedModel": 8,
    "OtherPhotographs": 8,
    "GateRefused": 8,
    "NotPromised": 8,
}


@pytest.fixture
def stub(monkeypatch):
    """Makes `sortline stub` do something: raise an error, or return a number."""

    def install(outcome, while_loading=False):
        def run(arguments):
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        def add_arguments(parser):
            parser.add_argument("--name", default="nobody")
            if while_loading:
                run(None)

        module = types.SimpleNamespace(add_arguments=add_arguments, run=run)
        monkeypatch.setitem(sys.modules, "stub_of_a_verb", module)
        monkeypatch.setitem(VERBS, "stub", Verb("stub_of_a_verb", "edge", "do as it is told"))

    monkeypatch.delenv("SORTLINE_TRACEBACK", raising=False)
    return install


def ending(capsys, *words):
    """Exit code and what stands on the error stream."""
    code = main(list(words))
    streams = capsys.readouterr()
    assert streams.out == ""
    return code, streams.err


def test_every_error_has_a_code_and_the_table_tells_which():
    found = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert {name: kind.exit_code for name, kind in found.items()} == CODES
    for name, code in CODES.items():
        assert issubclass(found[name], SortlineError)
        row = next(line for line in errors.__doc__.splitlines() if f"{name} " in line)
        assert row.split(name)[1].split()[0] == str(code)


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("while_loading", [False, True])
def test_an_error_ends_with_its_code_and_its_sentence(stub, capsys, name, while_loading):
    stub(getattr(errors, name)("the belt is on fire; put it out"), while_loading)
    assert ending(capsys, "stub") == (CODES[name], "sortline: the belt is on fire; put it out\n")


@pytest.mark.parametrize("code", [0, 1, 42])
def test_a_verb_that_ends_well_says_so_itself(stub, capsys, code):
    stub(code)
    assert ending(capsys, "stub", "--name", "somebody") == (code, "")


@pytest.mark.parametrize("while_loading", [False, True])
def test_an_interruption_ends_as_shells_expect(stub, capsys, while_loading):
    stub(KeyboardInterrupt(), while_loading)
    assert ending(capsys, "stub") == (130, "sortline: interrupted\n")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_machine_that_is_not_ready_is_worth_another_try(stub, capsys, code):
    stub(OSError(code, os.strerror(code), "run/model.keras"))
    exit_code, text = ending(capsys, "stub")
    assert exit_code == 7
    assert text.startswith("sortline: ")
    assert os.strerror(code) in text
    assert "run/model.keras" in text
    assert "run it again" in text
    assert text.count("\n") == 1


def test_what_nobody_foresaw_is_shown_whole(stub):
    stub(ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        main(["stub"])


def test_the_traceback_is_there_for_those_who_ask(stub, capsys, monkeypatch):
    stub(errors.ConfigError("wrong"))
    monkeypatch.setenv("SORTLINE_TRACEBACK", "1")
    code, text = ending(capsys, "stub")
    assert code == 3
    assert text.startswith("Traceback")
    assert text.endswith("ConfigError: wrong\nsortline: wrong\n")


def test_a_missing_extra_is_named_with_the_way_to_install_it(capsys, monkeypatch):
    class Blocked:
        @staticmethod
        def find_spec(name, *_):
            if name == "library_of_the_extra":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Blocked, *sys.meta_path])
    monkeypatch.setitem(VERBS, "stub", Verb("library_of_the_extra", "train", "do as it is told"))
    with pytest.raises(SystemExit) as caught:
        main(["stub"])
    assert caught.value.code == 3
    assert capsys.readouterr().err == (
        "sortline: `sortline stub` needs library_of_the_extra, which is not installed: pip install 'sortline[train]'\n"
    )


def test_a_missing_module_of_our_own_is_a_defect(monkeypatch):
    monkeypatch.setitem(VERBS, "stub", Verb("sortline_bundle.absent", "train", "do as it is told"))
    with pytest.raises(ModuleNotFoundError, match=r"sortline_bundle\.absent"):
        main(["stub"])


@pytest.mark.parametrize("words", [[], ["unknown"], ["stub", "--unknown"], ["--unknown", "stub"]])
def test_a_wrong_command_line_is_argparses_own(stub, capsys, words):
    stub(0)
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: sortline" in capsys.readouterr().err


def test_only_the_verb_that_is_asked_for_is_imported(stub, monkeypatch):
    stub(0)
    monkeypatch.setitem(VERBS, "other", Verb("does.not.exist", "train", "break"))
    assert main(["stub"]) == 0
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0


def test_the_arguments_of_the_process_are_the_default(stub, monkeypatch):
    stub(9)
    monkeypatch.setattr(sys, "argv", ["sortline", "stub"])
    assert main() == 9


def test_inspect_shows_a_bundle(put, bundle_data, capsys):
    path = put(bundle_data)
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    for shown in (
        "waste-7, version 3",
        open_bundle(path).digest,
        "paper, trusted from 0.500, purity at least 95.0%",
        "tray, trusted from 0.750, no promise",
        "87.5% right",
    ):
        assert shown in text
    assert main(["inspect", "--json", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["digest"] == open_bundle(path).digest
    assert [spec["name"] for spec in shown["manifest"]["classes"]] == ["paper", "tray"]


def test_inspect_refuses_a_damaged_bundle(put, bundle_data, capsys):
    path = put(bundle_data[:-1])
    code, text = ending(capsys, "inspect", str(path))
    assert code == 6
    assert text.startswith(f"sortline: {path}: ")


def test_the_process_ends_with_the_code_and_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "sortline_bundle.command", "inspect", Path(tmp_path, "absent.sortline")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr.startswith("sortline: bundle ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_left_is_no_failure(put, bundle_data):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "sortline_bundle.command", "inspect", put(bundle_data)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for environment in (buffered, {**buffered, "PYTHONUNBUFFERED": "1"}):
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env=environment, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    os.close(write)


def test_what_a_file_says_of_itself_cannot_move_the_cursor(put, bundle_data, capsys):
    path = put(bundle_data.replace(b'"version": 3', b'"\\u001b[2J": 3'.ljust(12)[:12]), "\x1b[2J.sortline")
    code, text = ending(capsys, "inspect", str(path))
    assert code == 6
    assert "\x1b" not in text
    assert "\\x1b[2J" in text
