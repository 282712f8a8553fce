"""Cheapest insertion: where would one more stop cost least? The simple engine that needs no solver, and the yardstick of reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise

from routing.clock import Order, time_route
from routing.plan import Route
from routing.problem import Facility, Problem, Stop, Vehicle

TIMED_CANDIDATES = 8
"""Of all places for a stop on one vehicle only those with the smallest detour are timed in full."""

Orders = Mapping[str, Order]
"""What each used vehicle visits."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """A place for a stop that keeps every rule."""

    vehicle: str
    order: Order
    extra_cost: int


Timed = dict[str, tuple[Order, Route | None]]
"""The last order of each vehicle that was timed, so that the same order is not timed for every stop."""


def insert_greedily(problem: Problem, stops: tuple[Stop, ...], orders: Orders) -> dict[str, Order]:
    """Insert stops at their cheapest places, mandatory ones first, then by prize; what fits nowhere or costs too much stays out."""
    grown, timed = dict(orders), Timed()
    waiting = sorted(stops, key=lambda one: (one.prize is not None, -(one.prize or 0)))
    while waiting:
        left = [stop for stop in waiting if not _insert(problem, grown, stop, timed)]
        if len(left) == len(waiting):
            break
        waiting = left  # what was too dear alone may pay beside what came later
    return grown


def _insert(problem: Problem, orders: dict[str, Order], stop: Stop, timed: Timed) -> bool:
    if stop.group is not None and any(getattr(place, "group", None) == stop.group for order in orders.values() for place in order):
        return False
    best = cheapest_insertion(problem, orders, stop, timed=timed, most_cost=stop.prize)
    if best is None or (stop.prize is not None and best.extra_cost > stop.prize):
        return False
    orders[best.vehicle] = best.order
    return True


def cheapest_insertion(
    problem: Problem, orders: Orders, stop: Stop, *, timed: Timed | None = None, most_cost: int | None = None
) -> Insertion | None:
    """The cheapest place for one more stop over all vehicles, used or not, or None where no place keeps the rules.

    Per vehicle the `TIMED_CANDIDATES` places of smallest detour are timed in full; they lie inside trips or are trips of their own.

    Parameters
    ----------
    timed
        Kept between calls, it saves timing unchanged routes again.
    most_cost
        Places whose detour alone costs more are not looked at.
    """
    known = Timed() if timed is None else timed
    best: Insertion | None = None
    for vehicle in problem.vehicles:
        if vehicle.may_serve(stop):
            option = _best_on(problem, vehicle, orders.get(vehicle.key, ()), stop, known, most_cost)
            best = option if best is None or (option is not None and option.extra_cost < best.extra_cost) else best
    return best


def without(order: Order, stop: Stop) -> Order:
    """The order without this stop, and without the unload of a trip that was its alone."""
    kept: list[Stop | Facility] = []
    for place in order:
        idle = isinstance(place, Facility) and (not kept or isinstance(kept[-1], Facility))
        if place != stop and not idle:
            kept.append(place)
    return tuple(kept)


def _best_on(problem: Problem, vehicle: Vehicle, order: Order, stop: Stop, known: Timed, most_cost: int | None) -> Insertion | None:
    if known.get(vehicle.key, (None, None))[0] is not order:
        known[vehicle.key] = order, time_route(problem, vehicle, order) if order else None
    before = known[vehicle.key][1]
    if order and before is None:
        return None
    spent = before.cost.total if before is not None else 0
    resting_s = sum(rule.duration_s for rule in vehicle.breaks if before is not None and rule.is_due(before.start_s, before.end_s))
    start_cost = 0 if order else vehicle.fixed_cost
    possible = _candidates(problem, vehicle, order, stop, vehicle.longest_s - resting_s - stop.service_s)
    affordable = (one for one in possible if most_cost is None or start_cost + one[0] <= most_cost)
    candidates = nsmallest(TIMED_CANDIDATES, affordable, key=lambda candidate: candidate[0])
    timed = ((extended, time_route(problem, vehicle, extended)) for _, extended in candidates)
    options = [Insertion(vehicle.key, extended, route.cost.total - spent) for extended, route in timed if route is not None]
    return min(options, key=lambda option: option.extra_cost, default=None)


def _candidates(problem: Problem, vehicle: Vehicle, order: Order, stop: Stop, longest_s: int) -> Iterator[tuple[int, Order]]:
    """Every place in a trip of the stop's class that has room, and a trip of its own at each boundary, with the detour's cost.

    Detours that take more time than driving and work leave of `longest_s` are not worth timing.
    """
    path = [vehicle.start_location, *(place.location for place in order), vehicle.end_location]
    spare_s = longest_s - _busy_s(problem, vehicle, order, path)
    joinable = _joinable(problem, vehicle, order, stop)
    own = problem.facilities_for(stop.waste_class) if vehicle.ends_empty else ()
    for position in range(len(order) + 1):
        here, there = path[position], path[position + 1]
        if position in joinable:
            detour = _detour(problem, vehicle, here, (stop.location,), there, spare_s)
            if detour is not None:
                yield detour, (*order[:position], stop, *order[position:])
        if position == 0 or isinstance(order[position - 1], Facility):
            for facility in own:
                detour = _detour(problem, vehicle, here, (stop.location, facility.location), there, spare_s - facility.turnaround_s)
                if detour is not None:
                    yield detour, (*order[:position], stop, facility, *order[position:])


def _busy_s(problem: Problem, vehicle: Vehicle, order: Order, path: list[int]) -> int:
    """Driving and work of the round, without setup, waiting and breaks."""
    drive_rows = problem.travel_of(vehicle).drive_rows
    work_s = sum(place.service_s if isinstance(place, Stop) else place.turnaround_s for place in order)
    return work_s + sum(drive_rows[i][j] for i, j in pairwise(path))


def _joinable(problem: Problem, vehicle: Vehicle, order: Order, stop: Stop) -> set[int]:
    """Positions within trips that carry the stop's class and have room for it."""
    positions: set[int] = set()
    first = 0
    for last in range(len(order) + 1):
        place = order[last] if last < len(order) else None
        if isinstance(place, Stop):
            continue
        trip = [one for one in order[first:last] if isinstance(one, Stop)]
        accepted = place is None or stop.waste_class in place.accepts
        if accepted and (trip or not vehicle.ends_empty) and _has_room(problem, vehicle, trip, stop):
            positions.update(range(first, last + 1))
        first = last + 1
    return positions


def _has_room(problem: Problem, vehicle: Vehicle, trip: list[Stop], stop: Stop) -> bool:
    if vehicle.one_class_per_trip and any(one.waste_class != stop.waste_class for one in trip):
        return False
    loads = zip(*(vehicle.load_of(one, problem.dimensions) for one in (*trip, stop)), strict=True)
    return all(sum(amounts) <= most for amounts, most in zip(loads, vehicle.capacity, strict=True))


def _detour(problem: Problem, vehicle: Vehicle, here: int, via: tuple[int, ...], there: int, spare_s: int) -> int | None:
    """What going by these places instead of straight costs, or None where there is no way or no time for it."""
    travel = problem.travel_of(vehicle)
    drive_s, distance_m = -travel.drive_rows[here][there], -travel.distance_rows[here][there]
    for origin, target in zip((here, *via), (*via, there), strict=True):
        if not travel.reaches(origin, target):
            return None
        drive_s += travel.drive_rows[origin][target]
        distance_m += travel.distance_rows[origin][target]
    return None if drive_s > spare_s else vehicle.cost_per_s * drive_s + vehicle.cost_per_m * distance_m
