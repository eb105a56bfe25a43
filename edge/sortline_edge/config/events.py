"""Table of the station file: where what happened is kept."""

from typing import Annotated

from msgspec import Meta

from sortline_bundle.strict import Table


class Events(Table, frozen=True, kw_only=True):
    """The event store: every item and every change of state. Without this table nothing is kept.

    Attributes:
        path: The database. It, its `-wal` and its `-shm` lie in one folder, on a disk of the station's own.
        max_mb: The database does not grow beyond; the oldest go first. A million items take about 150 MB.
    """

    path: str = "events.db"
    max_mb: Annotated[int, Meta(ge=16, le=100_000)] = 256
