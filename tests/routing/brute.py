"""The oracle: every assignment, order, choice of facilities and omission on tiny problems."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations, product

from routing.clock import Order, lost_prizes, time_route
from routing.problem import Problem, Stop, Vehicle


def best_objective(problem: Problem) -> int:
    """Least cost plus prizes passed up over all sound plans that serve all mandatory stops."""
    best = find_best_objective(problem)
    assert best is not None, "no sound plan serves the mandatory stops"
    return best


def find_best_objective(problem: Problem) -> int | None:
    """The same, or None where there is no such plan."""
    per_vehicle = [_cheapest_by_set(problem, vehicle) for vehicle in problem.vehicles]
    best: int | None = None
    for chosen in product(*(table.items() for table in per_vehicle)):
        sets = [keys for keys, _ in chosen]
        served = frozenset().union(*sets)
        if sum(map(len, sets)) != len(served) or not _is_choice(problem, served):
            continue
        cost = sum(price for _, price in chosen) + lost_prizes(problem, served)
        best = cost if best is None else min(best, cost)
    return best


def _is_choice(problem: Problem, served: frozenset[str]) -> bool:
    """All that is mandatory, and of each group at most one, or exactly one where it is mandatory."""
    alone = all(one.key in served for one in problem.stops if one.mandatory and one.group is None)
    counts = [(sum(one.key in served for one in members), members[0].mandatory) for members in problem.groups.values()]
    return alone and all(count == 1 if mandatory else count <= 1 for count, mandatory in counts)


def _cheapest_by_set(problem: Problem, vehicle: Vehicle) -> dict[frozenset[str], int]:
    table = {} if vehicle.always_drives else {frozenset[str](): 0}
    for count in range(0 if vehicle.always_drives else 1, len(problem.stops) + 1):
        for chosen in combinations(problem.stops, count):
            routes = (time_route(problem, vehicle, order) for order in _orders(problem, vehicle, chosen))
            prices = [route.cost.total for route in routes if route is not None]
            if prices:
                table[frozenset(one.key for one in chosen)] = min(prices)
    return table


def _orders(problem: Problem, vehicle: Vehicle, chosen: tuple[Stop, ...]) -> Iterator[Order]:
    """Every permutation with, after each stop, no unload or any facility; and before the first, for a vehicle that drives anyway."""
    firsts = (None, *problem.facilities) if vehicle.always_drives else (None,)
    for order in permutations(chosen):
        for first, *unloads in product(firsts, *[(None, *problem.facilities)] * len(order)):
            visits = (first, *(place for pair in zip(order, unloads, strict=True) for place in pair))
            yield tuple(place for place in visits if place is not None)
