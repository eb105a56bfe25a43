"""How often and how long a station was in each of its states."""

from collections.abc import Sequence

import msgspec

from sortline_edge.interlocks import CAUSES, Change


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """One state over a whole run.

    Attributes:
        cause: Its name.
        about: The bin or eye it is about, where there is more than one.
        effect: What it does.
        times: How often it was entered.
        seconds: How long it held, all those times that it was left.
        not_left: How often it was not left: it held when the run, or a station that was started anew, ended.
        reason: Why it was entered, the first time.
    """

    cause: str
    about: str
    effect: str
    times: int
    seconds: float
    not_left: int
    reason: str


def stays(changes: Sequence[Change]) -> tuple[Stay, ...]:
    """Add up a run's changes, in the order in which the states came first."""
    keys = dict.fromkeys((change.cause, change.about) for change in changes)
    made = []
    for cause, about in keys:
        own = [change for change in changes if (change.cause, change.about) == (cause, about)]
        entered, left = ([change for change in own if change.entered is way] for way in (True, False))
        made.append(
            Stay(
                cause=cause,
                about=about,
                effect=CAUSES[cause].effect,
                times=len(entered),
                seconds=sum(change.lasted_ms or 0.0 for change in left) / 1000,
                not_left=len(entered) - len(left),
                reason=entered[0].reason if entered else "",
            )
        )
    return tuple(made)
