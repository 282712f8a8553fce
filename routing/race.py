"""Many short searches from nothing on different fleets, of which ever fewer go on: small rounds with unequal trucks.

Which trucks leave at all decides more than the order of stops, and no local search changes it easily: giving up a truck moves fifty
stops at once. So fleets are drawn, each is searched for a moment, and the time goes to those that do well [1]_. A draw changes the
fleet of one of the best so far by a truck more, less or other.

References
----------
.. [1] Jamieson, Talwalkar (2016). Non-stochastic best arm identification and hyperparameter optimization. AISTATS.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from routing.clock import Order
from routing.engines import pyvrp
from routing.incumbent import Incumbent
from routing.problem import Problem, Vehicle
from routing.stopping import NOTHING_YET, FirstOf, MaxIterations, MaxSeconds, StopCriterion


@dataclass(frozen=True)
class Heat:
    """A part of the race: its share of the time, how long one start is, and how often its fleet is another than one of the best."""

    share: float
    start_s_per_stop: float
    drawn_anew: float
    least_starts: int


HEATS = (Heat(0.25, 0.005, 0.7, 5), Heat(0.55, 0.024, 0.25, 2))
"""First many short starts, which fleets are told apart by; then long ones, which find good orders for them (docs/decisions)."""
LEAST_START_S = 0.25
GO_ON = 2
"""How many go on a core after the heats, in the time that is left."""
MOST_STOPS = 2_000


Listener = Callable[[dict[str, Order]], None]


@dataclass(frozen=True)
class Budget:
    """Of one search: seconds, or iterations, or both."""

    seconds: float | None
    iterations: int | None

    def of(self, stop: StopCriterion) -> StopCriterion:
        parts: list[StopCriterion] = [stop]
        parts += [] if self.seconds is None else [MaxSeconds(max(0.001, self.seconds))]
        return FirstOf((*parts, *([] if self.iterations is None else [MaxIterations(self.iterations)])))


def most_stops(seconds: float) -> int:
    """How many stops leave time for a race."""
    return min(MOST_STOPS, *(int(heat.share * seconds / heat.least_starts / heat.start_s_per_stop) for heat in HEATS))


def race(problem: Problem, best: Incumbent, *, stop: StopCriterion, seed: int, cores: int, watch: Listener) -> None:
    """Offer `best` the winner. Each core runs a race of its own, so that the same seed and iterations give the same orders."""
    stop(NOTHING_YET)
    lanes = [_Lane(problem, best, stop, random.Random(seed + 101 * core), watch) for core in range(cores)]
    with ThreadPoolExecutor(cores) as threads:
        for found in threads.map(_Lane.run, lanes):
            best.offer(found)


class _Lane:
    """One core's race."""

    def __init__(self, problem: Problem, best: Incumbent, stop: StopCriterion, rng: random.Random, watch: Listener) -> None:
        self.problem, self.stop, self.rng, self.watch = problem, stop, rng, watch
        self.field = [Incumbent(problem, best.orders)]
        self.seconds = stop.seconds

    def run(self) -> dict[str, Order]:
        """Start, and let the best go on."""
        for heat in HEATS:
            self._run_heat(heat)
        self.field = self.field[:GO_ON]
        share = (1 - sum(heat.share for heat in HEATS)) / len(self.field)
        for one in self.field:
            self._search(one, self.problem, one.orders, self._budget(share))
        return min(self.field, key=lambda one: one.rank).orders

    def _run_heat(self, heat: Heat) -> None:
        until = None if self.seconds is None else MaxSeconds(max(0.001, heat.share * self.seconds))
        started = 0
        while not self.stop(NOTHING_YET) and not (until(NOTHING_YET) if until is not None else started == heat.least_starts):
            started += 1
            self._start(heat, None if until is None else until.seconds)

    def _start(self, heat: Heat, left_s: float | None) -> None:
        fleet = self._draw(heat.drawn_anew)
        wanted_s = max(LEAST_START_S, heat.start_s_per_stop * len(self.problem.stops))
        seconds = None if left_s is None else min(wanted_s, left_s)
        one = Incumbent(self.problem)
        self._search(one, replace(self.problem, vehicles=fleet), None, Budget(seconds, self._iterations(heat.share / heat.least_starts)))
        self.field.append(one)
        self.field.sort(key=lambda one: one.rank)

    def _search(self, one: Incumbent, problem: Problem, begun: dict[str, Order] | None, budget: Budget) -> None:
        def judge(orders: dict[str, Order]) -> None:
            if one.offer(orders):
                self.watch(one.orders)

        seed = self.rng.randrange(2**30)
        judge(pyvrp.search(problem, stop=budget.of(self.stop), seed=seed, on_improvement=judge, warm_start=begun) or {})

    def _budget(self, share: float) -> Budget:
        return Budget(None if self.seconds is None else share * self.seconds, self._iterations(share))

    def _iterations(self, share: float) -> int | None:
        return None if self.stop.iterations is None else max(1, int(share * self.stop.iterations))

    def _draw(self, anew: float) -> tuple[Vehicle, ...]:
        """The fleet of one of the best three, or one with a vehicle more, less, or another instead of one."""
        model = self.field[self.rng.randrange(min(3, len(self.field)))]
        used = [vehicle for vehicle in self.problem.vehicles if vehicle.key in model.orders]
        idle = [vehicle for vehicle in self.problem.vehicles if vehicle.key not in model.orders]
        change = self.rng.choice(("less", "more", "other", "other")) if self.rng.random() < anew else "same"
        if change in ("less", "other") and len(used) > 1:
            used.remove(self.rng.choice(used))
        if change in ("more", "other") and idle:
            used.append(self.rng.choice(idle))
        keys = {vehicle.key for vehicle in used} or {vehicle.key for vehicle in self.problem.vehicles}
        return tuple(vehicle for vehicle in self.problem.vehicles if vehicle.key in keys)
