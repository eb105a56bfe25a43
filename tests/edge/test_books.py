"""The sums of a run, from fates made up for the purpose."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.photographs import Photograph
from sortline_edge.decide import Decision, Reason
from sortline_edge.twin.books import PHANTOM, Books, Fate, balance, match
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.riders import Rider

NAMES = ("red", "green", "blue", "white")
BINS = ("red bin", "green bin", "blue bin", "reject")


def rider(number: int = 0, truth: str = "red", middle_mm: float = 0, length_mm: float = 40) -> Rider:
    return Rider(number, Photograph(Path(f"{truth}.png"), truth), middle_mm, length_mm, 0)


def decision(bin_: str, said: str | None = "red", reason: Reason = "sorted", middle_ns: int = 0) -> Decision:
    times = {"decided_ns": 0, "seen_ns": 0, "middle_ns": middle_ns}
    return Decision(item=1, looks=1, class_name=said, score=0.9, bin=bin_, reason=reason, **times)


def fate(truth: str, landed: str, *decisions: Decision) -> Fate:
    return Fate(rider(truth=truth), decisions or (decision(landed, truth),), landed)


def books_of(world: Any, *fates: Fate, phantoms: int = 0, suppressed: int = 0, seconds: float = 60) -> Books:
    return balance(world.station(), fates, phantoms, suppressed, seconds)


def test_purity_and_recovery_of_each_bin_and_of_all(world: Any) -> None:
    books = books_of(
        world,
        fate("red", "red bin"),
        fate("red", "red bin"),
        fate("green", "red bin"),
        fate("red", "reject"),
        fate("white", "reject"),
        fate("green", "green bin"),
        seconds=120,
    )
    red, green, blue, reject = books.bins
    assert [book.bin for book in books.bins] == list(BINS)
    assert (red.items, red.right, red.belong) == (3, 2, 3)
    assert (red.purity, red.recovery) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (green.purity, green.recovery) == (1.0, 0.5)
    assert (blue.purity, blue.recovery) == (None, None)
    assert (reject.items, reject.right, reject.belong, reject.recovery) == (2, 1, 1, 1.0)
    assert (books.purity, books.recovery) == (pytest.approx(3 / 4), pytest.approx(3 / 5))
    assert (red.throughput_per_min, books.throughput_per_min) == (1.5, 3.0)


def test_where_nothing_landed_or_belongs_there_is_no_share(world: Any) -> None:
    books = books_of(world, fate("white", "reject"))
    assert books.purity is books.recovery is None
    assert books.bins[0].purity is None
    only_lost = books_of(world, fate("red", "reject"))
    assert (only_lost.purity, only_lost.recovery) == (None, 0.0)


def test_what_went_wrong_is_counted_by_its_kind(world: Any) -> None:
    books = books_of(
        world,
        Fate(rider(), (), "reject"),
        fate("red", "red bin", decision("red bin"), decision("red bin")),
        fate("red", "green bin", decision("red bin")),
        fate("red", "reject", decision("reject", reason="doubtful")),
        fate("red", "reject", decision("reject", reason="late")),
        fate("red", "reject", decision("reject", said="blue", reason="doubtful")),
        phantoms=3,
        suppressed=2,
    )
    assert (books.missed, books.double_counted, books.phantoms) == (1, 1, 3)
    assert (books.misdirected, books.doubtful, books.late, books.decided_wrong) == (1, 2, 3, 1)


@given(fates=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(BINS)), min_size=1, max_size=30))
def test_the_books_balance(world: Any, fates: list[tuple[str, str]]) -> None:
    books = books_of(world, *(fate(truth, landed) for truth, landed in fates))
    assert sum(book.items for book in books.bins) == sum(book.belong for book in books.bins) == books.items
    for book in books.bins:
        assert book.right <= min(book.items, book.belong)
        assert book.purity is None or 0 <= book.purity <= 1
    home = dict(zip(NAMES, BINS, strict=True))
    wrong = sum(landed not in (home[truth], "reject") for truth, landed in fates)
    landed_in_bins = sum(landed != "reject" for _, landed in fates)
    assert books.purity == (pytest.approx(1 - wrong / landed_in_bins) if landed_in_bins else None)


def test_a_decision_belongs_to_the_item_that_lies_there(world: Any) -> None:
    riders = [rider(0, middle_mm=100, length_mm=40), rider(1, middle_mm=200, length_mm=80)]
    start_ns = 5 * 10**9
    first = decision("red bin", middle_ns=start_ns + 10**9 + 190_000_000)
    second = decision("red bin", middle_ns=start_ns + 2 * 10**9 - 390_000_000)
    again = decision("red bin", middle_ns=start_ns + 2 * 10**9 + 390_000_000)
    between = decision("red bin", middle_ns=start_ns + 10**9 + 250_000_000)
    early, late = decision("red bin", middle_ns=0), decision("red bin", middle_ns=9 * 10**9)
    made = match(riders, Motion(100, start_ns), [late, again, first, between, second, early])
    assert made == {0: [first], 1: [again, second], PHANTOM: [late, between, early]}
