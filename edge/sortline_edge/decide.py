"""From several looks at an item to one decision."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sortline_bundle.manifest import Manifest
from sortline_bundle.preprocess import Box
from sortline_bundle.scores import log_scores

# A class that is not even likelier than all others together is a guess among known things: the item is unknown.
_KNOWN = 0.5
# Two looks that are each so sure, of different classes, have not seen the same thing.
_SURE = 0.9


class Decision(msgspec.Struct, frozen=True, kw_only=True, tag="decision"):
    """What becomes of an item, once and for good.

    Attributes:
        item: Identity of the item.
        decided_ns: Time of the decision.
        seen_ns: Capture time of the first frame that showed it.
        way_mm: How far the belt has gone when its middle passes the middle of the picture.
        at_ns: Capture time of the newest frame that showed it.
        box: Where it was in that frame, in pixels, as left, top, right, bottom. It may reach out of the picture.
        looks: How many pictures of it were classified.
        scores: Calibrated score of each class over all looks, in the bundle's order; empty without looks.
        class_name: Likeliest class; None when it could not be looked at.
        score: Calibrated score of that class, over all looks.
        bin: Name of the bin it is sent to.
        reason: `sorted`; or why it goes to the reject bin: a doubt of its `Verdict`; `several`, `too long` or `never
            whole`; `no bin`, `bin closed` or `late`; or the name of the state that the station is in.
        bundle: First twelve digits of the digest of the bundle that looked at it.
    """

    item: int
    decided_ns: int
    seen_ns: int
    way_mm: float
    at_ns: int
    box: Box
    looks: int
    scores: tuple[float, ...]
    class_name: str | None
    score: float
    bin: str
    reason: str
    bundle: str


Doubt = Literal["doubtful", "unknown", "mixed"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the looks say.

    Attributes:
        class_name: The likeliest class.
        score: Its calibrated score.
        scores: Of all classes, in the bundle's order.
        doubt: None: the score reaches the class's threshold. `unknown`: no class is likelier than not. `mixed`: two
            looks were each sure, of different classes: there are two items, or one that shows two faces. `doubtful`:
            the threshold is not reached.
    """

    class_name: str
    score: float
    scores: tuple[float, ...]
    doubt: Doubt | None


def weigh(looks: Sequence[NDArray[np.float32]], manifest: Manifest) -> Verdict:
    """Combine the looks at one item.

    Scores are multiplied, that is log scores averaged, and normalised again: a look that is sure of something else
    counts for more than one that does not know.

    Args:
        looks: At least one, logits `(C,)` each.
        manifest: Of the bundle whose model looked.
    """
    each = log_scores(np.stack(looks), manifest.calibration.temperature)
    scores = np.exp(each[0] if len(looks) == 1 else log_scores(each.mean(axis=0).astype(np.float32)))
    best = int(scores.argmax())
    if len(looks) > 1 and len(_sure(each, manifest)) > 1:
        doubt: Doubt | None = "mixed"
    elif scores[best] >= manifest.classes[best].threshold:
        doubt = None
    else:
        doubt = "doubtful" if scores[best] >= _KNOWN else "unknown"
    return Verdict(
        class_name=manifest.classes[best].name,
        score=float(scores[best]),
        scores=tuple(scores.tolist()),
        doubt=doubt,
    )


def _sure(each: NDArray[np.float64], manifest: Manifest) -> set[int]:
    """The classes that any of the looks, log scores `(n, C)`, is sure of."""
    best = each.argmax(axis=1).tolist()
    scores = np.exp(each.max(axis=1)).tolist()
    return {
        nth for nth, score in zip(best, scores, strict=True) if score >= max(_SURE, manifest.classes[nth].threshold)
    }
