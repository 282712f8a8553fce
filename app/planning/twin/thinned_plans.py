"""Fixed plans container by container: a place need not be halted at whenever its area is driven to.

Each place takes the thinning of its area's days that costs least on the earlier weeks: some of the weekdays, or every second, third or
fourth visit. What a halt costs is estimated by the shortest detour and the time of its lifts. The plan by area stays in the arm beside the
thinned ones, and the curve takes the better: the fixed arm is favoured by being allowed to choose in hindsight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.areas import Areas
from app.planning.twin.fixed_plans import FixedPlan, Pattern, overflow_by_container, priced_plans
from app.planning.twin.inflow import DailyInflow
from app.planning.twin.policies import Given, Policy
from app.planning.twin.replay import Span
from app.planning.twin.town import Town

MOST_PLACES = 400
"""In larger towns plans stay by area: each thinning makes tours of its own, and large ones take long to route."""
NEAREST = 3


@dataclass(frozen=True)
class Thinning:
    """Of a pattern's days every so many-th one."""

    pattern: Pattern
    every: int = 1
    phase: int = 0

    def on(self, day: date) -> bool:
        return self.pattern.on(day) and self.pattern.number(day) % self.every == self.phase


@dataclass(frozen=True)
class ThinnedPlan:
    """A plan by area, and what each place takes of its area's days."""

    plan: FixedPlan
    places: tuple[Thinning, ...]

    @property
    def is_thinned(self) -> bool:
        return any(thinning not in map(Thinning, self.plan.patterns) for thinning in self.places)

    def policy(self, town: Town) -> Given:
        kinds = list(dict.fromkeys(self.places))
        kind_of = np.array([kinds.index(thinning) for thinning in self.places])[town.place_of]

        def at(_: int, day: date) -> NDArray[np.bool_]:
            return np.asarray(np.array([kind.on(day) for kind in kinds])[kind_of], np.bool_)

        thinned = sum(thinning not in map(Thinning, self.plan.patterns) for thinning in self.places)
        note = f" ({thinned} of {len(self.places)} places less often)" if thinned else ""
        return Given(f"fixed: {' | '.join(map(str, self.plan.patterns))}{note}", at)


def best_thinned_plans(inflow: DailyInflow, areas: Areas, span: Span, prices: Sequence[float], figure: str = "km") -> Iterator[Policy]:
    """The best plan by area for each price, then thinned where that saves more than the overflow costs; all tuned on this span."""
    town = areas.tours.town
    for plan, at_prices in priced_plans(inflow, areas, span, prices, figure).items():
        yield plan.policy(areas)
        if town.yard <= MOST_PLACES:
            thinned = (thinned_plan(inflow, areas, span, plan, price, figure) for price in at_prices)
            yield from (one.policy(town) for one in dict.fromkeys(thinned) if one.is_thinned)


def thinned_plan(inflow: DailyInflow, areas: Areas, span: Span, plan: FixedPlan, price: float, figure: str = "km") -> ThinnedPlan:
    """Each place's thinning, as estimated."""
    town = areas.tours.town
    added = inflow.added[span.first : span.last]
    days = [inflow.day(index) for index in range(span.first, span.last)]
    halts = halt_figures(town, figure)
    chosen: list[Thinning] = [Thinning(plan.patterns[0])] * town.yard
    for area, pattern in enumerate(plan.patterns):
        options = thinnings(pattern)
        on = np.array([[option.on(day) for day in days] for option in options])
        members = np.flatnonzero(areas.of == area)
        overflow = overflow_by_container(added[:, members], on)
        for place in np.unique(town.place_of[members]).tolist():
            cost = price * overflow[:, town.place_of[members] == place].sum(axis=1) + on.sum(axis=1) * halts[place]
            chosen[place] = options[int(np.argmin(cost))]
    return ThinnedPlan(plan, tuple(chosen))


def thinnings(pattern: Pattern) -> list[Thinning]:
    """What a place may take of its area's days: all, some weekdays, or every second to fourth visit."""
    days = sorted(pattern.weekdays)
    some = [Thinning(Pattern(frozenset(part))) for size in range(1, len(days)) for part in combinations(days, size)]
    rarer = [Thinning(pattern, every, phase) for every in (2, 3, 4) for phase in range(every)]
    return [Thinning(pattern), *some, *rarer]


def halt_figures(town: Town, figure: str) -> NDArray[np.float64]:
    """What halting at each place adds to a round that passes near it (places,)."""
    lifts = np.bincount(town.place_of, minlength=town.yard)
    km = np.array([_detour_m(town.distance_m[:-1, :-1], place) for place in range(town.yard)]) / 1_000
    if figure == "km":
        return km
    hours = km / town.work.speed_kmh + (town.work.stop_s + lifts * town.work.lift_s) / 3_600
    return np.asarray(km * town.costs.per_km + hours * town.costs.per_h)


def _detour_m(metres: NDArray[np.int64], place: int) -> float:
    """The shortest way round by this place between two of those nearest to it."""
    near = [other for other in np.argsort(metres[place]).tolist() if other != place][:NEAREST]
    around = [metres[a, place] + metres[place, b] - metres[a, b] for a, b in combinations(near, 2)]
    return float(max(0, min(around))) if around else 0.0
