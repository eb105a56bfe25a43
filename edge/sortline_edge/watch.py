"""Small watches: from single readings to whether a cause's condition is there."""

# An item may fall off the belt or slip past an eye. Where one in twenty does, three in a row are one in eight thousand.
IN_A_ROW = 3


class Lasting:
    """Something that counts only once it has been there for so long without a break: a covered eye, a wrong speed."""

    def __init__(self, for_s: float) -> None:
        self._for_ns = for_s * 1e9
        self._since_ns: int | None = None

    def see(self, *, present: bool, at_ns: int) -> None:
        """Whether it is there from `at_ns` on."""
        if not present:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = at_ns

    def lasts(self, now_ns: int) -> bool:
        """Whether it has been there for longer than that."""
        return self._since_ns is not None and now_ns - self._since_ns > self._for_ns


class InARow:
    """Counts, for each bin by itself, what went wrong with it time after time."""

    def __init__(self, limit: int = IN_A_ROW) -> None:
        self._limit = limit
        self._bad: dict[str, int] = {}

    def add(self, bin_name: str, *, good: bool) -> bool:
        """It went right or wrong once more. True when it was the last of too many; the count begins anew then."""
        bad = 0 if good else self._bad.get(bin_name, 0) + 1
        self._bad[bin_name] = bad % self._limit
        return bad == self._limit


class Silence:
    """Counts the codes in a row that the PLC did not acknowledge in time."""

    def __init__(self, in_a_row: int = IN_A_ROW) -> None:
        self._limit = in_a_row
        self._unanswered = 0

    def answered(self, *, in_time: bool) -> bool:
        """A code was answered or was not. True while the last ones were all left unanswered."""
        self._unanswered = 0 if in_time else self._unanswered + 1
        return self._unanswered >= self._limit


class Heat:
    """Hot above one temperature, and from then on until below the other."""

    def __init__(self, hot_c: float, cool_c: float) -> None:
        self._hot_c, self._cool_c = hot_c, cool_c
        self._hot = False

    def read(self, temperature_c: float | None) -> bool:
        """Take a reading; True while hot. One that cannot be taken, None, changes nothing."""
        if temperature_c is not None:
            self._hot = temperature_c >= self._cool_c if self._hot else temperature_c > self._hot_c
        return self._hot
