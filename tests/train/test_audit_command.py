"""`sortline audit` as its user meets it."""

import json
import os
import re
import shutil

import pytest
from PIL import Image

from sortline_bundle.command import main
from sortline_train.audit import audit_photographs, list_findings
from sortline_train.layout import list_entries


@pytest.fixture(scope="module")
def clean(photographs, tmp_path_factory):
    """Three classes, six different photographs each."""
    folder = tmp_path_factory.mktemp("audit") / "clean"
    for path in photographs.glob("*/0[0-5].jpg"):
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    return folder


@pytest.fixture
def folder(clean, tmp_path):
    """A copy of the clean folder, to spoil."""
    return shutil.copytree(clean, tmp_path / "photographs")


def parts(clean, tmp_path):
    for part in ("train", "val"):
        shutil.copytree(clean, tmp_path / "parts" / part)
    for nth, path in enumerate(sorted((tmp_path / "parts").glob("*/*/*.jpg"))):
        if (nth % 2 == 0) == ("val" in path.parts):
            path.unlink()
    return tmp_path / "parts"


def audit(folder):
    return audit_photographs(list_entries(folder), lambda _: None)


def kinds(folder):
    return [finding.kind for finding in list_findings(audit(folder))]


def paths(audit, groups):
    return [{audit.photographs[member].path for member in group.members} for group in groups]


def test_a_clean_folder_has_only_few_photographs(clean):
    assert kinds(clean) == ["few"]


def test_a_turned_copy_in_another_class_is_a_conflict(folder):
    with Image.open(folder / "bottle/02.jpg") as image:
        image.rotate(180).save(folder / "paper/other.jpg", quality=60)
    found = audit(folder)
    assert paths(found, found.conflicts) == [{"bottle/02.jpg", "paper/other.jpg"}]
    assert found.conflicts[0].copies == "near"
    assert found.repeats == found.leaks == ()


def test_a_copy_within_a_class_is_no_conflict(folder):
    shutil.copy(folder / "bottle/02.jpg", folder / "bottle/again.jpg")
    found = audit(folder)
    assert paths(found, found.repeats) == [{"bottle/02.jpg", "bottle/again.jpg"}]
    assert found.conflicts == found.leaks == ()
    assert next(one for one in found.classes if one.class_name == "bottle").different == 6


def test_the_same_name_in_two_classes_is_nothing_to_tell(clean):
    assert (clean / "bottle/00.jpg").exists()
    assert (clean / "paper/00.jpg").exists()
    assert audit(clean).groups == ()


def test_a_copy_across_parts_is_a_leak(clean, tmp_path):
    folder = parts(clean, tmp_path)
    source = next(folder.glob("train/tray/*.jpg"))
    with Image.open(source) as image:
        image.resize((200, 150)).save(folder / "val/tray/copy.jpg")
    found = audit(folder)
    assert paths(found, found.leaks) == [{f"train/tray/{source.name}", "val/tray/copy.jpg"}]
    assert found.leaks[0].parts == ("train", "validation")


def test_parts_without_a_shared_photograph_do_not_leak(clean, tmp_path):
    assert audit(parts(clean, tmp_path)).leaks == ()


def test_all_copies_of_a_photograph_have_one_number(folder):
    shutil.copy(folder / "bottle/02.jpg", folder / "bottle/again.jpg")
    found = audit(folder)
    numbers = dict(zip([one.path for one in found.photographs], found.number_groups(), strict=True))
    assert numbers["bottle/02.jpg"] == numbers["bottle/again.jpg"]
    assert len(set(numbers.values())) == len(numbers) - 1


def test_unequal_classes_are_told(folder):
    for path in sorted(folder.glob("tray/*.jpg"))[1:]:
        path.unlink()
    assert "imbalance" in kinds(folder)


def test_a_class_of_which_nothing_can_be_used_is_told(folder):
    for path in folder.glob("tray/*.jpg"):
        path.write_text("no picture")
    assert {"unusable", "imbalance"} <= set(kinds(folder))


def test_a_loop_of_links_is_not_followed(folder):
    (folder / "bottle/loop").symlink_to(folder / "bottle")
    assert len(audit(folder).photographs) == 18


def test_training_is_told_what_is_grave(folder):
    (folder / "tray/cut.jpg").write_bytes(b"\xff\xd8\xff")
    told = []
    audit_photographs(list_entries(folder), told.append)
    assert len(told) == 1
    assert "tray/cut.jpg" in told[0]


def test_the_command_reports_and_succeeds_whatever_it_finds(sortline, folder):
    (folder / "tray/cut.jpg").write_bytes(b"\xff\xd8\xff")
    ran = sortline("audit", folder)
    assert ran.exit_code == 0
    assert "tray/cut.jpg" in ran.out
    assert re.search(r"tray +7 +6 +6", ran.out)


def test_strict_fails_on_what_is_grave(folder, capsys):
    (folder / "tray/cut.jpg").write_bytes(b"\xff\xd8\xff")
    assert main(["audit", str(folder), "--strict"]) == 4
    assert "1 unusable file;" in capsys.readouterr().err


def test_strict_passes_hints(clean, capsys):
    assert main(["audit", str(clean), "--strict"]) == 0
    assert "few photographs" in capsys.readouterr().out


def test_the_json_holds_everything(folder, capsys):
    shutil.copy(folder / "bottle/02.jpg", folder / "paper/again.jpg")
    assert main(["audit", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["photographs"]) == 19
    assert [group["copies"] for group in document["groups"]] == ["file"]
    assert {finding["kind"] for finding in document["findings"]} == {"conflict", "few"}


def test_a_file_name_that_is_no_text_can_be_told(folder, capsys, tmp_path):
    name = os.fsdecode(os.fsencode(folder / "tray") + b"/\xff.jpg")
    shutil.copy(folder / "tray/01.jpg", name)
    for options in ([], ["--json"], ["--html", str(tmp_path / "audit.html")]):
        assert main(["audit", str(folder), *options]) == 0
    assert "tray/?.jpg" in capsys.readouterr().out


def test_the_page_stands_alone_and_shows_what_was_found(folder, tmp_path, capsys):
    shutil.copy(folder / "bottle/02.jpg", folder / "paper/<b>&.jpg")
    assert main(["audit", str(folder), "--html", str(tmp_path / "audit.html")]) == 0
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "paper/&lt;b&gt;&amp;.jpg" in page
    assert "One photograph under two classes" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page


def test_the_page_of_many_copies_stays_small(folder, tmp_path, capsys):
    for nth in range(60):
        shutil.copy(folder / "bottle/02.jpg", folder / f"bottle/again {nth}.jpg")
    assert main(["audit", str(folder), "--html", str(tmp_path / "audit.html")]) == 0
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "6 of 61 shown" in page
    assert page.count("data:image/jpeg;base64,") == 6
