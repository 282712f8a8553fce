"""Who knows the future: the cheapest days to drive to each area, given all that will come. A reference, no bound.

One area's days, all others' given, are a shortest path: from lift to lift, each arc with the overflow between two lifts, each lift with
what the area adds to that day's tour. Areas take their turns until none finds better, from several beginnings.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.areas import Areas
from app.planning.twin.inflow import FULL, DailyInflow
from app.planning.twin.policies import Given
from app.planning.twin.replay import HAIR, Span

LONGEST_D = 60
"""Between two lifts of an area."""
ROUNDS = 20


def clairvoyant(inflow: DailyInflow, areas: Areas, span: Span, price: float, figure: str = "km") -> Given:
    """The policy that lifts whole areas on the best days it found, a container-day in overflow costing `price`."""
    plan = _Plan(inflow.added[span.first : span.last], areas, price, figure)
    beginnings = [np.zeros((plan.days, areas.count), np.bool_), np.ones((plan.days, areas.count), np.bool_)]
    best = min((plan.improved(begin) for begin in beginnings), key=plan.cost)

    def at(index: int, _: date) -> NDArray[np.bool_]:
        return areas.members(frozenset(np.flatnonzero(best[index - span.first]).tolist()))

    return Given(f"clairvoyant, overflow at {price:g}", at)


class _Plan:
    """A span's days, and what lifts on them would cost."""

    def __init__(self, added: NDArray[np.float64], areas: Areas, price: float, figure: str) -> None:
        self.areas, self.days = areas, len(added)
        self.tour = {some: float(getattr(areas.tour(some), figure)) for some in areas.sets()}
        self.waiting = [price * overflow_after_lift(added[:, areas.of == area]) for area in range(areas.count)]

    def improved(self, visits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Each area in turn, until nothing changes."""
        for _ in range(ROUNDS):
            before = visits
            for area in range(self.areas.count):
                visits = visits.copy()
                visits[:, area] = self._best_days(visits, area)
            if (visits == before).all():
                break
        return visits

    def cost(self, visits: NDArray[np.bool_]) -> float:
        driven = sum(self.tour[frozenset(np.flatnonzero(day).tolist())] for day in visits)
        return driven + sum(self._overflow(visits[:, area], area) for area in range(self.areas.count))

    def _overflow(self, days: NDArray[np.bool_], area: int) -> float:
        lifts = [0, *np.flatnonzero(days).tolist(), self.days]
        return sum(float(self.waiting[area][i, j - i]) for i, j in pairwise(lifts) if j > i)

    def _best_days(self, visits: NDArray[np.bool_], area: int) -> NDArray[np.bool_]:
        others = [frozenset(np.flatnonzero(day).tolist()) - {area} for day in visits]
        adds = np.array([self.tour[some | {area}] - self.tour[some] for some in others])
        waiting, last = self.waiting[area], self.days
        # cost_from[i]: from a lift on the morning of day i on; the span begins with empty containers, as if lifted on day 0
        cost_from, then = np.zeros(last + 1), np.full(last + 1, last)
        for day in range(last - 1, -1, -1):
            reach = np.arange(day + 1, min(day + LONGEST_D, last) + 1)
            options = waiting[day, reach - day] + np.where(reach < last, np.append(adds, 0.0)[reach], 0.0) + cost_from[reach]
            then[day] = reach[np.argmin(options)]
            cost_from[day] = options.min()
        chosen, day = np.zeros(last, np.bool_), int(then[0])
        while day < last:
            chosen[day] = True
            day = int(then[day])
        return chosen


def overflow_after_lift(added: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (days, LONGEST_D + 1): container-days in overflow within the first k days after a lift on the morning of day i.

    Days that reach past the span's end count as long as there are some.
    """
    days = len(added)
    out = np.zeros((days, LONGEST_D + 1))
    for day in range(days):
        fill = np.cumsum(added[day : day + LONGEST_D], axis=0)
        over = np.cumsum((fill > FULL + HAIR).sum(axis=1))
        out[day, 1 : len(over) + 1] = over
        out[day, len(over) + 1 :] = over[-1]
    return out
