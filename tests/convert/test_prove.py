import numpy as np
import pytest

from sortline_bundle.errors import ReleaseError
from sortline_convert.prove import prove, refuse_the_dead, run_model


def test_a_file_without_weights_is_refused() -> None:
    with pytest.raises(ReleaseError, match="lost in conversion"):
        refuse_the_dead(b"x" * 199_800, np.eye(3, dtype=np.float32), parameters=2_264_390, title="int8")


def test_a_file_that_answers_nan_is_refused() -> None:
    logits = np.eye(3, dtype=np.float32)
    logits[1, 2] = np.nan
    with pytest.raises(ReleaseError, match="NaN or infinity to 1 photographs"):
        refuse_the_dead(b"x" * 100, logits, parameters=100, title="int8")


def test_a_file_that_answers_all_alike_is_refused() -> None:
    with pytest.raises(ReleaseError, match="the same answer to all 5"):
        refuse_the_dead(b"x" * 100, np.ones((5, 3), np.float32), parameters=100, title="int8")


def test_a_live_file_passes() -> None:
    refuse_the_dead(b"x" * 100, np.eye(3, dtype=np.float32), parameters=100, title="int8")


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(ReleaseError, match="cannot be loaded by litert"):
        run_model(b"no flatbuffer at all" * 10, np.zeros((1, 8, 8, 3), np.uint8), "test")


def test_the_proof_counts_both_answers_and_their_agreement() -> None:
    labels = np.array([0, 1, 2, 2])
    floats = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    int8s = np.eye(3, dtype=np.float32)[[0, 1, 1, 0]]
    assert prove(floats, int8s, labels) == (4, 0.75, 0.5, 0.75)
