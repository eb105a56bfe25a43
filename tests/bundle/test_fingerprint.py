"""A fingerprint is small, adds up, and moves where photographs change."""

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.fingerprint import BINS, QUANTILES, Fingerprint, Looks, look_at, sum_up, take

FIELDS = Looks.__struct_fields__


@pytest.fixture(scope="module")
def pictures():
    """Pictures of soft light and fine grain, far from black and white."""
    random = np.random.default_rng(3)
    coarse = random.normal(0, 14, (30, 4, 4, 3)).repeat(12, 1).repeat(12, 2)
    light = random.normal(0, 8, (30, 1, 1, 1)) + np.array([140, 125, 110])
    return (light + coarse + random.normal(0, 4, (30, 48, 48, 3))).clip(30, 225).round().astype(np.uint8)


def looks(pictures):
    return sum_up([look_at(picture) for picture in pictures])


def moved(pictures, change):
    """How far each quantile moves."""
    before, after = looks(pictures), looks(np.stack([change(picture) for picture in pictures]))
    return {name: np.subtract(getattr(after, name), getattr(before, name)) for name in FIELDS}


def test_a_darker_set_is_darker_and_nothing_else(pictures):
    off = moved(pictures, lambda picture: picture - 20)
    assert off.pop("brightness") == pytest.approx([-20] * len(QUANTILES), abs=1e-3)
    for name, by in off.items():
        assert by == pytest.approx([0] * len(QUANTILES), abs=0.02), name


def test_a_warmer_set_is_warmer_and_as_light(pictures):
    off = moved(pictures, lambda picture: picture + np.array([6, 0, -6]).astype(np.uint8))  # wraps as it should
    assert off["warmth"] == pytest.approx([12] * len(QUANTILES), abs=1e-3)
    assert off["brightness"] == pytest.approx([0] * len(QUANTILES), abs=1e-3)
    assert np.abs(off["sharpness"]).max() < 0.05


def test_a_blurred_set_is_less_sharp_and_as_light_and_warm(pictures):
    off = moved(pictures, lambda picture: cv2.GaussianBlur(picture, (0, 0), 2))
    assert (off["sharpness"] < -1).all()
    for name in ("brightness", "warmth"):
        assert np.abs(off[name]).max() < 0.5, name


def test_a_greyer_set_has_less_colour_and_as_much_light(pictures):
    off = moved(
        pictures, lambda picture: picture.mean(axis=2, keepdims=True).repeat(3, axis=2).round().astype(np.uint8)
    )
    assert (off["saturation"] < -10).all()
    assert np.abs(off["brightness"]).max() < 0.5


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (np.zeros((16, 16, 3), np.uint8), (0, 0, 0, 0, 0)),
        (np.full((16, 16, 3), 255, np.uint8), (255, 0, 0, 0, 0)),
        (np.tile(np.array([200, 100, 50], np.uint8), (16, 16, 1)), (350 / 3, 0, 0, 150, 150)),
    ],
)
def test_pictures_of_one_colour(picture, expected):
    assert look_at(picture) == pytest.approx(expected)


def test_a_checkerboard_by_hand():
    grey = (np.indices((16, 16)).sum(axis=0) % 2 * 200).astype(np.uint8)
    brightness, contrast, sharpness, *_ = look_at(grey[..., None].repeat(3, axis=2))
    assert (brightness, contrast) == pytest.approx((100, 100))
    assert sharpness == pytest.approx(np.log1p(800**2), rel=1e-6)  # its Laplacian is 800 up, 800 down


@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(1, 300))
def test_shares_add_up_and_all_of_it_is_small(seed, classes, photographs):
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(classes, 0.1), photographs)
    seen = [tuple(row) for row in random.uniform(0, 255, (9, 5)).tolist()]
    taken = take(seen, random.integers(1, 1000, classes).tolist(), scores)
    for shares in (taken.label_mix, taken.answer_mix, taken.scores, taken.margins):
        assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert len(taken.label_mix) == len(taken.answer_mix) == classes
    assert len(taken.scores) == len(taken.margins) == BINS
    data = msgspec.json.encode(taken)
    assert len(data) < 4096
    assert msgspec.json.decode(data, type=Fingerprint) == taken


def test_scores_and_margins_by_hand():
    scores = np.array([[0.96, 0.03, 0.01], [0.52, 0.46, 0.02], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0]])
    taken = take([(1.0,) * 5], [3, 1, 0], scores)
    assert taken.label_mix == (0.75, 0.25, 0)
    assert taken.answer_mix == (0.75, 0.25, 0)
    assert [(nth, share) for nth, share in enumerate(taken.scores) if share] == [(10, 0.25), (18, 0.25), (19, 0.5)]
    assert [(nth, share) for nth, share in enumerate(taken.margins) if share] == [
        (1, 0.25),
        (16, 0.25),
        (18, 0.25),
        (19, 0.25),
    ]
    assert taken.looks == Looks(**dict.fromkeys(FIELDS, (1.0,) * len(QUANTILES)))
