import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.calibration import Interval
from sortline_train.report.words import between, duration, number, percent


@pytest.mark.parametrize(
    ("share", "told"),
    [(None, "\u2013"), (0, "0 %"), (1, "100 %"), (0.94159, "94.2 %"), (0.9999, "> 99.9 %"), (0.9994, "99.9 %")],
)
def test_shares_in_words(share, told):
    assert percent(share).replace("\u00a0", " ") == told


@pytest.mark.parametrize(
    ("value", "told"), [(None, "\u2013"), (0.12345, "0.123"), (0.99999, "> 0.999"), (1, "1.000"), (2.5, "2.500")]
)
def test_numbers_in_words(value, told):
    assert number(value).replace("\u00a0", " ") == told


@given(st.floats(0, 1), st.floats(0, 1))
def test_an_interval_is_never_told_narrower_than_it_is(one, other):
    interval = Interval(low=min(one, other), high=max(one, other))
    low, high = between(interval).replace("\u00a0", " ").removesuffix(" %").split(" and ")
    assert float(low) / 100 - 1e-9 <= interval.low <= interval.high <= float(high) / 100 + 1e-9


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.9041, 0.9662, "90 and 97 %"), (0.9741, 0.9829, "97.4 and 98.3 %"), (0.9, 1, "90 and 100 %")],
)
def test_an_interval_in_words(low, high, told):
    assert between(Interval(low=low, high=high)).replace("\u00a0", " ") == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0.0 s"), (8.25, "8.2 s"), (59.7, "1 min"), (75, "1 min 15 s"), (3723, "1 h 2 min"), (7200, "2 h")],
)
def test_times_in_words(seconds, told):
    assert duration(seconds).replace("\u00a0", " ") == told
