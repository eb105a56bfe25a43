"""What is asked of thresholds, and what can be promised of them: values for manifest, table, JSON and picture.

How sure a promise is, is meant for each threshold by itself: of twenty at 95 %, one may be expected to fall short.
"""

from typing import Annotated, Literal

from msgspec import Meta

from sortline_bundle.strict import Table

Scope = Literal["class", "overall"]
Inside = Annotated[float, Meta(gt=0, lt=1)]


class Aim(Table, frozen=True, kw_only=True):
    """What is asked of the thresholds.

    Attributes:
        target_purity: Share of right ones, at least, among items sorted into a class's bin.
        confidence: How often at least that must hold over repeated calibrations.
        scope: Whether it must hold in each class's bin, or over all bins together.
        mix: Share of each class on the line, in the order of the classes; null: as in the calibration photographs.
    """

    target_purity: Inside
    confidence: Inside = 0.95
    scope: Scope = "class"
    mix: tuple[float, ...] | None = None


class Point(Table, frozen=True, kw_only=True):
    """What a threshold does.

    Attributes:
        threshold: Score from which an answer is accepted.
        accepted: Photographs it accepts.
        purity: Share of right answers among them, on the line.
        bound: One-sided lower confidence bound of that share, for this threshold alone. That of the chosen threshold
            reaches the target, which is what is promised.
        recovery: Share of the photographs (of the class, or all) that are accepted and right; null without any.
    """

    threshold: float
    accepted: int
    purity: float
    bound: float
    recovery: float | None


class Lacking(Table, frozen=True, kw_only=True):
    """Why no threshold can be promised, and what it would take.

    Attributes:
        reason: In words, the figures below included.
        fewest_accepted: Accepted answers that the promise takes without any mistake; null where it can never be made.
        needed_accepted: The same with as many mistakes as the surest answers have; null where no number is enough.
        needed_photographs: About how many calibration photographs (of the class, or in all) give that many.
    """

    reason: str
    fewest_accepted: int | None = None
    needed_accepted: int | None = None
    needed_photographs: int | None = None


class Solved(Table, frozen=True, kw_only=True):
    """The threshold of one class, or of all.

    Attributes:
        class_name: Of the class; null: one threshold for all.
        photographs: Calibration photographs of the class, or all, as far as they stand for the line.
        answers: Times the class was answered, or any, likewise.
        chosen: The lowest threshold that can be promised and what it does; null where there is none.
        lacking: Why there is none; null where there is one.
        curve: What every threshold does, from the strictest to none at all.
    """

    class_name: str | None
    photographs: int
    answers: int
    chosen: Point | None
    lacking: Lacking | None
    curve: tuple[Point, ...]


class Thresholds(Table, frozen=True, kw_only=True):
    """All of it: what was asked, and the threshold of each class, or the one for all."""

    aim: Aim
    solved: tuple[Solved, ...]

    def of(self, class_name: str) -> Solved:
        """What holds for answers of this class."""
        return next(one for one in self.solved if one.class_name in {class_name, None})
