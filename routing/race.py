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
from routing.stopping import FirstOf, MaxIterations, MaxSeconds, StopCriterion

STARTING_SHARE = 0.6
"""Of the race's time; the rest goes to those that go on."""
START_S_PER_STOP = 0.008
LEAST_START_S, MOST_START_S = 0.25, 2.0
STARTS_COUNTED = 6
"""Starts a core where iterations are counted instead of seconds."""
GO_ON = (4, 2)
"""How many go on a core after the starts, and after those."""

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


def race(problem: Problem, best: Incumbent, *, stop: StopCriterion, seed: int, cores: int, watch: Listener) -> None:
    """Offer `best` the winner. Each core runs a race of its own, so that the same seed and iterations give the same orders."""
    stop(2**62)
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
        self.starting = MaxSeconds(max(0.001, STARTING_SHARE * self.seconds)) if self.seconds is not None else None

    def run(self) -> dict[str, Order]:
        """Start, and let ever fewer go on."""
        while not self._has_started_enough():
            self._start()
        for number, going_on in enumerate(GO_ON):
            self.field = self.field[:going_on]
            share = (1 - STARTING_SHARE) / len(GO_ON) / len(self.field)
            for one in self.field:
                self._search(one, self.problem, one.orders, self._budget(share), number)
            self.field.sort(key=lambda one: one.rank)
        return self.field[0].orders

    def _has_started_enough(self) -> bool:
        if self.starting is not None:
            return self.starting(0) or self.stop(2**62)
        return len(self.field) > STARTS_COUNTED or self.stop(2**62)

    def _start(self) -> None:
        fleet = self._draw()
        fits = MOST_START_S if self.seconds is None else self.seconds * STARTING_SHARE / STARTS_COUNTED
        seconds = max(LEAST_START_S, min(MOST_START_S, fits, START_S_PER_STOP * len(self.problem.stops)))
        budget = Budget(seconds if self.seconds is not None else None, self._iterations(STARTING_SHARE / STARTS_COUNTED))
        one = Incumbent(self.problem)
        self._search(one, replace(self.problem, vehicles=fleet), None, budget, 0)
        self.field.append(one)
        self.field.sort(key=lambda one: one.rank)

    def _search(self, one: Incumbent, problem: Problem, begun: dict[str, Order] | None, budget: Budget, number: int) -> None:
        def judge(orders: dict[str, Order]) -> None:
            if one.offer(orders):
                self.watch(one.orders)

        seed = self.rng.randrange(2**30) + number
        judge(pyvrp.search(problem, stop=budget.of(self.stop), seed=seed, on_improvement=judge, warm_start=begun) or {})

    def _budget(self, share: float) -> Budget:
        return Budget(None if self.seconds is None else share * self.seconds, self._iterations(share))

    def _iterations(self, share: float) -> int | None:
        return None if self.stop.iterations is None else max(1, int(share * self.stop.iterations))

    def _draw(self) -> tuple[Vehicle, ...]:
        """The fleet of one of the best three with a vehicle more, less, or another instead of one."""
        model = self.field[self.rng.randrange(min(3, len(self.field)))]
        used = [vehicle for vehicle in self.problem.vehicles if vehicle.key in model.orders]
        idle = [vehicle for vehicle in self.problem.vehicles if vehicle.key not in model.orders]
        change = self.rng.choice(("same", "less", "more", "other", "other"))
        if change in ("less", "other") and len(used) > 1:
            used.remove(self.rng.choice(used))
        if change in ("more", "other") and idle:
            used.append(self.rng.choice(idle))
        keys = {vehicle.key for vehicle in used} or {vehicle.key for vehicle in self.problem.vehicles}
        return tuple(vehicle for vehicle in self.problem.vehicles if vehicle.key in keys)
