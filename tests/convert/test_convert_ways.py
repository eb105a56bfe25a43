"""`sortline convert` from end to end, on a small run whose model knows its photographs."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from sortline_bundle.archive import CARD, MODEL, open_bundle, write_bundle
from sortline_bundle.check import check
from sortline_bundle.command import main
from sortline_bundle.errors import ContractMismatch
from sortline_bundle.manifest import OutputSpec
from sortline_bundle.photographs import load_image
from sortline_train.run import RECORD


@pytest.fixture
def convert(sharp_run, tmp_path, capfd):
    """Runs the command in this process; gives exit code, output, and the last line of what was said."""

    def run(*options, run=sharp_run, out=tmp_path / "out" / "some.sortline"):
        capfd.readouterr()
        exit_code = main(["convert", str(run), "-o", str(out), *map(str, options)])
        printed = capfd.readouterr()
        return exit_code, printed.out, printed.err.strip().splitlines()[-1]

    return run


@pytest.fixture
def made(tmp_path):
    return tmp_path / "out" / "some.sortline"


@pytest.fixture
def copy(sharp_run, tmp_path):
    return Path(shutil.copytree(sharp_run, tmp_path / "run"))


@pytest.mark.parametrize("kind", ["int8", "float32", "float16", "dynamic"])
def test_each_kind_makes_a_bundle_that_this_machine_finds_right(convert, made, kind):
    exit_code, out, last = convert("--kind", kind)
    assert exit_code == 0, last
    bundle = open_bundle(made)
    assert check(bundle).difference == 0
    provenance = bundle.manifest.provenance
    if kind == "int8":
        assert (bundle.manifest.output.dtype, provenance.representative) == ("int8", 200)
        assert len(provenance.representative_sha256) == 64
    else:
        assert (bundle.manifest.output.dtype, provenance.representative) == ("float32", 0)
        assert provenance.representative_sha256 is None
    assert bundle.manifest.fingerprint.photographs == 200
    assert f"bundle: {made} ({bundle.digest[:12]})" in out
    assert "same answer" in out


def test_tensorflows_quantiser_is_named(convert, made):
    assert convert("--quantiser", "tensorflow")[0] == 0
    assert open_bundle(made).manifest.provenance.quantised_by == "TensorFlow's quantiser"
    assert check(open_bundle(made)).difference == 0


def test_what_a_later_way_takes_is_what_the_bundle_names(convert, made):
    """With few photographs the first file's answers stand at their end; more photographs mend that."""
    exit_code, out, last = convert("--representative", "20", "--json")
    assert exit_code == 0, last
    figures = json.loads(out.splitlines()[-1])  # pytest keeps what `quiet` would hold back
    assert len(figures["tried"]) > 1
    first, *_, taken = figures["tried"]
    assert "saturated" in first["refused"]
    assert taken["refused"] is None
    assert figures["quantised_by"] == taken["name"] == open_bundle(made).manifest.provenance.quantised_by
    assert figures["representative"] == (80 if taken["name"].startswith("more") else 20)


