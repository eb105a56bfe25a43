import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError, PhotographError
from sortline_convert.mix import parse_mix, sample_all, sample_class

NAMES = ("glass", "paper", "tray")


def digests(count):
    """In an order of their own."""
    return [f"{nth * 7919 % 104729:06x}" for nth in range(count)]


def test_shares_are_read_in_the_order_of_the_classes():
    assert parse_mix("paper=0.5, tray = 0.3,glass=.2", NAMES) == (0.2, 0.5, 0.3)


def test_a_class_that_never_comes_has_the_share_0():
    assert parse_mix("paper=0.5,tray=0.5,glass=0", NAMES) == (0, 0.5, 0.5)


def test_shares_typed_rounded_are_made_to_add_up():
    assert parse_mix("glass=0.33,paper=0.33,tray=0.33", NAMES) == pytest.approx((1 / 3,) * 3)
    assert parse_mix(",".join(f"{name}=0.14" for name in "abcdefg"), "abcdefg") == pytest.approx((1 / 7,) * 7)


def test_a_name_may_hold_an_equals_sign():
    assert parse_mix("a=b=0.5,c=0.5", ("a=b", "c")) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("paper=0.5,metal=0.5", r"'metal' is not a class of this run; the classes are glass, paper, tray"),
        ("paper=0.5,tray=0.5", r"no share for glass; write glass=0"),
        ("paper=0.5,tray=0.3,glass=0.3", r"add up to 1\.1; make them add up to 1"),
        ("paper=0.5,paper=0.2,tray=0.3", r"paper stands there twice"),
        ("paper=half,tray=0.5,glass=0", r"share of paper must be from 0 to 1, received 'half'"),
        ("paper=1.5,tray=-0.5,glass=0", r"share of paper must be from 0 to 1, received '1.5'"),
        ("paper=nan,tray=0.5,glass=0", r"share of paper must be from 0 to 1, received 'nan'"),
        ("paper 0.5", r"'paper 0.5' is not a class and its share, such as paper=0.5"),
        ("", r"'' is not a class and its share"),
        ("paper=1,tray=0,glass=0", r"only one class has a share"),
    ],
)
def test_a_mix_that_cannot_be_meant_is_refused(text, complaint):
    with pytest.raises(ConfigError, match=complaint):
        parse_mix(text, NAMES)


def test_all_photographs_of_the_class_are_kept_and_of_the_others_so_many_that_they_are_in_the_mix():
    labels = np.repeat([0, 1, 2], [100, 100, 40])
    kept, times = sample_class(0, labels, digests(240), NAMES, (0.6, 0.2, 0.2))
    # A photograph of a tray stands for 1/200 of the line, one of paper for 1/500, one of glass for 6/1000.
    assert np.bincount(labels[kept]).tolist() == [100, 40, 40]
    assert times == pytest.approx((0.6 / 100) / (0.2 / 40))


def test_for_all_classes_the_photographs_are_in_the_mix():
    labels = np.repeat([0, 1, 2], [100, 100, 40])
    kept = sample_all(labels, digests(240), NAMES, (0.6, 0.2, 0.2))
    assert np.bincount(labels[kept]).tolist() == [100, 34, 34]  # rounded up


def test_a_class_that_never_comes_gives_no_photographs():
    labels = np.repeat([0, 1, 2], 10)
    kept, _ = sample_class(0, labels, digests(30), NAMES, (0.5, 0.5, 0))
    assert np.bincount(labels[kept]).tolist() == [10, 10]


@pytest.mark.parametrize("sample", [sample_all, lambda *rest: sample_class(0, *rest)])
def test_a_class_that_comes_without_calibration_photographs_is_refused(sample):
    with pytest.raises(PhotographError, match=r"tray is 20\.0% of the mix and has no calibration photographs"):
        sample(np.array([0, 0, 1]), digests(3), NAMES, (0.4, 0.4, 0.2))


@given(st.lists(st.integers(0, 2), min_size=30, max_size=90), st.randoms(use_true_random=False))
def test_the_same_photographs_are_kept_in_whatever_order_they_come(given_labels, random):
    labels = np.array([0, 1, 2, *given_labels])
    names = digests(len(labels))
    order = np.array(random.sample(range(len(labels)), len(labels)))
    kept, times = sample_class(1, labels, names, NAMES, (0.2, 0.3, 0.5))
    shuffled, again = sample_class(1, labels[order], [names[nth] for nth in order], NAMES, (0.2, 0.3, 0.5))
    assert shuffled.tolist() == kept[order].tolist()
    assert again == times
