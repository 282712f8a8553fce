"""What it costs to lift some containers on one day: the same solver for every policy, each set of places routed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
MOST_KNOWN_STOPS = 2_000_000
"""Of all tours that are remembered together: what was not asked for longest is forgotten first, so that memory stays flat."""
Places = frozenset[int]
StopKey = tuple[tuple[int, int], ...]
"""Place and number of lifts, in the order of places."""


@dataclass(frozen=True)
class Tour:
    """A day's driving.

    `cost` is of trucks, hours and kilometres, in currency; `left_out` are places for which no truck had time; `rounds` are the places of
    each truck, in order; `service_h` is the time at stops.
    """

    km: float = 0.0
    hours: float = 0.0
    truck_days: int = 0
    lifts: int = 0
    cost: float = 0.0
    left_out: Places = frozenset()
    rounds: tuple[tuple[int, ...], ...] = ()
    service_h: float = 0.0

    def longer(self, extra_h: float, per_h: float) -> Tour:
        """The same driving with more, or less, time at stops."""
        return replace(self, hours=self.hours + extra_h, service_h=self.service_h + extra_h, cost=self.cost + extra_h * per_h)


NOTHING = Tour()


@dataclass(eq=False)
class Tours:
    """The town's tours so far, by the containers that they lift."""

    town: Town
    seed: int = 1
    most_known_stops: int = MOST_KNOWN_STOPS
    _known: OrderedDict[StopKey, Tour] = field(default_factory=OrderedDict)
    _known_stops: int = 0

    def of(self, lifted: NDArray[np.bool_]) -> Tour:
        """The tour that lifts these containers (n,)."""
        places, counts = np.unique(self.town.place_of[lifted], return_counts=True)
        key = tuple(zip(places.tolist(), counts.tolist(), strict=True))
        tour = self._known.pop(key, None)
        if tour is None:
            tour = self._route(key) if key else NOTHING
            self._known_stops += len(key)
        self._known[key] = tour
        while self._known_stops > self.most_known_stops and len(self._known) > 1:
            self._known_stops -= len(self._known.popitem(last=False)[0])
        return tour

    def __len__(self) -> int:
        return len(self._known)

    def _route(self, stops: StopKey) -> Tour:
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
    rounds = tuple(tuple(int(visit.key) for visit in route.pickups) for route in plan.routes)
    served = [place for places in rounds for place in places]
    service_s = sum(town.work.stop_s + lifts_at[place] * town.work.lift_s for place in served)
    km = sum(route.distance_m for route in plan.routes) / 1_000
    hours = sum(route.end_s - route.start_s for route in plan.routes) / 3_600
    return Tour(
        km=km,
        hours=hours,
        truck_days=len(plan.routes),
        lifts=sum(count for place, count in lifts_at.items() if place not in left_out),
        cost=len(plan.routes) * town.costs.truck_day + hours * town.costs.per_h + km * town.costs.per_km,
        left_out=left_out,
        rounds=rounds,
        service_h=service_s / 3_600,
    )


def _units(amount: float) -> int:
    return round(amount * COST_UNITS_PER_CURRENCY)
