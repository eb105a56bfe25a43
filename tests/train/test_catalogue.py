import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError, PhotographError
from sortline_train.catalogue import CLASSES, command, draw_catalogue, draw_photograph, mean_colour_accuracy
from sortline_train.catalogue.paint import any_light


def paint_folder(folder, colours, count=6):
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            shade = np.clip(np.array(colour) + index, 0, 255)
            cv2.imwrite(str(folder / name / f"{index}.png"), np.full((32, 40, 3), shade[::-1], np.uint8))
    return folder


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@settings(max_examples=60, deadline=None)
@given(class_name=st.sampled_from(CLASSES), seed=st.integers(0, 2**40))
def test_every_seed_gives_a_picture_of_something(class_name, seed):
    image = draw_photograph(class_name, seed)
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert max(image.shape) == 320
    assert min(image.shape[:2]) >= 240
    assert image.std() > 3


@pytest.mark.parametrize("class_name", CLASSES)
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(class_name):
    first = draw_photograph(class_name, 5)
    assert np.array_equal(first, draw_photograph(class_name, 5))
    other = draw_photograph(class_name, 6)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_classes_of_one_seed_differ():
    pictures = {draw_photograph(class_name, 3).tobytes() for class_name in CLASSES}
    assert len(pictures) == len(CLASSES)


def test_an_unknown_class_and_a_negative_seed_are_refused():
    with pytest.raises(ConfigError, match=r"'banana'.*bottle"):
        draw_photograph("banana", 0)
    with pytest.raises(ConfigError, match="seed -1"):
        draw_photograph("can", -1)


@given(seed=st.integers(0, 2**32), angle=st.floats(-10, 10))
def test_turning_an_item_keeps_the_lamp_as_bright_and_as_high(seed, angle):
    light = any_light(np.random.default_rng(seed))
    turned = light.turned(angle)
    assert np.isclose(np.linalg.norm(turned.direction), 1, atol=1e-5)
    assert turned.direction[2] == light.direction[2]
    assert np.allclose(turned.turned(-angle).direction, light.direction, atol=1e-5)


def test_the_folder_holds_one_jpeg_per_picture_and_nothing_else(tmp_path):
    done = []
    draw_catalogue(tmp_path / "new" / "catalogue", 2, 0, done.append)
    expected = [Path(name) / f"{name}-{index:04d}.jpg" for name in CLASSES for index in range(2)]
    assert files(tmp_path / "new" / "catalogue") == sorted(expected)
    assert done == list(range(1, 2 * len(CLASSES) + 1))
    assert cv2.imread(str(tmp_path / "new" / "catalogue" / expected[0])).shape[2] == 3


def test_another_seed_draws_other_items(tmp_path):
    for seed in (0, 1):
        draw_catalogue(tmp_path / str(seed), 2, seed)
    contents = [(tmp_path / str(seed) / name).read_bytes() for seed in (0, 1) for name in files(tmp_path / "0")]
    assert len(set(contents)) == 4 * len(CLASSES)


def test_an_empty_folder_is_taken_and_a_full_one_refused(tmp_path):
    draw_catalogue(tmp_path, 1, 0)
    before = files(tmp_path)
    with pytest.raises(ConfigError, match="not an empty folder"):
        draw_catalogue(tmp_path, 1, 1)
    assert files(tmp_path) == before


@pytest.mark.parametrize(("per_class", "seed"), [(0, 0), (-3, 0), (1, -1)])
def test_numbers_out_of_range_are_refused_before_anything_is_made(tmp_path, per_class, seed):
    with pytest.raises(ConfigError, match="at least 1"):
        draw_catalogue(tmp_path / "catalogue", per_class, seed)
    assert not (tmp_path / "catalogue").exists()


def test_an_interrupted_catalogue_leaves_no_photographs(tmp_path):
    def interrupt(done):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_catalogue(tmp_path / "catalogue", 3, 0, interrupt)
    assert list((tmp_path / "catalogue").iterdir()) == []
    draw_catalogue(tmp_path / "catalogue", 1, 0)


def test_mean_colour_hardly_tells_drawn_classes_apart(tmp_path):
    draw_catalogue(tmp_path, 20, 0)
    assert mean_colour_accuracy(tmp_path) <= 0.4


def test_mean_colour_tells_classes_of_different_colour_apart(tmp_path):
    paint_folder(tmp_path, {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)})
    assert mean_colour_accuracy(tmp_path) == 1.0


def test_a_folder_without_classes_is_refused(tmp_path):
    with pytest.raises(PhotographError, match="0 class folders"):
        mean_colour_accuracy(tmp_path / "missing")
    with pytest.raises(PhotographError, match="1 class folders"):
        mean_colour_accuracy(paint_folder(tmp_path, {"red": (200, 20, 20)}))


def test_a_class_too_small_to_halve_is_refused_by_name(tmp_path):
    paint_folder(tmp_path, {"red": (200, 20, 20), "rare": (20, 20, 200)})
    for index in range(1, 6):
        (tmp_path / "rare" / f"{index}.png").unlink()
    with pytest.raises(PhotographError, match=r"rare holds 1 photographs"):
        mean_colour_accuracy(tmp_path)


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path):
    paint_folder(tmp_path, {"red": (200, 20, 20), "blue": (20, 20, 200)})
    (tmp_path / "blue" / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(PhotographError, match=r"broken\.jpg cannot be read"):
        mean_colour_accuracy(tmp_path)


def run_command(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))


def test_the_command_prints_json_that_a_script_can_read(tmp_path, capsys):
    assert run_command(tmp_path / "c", "--per-class", 2, "--seed", 4, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["images"] == len(files(tmp_path / "c")) == 2 * len(CLASSES)
    assert summary["classes"] == list(CLASSES)
    assert summary["folder"] == str(tmp_path / "c")
    assert 0 <= summary["mean_colour_accuracy"] <= 1


def test_the_command_prints_one_line_for_people(tmp_path, capsys):
    assert run_command(tmp_path / "c", "--per-class", 2) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "12 photographs of 6 classes" in printed
    assert "mean colour alone" in printed


def test_one_photograph_per_class_is_drawn_without_a_baseline(tmp_path, capsys):
    assert run_command(tmp_path / "c", "--per-class", 1, "--json") == 0
    assert json.loads(capsys.readouterr().out)["mean_colour_accuracy"] is None
