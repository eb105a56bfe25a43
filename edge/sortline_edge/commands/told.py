"""What runs on the simulated belt came to: tables for the terminal, JSON for scripts, and what must be said with it."""

import math
from collections.abc import Collection, Iterator, Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from sortline_bundle.archive import Bundle
from sortline_edge.profile import Profile
from sortline_edge.simulation import Conditions, Outcome
from sortline_edge.twin.books import Books, Interval
from sortline_edge.twin.choice import keeps, say
from sortline_edge.twin.map import Swept
from sortline_edge.twin.memory import VIEWS
from sortline_edge.twin.stays import Stay, stays


def condition_notes(conditions: Conditions, bundle: Bundle) -> Iterator[str]:
    """What figures were come by under, in sentences."""
    if conditions.threshold is not None:
        yield f"Every class is trusted from {conditions.threshold:g}, whatever the bundle says."
    if conditions.sketch:
        yield f"A sketch: each photograph was classified once in each of {VIEWS} views."
    if conditions.board is not None:
        yield from _board_notes(conditions.board, bundle)


def outcome_notes(outcome: Outcome, conditions: Conditions) -> Iterator[str]:
    """What belongs to the figures of one run, in sentences."""
    photographs = len({fate.rider.photograph for fate in outcome.fates})
    yield from repeat_notes(outcome.books.items, photographs)
    if outcome.left_out:
        yield f"{outcome.left_out} photographs left out: no item stands out from their ground (--cut card)."
    if outcome.restarts:
        yield f"So often the station ended with an error and was started anew: {outcome.restarts}."
    if conditions.realtime:
        yield f"Worst lateness of an output: {outcome.worst_late_ms:.2f} ms."


def repeat_notes(items: int, photographs: int) -> Iterator[str]:
    """What must be said where some photographs rode more than once."""
    if photographs < items:
        yield (
            f"The {items} items were cut from {photographs} photographs: for other photographs the intervals are too"
            " narrow."
        )


def outcome_json(outcome: Outcome, notes: Sequence[str]) -> str:
    """One run as JSON."""
    document = {
        **msgspec.to_builtins(outcome.books),
        "states": stays(outcome.changes),
        "restarts": outcome.restarts,
        "worst_late_ms": outcome.worst_late_ms,
        "left_out": outcome.left_out,
        "notes": notes,
    }
    return msgspec.json.encode(document).decode() + "\n"


def sweep_json(swept: Swept) -> str:
    """A sweep as JSON."""
    axes = {axis.name: axis.values for axis in swept.axes}
    answer = {**msgspec.to_builtins(swept.answer), "said": say(swept.answer)}
    document = {"axes": axes, "points": swept.points, "answer": answer, "notes": swept.notes}
    return msgspec.json.encode(document).decode() + "\n"


def print_outcome(outcome: Outcome, notes: Sequence[str]) -> None:
    """One run as tables."""
    console, books = Console(), outcome.books
    console.print(_bins(books))
    console.print(
        f"overall purity {_share(books.purity, books.purity_interval, 1)},"
        f" recovery {_share(books.recovery, books.recovery_interval, 1)}, {books.throughput_per_min:.0f} items/min"
    )
    console.print(
        f"missed {books.missed}, double-counted {books.double_counted}, joined {books.joined},"
        f" phantoms {books.phantoms}, late {books.late}, doubtful {books.doubtful}, misdirected {books.misdirected}"
    )
    console.print("lost: " + (_counts(books.losses) or "nothing"))
    for outcome_name, causes in books.station.items():
        console.print(f"the station's books, {outcome_name}: {_counts(causes) or 0}")
    if outcome.changes:
        console.print(_states(stays(outcome.changes)))
    for note in notes:
        console.print(note)


def print_sweep(swept: Swept) -> None:
    """A sweep as a table, and its answer."""
    console, answer = Console(), swept.answer
    title = f"{len(swept.points)} runs of {swept.points[0].items} items; a minute: offered, and in the right bin"
    headings = ("offered", "right", "purity", "recovery", "keeps")
    table = _table(title, (*(axis.name for axis in swept.axes), *headings))
    for point in swept.points:
        table.add_row(
            *(f"{point.at[axis.name]:g}" for axis in swept.axes),
            f"{point.offered_per_min:.0f}",
            f"{point.right_per_min:.0f}",
            _share(point.purity, point.purity_interval),
            _share(point.recovery, point.recovery_interval),
            "yes" if keeps(point, answer.target_purity) else "",
            style="bold" if answer.verdict == "kept" and point is answer.point else None,
        )
    console.print(table)
    for sentence in (say(answer), *swept.notes):
        console.print(sentence)


def _board_notes(board: Profile, bundle: Bundle) -> Iterator[str]:
    yield (
        f"As fast as {board.board} ({board.machine}, {board.cores} cores, {board.runtime}, model on {board.threads}"
        f" thread{'s' if board.threads > 1 else ''})."
    )
    if board.model_sha256 != bundle.manifest.members["model.tflite"].sha256:
        yield "That was measured with another model than this bundle's, whose looks may take more or less time."


def _bins(books: Books) -> Table:
    title = f"{books.items} items in {books.seconds:.0f} s of belt"
    table = _table(title, ("bin", "items", "right", "belong", "purity", "recovery", "per min"), left={"bin"})
    for book in books.bins:
        shares = (_share(book.purity, book.purity_interval), _share(book.recovery, book.recovery_interval))
        counts = (str(book.items), str(book.right), str(book.belong))
        table.add_row(book.bin, *counts, *shares, f"{book.throughput_per_min:.1f}")
    return table


def _states(all_stays: Sequence[Stay]) -> Table:
    table = _table("states", ("state", "times", "held, s", "first because"), left={"state", "first because"})
    for stay in all_stays:
        what = f"{stay.cause}, {stay.about}" if stay.about else stay.cause
        held = f"{stay.seconds:.1f}" + (f", {stay.not_left} not over" if stay.not_left else "")
        table.add_row(what, str(stay.times), held, stay.reason)
    return table


def _table(title: str, headings: Sequence[str], left: Collection[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{cause} {count}" for cause, count in counts.items())


def _share(share: float | None, interval: Interval, digits: int = 0) -> str:
    """A share and its interval, which is rounded outwards: one that ends just below a target must not seem to reach."""
    if share is None or interval is None:
        return "-"
    steps = 100 * 10**digits
    low, high = math.floor(steps * interval[0]) / steps, math.ceil(steps * interval[1]) / steps
    return f"{share:.1%} ({100 * low:.{digits}f}-{100 * high:.{digits}f})"
