"""What one file is found to be."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import load_image
from sortline_train.audit.facts import read_photograph
from sortline_train.catalogue import draw_photograph
from sortline_train.layout import Entry


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(draw_photograph("bottle", 1))


def audit(path):
    return read_photograph(Entry(path, path.parent.name, None), path.parent).photograph


def save(picture, path, **options):
    picture.save(path, **options)
    return path


def test_a_photograph_is_described(picture, tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker\0", "Model 3", 6
    found = audit(save(picture, tmp_path / "größe 1.jpg", quality=80, exif=exif))
    assert (found.path, found.format, found.mode, found.frames) == ("größe 1.jpg", "JPEG", "RGB", 1)
    assert (found.width, found.height, found.orientation) == (picture.height, picture.width, 6)
    assert found.camera == "Maker Model 3"
    assert found.bytes == (tmp_path / "größe 1.jpg").stat().st_size
    assert (found.problem, found.notes) == (None, ())


def test_compression_tells_qualities_and_subsampling_apart(picture, tmp_path):
    options = [{"quality": 80}, {"quality": 81}, {"quality": 80, "subsampling": 0}]
    found = [audit(save(picture, tmp_path / f"{nth}.jpg", **one)).compression for nth, one in enumerate(options)]
    assert len(set(found)) == 3
    assert found[0].endswith("4:2:0")
    assert found[2].endswith("4:4:4")


def test_the_same_pixels_in_another_file_have_the_same_digest(picture, tmp_path):
    png, bmp = audit(save(picture, tmp_path / "a.png")), audit(save(picture, tmp_path / "a.bmp"))
    assert png.pixels_sha256 == bmp.pixels_sha256
    assert png.sha256 != bmp.sha256


def test_pixels_count_together_with_the_shape(tmp_path):
    wide, high = (Image.new("RGB", size, "red") for size in ((100, 50), (50, 100)))
    assert audit(save(wide, tmp_path / "a.png")).pixels_sha256 != audit(save(high, tmp_path / "b.png")).pixels_sha256


def test_a_picture_under_a_wrong_suffix_is_usable_and_noted(picture, tmp_path):
    found = audit(save(picture, tmp_path / "png.jpg", format="PNG"))
    assert (found.format, found.problem, found.notes) == ("PNG", None, ("suffix",))


@pytest.mark.parametrize(
    ("size", "notes"),
    [((96, 96), ()), ((95, 96), ("small",)), ((500, 100), ()), ((501, 100), ("long",)), ((32, 640), ("small", "long"))],
)
def test_small_and_long_pictures_are_noted(size, notes, tmp_path):
    found = audit(save(Image.new("RGB", size), tmp_path / "a.png"))
    assert (found.problem, found.notes) == (None, notes)


@pytest.mark.parametrize("size", [(31, 100), (30000, 10), (40, 801)])
def test_pictures_too_small_or_too_long_are_unusable(size, tmp_path):
    path = save(Image.new("RGB", size), tmp_path / "a.png")
    reading = read_photograph(Entry(path, "a", None), tmp_path)
    assert f"{size[0]} x {size[1]}" in reading.photograph.problem
    assert reading.fingerprint is None


@pytest.mark.parametrize(
    ("mode", "name", "note"),
    [("RGBA", "a.png", "transparent"), ("LA", "a.png", "transparent"), ("CMYK", "a.jpg", "cmyk")],
)
def test_unusual_pixels_are_noted(mode, name, note, picture, tmp_path):
    assert audit(save(picture.convert(mode), tmp_path / name)).notes == (note,)


def test_an_animated_picture_is_noted(picture, tmp_path):
    path = save(picture, tmp_path / "a.webp", save_all=True, append_images=[picture.rotate(90)])
    found = audit(path)
    assert (found.frames, found.notes) == (2, ("animated",))


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_and_palette_pictures_are_nothing_to_note(mode, picture, tmp_path):
    found = audit(save(picture.convert(mode), tmp_path / "a.png"))
    assert (found.mode, found.notes, found.problem) == (mode, (), None)


def spoil(path, picture):
    """Files of every kind that cannot be trained on, and two that can."""
    picture.save(path / "good.jpg")
    picture.save(path / "grey.png")
    whole = (path / "good.jpg").read_bytes()
    (path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (path / "text.jpg").write_text("not a picture")
    (path / "empty.png").touch()
    picture.save(path / "gif.jpg", format="GIF")
    Image.fromarray(np.zeros((64, 64), np.uint16)).save(path / "deep.png")
    (path / "broken.jpg").symlink_to(path / "nowhere")
    (path / "folder.jpg").mkdir()


def test_the_audit_refuses_what_training_refuses(picture, tmp_path):
    spoil(tmp_path, picture)
    unusable = {path.name for path in tmp_path.iterdir() if audit(path).problem}
    assert unusable == {path.name for path in tmp_path.iterdir() if not loads(path)}
    assert unusable == {"cut.jpg", "text.jpg", "empty.png", "gif.jpg", "deep.png", "broken.jpg", "folder.jpg"}


def loads(path: Path) -> bool:
    try:
        load_image(path)
    except PhotographError:
        return False
    return True


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert audit(tmp_path / "a.jpg").problem == "cannot be read (not a file)"


@pytest.mark.parametrize("cut", range(0, 700, 50))
def test_a_header_cut_anywhere_breaks_nothing(cut, picture, tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 8
    data = save(picture, tmp_path / "a.jpg", exif=exif).read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:cut])
    assert audit(tmp_path / "a.jpg").problem
