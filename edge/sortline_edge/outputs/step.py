"""What the pure parts of the output process hand to their owner."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sortline_edge.ports import Report


class Step(NamedTuple):
    """What is to be done now: the lines to set, and what to say once they are set."""

    levels: Mapping[int, bool] = MappingProxyType({})
    reports: tuple[Report, ...] = ()

    def then(self, later: "Step") -> "Step":
        """Both as one; of a line that both set, `later` has the last word."""
        return Step({**self.levels, **later.levels}, (*self.reports, *later.reports))


NOTHING = Step()
