"""What is known of an item when all is over: one line of the station's books."""

from typing import Literal

import msgspec

Outcome = Literal["binned", "rejected", "missed"]


class Record(msgspec.Struct, frozen=True, kw_only=True, tag="record"):
    """One item, from the first frame that showed it to the gate. Each item gives exactly one.

    Attributes:
        item: Its identity in this run of the station.
        seen_ns: Capture time of the first frame that showed it (or of the photo-eye), on the station's clock.
        decided_ns: Time of the decision.
        closed_ns: When nothing more could come.
        looks: How many pictures of it were classified.
        scores: Calibrated score of each class over all looks, in the bundle's order; empty without looks.
        class_name: Likeliest class; None when it could not be looked at.
        bin: Where it was meant to go; the reject bin's name for what was rejected.
        outcome: `binned`: its gate was switched for it. `rejected`: it was left to ride to the belt's end on purpose.
            `missed`: its gate should have been switched and was not.
        cause: Why it was rejected or missed, in a word or two; "sorted" for what was binned.
        late_ms: How much after its time its output was switched; None when none was.
        confirmed: Whether the eye in its chute saw it arrive; None where there is none, or nothing was to arrive.
        bundle: Digest of the bundle that looked at it, the first twelve digits.
    """

    item: int
    seen_ns: int
    decided_ns: int
    closed_ns: int
    looks: int
    scores: tuple[float, ...]
    class_name: str | None
    bin: str
    outcome: Outcome
    cause: str
    late_ms: float | None
    confirmed: bool | None
    bundle: str
