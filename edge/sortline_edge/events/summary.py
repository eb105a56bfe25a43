"""What the kept items add up to. Nobody has looked into the bins, so nothing is said of their purity."""

import msgspec

from sortline_edge.events.read import EventReader, Wanted


class BinSum(msgspec.Struct, frozen=True, kw_only=True):
    """The items that were meant for one bin.

    Attributes:
        bin: Its name.
        binned: Its gate was switched for so many.
        rejected: So many were left to ride on, on purpose.
        missed: For so many its gate should have been switched and was not.
        watched: Of so many an eye in the chute could say whether they arrived.
        confirmed: So many of those did.
    """

    bin: str
    binned: int
    rejected: int
    missed: int
    watched: int
    confirmed: int

    @property
    def confirmed_share(self) -> float | None:
        """`confirmed / watched`; None where none was watched."""
        return self.confirmed / self.watched if self.watched else None


class CauseSum(msgspec.Struct, frozen=True, kw_only=True):
    """How many items had an outcome for one cause."""

    outcome: str
    cause: str
    items: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All items that were asked for.

    Attributes:
        items: How many.
        first_ns: When the first was seen, unix time; None without items.
        last_ns: When the last was seen.
        bins: By bin, the fullest first.
        causes: By outcome and cause, the most frequent first.
        late_p50_ms: Half of the outputs were switched no later than this after their time; None without outputs.
        late_p99_ms: Of a hundred, ninety-nine.
        confirmed_share: Of the items that an eye watched for, the share that arrived; None where none was watched.
        dropped: Entries that the station lost because its disk could not follow, at whatever time.
    """

    items: int
    first_ns: int | None
    last_ns: int | None
    bins: tuple[BinSum, ...]
    causes: tuple[CauseSum, ...]
    late_p50_ms: float | None
    late_p99_ms: float | None
    confirmed_share: float | None
    dropped: int


def sum_up(reader: EventReader, wanted: Wanted) -> Summary:
    """Add up. SQLite does it, so that memory stays small."""
    items, first_ns, last_ns = reader.ask_items("SELECT count(*), min(unix_ns), max(unix_ns) FROM {items}", wanted)[0]
    bins = tuple(
        BinSum(bin=row[0], binned=row[1], rejected=row[2], missed=row[3], watched=row[4], confirmed=row[5])
        for row in reader.ask_items(
            "SELECT bin, sum(outcome = 'binned'), sum(outcome = 'rejected'), sum(outcome = 'missed'), count(confirmed),"
            " coalesce(sum(confirmed), 0) FROM {items} GROUP BY bin ORDER BY count(*) DESC, bin",
            wanted,
        )
    )
    causes = tuple(
        CauseSum(outcome=row[0], cause=row[1], items=row[2])
        for row in reader.ask_items(
            "SELECT outcome, cause, count(*) FROM {items} GROUP BY outcome, cause ORDER BY count(*) DESC, cause", wanted
        )
    )
    watched = sum(bin_.watched for bin_ in bins)
    return Summary(
        items=items,
        first_ns=first_ns,
        last_ns=last_ns,
        bins=bins,
        causes=causes,
        late_p50_ms=_late_ms(reader, wanted, 50),
        late_p99_ms=_late_ms(reader, wanted, 99),
        confirmed_share=sum(bin_.confirmed for bin_ in bins) / watched if watched else None,
        dropped=reader.dropped(),
    )


def _late_ms(reader: EventReader, wanted: Wanted, percent: int) -> float | None:
    """The smallest lateness that `percent` of the outputs did not exceed."""
    (count,) = reader.ask_items("SELECT count(late_ms) FROM {items}", wanted)[0]
    if not count:
        return None
    before = -(-count * percent // 100) - 1
    query = f"SELECT late_ms FROM {{items}} AND late_ms IS NOT NULL ORDER BY late_ms LIMIT 1 OFFSET {before}"  # noqa: S608
    late_ms: float = reader.ask_items(query, wanted)[0][0]
    return late_ms
