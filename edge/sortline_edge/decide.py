"""From several looks at an item to one decision."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.manifest import Manifest
from sortline_bundle.scores import log_scores

Reason = Literal["sorted", "doubtful", "no bin", "too long", "never whole", "late"]


class Decision(msgspec.Struct, frozen=True, kw_only=True, tag="decision"):
    """What becomes of an item, once and for good.

    Attributes:
        item: Identity of the item.
        decided_ns: Time of the decision.
        seen_ns: Capture time of the first frame that showed it.
        middle_ns: When its middle passes the middle of the picture.
        looks: How many pictures of it were classified.
        class_name: Likeliest class; None when it could not be looked at.
        score: Calibrated score of that class, over all looks.
        bin: Name of the bin it is sent to.
        reason: `sorted`; or why it goes to the reject bin: its score is below the class's threshold, its class has no
            bin, it is longer than an item can be, it was never seen whole, or the decision came too late for its gate.
    """

    item: int
    decided_ns: int
    seen_ns: int
    middle_ns: int
    looks: int
    class_name: str | None
    score: float
    bin: str
    reason: Reason


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the looks say: the likeliest class, its score, and whether that reaches the class's threshold."""

    class_name: str
    score: float
    trusted: bool


def weigh(looks: Sequence[NDArray[np.float32]], manifest: Manifest) -> Verdict:
    """Combine the looks at one item.

    Scores are multiplied, that is log scores averaged, and normalised again: a look that is sure of something else
    counts for more than one that does not know.

    Args:
        looks: At least one, logits `(C,)` each.
        manifest: Of the bundle whose model looked.
    """
    together = log_scores(np.stack(looks), manifest.calibration.temperature).mean(axis=0)
    scores = np.exp(log_scores(together.astype(np.float32)))
    best = int(scores.argmax())
    spec = manifest.classes[best]
    return Verdict(class_name=spec.name, score=float(scores[best]), trusted=bool(scores[best] >= spec.threshold))