def test_no_way_through_leaves_a_picture_and_no_bundle(convert, made):
    exit_code, _, last = convert("--limit", "score_drift=0", "--limit", "agreement=1")
    assert exit_code == 8
    picture = made.with_name("some.refused.png")
    assert "score_drift" in last
    assert last.endswith(
        f"6 ways were tried, train a model that is surer of its answers; the worst of its answers are in {picture}"
    )
    assert list(made.parent.iterdir()) == [picture]
    assert np.ptp(load_image(picture)) > 200


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--threshold", "0.5", "--target-purity", "0.9"), "--threshold is by hand"),
        (("--threshold", "0.5", "--mix", "can=1"), "--threshold is by hand"),
        (("--threshold", "0.5", "--overall"), "--threshold is by hand"),
        (("--target-purity", "1"), "--target-purity must be between 0 and 1, received 1.0"),
        (("--target-purity", "nan"), "--target-purity must be between 0 and 1, received nan"),
        (("--confidence", "0"), "--confidence must be between 0 and 1, received 0.0"),
        (("--mix", ""), "--mix"),
        (("--mix", "can=0.5,peel=0.5"), "--mix: no share for card, tray; write card=0"),
        (("--mix", "can=0.5,peel=0.5,card=0,trey=0"), "--mix: 'trey' is not a class of this run"),
        (("--mix", "can=0.9,peel=0.9,card=0,tray=0"), "--mix: the shares add up to 1.8"),
        (("--limit", "agreement"), "--limit 'agreement' is not name=number"),
        (("--limit", "agrement=1"), "--limit 'agrement' is unknown"),
        (("--name", "Waste 7"), "--name must be 1 to 64 lower-case letters, digits, dots and dashes, received 'Waste"),
        (("--name", "a" * 65), "--name must be 1 to 64"),
        (("--station", "Pi 5"), "--station must be"),
        (("--expires", "tomorrow"), "--expires"),
        (("--expires", "2027-02-30T00:00:00Z"), "there is no 2027-02-30T00:00:00Z"),
        (("--expires", "2020-01-01T00:00:00Z"), "before `created`; the bundle is of 2026-01-02T03:04:05Z"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(convert, made, monkeypatch, options, sentence):
    monkeypatch.setattr("sortline_convert.command.release", None)
    exit_code, _, last = convert(*options)
    assert exit_code == 3
    assert sentence in last
    assert not made.exists()


def test_an_older_runtime_is_not_given_a_file_with_newer_operators(convert, run_folder, made):
    exit_code, _, last = convert("--kind", "dynamic", "--runtime", "tflite-runtime", run=run_folder)
    assert exit_code == 8
    assert "the station has tflite-runtime 2.14: " in last
    assert last.endswith("take another --kind")
    assert not made.exists()


def test_the_label(convert, made):
    exit_code, _, last = convert(
        "--name", "waste-7", "--version", "12", "--expires", "2185-06-30T00:00:00Z", "--station", "pi5", "--station",
        "desk", "--threshold", "0.25",
    )  # fmt: skip
    assert exit_code == 0, last
    manifest = open_bundle(made).manifest
    assert (manifest.name, manifest.version, manifest.stations) == ("waste-7", 12, ("pi5", "desk"))
    assert (manifest.expires, manifest.created) == ("2185-06-30T00:00:00Z", "2026-01-02T03:04:05Z")
    assert [spec.threshold for spec in manifest.classes] == [0.25] * 4
    assert manifest.promise is None


def test_the_files_name_is_the_bundles(convert, tmp_path):
    out = tmp_path / "Waste 7 (new).sortline"
    assert convert(out=out)[0] == 0
    assert open_bundle(out).manifest.name == "waste-7-new"


def test_a_purity_that_cannot_be_promised_says_what_it_takes(convert, made):
    exit_code, _, last = convert("--target-purity", "0.99")
    assert exit_code == 8
    assert "can: cannot be promised from 15 photographs" in last
    assert "it takes about" in last
    assert last.endswith("or ship without the promise by --unproven")
    assert not made.exists()
    exit_code, out, last = convert("--target-purity", "0.99", "--unproven")
    assert exit_code == 0, last
    assert re.search(r"no purity is promised for can, .*: it takes 299 accepted answers or more", out), out
    manifest = open_bundle(made).manifest
    assert all(spec.target_purity is None and spec.threshold <= 0.99 for spec in manifest.classes)


def test_a_purity_that_can_be_promised_is_on_the_bundle(convert, made):
    exit_code, out, last = convert("--target-purity", "0.8", "--confidence", "0.9", "--overall")
    assert exit_code == 0, last
    manifest = open_bundle(made).manifest
    assert (manifest.promise.scope, manifest.promise.confidence, manifest.promise.photographs) == ("overall", 0.9, 60)
    assert manifest.promise.overall_purity == 0.8
    assert {spec.target_purity for spec in manifest.classes} == {None}
    assert out.count("all bins together: purity at least 80.0%") == 1


@pytest.mark.parametrize("options", [(), ("--mix", "can=0.4,card=0.3,peel=0.2,tray=0.1"), ("--kind", "float16")])
def test_made_twice_it_is_the_same_to_the_byte(convert, tmp_path, options):
    first, second = tmp_path / "1" / "same.sortline", tmp_path / "2" / "same.sortline"
    for out in (first, second):
        exit_code, _, last = convert(*options, out=out)
        assert exit_code == 0, last
    assert first.read_bytes() == second.read_bytes()


def test_photographs_that_moved_give_the_same_bundle(convert, drawn, tmp_path):
    moved = shutil.copytree(drawn.folder, tmp_path / "moved")
    outs = tmp_path / "1" / "same.sortline", tmp_path / "2" / "same.sortline"
    assert convert(out=outs[0])[0] == 0
    assert convert("--photos", moved, out=outs[1])[0] == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_weights_begun_anew(convert, copy, made, save):
    import keras

    model = keras.models.load_model(copy / "model.keras", compile=False)
    random = np.random.default_rng(9)
    model.set_weights([random.normal(0, 0.5, array.shape) for array in model.get_weights()])
    save(model, copy / "model.keras")
    exit_code, _, last = convert(run=copy)
    assert exit_code == 8
    assert "it is not the model of this run; train anew" in last
    assert not made.exists()


def test_a_list_of_classes_put_in_another_order(convert, copy, made):
    record = json.loads((copy / RECORD).read_text())
    record["classes"].sort(reverse=True)
    (copy / RECORD).write_text(json.dumps(record))
    exit_code, _, last = convert(run=copy)
    assert exit_code == 8
    assert "the run's list of classes was changed" in last


def test_a_class_renamed_in_the_list(convert, copy):
    record = json.loads((copy / RECORD).read_text())
    record["classes"][0] = "tin"
    (copy / RECORD).write_text(json.dumps(record))
    exit_code, _, last = convert(run=copy)
    assert exit_code == 3
    assert "photographs of 'can', which is not among its classes" in last


def test_a_float_file_in_a_bundle_that_says_int8(convert, made):
    assert convert("--kind", "float32")[0] == 0
    bundle = open_bundle(made)
    manifest = msgspec.structs.replace(bundle.manifest, output=OutputSpec(dtype="int8"))
    write_bundle(made, manifest, bundle.members)
    with pytest.raises(ContractMismatch, match="output's type is int8, but it is float32"):
        check(open_bundle(made))
    write_bundle(made, bundle.manifest, {**bundle.members, MODEL: bundle.model})
    check(open_bundle(made))


def test_a_folder_that_may_not_be_written(convert, made, monkeypatch):
    made.parent.mkdir(mode=0o555)
    if os.geteuid() == 0:  # who may write anywhere

        def deny(*_, **__):
            raise PermissionError(errno.EACCES, "Permission denied", str(made))

        monkeypatch.setattr("tempfile.mkstemp", deny)
    exit_code, _, last = convert()
    assert exit_code == 7
    assert "Permission denied" in last
    assert "give access there, then run it again" in last


def test_a_folder_that_is_a_file(convert, tmp_path):
    (tmp_path / "taken").write_text("")
    exit_code, _, last = convert(out=tmp_path / "taken" / "some.sortline")
    assert exit_code == 3
    assert "taken cannot be written to; choose another place for the bundle" in last


def test_a_bundle_that_is_a_folder(convert, tmp_path):
    exit_code, _, last = convert(out=tmp_path)
    assert exit_code == 3
    assert "is a folder; name the bundle to make" in last


def test_no_room_left_leaves_nothing(convert, made, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    exit_code, _, last = convert()
    assert exit_code == 7
    assert "No space left on device" in last
    assert list(made.parent.iterdir()) == []


def test_killed_in_the_middle_it_leaves_no_file(sharp_run, tmp_path):
    """At the moment when the first way is tried."""
    out = tmp_path / "out" / "some.sortline"
    command = [sys.executable, "-m", "sortline_bundle.command", "convert", str(sharp_run), "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if "ai-edge-quantizer" in line:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not out.parent.exists()


def bins(card: bytes) -> dict[str, list[int]]:
    """The card's table of bins: of the class, into its bin, right."""
    table = card.decode().partition("at these thresholds")[2].partition("</table>")[0]
    rows = re.findall(r"<tr><td>(\w+)</td>((?:<td>\d+</td>)+)", table)
    return {name: [int(cell) for cell in re.findall(r"\d+", cells)] for name, cells in rows}


def test_the_card_says_what_the_bins_get_at_the_thresholds_that_ship(convert, made):
    assert convert("--threshold", "0")[0] == 0
    everything, manifest = bins(open_bundle(made).members[CARD]), open_bundle(made).manifest
    assert set(everything) == set(manifest.class_names)
    held_out = manifest.provenance.held_out
    assert sum(own for own, _, _ in everything.values()) == sum(into for _, into, _ in everything.values()) == held_out
    assert sum(right for *_, right in everything.values()) == round(manifest.provenance.accuracy * held_out)
    assert convert("--threshold", "1")[0] == 0
    assert all(into == right == 0 for _, into, right in bins(open_bundle(made).members[CARD]).values())
