"""Image files of all kinds become RGB pixels or one error that names the file."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import SUFFIXES, Photograph, decode_image, encode_png, list_photographs, load_image

ORIENTATION = 0x0112


@pytest.fixture(scope="session")
def scene():
    """`(24, 40, 3) uint8`: every corner of another colour, smooth enough for JPEG."""
    rows, columns = np.mgrid[:24, :40]
    return np.stack([rows * 10, columns * 6, 255 - rows * 5 - columns * 3], axis=-1).astype(np.uint8)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def complaint(path):
    with pytest.raises(PhotographError) as caught:
        load_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert message.count(str(path)) == 1
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_images_come_back_to_the_byte(put, scene, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    loaded = load_image(put(encoded(Image.fromarray(scene), kind, **options), "whole"))
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, scene)
    loaded[:] = 0  # its own memory, free to be changed


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_what_is_encoded_as_png_is_decoded_again(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_image(encode_png(image)), image)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpegs_come_back_nearly(scene, options):
    loaded = decode_image(encoded(Image.fromarray(scene), "JPEG", quality=95, **options))
    assert np.abs(loaded.astype(int) - scene).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_the_camera_was_held(scene, orientation, kind):
    # What the sensor saw, for each way of holding it, after EXIF 2.3, 4.6.4 A.
    seen = {
        1: scene,
        2: scene[:, ::-1],
        3: scene[::-1, ::-1],
        4: scene[::-1],
        5: scene.transpose(1, 0, 2),
        6: scene.transpose(1, 0, 2)[::-1],
        7: scene.transpose(1, 0, 2)[::-1, ::-1],
        8: scene.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    loaded = decode_image(encoded(Image.fromarray(np.ascontiguousarray(seen)), kind, exif=exif))
    assert loaded.shape == scene.shape
    assert np.abs(loaded.astype(int) - scene).mean() < 12


def test_a_damaged_exif_block_does_no_harm_or_is_an_error(scene):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010E] = "a description"
    data = encoded(Image.fromarray(scene), "JPEG", exif=exif)
    start = data.index(b"Exif")
    for place in range(start, start + len(exif.tobytes())):
        for value in (0x00, 0xFF, data[place] ^ 0x01):
            damaged = bytearray(data)
            damaged[place] = value
            try:
                assert decode_image(bytes(damaged)).shape in {(24, 40, 3), (40, 24, 3)}
            except PhotographError:
                continue


def test_images_of_other_kinds_become_rgb(scene):
    image = Image.fromarray(scene)
    grey = np.asarray(image.convert("L"))
    for mode, kind in [("L", "PNG"), ("L", "JPEG"), ("LA", "PNG")]:
        loaded = decode_image(encoded(image.convert(mode), kind))
        assert (loaded == loaded[..., :1]).all()
        assert np.abs(loaded[..., 0].astype(int) - grey).mean() < 2
    for mode, kind in [("RGBA", "PNG"), ("RGBA", "WEBP"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "JPEG")]:
        loaded = decode_image(encoded(image.convert(mode), kind))
        assert loaded.shape == scene.shape
        assert np.abs(loaded.astype(int) - scene).mean() < 6, (mode, kind)
    palette = image.quantize(64)
    np.testing.assert_array_equal(decode_image(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))
    assert decode_image(encoded(palette, "PNG", transparency=b"\x10" * 8)).shape == scene.shape
    assert set(decode_image(encoded(image.convert("1"), "PNG")).ravel()) == {0, 255}


def test_animations_show_their_first_picture(scene):
    first, second = Image.fromarray(scene), Image.fromarray(255 - scene)
    for kind in ("WEBP", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(first, kind, save_all=True, append_images=[second], duration=100, **options)
        np.testing.assert_array_equal(decode_image(data), scene)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_more_than_eight_bits_are_refused_rather_than_cut_off(put, kind):
    for deep in (np.uint16, np.int32, np.float32):
        if kind == "PNG" and deep != np.uint16:
            continue
        image = Image.fromarray(np.full((8, 8), 20_000, deep))
        assert "has more than 8 bits per channel" in complaint(put(encoded(image, kind), "deep.png"))


@pytest.mark.parametrize("kind", ["GIF", "PPM", "ICO", "EPS", "PDF", "TGA"])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_only_the_kinds_of_the_suffixes_are_opened(put, scene, kind, suffix, monkeypatch):
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("ran a program"))
    image = Image.fromarray(scene)
    options = {"save_all": True, "append_images": [image.rotate(90)]} if kind == "GIF" else {}
    message = complaint(put(encoded(image, kind, **options), f"odd{suffix}"))
    assert "is not an image (JPEG, PNG, BMP, WEBP, TIFF)" in message


@pytest.mark.parametrize(
    "data", [b"", b"hello, I am a text\n" * 100, b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", bytes(1000)]
)
def test_what_is_no_image_is_refused(put, data):
    assert "; replace or remove it" in complaint(put(data, "text.jpg"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("percent", [1, 30, 60, 95])
def test_a_truncated_image_is_refused(put, kind, percent):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(image, kind)
    complaint(put(data[: len(data) * percent // 100], "cut.jpg"))


def test_a_progressive_jpeg_without_its_last_scans_is_refused(put, scene):
    data = encoded(Image.fromarray(scene), "JPEG", progressive=True)
    last_scan = data.rindex(b"\xff\xda")
    assert "truncated" in complaint(put(data[:last_scan], "cut.jpg"))


@given(st.data())
def test_a_damaged_image_is_read_or_refused_but_never_breaks(scene, data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "WEBP"]))
    image = bytearray(encoded(Image.fromarray(scene), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    try:
        loaded = decode_image(bytes(image))
    except PhotographError:
        return
    assert loaded.ndim == 3
    assert loaded.shape[2] == 3
    assert loaded.dtype == np.uint8


def test_a_picture_too_large_to_be_true_is_refused(put, scene, monkeypatch):
    path = put(encoded(Image.fromarray(scene), "PNG"), "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", scene.shape[0] * scene.shape[1] // 2 - 1)
    assert "has more pixels than any camera's picture" in complaint(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", scene.shape[0] * scene.shape[1] // 2 + 1)
    assert load_image(path).shape == scene.shape  # Pillow would only have warned


def test_what_cannot_be_opened_is_named(tmp_path):
    assert "cannot be read: Is a directory" in complaint(tmp_path)
    assert "cannot be read: No such file" in complaint(tmp_path / "absent.jpg")


def lay_out(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"never opened")


def test_photographs_are_listed_by_class_and_name(tmp_path):
    names = ["tray/b.png", "tray/a.JPG", "paper/2.jpeg", "paper/10.webp", "paper/deep/er/3.TIFF", "bottle/x.bmp"]
    lay_out(tmp_path, *names, "bottle/y.tif")
    listed = list_photographs(tmp_path)
    expected = [
        ("bottle/x.bmp", "bottle"),
        ("bottle/y.tif", "bottle"),
        ("paper/10.webp", "paper"),
        ("paper/2.jpeg", "paper"),
        ("paper/deep/er/3.TIFF", "paper"),
        ("tray/a.JPG", "tray"),
        ("tray/b.png", "tray"),
    ]
    assert listed == [Photograph(tmp_path / name, class_name) for name, class_name in expected]
    assert {path.suffix.lower() for path, _ in listed} == SUFFIXES
    assert list_photographs(tmp_path, ["tray", "paper", "bottle", "glass"]) == listed


@settings(max_examples=20)
@given(st.permutations(["a/1.png", "a/2.png", "b/1.png", "b/c/1.png", "c d/ü.png"]))
def test_the_order_in_which_files_were_made_makes_no_difference(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("any")
    lay_out(folder, *names)
    listed = [str(path.relative_to(folder)) for path, _ in list_photographs(folder)]
    assert listed == ["a/1.png", "a/2.png", "b/1.png", "b/c/1.png", "c d/ü.png"]


def test_hidden_entries_and_other_files_are_passed_over(tmp_path):
    lay_out(tmp_path, "a/1.png", "b/1.png")
    listed = list_photographs(tmp_path)
    lay_out(tmp_path, "notes.txt", "stray.png", ".git/1.png", ".hidden.png", "a/notes.txt", "a/1.xmp", "a/png")
    lay_out(tmp_path, "a/.1.png", "a/._2.png", "a/.thumbnails/1.png", "b/.cache/deep/1.png")
    assert list_photographs(tmp_path) == listed


def test_a_hidden_folder_above_hides_nothing(tmp_path):
    lay_out(tmp_path, ".data/a/1.png", ".data/b/1.png")
    assert len(list_photographs(tmp_path / ".data")) == 2


@pytest.mark.parametrize(
    ("names", "classes", "says"),
    [
        (["a/1.png", "b/notes.txt"], None, r"b holds no photographs \(.bmp, .*\); add some or remove it"),
        (["a/1.png", "b/.1.png"], None, "b holds no photographs"),
        (["a/1.png", "b/notes.txt"], ["a", "b"], "b holds no photographs"),
        (["a/1.png"], None, "holds 1 class folders, where at least 2 are needed"),
        (["1.png"], None, "holds 0 class folders, where at least 2 are needed"),
        (["1.png"], ["a", "b"], "holds 0 class folders, where at least 1 are needed"),
        (["a/1.png", "z/1.png", "c/1.png"], ["a", "b"], r"\['c', 'z'\] that the bundle does not know; it knows a, b"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(tmp_path, names, classes, says):
    lay_out(tmp_path, *names)
    with pytest.raises(PhotographError, match=says) as caught:
        list_photographs(tmp_path, classes)
    assert str(tmp_path) in str(caught.value)


def test_one_class_will_do_where_the_classes_are_known(tmp_path):
    lay_out(tmp_path, "a/1.png")
    assert list_photographs(tmp_path, ["a", "b"]) == [Photograph(tmp_path / "a" / "1.png", "a")]


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(PhotographError, match=f"{path} is not a folder of class folders"):
            list_photographs(path)


def test_a_picture_as_thin_as_a_thread_is_refused_before_it_is_padded_to_a_square(tmp_path):
    path = tmp_path / "thread.png"
    Image.new("RGB", (30_000, 10)).save(path)
    with pytest.raises(
        PhotographError, match=r"is 30000 x 10 pixels, where no side may be more than 20 times the other"
    ):
        load_image(path)
