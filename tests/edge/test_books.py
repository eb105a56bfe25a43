"""The sums of a run, from fates made up for the purpose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.photographs import Photograph
from sortline_bundle.preprocess import Box
from sortline_edge.decide import Decision
from sortline_edge.records import Record
from sortline_edge.twin.books import PHANTOM, Books, Ending, Fate, balance, loss, match
from sortline_edge.twin.motion import Motion
from sortline_edge.twin.riders import Layout, Rider

EVERYWHERE = Box(0, 0, 1, 1)
NAMES = ("red", "green", "blue", "white")
BINS = ("red bin", "green bin", "blue bin", "reject")


def rider(number: int = 0, truth: str = "red", middle_mm: float = 0, length_mm: float = 40) -> Rider:
    return Rider(number, Photograph(Path(f"{truth}.png"), truth), middle_mm, length_mm, 30, 20)


def decision(
    bin_: str, said: str | None = "red", reason: str = "sorted", at_ns: int = 0, box: Box = EVERYWHERE
) -> Decision:
    return Decision(
        item=1,
        decided_ns=0,
        seen_ns=0,
        way_mm=0.0,
        at_ns=at_ns,
        box=box,
        looks=1,
        scores=(0.9, 0.1, 0.0, 0.0),
        class_name=said,
        score=0.9,
        bin=bin_,
        reason=reason,
        bundle="c0105",
    )


def record(outcome: str, cause: str) -> Record:
    return Record(
        item=1,
        seen_ns=0,
        decided_ns=0,
        closed_ns=0,
        looks=1,
        scores=(),
        class_name="red",
        bin="red bin",
        outcome=outcome,
        cause=cause,
        late_ms=None,
        confirmed=None,
        bundle="c0105",
    )


def fate(truth: str, landed: str, *decisions: Decision) -> Fate:
    made = decisions or (decision(landed, truth),)
    return Fate(rider(truth=truth), tuple(Ending(one, None) for one in made), landed)


def books_of(world: Any, *fates: Fate, phantoms: int = 0, records: Sequence[Record] = (), seconds: float = 60) -> Books:
    return balance(world.station(), fates, phantoms, records, seconds)


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
        records=[record("missed", "late"), record("missed", "late"), record("binned", "sorted")],
    )
    assert (books.missed, books.double_counted, books.phantoms, books.joined) == (1, 1, 3, 0)
    assert (books.misdirected, books.doubtful, books.late, books.decided_wrong) == (1, 2, 2, 1)
    assert books.station == {"binned": {"sorted": 1}, "rejected": {}, "missed": {"late": 2}}


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


LAYOUT = Layout(speed_mm_s=100, mm_per_px=1.0, width_px=320, height_px=200, gap_mm=10)
# Their middles are at 260 and 160 px when the belt has gone 200 mm, two seconds after its start.
LYING = (rider(0, middle_mm=100, length_mm=40), rider(1, middle_mm=200, length_mm=80))
START_NS, SEEN_NS = 5 * 10**9, 7 * 10**9


@pytest.mark.parametrize(
    ("box", "numbers"),
    [
        (Box(240, 30, 280, 50), [0]),
        (Box(120, 30, 200, 50), [1]),
        (Box(120, 30, 280, 50), [0, 1]),  # one decision for two that touch
        (Box(120, 30, 155, 50), [1]),  # a part without its middle
        (Box(40, 30, 90, 50), [PHANTOM]),
        (Box(240, 100, 280, 140), [PHANTOM]),  # beside it
    ],
)
def test_a_decision_is_for_what_lies_in_its_box(box: Box, numbers: list[int]) -> None:
    made = decision("red bin", at_ns=SEEN_NS, box=box)
    found = match(LYING, LAYOUT, Motion(100, START_NS).way_mm, [made])
    assert found == {number: [made] for number in numbers}


def test_one_decision_for_two_is_counted_as_joined_and_two_for_one_as_double(world: Any) -> None:
    shared, first, second = (Ending(decision("reject", reason="several"), None) for _ in range(3))
    books = books_of(
        world,
        Fate(rider(0), (shared,), "reject"),
        Fate(rider(1), (shared,), "reject"),
        Fate(rider(2), (first, second), "reject"),
    )
    assert (books.joined, books.double_counted) == (2, 1)


@pytest.mark.parametrize(
    ("made", "ended", "landed", "why"),
    [
        (decision("red bin"), record("binned", "sorted"), "red bin", None),
        (decision("red bin"), record("binned", "sorted"), "reject", "gate"),
        (decision("blue bin", "blue"), record("binned", "sorted"), "blue bin", "taken for another"),
        (decision("red bin"), record("missed", "too close"), "reject", "too close"),
        (decision("reject", reason="mixed"), record("rejected", "mixed"), "reject", "mixed"),
        (decision("reject", reason="mixed"), record("rejected", "mixed"), "blue bin", "gate"),
        (None, None, "reject", "not seen"),
    ],
)
def test_every_loss_has_a_cause(
    world: Any, made: Decision | None, ended: Record | None, landed: str, why: str | None
) -> None:
    endings = () if made is None else (Ending(made, ended),)
    assert loss(world.station(), Fate(rider(), endings, landed)) == why
