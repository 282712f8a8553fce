"""What it costs to lift some containers on one day: the same solver for every policy, each set of places routed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.town import Town
from routing.places import DEFAULT_CLASS
from routing.plan import Plan
from routing.problem import COST_UNITS_PER_CURRENCY, Facility, Problem, Stop, Travel, Vehicle, Window
from routing.solve import solve
from routing.stopping import MaxIterations

SEARCH_ITERATIONS = 60
START_S = 6 * 3_600
MOST_TRUCKS = 40
Places = frozenset[int]


@dataclass(frozen=True)
class Tour:
    """A day's driving. `cost` is of trucks, hours and kilometres, in currency; `left_out` are places for which no truck had time."""

    km: float = 0.0
    hours: float = 0.0
    truck_days: int = 0
    lifts: int = 0
    cost: float = 0.0
    left_out: Places = frozenset()


NOTHING = Tour()


@dataclass(eq=False)
class Tours:
    """The town's tours so far, by the containers that they lift."""

    town: Town
    seed: int = 1
    _known: dict[tuple[tuple[int, int], ...], Tour] = field(default_factory=dict)

    def of(self, lifted: NDArray[np.bool_]) -> Tour:
        """The tour that lifts these containers (n,)."""
        places, counts = np.unique(self.town.place_of[lifted], return_counts=True)
        key = tuple(zip(places.tolist(), counts.tolist(), strict=True))
        if key not in self._known:
            self._known[key] = self._route(key) if key else NOTHING
        return self._known[key]

    def __len__(self) -> int:
        return len(self._known)

    def _route(self, stops: tuple[tuple[int, int], ...]) -> Tour:
        plan = solve(problem_of(self.town, stops), stop=MaxIterations(SEARCH_ITERATIONS), seed=self.seed)
        return _told(self.town, plan, dict(stops))


def problem_of(town: Town, stops: Sequence[tuple[int, int]]) -> Problem:
    """The round that lifts so many containers at each place; the waste is unloaded in the yard. A stop is named by its place."""
    work = town.work
    where = [*(place for place, _ in stops), town.yard]
    yard = len(stops)
    metres = town.distance_m[np.ix_(where, where)]
    seconds = np.rint(metres * 3.6 / work.speed_kmh).astype(np.int64)
    lifts = sum(count for _, count in stops)
    trucks = min(MOST_TRUCKS, 2 + 2 * lifts // work.lifts_a_trip)
    return Problem(
        dimensions=("lifts",),
        stops=tuple(
            Stop(key=str(place), location=i, load=(count,), lifts=count, service_s=work.stop_s + count * work.lift_s)
            for i, (place, count) in enumerate(stops)
        ),
        facilities=(Facility(key="yard", location=yard, accepts=frozenset({DEFAULT_CLASS}), turnaround_s=work.unload_s),),
        vehicles=tuple(_truck(town, number, yard) for number in range(1, trucks + 1)),
        travel=(Travel(seconds, metres),),
    )


def _truck(town: Town, number: int, yard: int) -> Vehicle:
    work, costs = town.work, town.costs
    return Vehicle(
        key=f"truck {number}",
        start_location=yard,
        end_location=yard,
        capacity=(work.lifts_a_trip,),
        shift=Window(START_S, START_S + work.shift_s),
        fixed_cost=_units(costs.truck_day),
        cost_per_s=_units(costs.per_h / 3_600),
        cost_per_m=_units(costs.per_km / 1_000),
    )


def _told(town: Town, plan: Plan, lifts_at: Mapping[int, int]) -> Tour:
    left_out = frozenset(int(one.stop) for one in plan.unserved)
    km = sum(route.distance_m for route in plan.routes) / 1_000
    hours = sum(route.end_s - route.start_s for route in plan.routes) / 3_600
    return Tour(
        km=km,
        hours=hours,
        truck_days=len(plan.routes),
        lifts=sum(count for place, count in lifts_at.items() if place not in left_out),
        cost=len(plan.routes) * town.costs.truck_day + hours * town.costs.per_h + km * town.costs.per_km,
        left_out=left_out,
    )


def _units(amount: float) -> int:
    return round(amount * COST_UNITS_PER_CURRENCY)
