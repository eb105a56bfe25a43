"""Time: as documents state it, and as a machine with a doubtful clock has it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.moments import BUILT, has_expired, lifetime_complaints, read_moment, trusted_time, write_moment

moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(moments)
def test_what_is_written_is_read_back(moment):
    assert read_moment(write_moment(moment)) == moment


def test_a_moment_of_another_place_is_written_as_that_of_utc():
    assert write_moment(datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-02-28T23:00:00Z"


@given(moments, st.lists(moments, max_size=3))
def test_trusted_time_is_never_before_anything_that_has_happened(system, seen):
    now = trusted_time(system, map(write_moment, seen))
    assert now in {system, BUILT, *seen}
    assert all(now >= moment for moment in (system, BUILT, *seen))


@given(moments, moments, moments)
def test_setting_the_clock_back_revives_nothing_that_had_expired_by_what_was_seen(system, seen, expires):
    text = write_moment(expires)
    if has_expired(text, trusted_time(datetime(1970, 1, 1, tzinfo=UTC), [write_moment(seen)])):
        assert has_expired(text, trusted_time(system, [write_moment(seen)]))


def test_it_has_expired_from_the_moment_itself_on_and_never_without_one():
    moment = datetime(2026, 12, 1, tzinfo=UTC)
    assert has_expired("2026-12-01T00:00:00Z", moment)
    assert not has_expired("2026-12-01T00:00:01Z", moment)
    assert not has_expired(None, moment)


@pytest.mark.parametrize(
    ("created", "expires", "says"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", []),
        ("2026-01-01T00:00:00Z", None, []),
        ("2026-13-01T00:00:00Z", None, ["`created`: there is no 2026-13-01T00:00:00Z"]),
        ("2026-01-01T00:00:60Z", None, ["`created`: there is no 2026-01-01T00:00:60Z"]),
        ("0000-01-01T00:00:00Z", None, ["`created`: there is no 0000-01-01T00:00:00Z"]),
        ("2026-01-01T00:00:00Z", "2026-02-29T00:00:00Z", ["`expires`: there is no 2026-02-29T00:00:00Z"]),
        ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", ["`expires`: before `created`"]),
    ],
)
def test_a_lifetime_that_cannot_be_is_told(created, expires, says):
    assert list(lifetime_complaints(created, expires)) == says
