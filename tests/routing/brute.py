"""The oracle: every assignment, order, choice of facilities and omission on tiny problems."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations, product

from routing.clock import Order, lost_prizes, time_route
from routing.problem import Problem, Stop, Vehicle


def best_objective(problem: Problem) -> int:
    """Least cost plus prizes passed up over all sound plans that serve all mandatory stops."""
    per_vehicle = [_cheapest_by_set(problem, vehicle) for vehicle in problem.vehicles]
    best: int | None = None
    for chosen in product(*(table.items() for table in per_vehicle)):
        sets = [keys for keys, _ in chosen]
        served = frozenset().union(*sets)
        if sum(map(len, sets)) != len(served) or any(one.mandatory and one.key not in served for one in problem.stops):
            continue
        cost = sum(price for _, price in chosen) + lost_prizes(problem, served)
        best = cost if best is None else min(best, cost)
    assert best is not None, "no sound plan serves the mandatory stops"
    return best


def _cheapest_by_set(problem: Problem, vehicle: Vehicle) -> dict[frozenset[str], int]:
    table = {frozenset[str](): 0}
    for count in range(1, len(problem.stops) + 1):
        for chosen in combinations(problem.stops, count):
            routes = (time_route(problem, vehicle, order) for order in _orders(problem, chosen))
            prices = [route.cost.total for route in routes if route is not None]
            if prices:
                table[frozenset(one.key for one in chosen)] = min(prices)
    return table


def _orders(problem: Problem, chosen: tuple[Stop, ...]) -> Iterator[Order]:
    """Every permutation with, after each stop, no unload or any facility."""
    for order in permutations(chosen):
        for unloads in product((None, *problem.facilities), repeat=len(order)):
            if unloads[-1] is not None:
                yield tuple(place for pair in zip(order, unloads, strict=True) for place in pair if place is not None)
