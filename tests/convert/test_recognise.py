"""Is this the trained model, on the photographs it was trained for?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import ChannelsSwapped, LabelsReordered, NotTheTrainedModel, OtherPhotographs, ScaledTwice
from sortline_bundle.scores import cross_entropy
from sortline_convert.recognise import Photographs, check_model, check_representative
from sortline_train.run import Figures


def logits_of(answers, classes=4):
    return (5 * np.eye(classes, dtype=np.float32))[np.asarray(answers)]


def figures(accuracy, logits, labels):
    return Figures(accuracy=accuracy, loss=cross_entropy(logits, labels))


def never():
    raise AssertionError("it need not be looked again")


def shoot(generator, labels, lightness=None):
    """Small warm photographs whose light differs from one to the next, and by class where asked."""
    labels = np.asarray(labels)
    light = generator.normal(110, 18, (len(labels), 1)) + generator.normal((15, 0, -20), 8, (len(labels), 3))
    if lightness is not None:
        light += np.asarray(lightness)[labels][:, None]
    noise = generator.normal(0, 12, (len(labels), 8, 8, 3))
    return Photographs(np.clip(light[:, None, None] + noise, 0, 255).astype(np.uint8), labels)


def test_the_trained_model_is_recognised_without_a_second_look():
    labels = np.arange(200) % 4
    answers = labels.copy()
    answers[:20] = (answers[:20] + 1) % 4
    for measured in (0.9, 0.885, 0.915):  # another machine rounds a few otherwise
        check_model(logits_of(answers), labels, figures(measured, logits_of(answers), labels), never)


@given(st.permutations(range(4)))
def test_any_other_order_of_the_classes_is_named(order):
    labels = np.arange(200) % 4
    answers = np.array(order)[labels]
    right = figures(1.0, logits_of(labels), labels)
    check = (logits_of(answers), labels, right, lambda: logits_of((labels + 1) % 4))
    if list(order) == sorted(order):
        check_model(*check)
    else:
        with pytest.raises(LabelsReordered, match=r"right on .* where training measured 100\.0%"):
            check_model(*check)


def test_swapped_channels_are_named_before_anything_else():
    labels = np.arange(200) % 4
    wrong = logits_of((labels + 1) % 4)
    with pytest.raises(ChannelsSwapped, match=r"right on 0\.0% of .* where training measured 100\.0%"):
        check_model(wrong, labels, figures(1.0, logits_of(labels), labels), lambda: logits_of(labels))


@given(st.integers(0, 2**32))
def test_chance_answers_are_another_model(seed):
    random = np.random.default_rng(seed)
    labels = np.arange(400) % 4
    answers = logits_of(random.integers(0, 4, 400))
    with pytest.raises(NotTheTrainedModel):
        check_model(answers, labels, Figures(accuracy=0.9, loss=0.3), lambda: answers)


def test_a_better_model_is_another_one_too():
    labels = np.arange(200) % 4
    with pytest.raises(NotTheTrainedModel):
        check_model(logits_of(labels), labels, Figures(accuracy=0.7, loss=1.0), lambda: logits_of(labels))


def test_two_rare_classes_that_were_swapped_show_in_the_loss():
    labels = np.array([0] * 196 + [1] * 2 + [2] * 2)
    swapped = logits_of(np.array([0, 2, 1])[labels])
    with pytest.raises(LabelsReordered, match=r"right on 98\.0% .* training measured 100\.0%"):
        check_model(swapped, labels, figures(1.0, logits_of(labels), labels), lambda: swapped)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 60))
def test_photographs_of_one_kind_are_never_refused(seed, ours, theirs):
    random = np.random.default_rng(seed)
    check_representative(
        shoot(random, random.integers(0, 2, ours) if ours > 1 else [0]),
        shoot(random, np.append(random.integers(0, 2, theirs), [0, 1])),
    )


@given(st.integers(0, 2**32))
def test_a_rare_class_that_is_lighter_is_no_other_kind(seed):
    """Representative photographs are of each class in equal number; the held-out ones as they came."""
    random = np.random.default_rng(seed)
    check_representative(
        shoot(random, np.arange(200) % 2, lightness=(0, 80)),
        shoot(random, (np.arange(500) % 20 == 0).astype(int), lightness=(0, 80)),
    )


@given(st.integers(0, 2**32))
def test_photographs_of_one_burst_are_few(seed):
    """Ten looks at each of 200 items are 200 photographs, and differ by more than 2000 should."""
    random = np.random.default_rng(seed)
    ours, theirs = (
        Photographs(shoot(random, np.zeros(200, int)).pixels.repeat(10, axis=0), np.zeros(2000, int)) for _ in range(2)
    )
    check_representative(ours, theirs)


@given(st.integers(0, 2**32), st.integers(20, 200))
def test_bgr_is_told(seed, count):
    random = np.random.default_rng(seed)
    ours = shoot(random, np.arange(count) % 2)
    with pytest.raises(ChannelsSwapped, match="read as BGR"):
        check_representative(ours._replace(pixels=ours.pixels[..., ::-1]), shoot(random, np.arange(300) % 2))


def test_grey_photographs_are_the_same_either_way():
    random = np.random.default_rng(0)
    ours, theirs = (
        one._replace(pixels=one.pixels[..., :1].repeat(3, axis=3))
        for one in (shoot(random, np.arange(60) % 2), shoot(random, np.arange(90) % 2))
    )
    check_representative(ours, theirs)
    check_representative(ours._replace(pixels=ours.pixels[..., ::-1]), theirs)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda pixels: pixels // 2, "in"),
        (lambda pixels: np.clip(pixels + np.array([60, 60, 60]), 0, 255).astype(np.uint8), "in light, by"),
        (lambda pixels: np.clip(pixels + np.array([40, 0, 0]), 0, 255).astype(np.uint8), "in colour, by"),
    ],
)
def test_photographs_of_another_kind(change, word):
    random = np.random.default_rng(0)
    ours = shoot(random, np.arange(100) % 2)
    with pytest.raises(OtherPhotographs, match=f"differ from the held-out ones {word}"):
        check_representative(ours._replace(pixels=change(ours.pixels)), shoot(random, np.arange(300) % 2))


def test_parts_without_a_class_in_common():
    random = np.random.default_rng(0)
    with pytest.raises(OtherPhotographs, match="no class in common"):
        check_representative(shoot(random, [0] * 9), shoot(random, [1] * 9))


@pytest.mark.parametrize("scale", [1.0, 1 / 127.5, 1 / 255])
def test_real_numbers_are_scaled_pixels_whatever_they_are(scale):
    random = np.random.default_rng(0)
    ours = shoot(random, np.arange(30) % 2)
    with pytest.raises(ScaledTwice, match="float32 numbers up to"):
        check_representative(ours._replace(pixels=(ours.pixels * scale).astype(np.float32)), ours)
