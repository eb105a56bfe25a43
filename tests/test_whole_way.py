"""Photographs in, right bin out: the verbs one after the other, as a user calls them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sortline_bundle.archive import open_bundle
from sortline_bundle.manifest import Manifest


def test_training_leaves_a_run_that_says_how_it_was_made(run_folder: Path) -> None:
    record = json.loads((run_folder / "run.json").read_text())
    assert (run_folder / "model.keras").stat().st_size > 100_000
    assert (run_folder / "labels.txt").read_text().split() == record["classes"] == ["bottle", "paper", "tray"]
    assert {file["part"] for file in record["files"]} == {"train", "validation", "calibration", "test"}
    assert len(record["files"]) == 60
    assert record["before"] != record["after_head"]
    assert not (run_folder / "pixels.npy").exists()


def test_the_bundle_answers_for_itself(bundle_path: Path, run_folder: Path) -> None:
    manifest: Manifest = open_bundle(bundle_path).manifest
    record = json.loads((run_folder / "run.json").read_text())
    held_out = [file for file in record["files"] if file["part"] == "test"]
    assert manifest.class_names == ("bottle", "paper", "tray")
    assert manifest.provenance.held_out == len(held_out)
    assert manifest.input.height == 64
    assert {golden.class_name for golden in manifest.golden} == set(manifest.class_names)
    assert manifest.created == record["finished"]
    assert manifest.fingerprint.label_mix == pytest.approx((1 / 3,) * 3, abs=0.05)


def test_evaluation_counts_every_photograph_once(sortline: Callable, bundle_path: Path, photographs: Path) -> None:
    ran = sortline("evaluate", bundle_path, photographs, "--json")
    figures = json.loads(ran.out)
    assert ran.exit_code == 0
    assert figures["n"] == 60
    assert sum(map(sum, figures["confusion"])) == 60
    right = sum(row[nth] for nth, row in enumerate(figures["confusion"]))
    assert figures["accuracy"] == pytest.approx(right / 60)
    assert figures["loss"] > 0
    assert figures["per_class"]["tray"]["n"] == 20


def test_the_stations_accuracy_is_the_converters(
    sortline: Callable, bundle_path: Path, run_folder: Path, tmp_path: Path
):
    record = json.loads((run_folder / "run.json").read_text())
    for file in record["files"]:
        if file["part"] == "test":
            link = tmp_path / "held-out" / file["path"]
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(record["photographs"]) / file["path"])
    figures = json.loads(sortline("evaluate", bundle_path, tmp_path / "held-out", "--json").out)
    assert figures["accuracy"] == pytest.approx(open_bundle(bundle_path).manifest.provenance.accuracy)


def test_classify_draws_a_picture_of_its_answers(
    sortline: Callable, bundle_path: Path, photographs: Path, tmp_path: Path
) -> None:
    from PIL import Image

    images = sorted(photographs.rglob("*.jpg"))[::12]
    ran = sortline("classify", bundle_path, *images, "-o", tmp_path / "answers.png", "--json")
    answers = json.loads(ran.out)
    assert [answer["image"] for answer in answers] == [str(path) for path in images]
    assert all(sum(answer["scores"].values()) == pytest.approx(1) for answer in answers)
    with Image.open(tmp_path / "answers.png") as picture:
        assert picture.width >= 1000


def test_simulation_gives_the_same_books_under_the_same_seed(
    sortline: Callable, bundle_path: Path, photographs: Path, tmp_path: Path
) -> None:
    arguments = ("simulate", bundle_path, "--items", photographs, "--count", 12, "--seed", 4, "--json")
    first = json.loads(sortline(*arguments, "--report", tmp_path / "r.html", "--save-video", tmp_path / "v.mp4").out)
    second = json.loads(sortline(*arguments).out)
    assert first == second
    assert first["items"] == 12 == sum(book["items"] for book in first["bins"])
    assert first["missed"] == first["double_counted"] == first["phantoms"] == first["late"] == 0
    page = (tmp_path / "r.html").read_text()
    assert all(f"<td>{name}</td>" in page for name in ("bottle", "paper", "tray", "reject"))
    assert page.count("data:image/jpeg") > 5
    assert (tmp_path / "v.mp4").stat().st_size > 50_000


def test_realtime_simulation_drives_the_real_output_process(
    sortline: Callable, bundle_path: Path, photographs: Path
) -> None:
    ran = sortline("simulate", bundle_path, "--items", photographs, "--count", 4, "--realtime", "--json")
    figures = json.loads(ran.out)
    assert figures["items"] == 4
    assert figures["missed"] == figures["double_counted"] == 0


def test_a_sweep_comes_out_the_same_on_one_process_and_on_two(bundle_path: Path, photographs: Path) -> None:
    from sortline_bundle.archive import open_bundle
    from sortline_edge.commands.staging import default_station, on_belt
    from sortline_edge.simulation import Conditions
    from sortline_edge.sweep import SWEPT, Sweeper, sweeping
    from sortline_edge.twin.dials import turn
    from sortline_edge.twin.grid import parse_grid, points

    bundle = open_bundle(bundle_path)
    station = turn(on_belt(default_station(bundle), photographs), {"count": 8}, "test")
    grid = points(parse_grid("speed=300/900,threshold=0.1/0.5", SWEPT))
    swept = []
    for processes in (1, 2):
        with sweeping(Sweeper(bundle, station, Path(), Conditions()), processes) as run_all:
            swept.append(list(run_all(grid)))
    assert swept[0] == swept[1]
    assert len({point.right_per_min for point in swept[0]}) > 1


def test_inspect_shows_the_manifest(sortline: Callable, bundle_path: Path) -> None:
    assert "bottle, trusted from 0.200, no promise" in sortline("inspect", bundle_path).out
    document = json.loads(sortline("inspect", bundle_path, "--json").out)
    assert document["manifest"]["classes"][1]["name"] == "paper"
