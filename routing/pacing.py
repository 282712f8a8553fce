"""Driving through a day whose traffic changes: when a leg that is left now arrives, and when to leave in order to arrive in time."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import lcm

from routing.travel import Pace


class Pacing:
    """How far a truck gets through the matrix's seconds as the clock's pass, in exact integers.

    Between changes of pace the way covered grows evenly with time, by 1,000 / `per_mille` seconds of the matrix a second. Counted in
    parts that all these rates are multiples of, the way covered since second 0 is an integer at each second; a leg is then a
    difference of ways, and both directions look up when it is reached [1]_.

    References
    ----------
    .. [1] Ichoua, Gendreau, Potvin (2003). Vehicle dispatching with time-dependent travel times.
    """

    def __init__(self, paces: tuple[Pace, ...]) -> None:
        self._unit = lcm(*(pace.per_mille for pace in paces))
        starts_at_once = bool(paces) and paces[0].from_s == 0
        known = [(pace.from_s, 1_000 * self._unit // pace.per_mille) for pace in paces]
        spans = known if starts_at_once else [(0, self._unit), *known]
        self._from_s = [from_s for from_s, _ in spans]
        self._rates = [rate for _, rate in spans]
        self._marks = [0]
        for (begin_s, rate), (end_s, _) in pairwise(spans):
            self._marks.append(self._marks[-1] + (end_s - begin_s) * rate)

    def arrive_s(self, leave_s: int, drive_s: int) -> int:
        """The first second by which a leg of `drive_s` in the matrix, left at `leave_s`, is driven."""
        goal = self._covered(leave_s) + drive_s * self._unit
        span = bisect_right(self._marks, goal) - 1
        return self._from_s[span] - (self._marks[span] - goal) // self._rates[span]

    def leave_s(self, arrive_s: int, drive_s: int) -> int:
        """The last second at which the leg can be left so as to arrive by `arrive_s`; below 0 where not even second 0 is early enough."""
        goal = self._covered(arrive_s) - drive_s * self._unit
        span = max(0, bisect_right(self._marks, goal) - 1)
        return self._from_s[span] + (goal - self._marks[span]) // self._rates[span]

    def _covered(self, at_s: int) -> int:
        span = max(0, bisect_right(self._from_s, at_s) - 1)
        return self._marks[span] + (at_s - self._from_s[span]) * self._rates[span]
