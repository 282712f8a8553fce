"""Published solutions: `.sol` files as CVRPLIB and the PyVRP collection keep them, and what their routes cost here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from routing.instances.figures import numbers_of, whole
from routing.problem import Problem, Vehicle


@dataclass(frozen=True, slots=True)
class Published:
    """Routes as locations in driving order (0 is the depot, where it is visited on the way), and the cost as printed.

    Route k is vehicle k's; empty ones are vehicles that stay at home.
    """

    routes: tuple[tuple[int, ...], ...]
    cost: float | None


def read_solution(text: str) -> Published:
    """Lines "Route #1: 31 46 35" and "Cost 27591" (or "Cost: 27591"); all others are remarks.

    Raises
    ------
    InstanceFormatError
        If a line of these has no numbers.
    """
    routes: list[tuple[int, ...]] = []
    cost = None
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.match(r"\s*Route\b[^:]*:(.*)", line, re.IGNORECASE):
            routes.append(tuple(whole(numbers_of(found[1], f"line {number}"), f"line {number}")) if found[1].strip() else ())
        elif found := re.match(r"\s*Cost\b\s*:?(.*)", line, re.IGNORECASE):
            cost = numbers_of(found[1], f"line {number}, Cost")[0]
    return Published(tuple(routes), cost)


def orders_of(problem: Problem, routes: Sequence[Sequence[int]]) -> dict[str, tuple[str, ...]] | None:
    """Which vehicle makes which visits in which order, by keys; None if the routes are not of this problem.

    Where only so many copies of a vehicle were made as can be of use, another copy of its like takes the route.
    """
    keys = {facility.location: facility.key for facility in problem.facilities} | {stop.location: stop.key for stop in problem.stops}
    driven = [(number, route) for number, route in enumerate(routes, start=1) if route]
    if not driven or not all(location in keys for _, route in driven for location in route):
        return None
    crews = _crews(problem, [number for number, _ in driven])
    orders = {crew.key: tuple(keys[location] for location in route) for crew, (_, route) in zip(crews, driven, strict=False)}
    return orders if len(orders) == len(driven) else None


def units_of(problem: Problem, routes: Sequence[Sequence[int]]) -> int | None:
    """What published routes cost in the problem's units: fixed, distance, and the prizes that they pass up; None as `orders_of`."""
    orders = orders_of(problem, routes)
    if orders is None:
        return None
    served = {key for order in orders.values() for key in order}
    passed_up = sum(stop.prize or 0 for stop in problem.stops if stop.key not in served)
    return passed_up + sum(_route_units(problem, problem.vehicle_by_key[key], order) for key, order in orders.items())


def _route_units(problem: Problem, vehicle: Vehicle, order: Sequence[str]) -> int:
    places = problem.facility_by_key | problem.stop_by_key
    on_the_way = [vehicle.start_location, *(places[key].location for key in order), vehicle.end_location]
    rows = problem.travel_of(vehicle).distance_m
    return vehicle.fixed_cost + vehicle.cost_per_m * sum(int(rows[a, b]) for a, b in pairwise(on_the_way))


def _crews(problem: Problem, numbers: Sequence[int]) -> Iterator[Vehicle]:
    """For each vehicle number, that vehicle, or another copy of it that is free (`Vehicle.key` is "vehicle 12")."""
    free = {int(vehicle.key.rpartition(" ")[2]): vehicle for vehicle in problem.vehicles}
    kept = dict(free)
    for number in numbers:
        # A collection numbers its copies in one run, so that a copy left out is of the kind of the next lower one that was kept.
        like = kept.get(max((one for one in kept if one <= number), default=0))
        crew = number if number in free else next((one for one, vehicle in free.items() if like and _alike(vehicle, like)), None)
        if crew is None:
            return
        yield free.pop(crew)


def _alike(one: Vehicle, other: Vehicle) -> bool:
    return replace(one, key=other.key) == other
