"""A model over many pictures on all cores answers as one model does, picture by picture."""

from collections.abc import Callable

import numpy as np
import pytest

from sortline_bundle.archive import open_bundle
from sortline_bundle.errors import ModelRefused
from sortline_bundle.many import Models
from sortline_bundle.runtime import Model


@pytest.fixture(scope="module")
def file(bundle_path):
    return open_bundle(bundle_path).model


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3)).astype(np.uint8)


def test_the_same_answers_in_the_same_order(file: bytes, pictures: np.ndarray) -> None:
    model, alone = Model(file), []
    for picture in pictures:
        model.view()[...] = picture
        alone.append(model.run())
    answers = Models(file).run(pictures.__getitem__, len(pictures), "answering")
    assert answers.dtype == np.float32
    assert (answers == np.stack(alone)).all()
    assert len(np.unique(answers, axis=0)) > 1
    assert (Models(file).one(pictures[7]) == alone[7]).all()


def test_no_pictures_give_no_answers(file: bytes) -> None:
    assert Models(file).run(lambda nth: np.zeros((64, 64, 3), np.uint8), 0, "nothing").shape == (0, 3)


@pytest.mark.parametrize("error", [LookupError, ValueError])
def test_an_error_over_a_picture_comes_through_and_the_models_go_on(
    file: bytes, pictures: np.ndarray, error: type[Exception]
) -> None:
    models = Models(file)

    def broken(nth: int) -> np.ndarray:
        if nth % 5 != 3:
            return pictures[nth]
        if error is ValueError:
            return pictures[nth][:10]  # of another size, which the model's input refuses
        raise error(f"picture {nth}")

    with pytest.raises(error):
        models.run(broken, len(pictures), "breaking")
    # Had a model been lost over it, this would wait for it forever.
    answers = models.run(pictures.__getitem__, len(pictures), "answering")
    assert (answers == Models(file).run(pictures.__getitem__, len(pictures), "answering")).all()


def test_a_file_that_does_not_load(tflite_file: Callable[..., bytes]) -> None:
    with pytest.raises(ModelRefused):
        Models(tflite_file(None, custom="Mystery"))
