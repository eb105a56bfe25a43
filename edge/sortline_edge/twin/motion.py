"""The truth about the belt: how far it has gone at any time. The station sees only what its sensors tell of it."""

import math
from bisect import bisect_right
from collections.abc import Iterable

import numpy as np

from sortline_edge.twin.faults import RESET_AFTER_NS, Faults, Window

# The speed wanders in three waves, none a multiple of another: periods in seconds and shares of the whole.
_WAVES = ((7.3, 0.5), (2.9, 0.3), (1.1, 0.2))
_NEAR_S = 1e-11


class Motion:
    """The belt's way in mm since it started; it never goes back."""

    def __init__(
        self,
        speed_mm_s: float,
        start_ns: int = 0,
        *,
        jitter: float = 0.0,
        seed: int = 0,
        factors: Iterable[Window] = (),
    ) -> None:
        """Say how the belt goes.

        Args:
            speed_mm_s: Its mean speed.
            start_ns: When it starts; before it stands.
            jitter: How far the speed wanders from the mean, as a share below 1.
            seed: Of the wandering.
            factors: From when to when the speed is `amount` times what it would be; 0: the belt stands. Where several
                meet they are multiplied.
        """
        factors = tuple(factors)
        phases = np.random.default_rng((seed, 6)).uniform(0, 2 * math.pi, len(_WAVES))
        self.start_ns = start_ns
        self._speed = speed_mm_s
        self._waves = [
            (jitter * share * period_s / (2 * math.pi), 2 * math.pi / period_s, float(phase))
            for (period_s, share), phase in zip(_WAVES, phases, strict=True)
            if jitter
        ]
        self._slack_s = 2 * sum(height for height, _, _ in self._waves)
        bounds = {bound for window in factors for bound in window[:2] if bound > start_ns}
        self._times_s = [(bound - start_ns) / 1e9 for bound in (start_ns, *sorted(bounds))]
        self._factors = [
            math.prod(window.amount for window in factors if window.begin_ns <= bound < window.end_ns)
            for bound in (start_ns, *sorted(bounds))
        ]
        self._ways = [0.0]
        for nth, end_s in enumerate(self._times_s[1:]):
            self._ways.append(self._ways[-1] + self._gone_mm(nth, end_s))

    def way_mm(self, at_ns: int) -> float:
        """How far the belt has gone at a time."""
        at_s = max(0, at_ns - self.start_ns) / 1e9
        nth = bisect_right(self._times_s, at_s) - 1
        return self._ways[nth] + self._gone_mm(nth, at_s)

    def when_ns(self, way_mm: float) -> int:
        """When the belt has first gone so far; its start for what is behind it."""
        if way_mm <= 0:
            return self.start_ns
        # Of several moments with this way, because the belt stood, the first: a stretch that ends there.
        nth = bisect_right(self._ways, way_mm) - 1
        while self._ways[nth] == way_mm or not self._factors[nth]:
            nth -= 1
        left_mm = way_mm - self._ways[nth]
        goal_s = self._even_s(self._times_s[nth]) + left_mm / (self._speed * self._factors[nth])
        return self.start_ns + round(1e9 * self._uneven_s(goal_s))

    def speed_mm_s(self, at_ns: int) -> float:
        """How fast the belt goes at a time."""
        at_s = (at_ns - self.start_ns) / 1e9
        if at_s < 0:
            return 0.0
        nth = bisect_right(self._times_s, at_s) - 1
        return self._speed * self._factors[nth] * self._pace(at_s)

    def stands(self) -> list[tuple[int, int]]:
        """From when to when the belt stands after its start."""
        ends_s = [*self._times_s[1:], math.inf]
        found: list[tuple[int, int]] = []
        for begin_s, end_s, factor in zip(self._times_s, ends_s, self._factors, strict=True):
            if not factor:
                begin_ns, end_ns = (self.start_ns + round(1e9 * time_s) for time_s in (begin_s, end_s))
                if found and found[-1][1] == begin_ns:
                    begin_ns = found.pop()[0]
                found.append((begin_ns, end_ns))
        return found

    def _gone_mm(self, nth: int, until_s: float) -> float:
        begin_s = self._times_s[nth]
        return self._speed * self._factors[nth] * (self._even_s(until_s) - self._even_s(begin_s))

    def _even_s(self, at_s: float) -> float:
        """How long an even belt would have needed for the way of this one: the integral of `_pace`."""
        drift = sum(height * (math.cos(phase) - math.cos(wave * at_s + phase)) for height, wave, phase in self._waves)
        return at_s + drift

    def _pace(self, at_s: float) -> float:
        return 1 + sum(height * wave * math.sin(wave * at_s + phase) for height, wave, phase in self._waves)

    def _uneven_s(self, even_s: float) -> float:
        """The inverse of `_even_s`: Newton's steps, halving where one would leave the bracket."""
        low, high, guess = even_s - self._slack_s, even_s + self._slack_s, even_s
        while self._waves and high - low > _NEAR_S:
            wrong_s = self._even_s(guess) - even_s
            low, high = (low, guess) if wrong_s > 0 else (guess, high)
            step = guess - wrong_s / self._pace(guess)
            if abs(step - guess) < _NEAR_S:
                return step
            guess = step if low < step < high else (low + high) / 2
        return guess


def belt_factors(faults: Faults) -> list[Window]:
    """What faults do to the belt's speed."""
    stands = [*faults.windows("belt-stands"), *faults.windows("belt-stands-unseen")]
    return [
        *(Window(begin_ns, end_ns, 0.0) for begin_ns, end_ns, _ in stands),
        *(Window(begin_ns, end_ns + RESET_AFTER_NS, 0.0) for begin_ns, end_ns, _ in faults.windows("emergency-stop")),
        *(Window(begin_ns, end_ns, 1 - amount) for begin_ns, end_ns, amount in faults.windows("belt-slips")),
        *(Window(begin_ns, end_ns, 1 + amount) for begin_ns, end_ns, amount in faults.windows("belt-fast")),
    ]
