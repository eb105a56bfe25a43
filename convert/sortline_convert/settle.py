"""From what is asked of the thresholds to the thresholds that ship."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import NotPromised
from sortline_bundle.manifest import ClassSpec
from sortline_convert.promises import Aim, Thresholds
from sortline_convert.thresholds import Answered, solve_thresholds


class Settled(NamedTuple):
    """The thresholds that ship.

    Attributes:
        specs: In the order of the outputs.
        solved: What was asked for and found; None where thresholds were given by hand.
        lacking: A sentence for each threshold that could not be promised.
    """

    specs: tuple[ClassSpec, ...]
    solved: Thresholds | None
    lacking: tuple[str, ...]

    def refuse_unpromised(self, *, must: bool) -> None:
        """With `must`, raise NotPromised where anything is lacking, saying for each class what it would take."""
        if must and self.lacking and self.solved:
            aim = self.solved.aim
            raise NotPromised(
                f"a purity of {aim.target_purity:g} at {aim.confidence:g} confidence: {'; '.join(self.lacking)}."
                " Add photographs, lower --target-purity, or ship without the promise by --unproven"
            )

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """`(C,)`."""
        return np.array([spec.threshold for spec in self.specs])


def by_hand(threshold: float, class_names: Sequence[str]) -> Settled:
    """The same threshold for every class, and no promise."""
    return Settled(tuple(ClassSpec(name=name, threshold=threshold) for name in class_names), None, ())


def settle(answered: Answered, aim: Aim) -> Settled:
    """Solve the thresholds; where none can be promised, take the one at which the scores themselves expect the purity.

    Of a class that never comes on the line nothing is accepted, and nothing needs to be promised.

    Args:
        answered: Calibration photographs by the file that ships.
        aim: What is asked.
    """
    solved = solve_thresholds(answered, aim)
    lacking = tuple(
        f"{one.class_name or 'all classes'}: {one.lacking.reason}"
        for one in solved.solved
        if one.lacking and not _never(one.class_name, answered.class_names, aim)
    )
    return Settled(tuple(_spec(answered, nth, solved) for nth in range(len(answered.class_names))), solved, lacking)


def _spec(answered: Answered, nth: int, solved: Thresholds) -> ClassSpec:
    name, aim = answered.class_names[nth], solved.aim
    chosen = solved.of(name).chosen
    if chosen is not None and aim.scope == "class":
        return ClassSpec(
            name=name, threshold=chosen.threshold, target_purity=aim.target_purity, purity_bound=chosen.bound
        )
    if chosen is not None:  # the promise is of all bins together, not of this one
        return ClassSpec(name=name, threshold=chosen.threshold)
    if _never(name, answered.class_names, aim):
        return ClassSpec(name=name, threshold=1.0)
    given = answered.scores.argmax(axis=1) == nth
    return ClassSpec(name=name, threshold=_expected(answered.scores[given, nth], aim.target_purity))


def _never(class_name: str | None, class_names: Sequence[str], aim: Aim) -> bool:
    return class_name is not None and aim.mix is not None and aim.mix[class_names.index(class_name)] == 0


def _expected(scores: NDArray[np.float64], target: float) -> float:
    """The lowest score at which the mean of all from there on is the target; the target itself where none is."""
    ranked = np.sort(scores)[::-1]
    means = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    enough = np.flatnonzero(means >= target)
    return float(min(ranked[enough[-1]], target)) if len(enough) else target
