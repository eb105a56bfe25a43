"""The books on their own: how each way of telling the gates, each eye and each answer closes an item."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.preprocess import Box
from sortline_edge.config import CodeSignal, Input, PulseSignal
from sortline_edge.decide import Decision
from sortline_edge.ledger import Ledger
from sortline_edge.odometer import Odometer
from sortline_edge.ports import Answered, Coded, Edge, Suppressed, Switched
from sortline_edge.records import Record

MS = 1_000_000
EYE = 110
SIGNALS: dict[str, PulseSignal | CodeSignal] = {
    "pulse": PulseSignal(),
    "code": CodeSignal(lines=(0, 1)),
    "answered": CodeSignal(lines=(0, 1), strobe=2, acknowledge=Input(line=101), setup_ms=1, answer_ms=99),
}
# The first bin is 300 mm away, 1.2 s on this belt.
PASSES_NS = 1_200 * MS


class Books:
    """A ledger of items for the first bin, each decided on at time 0."""

    def __init__(self, world: Any, signal: PulseSignal | CodeSignal, *, eye: bool) -> None:
        self.coded = isinstance(signal, CodeSignal)
        bin_ = msgspec.structs.replace(
            world.station().bins[0],
            line=None if self.coded else 0,
            code=1 if self.coded else None,
            eye=Input(line=EYE) if eye else None,
            confirm_ms=500,
        )
        station = world.station(bins=(bin_,), signal=signal)
        self.ledger = Ledger(station, Odometer(station.belt.speed_mm_s, 0))
        self.records: list[Record] = []

    def decide(self, item: int) -> None:
        bin_ = self.ledger.station.bins[0]
        decision = Decision(
            item=item, decided_ns=0, seen_ns=0, way_mm=item, at_ns=0, box=Box(0, 0, 9, 9), looks=1, scores=(1.0,),
            class_name="red", score=1.0, bin=bin_.name, reason="sorted", bundle="none",
        )  # fmt: skip
        self.ledger.enter(decision, bin_)

    def tell(self, item: int, at_ns: int) -> None:
        """The outputs have told the gate, or the PLC, of an item."""
        if self.coded:
            self.ledger.take(Coded(value=1, at_ns=at_ns, late_ns=0, item=item))
        else:
            self.ledger.take(Switched(line=0, active=True, at_ns=at_ns, late_ns=0, item=item))

    def arrive(self, at_ns: int) -> None:
        self.ledger.take(Edge(line=EYE, active=True, at_ns=at_ns))

    def turn(self, now_ns: int) -> list[tuple[str, str, bool | None]]:
        records = self.ledger.turn(now_ns)
        self.records += records
        return [(record.outcome, record.cause, record.confirmed) for record in records]


@pytest.mark.parametrize("signal", ["pulse", "code"])
def test_without_eye_and_answer_an_item_is_binned_once_its_gate_was_told(world: Any, signal: str) -> None:
    books = Books(world, SIGNALS[signal], eye=False)
    books.decide(1)
    assert books.turn(PASSES_NS) == []
    books.tell(1, PASSES_NS)
    assert books.turn(PASSES_NS) == [("binned", "sorted", None)]


@pytest.mark.parametrize("signal", list(SIGNALS))
def test_a_gate_that_nothing_is_heard_of_after_its_item_passed_is_a_miss(world: Any, signal: str) -> None:
    books = Books(world, SIGNALS[signal], eye=False)
    books.decide(1)
    assert books.turn(PASSES_NS + 900 * MS) == []
    assert books.turn(PASSES_NS + 1_100 * MS) == [("missed", "outputs silent", None)]


def test_a_plc_that_takes_the_code_bins_the_item_with_the_books_turned_in_between(world: Any) -> None:
    books = Books(world, SIGNALS["answered"], eye=False)
    books.decide(1)
    books.tell(1, PASSES_NS)
    assert books.turn(PASSES_NS + 50 * MS) == []
    books.ledger.take(Answered(item=1, at_ns=PASSES_NS + 60 * MS, in_time=True))
    assert books.turn(PASSES_NS + 60 * MS) == [("binned", "sorted", None)]


def test_a_plc_that_does_not_take_the_code_misses_the_item(world: Any) -> None:
    books = Books(world, SIGNALS["answered"], eye=False)
    books.decide(1)
    books.tell(1, PASSES_NS)
    assert books.turn(PASSES_NS + 50 * MS) == []
    books.ledger.take(Answered(item=1, at_ns=PASSES_NS + 100 * MS, in_time=False))
    assert books.turn(PASSES_NS + 100 * MS) == [("missed", "no answer", None)]


def test_outputs_that_never_say_whether_the_plc_answered_miss_the_item(world: Any) -> None:
    books = Books(world, SIGNALS["answered"], eye=False)
    books.decide(1)
    books.tell(1, PASSES_NS)
    assert books.turn(PASSES_NS + 1_000 * MS) == []
    assert books.turn(PASSES_NS + 1_200 * MS) == [("missed", "no answer", None)]


@pytest.mark.parametrize("seen", [True, False])
def test_an_answer_does_not_close_an_item_that_its_chutes_eye_is_still_to_see(world: Any, seen: bool) -> None:
    books = Books(world, SIGNALS["answered"], eye=True)
    books.decide(1)
    books.tell(1, PASSES_NS)
    books.ledger.take(Answered(item=1, at_ns=PASSES_NS + 10 * MS, in_time=True))
    assert books.turn(PASSES_NS + 20 * MS) == []
    if seen:
        books.arrive(PASSES_NS + 300 * MS)
    assert books.turn(PASSES_NS + 2_000 * MS) == [("binned", "sorted", seen)]
    assert books.ledger.strays() == []


def test_what_the_eye_saw_does_not_make_up_for_an_answer_that_did_not_come(world: Any) -> None:
    books = Books(world, SIGNALS["answered"], eye=True)
    books.decide(1)
    books.tell(1, PASSES_NS)
    books.arrive(PASSES_NS + 50 * MS)
    books.ledger.take(Answered(item=1, at_ns=PASSES_NS + 100 * MS, in_time=False))
    assert books.turn(PASSES_NS + 100 * MS) == [("missed", "no answer", None)]


def test_a_halt_misses_only_what_was_not_told_yet(world: Any) -> None:
    books = Books(world, SIGNALS["pulse"], eye=True)
    books.decide(1)
    books.decide(2)
    books.tell(1, PASSES_NS)
    books.ledger.halt("jam", PASSES_NS)
    assert books.turn(PASSES_NS) == [("missed", "jam", None)]
    assert books.turn(PASSES_NS + 2_000 * MS) == [("binned", "sorted", False)]


reports = st.tuples(
    st.sampled_from(["tell", "answer", "refuse", "suppress", "arrive", "turn", "halt"]), st.integers(1, 4)
)


@pytest.mark.parametrize("signal", list(SIGNALS))
@pytest.mark.parametrize("eye", [True, False])
@given(plan=st.lists(reports, max_size=25))
def test_in_whatever_order_things_are_heard_of_each_item_is_closed_once(
    world: Any, signal: str, eye: bool, plan: list[tuple[str, int]]
) -> None:
    books = Books(world, SIGNALS[signal], eye=eye)
    for item in range(1, 5):
        books.decide(item)
    now_ns = PASSES_NS
    told: set[int] = set()
    answered: set[int] = set()
    for what, item in plan:
        now_ns += 20 * MS
        match what:
            case "tell":
                books.tell(item, now_ns)
                told.add(item)
            case "answer" | "refuse":
                books.ledger.take(Answered(item=item, at_ns=now_ns, in_time=what == "answer"))
                answered |= {item} if what == "answer" else set()
            case "suppress":
                books.ledger.take(Suppressed(item=item, late_ns=9 * MS))
            case "arrive":
                books.arrive(now_ns)
            case "halt":
                books.ledger.halt("jam", now_ns)
            case _:
                books.turn(now_ns)
        assert books.ledger.open + sum(books.ledger.closed.values()) == books.ledger.seen == 4
    books.turn(now_ns + 60_000 * MS)
    books.records += books.ledger.finish(now_ns + 60_000 * MS)
    assert Counter(record.item for record in books.records) == Counter(range(1, 5))
    binned = {record.item for record in books.records if record.outcome == "binned"}
    assert binned <= told
    if signal == "answered":
        assert binned <= answered
