import hashlib
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sortline_bundle.errors import TryAgainError
from sortline_train.backbones import find_backbone
from sortline_train.weights import published_for
from sortline_train.weights.hdf5 import write_hdf5
from sortline_train.weights.keras_download import fetch_from_keras, run_watched
from sortline_train.weights.layout import digest, layout_of

BACKBONE = find_backbone("mobilenet_v2")


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(7)
    return [rng.random(slot.shape, np.float32) for slot in layout_of(BACKBONE)]


# Keras's download, with other programs in its place


def python(code):
    return [sys.executable, "-c", code]


def test_what_the_child_wrote_is_read(arrays, tmp_path):
    source = tmp_path / "source.h5"
    write_hdf5(source, layout_of(BACKBONE), arrays)
    copy = f"import shutil, sys; shutil.copy({str(source)!r}, sys.argv[2])"
    assert digest(fetch_from_keras(BACKBONE, python(copy))) == digest(arrays)


def test_a_failing_child_is_described_by_the_end_of_its_last_line():
    code = "import sys; print('begun'); sys.exit('Exception: URL fetch failure on here: None -- Name not known')"
    with pytest.raises(TryAgainError, match=r"^Name not known$"):
        run_watched(python(code))


def test_a_child_that_falls_silent_is_ended_and_may_clean_up(tmp_path):
    code = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "print('begun', flush=True)\n"
        "try: time.sleep(600)\n"
        "finally: pathlib.Path(sys.argv[1]).touch()\n"
    )
    with pytest.raises(TryAgainError, match="no sign of life for 0 s"):
        run_watched([*python(code), str(tmp_path / "cleaned")], start_s=60, silence_s=0.1)
    assert (tmp_path / "cleaned").exists()


def test_a_child_that_never_begins_is_ended():
    with pytest.raises(TryAgainError, match="no sign of life"):
        run_watched(python("import time; time.sleep(600)"), start_s=0.1)


# The arrays themselves


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=4), elements=st.floats(-1, 1, width=32)), st.data())
def test_the_digest_changes_with_any_element_and_not_with_the_memory_it_lies_in(array, data):
    assert digest([np.asfortranarray(array)]) == digest([array]) == digest([array.astype(">f4")])
    position = data.draw(st.integers(0, array.size - 1))
    changed = array.copy()
    changed.flat[position] = np.nextafter(changed.flat[position], np.float32(2))
    assert digest([changed]) != digest([array])


def test_the_digest_tells_shapes_and_orders_apart():
    array = np.arange(6, dtype=np.float32)
    ways = [[array], [array.reshape(2, 3)], [array.reshape(3, 2)], [array[:3], array[3:]], [array[3:], array[:3]]]
    assert len({digest(way) for way in ways}) == len(ways)


def test_the_digest_is_the_one_described():
    hashed = hashlib.sha256(b"1,2\n\x00\x00\x80?\x00\x00\x00@3\n" + bytes(12)).hexdigest()
    assert digest([np.array([[1, 2]], np.float32), np.zeros(3, np.float32)]) == hashed


def test_the_pins_are_whole_sha256():
    published = published_for(BACKBONE)
    for pinned in (published.sha256, published.pin.wheel_sha256, published.pin.member_sha256):
        assert len(bytes.fromhex(pinned)) == 32
