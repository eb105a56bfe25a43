"""Moments as documents state them, and what time it is on a machine whose clock may be wrong."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Timestamp = Annotated[str, Meta(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}Z\Z")]

_FORM = "%Y-%m-%dT%H:%M:%SZ"

BUILT = datetime(2026, 11, 24, tzinfo=UTC)
"""When this sortline was made; raised with each release. No station that has it is older."""


def read_moment(text: str) -> datetime:
    """The moment of a timestamp such as 2026-02-28T12:30:00Z.

    Raises:
        ValueError: there is no such day or hour.
    """
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)


def write_moment(moment: datetime) -> str:
    """A moment as documents state it: UTC, to the second."""
    return moment.astimezone(UTC).strftime(_FORM)


def lifetime_complaints(created: str, expires: str | None) -> Iterator[str]:
    """What is wrong with a document's `created` and `expires`, a sentence each."""
    stated = {"created": created, "expires": expires}
    moments = []
    for field, text in stated.items():
        try:
            moments += [read_moment(text)] if text is not None else []
        except ValueError:
            yield f"`{field}`: there is no {text}"
    if moments != sorted(moments):
        yield "`expires`: before `created`"


def has_expired(expires: str | None, now: datetime) -> bool:
    """Whether the time of something that runs out at `expires` has come."""
    return expires is not None and now >= read_moment(expires)


def trusted_time(system: datetime, seen: Iterable[str] = (), built: datetime = BUILT) -> datetime:
    """The latest moment that is known to have passed.

    A Raspberry Pi without a clock chip starts in the past, and whoever can set its clock back would otherwise revive
    what has expired. So time never is before what trusted people have signed, nor before sortline itself was made. It
    is not remembered: a clock that once stood too far ahead does no harm after it is put right.

    Args:
        system: What the machine's clock says.
        seen: `created` of documents whose signatures count. Of others they would be an attacker's clock.
        built: When the code was made.
    """
    return max(system, built, *map(read_moment, seen))
