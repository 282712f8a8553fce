"""The best periodic plans: on which weekdays, or every how many days, each area is driven to; tuned on earlier weeks only.

For each price of a container-day in overflow, areas choose their patterns in turn until none finds better, beginning from the best
pattern that all share. What comes out for all prices is the arm: its points are mixed where a service level lies between two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.areas import Areas
from app.planning.twin.inflow import FULL, DailyInflow
from app.planning.twin.policies import Given
from app.planning.twin.replay import HAIR, Span

LONGEST_CYCLE_D = 14
ROUNDS = 10


@dataclass(frozen=True)
class Pattern:
    """Weekdays (Monday is 0), or every so many days from a day that is `phase` days after Monday, 1 January 1900."""

    weekdays: frozenset[int] = frozenset()
    every_d: int = 0
    phase: int = 0

    def on(self, day: date) -> bool:
        if self.every_d:
            return (day.toordinal() - date(1900, 1, 1).toordinal() - self.phase) % self.every_d == 0
        return day.weekday() in self.weekdays

    def number(self, day: date) -> int:
        """How many-th of its days this is."""
        days = day.toordinal() - date(1900, 1, 1).toordinal()
        if self.every_d:
            return (days - self.phase) // self.every_d
        return days // 7 * len(self.weekdays) + sum(one < day.weekday() for one in self.weekdays)

    def __str__(self) -> str:
        if self.every_d:
            return f"every {self.every_d} days"
        return " ".join(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")[day] for day in sorted(self.weekdays))


def all_patterns() -> list[Pattern]:
    weekly = [Pattern(frozenset(day for day in range(7) if mask >> day & 1)) for mask in range(1, 128)]
    cycles = [Pattern(every_d=every, phase=phase) for every in range(2, LONGEST_CYCLE_D + 1) if every != 7 for phase in range(every)]
    return weekly + cycles


@dataclass(frozen=True)
class FixedPlan:
    """A pattern for each area of the town."""

    patterns: tuple[Pattern, ...]

    def policy(self, areas: Areas) -> Given:
        def at(_: int, day: date) -> NDArray[np.bool_]:
            return areas.members(frozenset(area for area, pattern in enumerate(self.patterns) if pattern.on(day)))

        return Given(f"fixed: {' | '.join(map(str, self.patterns))}", at)


def best_fixed_plans(inflow: DailyInflow, areas: Areas, span: Span, prices: Sequence[float], figure: str = "km") -> list[FixedPlan]:
    """A plan for each price, the best on this span; plans that come out twice are one."""
    return list(priced_plans(inflow, areas, span, prices, figure))


def priced_plans(
    inflow: DailyInflow, areas: Areas, span: Span, prices: Sequence[float], figure: str = "km"
) -> dict[FixedPlan, list[float]]:
    """The best plans on this span, with the prices at which each is the best."""
    weeks = _Weeks(inflow, areas, span, figure)
    found: dict[FixedPlan, list[float]] = {}
    for price in prices:
        found.setdefault(weeks.best(price), []).append(price)
    return found


class _Weeks:
    """The weeks that plans are tuned on."""

    def __init__(self, inflow: DailyInflow, areas: Areas, span: Span, figure: str) -> None:
        self.areas, self.patterns = areas, all_patterns()
        days = [inflow.day(index) for index in range(span.first, span.last)]
        self.on = np.array([[pattern.on(day) for day in days] for pattern in self.patterns])
        added = inflow.added[span.first : span.last]
        # (K, patterns): container-days in overflow over the span
        self.overflow = np.array([overflow_by_container(added[:, areas.of == area], self.on).sum(axis=1) for area in range(areas.count)])
        self.tour = {some: float(getattr(areas.tour(some), figure)) for some in areas.sets()}

    def best(self, price: float) -> FixedPlan:
        shared = [self._driven([number] * self.areas.count) + price * self.overflow[:, number].sum() for number in range(len(self.on))]
        chosen = [int(np.argmin(shared))] * self.areas.count
        for _ in range(ROUNDS):
            before = list(chosen)
            for area in range(self.areas.count):
                chosen[area] = self._best_for(area, chosen, price)
            if chosen == before:
                break
        return FixedPlan(tuple(self.patterns[number] for number in chosen))

    def _best_for(self, area: int, chosen: Sequence[int], price: float) -> int:
        others = [a for a in range(self.areas.count) if a != area]
        cost = price * self.overflow[area]
        for choice in product((False, True), repeat=len(others)):
            some = frozenset(a for a, is_on in zip(others, choice, strict=True) if is_on)
            days = np.all([self.on[chosen[a]] == is_on for a, is_on in zip(others, choice, strict=True)], axis=0) if others else True
            cost = cost + (self.on & days).sum(axis=1) * (self.tour[some | {area}] - self.tour[some])
        return int(np.argmin(cost))

    def _driven(self, chosen: Sequence[int]) -> float:
        on = self.on[list(chosen)]
        sets, counts = np.unique(on, axis=1, return_counts=True)
        tours = (self.tour[frozenset(np.flatnonzero(some).tolist())] for some in sets.T)
        return float(sum(count * tour for count, tour in zip(counts.tolist(), tours, strict=True)))


def overflow_by_container(added: NDArray[np.float64], on: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Days in overflow of each container under each pattern (patterns, n), its days given as (patterns, days)."""
    fill = np.zeros((len(on), added.shape[1]))
    total = np.zeros_like(fill)
    for day, came in enumerate(added):
        fill = np.where(on[:, day, None], 0.0, fill) + came
        total += fill > FULL + HAIR
    return total
