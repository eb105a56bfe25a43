"""When a station does not sort, why, and how it comes back: a table of named causes, and who of them is present.

Values in, values out: whoever reads the inputs tells what is the case, and gets a `Change` where that is news.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

CauseName = Literal[
    "emergency stop",
    "outputs lost",
    "jam",
    "speed doubtful",
    "encoder silent",
    "model missing",
    "camera stale",
    "camera frozen",
    "board hot",
    "PLC silent",
    "belt stands",
    "actuator overdue",
    "bin full",
    "gate open",
    "eye and picture disagree",
    "events not written",
    "bundle refused",
]


class Cause(NamedTuple):
    """What may keep a station from sorting.

    Attributes:
        when: The condition.
        effect: `halts`: nothing is sorted and no gate moves, every item rides to the reject bin. `stops`: the same for
            every item that is not decided on yet; what was decided still gets its gate. `waits`: nothing moves, and
            goes on where it was. `blocks`: items for one bin are rejected. `warns`: sorting goes on.
        back: `by itself`: when the condition is over. `reset`: when it is over and somebody has pressed the reset
            button, or started the station anew.
        todo: What a person does about it, one sentence.
        over_s: It counts as over only after it has been gone for so long: what flickers is one change, not a hundred.
        lasts: Whether the condition can be seen to end. What cannot is over when somebody says so by a reset.
    """

    when: str
    effect: Literal["halts", "stops", "waits", "blocks", "warns"]
    back: Literal["by itself", "reset"]
    todo: str
    over_s: float = 0.0
    lasts: bool = True


# The worst first: of several the station is in the state of the first.
CAUSES: dict[CauseName, Cause] = {
    "emergency stop": Cause(
        "the input `inputs.emergency_stop` is active",
        "halts",
        "reset",
        "See why it was pressed, release it, then press reset.",
    ),
    "outputs lost": Cause(
        "the output process has ended or does not answer",
        "halts",
        "by itself",
        "Nothing; where it comes again and again, look at the reason and check the wiring.",
    ),
    "jam": Cause(
        "a photo-eye was covered for longer than `guard.jam_s` while the belt went",
        "halts",
        "reset",
        "Take away what is stuck before the eye, then press reset.",
    ),
    "speed doubtful": Cause(
        "for some seconds the pictures showed a speed farther than `belt.tolerance` from the one in use",
        "halts",
        "by itself",
        "Measure the belt's speed, and correct `belt.speed_mm_s` or `mm_per_count` of the encoder.",
        over_s=2.0,
    ),
    "encoder silent": Cause(
        "the input `inputs.belt_running` is active, and the encoder gives no counts for two seconds",
        "halts",
        "by itself",
        "Check the encoder's wheel and its cable.",
        over_s=1.0,
    ),
    "model missing": Cause(
        "`sortline run --wait`, and there is no bundle yet",
        "stops",
        "by itself",
        "Install a bundle.",
    ),
    "camera stale": Cause(
        "no fresh frame came for `guard.stale_after_s`",
        "stops",
        "by itself",
        "Check the camera's cable, unless frames come again.",
        over_s=1.0,
    ),
    "camera frozen": Cause(
        "the camera gave the very same picture several times in a row",
        "stops",
        "by itself",
        "Start the station anew; where it comes again, check the camera's cable and supply.",
        over_s=1.0,
    ),
    "board hot": Cause(
        "the board is hotter than `guard.hot_c`, and not yet below `guard.cool_c`",
        "stops",
        "by itself",
        "Give the board air; a hot one slows down, and its decisions come too late.",
    ),
    "PLC silent": Cause(
        "the PLC did not acknowledge several codes in a row",
        "stops",
        "by itself",
        "Check that the PLC runs and is wired; the first code it acknowledges ends the stop.",
    ),
    "belt stands": Cause(
        "the input `inputs.belt_running` is inactive",
        "waits",
        "by itself",
        "Nothing; items keep their places, and sorting goes on with the belt.",
    ),
    "actuator overdue": Cause(
        "a gate was switched for several items in a row, and the eye in its chute saw none of them",
        "blocks",
        "reset",
        "Check that gate's air, cable and eye, then press reset.",
        lasts=False,
    ),
    "bin full": Cause(
        "the input `full` of a bin is active",
        "blocks",
        "by itself",
        "Empty the bin.",
        over_s=1.0,
    ),
    "gate open": Cause(
        "the eye in a chute saw several things in a row that no gate was switched for",
        "warns",
        "reset",
        "Stop the belt; see whether that gate is stuck open, then press reset.",
        lasts=False,
    ),
    "eye and picture disagree": Cause(
        "the photo-eye at the entry and the camera do not see the same items",
        "warns",
        "by itself",
        "Clean both, and check `inputs.eye.distance_mm`.",
        over_s=10.0,
    ),
    "events not written": Cause(
        "the store of events cannot be written",
        "warns",
        "by itself",
        "Make room on the disk, or replace the card; until then what happens is not recorded.",
        over_s=10.0,
    ),
    "bundle refused": Cause(
        "another bundle was to be taken into use and cannot be; the station sorts by the one before",
        "warns",
        "by itself",
        "Look at the reason, and install a bundle for this station.",
    ),
}
_DOES = {"halts": "halted", "stops": "stopped", "waits": "waiting", "blocks": "blocked", "warns": "warning"}
_RANK = {name: rank for rank, name in enumerate(CAUSES)}


class Change(msgspec.Struct, frozen=True, kw_only=True, tag="state"):
    """A cause came or went.

    Attributes:
        at_ns: When.
        cause: Which.
        about: What of several things it is about: the bin, the eye; empty where there is only one.
        entered: Whether it came.
        reason: Why.
        lasted_ms: For how long it was there, once it went.
    """

    at_ns: int
    cause: CauseName
    about: str = ""
    entered: bool
    reason: str
    lasted_ms: float | None = None

    @property
    def halts(self) -> bool:
        """Whether everything that had not moved by now will not move any more."""
        return self.entered and CAUSES[self.cause].effect == "halts"


class Standing(NamedTuple):
    """A cause that is present, since when and why."""

    cause: CauseName
    about: str
    since_ns: int
    reason: str


@dataclass(slots=True)
class _Entry:
    since_ns: int
    reason: str
    gone_ns: int | None = None  # since when the condition is over, if it is
    gone_because: str = ""


class Interlocks:
    """Which causes are present. Each is told as often as one likes; only what is news gives a change."""

    def __init__(self) -> None:
        self._entries: dict[tuple[CauseName, str], _Entry] = {}

    @property
    def sorting(self) -> bool:
        """Whether nothing stops the station."""
        return not any(CAUSES[cause].effect in {"halts", "stops"} for cause, _ in self._entries)

    @property
    def blocked(self) -> frozenset[str]:
        """Names of the bins that take nothing."""
        return frozenset(about for cause, about in self._entries if CAUSES[cause].effect == "blocks")

    @property
    def present(self) -> list[Standing]:
        """Every cause that is present, the worst first."""
        return [Standing(*key, entry.since_ns, entry.reason) for key, entry in sorted(self._entries.items(), key=_rank)]

    def holds(self, cause: CauseName) -> bool:
        """Whether a cause is present, whatever it is about."""
        return any(present == cause for present, _ in self._entries)

    @property
    def state(self) -> str:
        """Name of the worst cause that is present, or "sorting"."""
        return min((cause for cause, _ in self._entries), key=_RANK.__getitem__, default="sorting")

    def tell(self, cause: CauseName, *, present: bool, now_ns: int, reason: str, about: str = "") -> Change | None:
        """Say whether a cause's condition is there.

        Args:
            cause: Its name.
            present: Whether the condition is there now. One that comes stays present until its way back.
            now_ns: When.
            reason: Why it is there, or why it is over, as people would say it.
            about: The bin or eye it is about; what blocks a bin needs the bin's name.

        Raises:
            ValueError: no reason, or a cause that blocks a bin and does not say which.
        """
        if not reason:
            raise ValueError(f"{cause!r} was told without a reason")
        if CAUSES[cause].effect == "blocks" and not about:
            raise ValueError(f"{cause!r} was told without the name of a bin")
        key = (cause, about)
        entry = self._entries.get(key)
        if present:
            if entry is not None:
                entry.gone_ns = None
                return None
            self._entries[key] = _Entry(now_ns, reason)
            return Change(at_ns=now_ns, cause=cause, about=about, entered=True, reason=reason)
        if entry is None:
            return None
        if entry.gone_ns is None:
            entry.gone_ns, entry.gone_because = now_ns, reason
        return self._leave(key, now_ns) if self._is_over(key, now_ns) else None

    def reset(self, now_ns: int) -> list[Change]:
        """Somebody has looked: what waits for that and is over goes. What is not over stays, and needs a new reset."""
        waiting = [key for key, entry in self._entries.items() if _is_reset_by_hand(key, entry)]
        return [self._leave(key, now_ns) for key in waiting]

    def tick(self, now_ns: int) -> list[Change]:
        """Let go what has been over for long enough."""
        return [self._leave(key, now_ns) for key in list(self._entries) if self._is_over(key, now_ns)]

    def _is_over(self, key: tuple[CauseName, str], now_ns: int) -> bool:
        cause, gone_ns = CAUSES[key[0]], self._entries[key].gone_ns
        return cause.back == "by itself" and gone_ns is not None and now_ns - gone_ns >= cause.over_s * 1e9

    def _leave(self, key: tuple[CauseName, str], now_ns: int) -> Change:
        entry = self._entries.pop(key)
        cause, about = key
        return Change(
            at_ns=now_ns,
            cause=cause,
            about=about,
            entered=False,
            reason=entry.gone_because if CAUSES[cause].back == "by itself" else "reset",
            lasted_ms=max(0, now_ns - entry.since_ns) / 1e6,
        )


def log_line(change: Change) -> str:
    """Say a change in one line, without line break."""
    cause = CAUSES[change.cause]
    what = f"{change.cause}, {change.about}" if change.about else change.cause
    reason = " ".join(change.reason.split())
    if not change.entered:
        return f"state: over after {(change.lasted_ms or 0) / 1000:.1f} s: {what} ({reason})"
    return f"state: {_DOES[cause.effect]}: {what} ({reason}). {cause.todo}"


def _rank(item: tuple[tuple[CauseName, str], _Entry]) -> tuple[int, str]:
    (cause, about), _ = item
    return _RANK[cause], about


def _is_reset_by_hand(key: tuple[CauseName, str], entry: _Entry) -> bool:
    cause = CAUSES[key[0]]
    return cause.back == "reset" and (entry.gone_ns is not None or not cause.lasts)
