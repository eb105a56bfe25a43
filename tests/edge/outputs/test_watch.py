"""What is told of inputs: all that matters, and never a flood."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.outputs.watch import CHANGES_PER_WINDOW, COUNT_AT_LEAST_EVERY_NS, COUNT_EVERY_NS, WINDOW_NS, Watch
from sortline_edge.ports import Counted, Edge, Report

MS = 1_000_000
EYE, WHEEL = 1, 2


class Bench:
    """A watch over one eye and one encoder; what it told, and when."""

    def __init__(self) -> None:
        self.watch = Watch({EYE: "edge", WHEEL: "count"})
        self.told: list[tuple[int, Report]] = []

    def edge(self, line: int, active: bool, at_ns: int) -> None:
        self.run_until(at_ns)
        self.told += [(at_ns, report) for report in self.watch.edge(line, at_ns, active=active)]

    def run_until(self, end_ns: int) -> None:
        while (due_ns := self.watch.next_ns) is not None and due_ns <= end_ns:
            self.told += [(due_ns, report) for report in self.watch.advance(due_ns)]
            assert self.watch.next_ns != due_ns

    @property
    def told_ns(self) -> list[int]:
        return [at_ns for at_ns, _ in self.told]


gaps = st.lists(st.integers(0, 40 * MS), min_size=1, max_size=100)


@given(gaps)
def test_every_count_is_told_in_time_but_not_too_often(plan: list[int]) -> None:
    bench = Bench()
    now_ns = 0
    for count, gap_ns in enumerate(plan, 1):
        now_ns += gap_ns
        bench.edge(WHEEL, True, now_ns)
        bench.edge(WHEEL, False, now_ns)
        behind = count - bench.told[-1][1].count
        assert behind == 0 or now_ns - bench.told_ns[-1] < COUNT_EVERY_NS
    bench.run_until(now_ns + COUNT_AT_LEAST_EVERY_NS)
    assert bench.told[-1][1] == Counted(line=WHEEL, count=len(plan), at_ns=now_ns)
    assert all(later - earlier >= COUNT_EVERY_NS for earlier, later in pairwise(bench.told_ns))


@given(st.lists(st.integers(0, 3 * MS), min_size=1, max_size=300))
def test_a_chattering_line_is_told_rarely_and_its_last_level_always(plan: list[int]) -> None:
    bench = Bench()
    now_ns = 0
    for nth, gap_ns in enumerate(plan):
        now_ns += gap_ns
        bench.edge(EYE, nth % 2 == 0, now_ns)
    bench.run_until(now_ns + WINDOW_NS)
    last = bench.told[-1][1]
    assert (last.line, last.active) == (EYE, len(plan) % 2 == 1)
    assert len(bench.told) <= (CHANGES_PER_WINDOW + 1) * (1 + now_ns // WINDOW_NS) + 1
    levels = [report.active for _, report in bench.told]
    assert all(earlier != later for earlier, later in pairwise(levels))


def test_twenty_changes_are_told_at_once_and_then_the_level_at_the_windows_end() -> None:
    bench = Bench()
    for nth in range(61):
        bench.edge(EYE, nth % 2 == 0, nth * MS)
    assert bench.told_ns == [nth * MS for nth in range(CHANGES_PER_WINDOW)]
    bench.run_until(WINDOW_NS)
    assert bench.told[CHANGES_PER_WINDOW:] == [(WINDOW_NS, Edge(line=EYE, active=True, at_ns=60 * MS))]


@given(st.lists(st.integers(5 * MS, 100 * MS), min_size=1, max_size=100))
def test_a_line_that_does_not_chatter_is_told_edge_by_edge(plan: list[int]) -> None:
    bench = Bench()
    now_ns, expected = 0, []
    for nth, gap_ns in enumerate(plan):
        now_ns += gap_ns
        bench.edge(EYE, nth % 2 == 0, now_ns)
        expected.append((now_ns, Edge(line=EYE, active=nth % 2 == 0, at_ns=now_ns)))
    assert bench.told == expected


def test_an_edge_that_changes_nothing_is_not_told() -> None:
    bench = Bench()
    for at_ns in range(3):
        bench.edge(EYE, False, at_ns)
    assert bench.told == [(0, Edge(line=EYE, active=False, at_ns=0))]
