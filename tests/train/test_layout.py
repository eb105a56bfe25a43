"""Class folders, and parts of class folders that the engineer made."""

import os

import pytest

from sortline_bundle.errors import PhotographError
from sortline_train.layout import Entry, list_entries


@pytest.fixture
def lay(tmp_path):
    """Makes files with nothing in them, and the folders they lie in."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def complaint(folder):
    with pytest.raises(PhotographError) as caught:
        list_entries(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(folder), "DATA")


def test_class_folders_are_listed_by_class_and_name(lay):
    folder = lay("b/2.jpg", "b/1.JPG", "a/deep/er.png", "a/notes.txt", ".hidden/3.jpg", "a/.4.jpg", "loose.jpg")
    assert list_entries(folder) == [
        Entry(folder / "a/deep/er.png", "a", None),
        Entry(folder / "b/1.JPG", "b", None),
        Entry(folder / "b/2.jpg", "b", None),
    ]


def test_parts_are_listed_with_their_classes(lay):
    folder = lay("train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg", "test/b/4.jpg", ".cache/x/5.jpg")
    found = [(entry.path.name, entry.class_name, entry.part) for entry in list_entries(folder)]
    assert found == [("3.jpg", "a", "test"), ("4.jpg", "b", "test"), ("1.jpg", "a", "train"), ("2.jpg", "b", "train")]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("validation", "validation"),
        ("valid", "validation"),
        ("val", "validation"),
        ("test", "test"),
        ("Testing", "test"),
        ("calibration", "calibration"),
    ],
)
@pytest.mark.parametrize("train", ["train", "training", "TRAIN"])
def test_parts_go_by_their_usual_names(lay, train, name, part):
    folder = lay(f"{train}/a/1.jpg", f"{train}/b/2.jpg", f"{name}/a/3.jpg", f"{name}/b/4.jpg")
    assert {entry.part for entry in list_entries(folder)} == {"train", part}


def test_a_class_may_be_called_like_a_part(lay):
    folder = lay("test/1.jpg", "tube/2.jpg", "train/3.jpg")
    assert [(entry.class_name, entry.part) for entry in list_entries(folder)] == [
        ("test", None),
        ("train", None),
        ("tube", None),
    ]


def test_parts_without_train_are_refused(lay):
    folder = lay("test/a/1.jpg", "test/b/2.jpg", "val/a/1.jpg", "val/b/2.jpg")
    assert complaint(folder) == "DATA is divided into test, val, but has no folder `train`; add it"


def test_two_folders_for_one_part_are_refused(lay):
    folder = lay("train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg")
    assert complaint(folder) == "DATA/val and DATA/valid are both the validation part; join them"


def test_a_class_that_train_has_and_another_part_lacks_is_named(lay):
    folder = lay("train/a/1.jpg", "train/b/2.jpg", "train/c/2.jpg", "test/a/3.jpg", "test/b/3.jpg")
    assert complaint(folder) == "class 'c' is in DATA/train but not in DATA/test; all parts need the same classes"


def test_a_class_that_train_lacks_is_named(lay):
    folder = lay("train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg", "test/b/3.jpg", "test/c/2.jpg")
    assert complaint(folder) == "class 'c' is in DATA/test but not in DATA/train; all parts need the same classes"


def test_a_class_without_photographs_in_one_part_is_named(lay):
    folder = lay("train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg", "test/b/notes.txt")
    assert complaint(folder).startswith("DATA/test/b holds no photographs")


@pytest.mark.parametrize("names", [(), ("a/1.jpg",), ("1.jpg", "2.jpg")])
def test_fewer_than_two_classes_are_refused(lay, names):
    assert "class folders, where at least 2 are needed" in complaint(lay(*names))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert complaint(tmp_path / "nowhere") == "DATA is not a folder of class folders"


def test_links_that_go_round_inside_a_class_are_not_followed(lay):
    folder = lay("a/1.jpg", "b/2.jpg")
    (folder / "a/round").symlink_to(folder / "a")
    (folder / "a/up").symlink_to(folder)
    (folder / "b/itself").symlink_to("itself")
    assert [entry.path.name for entry in list_entries(folder)] == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize("place", ["round", "train"])
def test_a_class_that_is_a_link_back_is_refused(lay, place):
    folder = lay("a/1.jpg", "b/2.jpg")
    (folder / place).symlink_to(folder)
    assert "is a link that leads back to where it lies; remove it" in complaint(folder)


def test_a_part_that_is_a_link_back_is_refused(lay, tmp_path):
    folder = lay("data/.keep") / "data"
    (folder / "train").symlink_to(folder)
    assert complaint(folder) == "DATA/train/train is a link that leads back to where it lies; remove it"


def test_class_folders_may_be_links_to_elsewhere(lay):
    outside = lay("store/x/1.jpg", "store/y/2.jpg", "data/.keep")
    for name in "xy":
        (outside / "data" / name).symlink_to(outside / "store" / name)
    assert [entry.class_name for entry in list_entries(outside / "data")] == ["x", "y"]


@pytest.mark.parametrize("closed", ["", "a", "a/deep"])
def test_a_folder_that_may_not_be_read_is_named(lay, monkeypatch, closed):
    # Permissions would not stop a test that runs as root.
    folder = lay("a/deep/1.jpg", "a/2.jpg", "b/3.jpg")
    place = folder / closed
    scandir, listdir = os.scandir, os.listdir

    def refuse(function):
        def read(path="."):
            if os.fspath(path) == str(place):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path)

        return read

    monkeypatch.setattr(os, "scandir", refuse(scandir))
    monkeypatch.setattr(os, "listdir", refuse(listdir))
    named = "/".join(("DATA", closed)).rstrip("/")
    assert complaint(folder) == f"{named} cannot be read: Permission denied; correct its permissions"
