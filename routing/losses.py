"""Optional stops that cost more than their prizes are taken out again: searches that trade them one for another leave some behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial, reduce

from routing.clock import Order, time_route
from routing.insertion import without
from routing.problem import Facility, Problem, Stop, Vehicle

Unit = tuple[Stop, ...]
"""Stops that go together or not at all: one, a trip, a whole route."""


def drop_losses(problem: Problem, orders: Mapping[str, Order]) -> dict[str, Order]:
    """The orders without the stops, trips and routes whose prizes do not pay for them.

    Parameters
    ----------
    orders
        Sound ones: `time_route` accepts each.

    Returns
    -------
    dict
        Never dearer, in cost plus prizes passed up. Mandatory stops, members of groups and what a driver has been told stay, and so
        do routes of vehicles that always drive.

    Notes
    -----
    Units go one by one, the greatest loss first, until a look at all of them finds none: what a stop costs depends on its neighbours.
    """
    kept = {key: _paying(problem, problem.vehicle_by_key[key], order) for key, order in orders.items()}
    return {key: order for key, order in kept.items() if order or problem.vehicle_by_key[key].always_drives}


def _paying(problem: Problem, vehicle: Vehicle, order: Order) -> Order:
    while True:
        shorter = _without_losses(problem, vehicle, order)
        if shorter == order:
            return order
        order = shorter


def _without_losses(problem: Problem, vehicle: Vehicle, order: Order) -> Order:
    """One look at all units, dropping those that are a loss still when it is their turn."""
    losses = ((_loss(problem, vehicle, order, unit), number, unit) for number, unit in enumerate(_units(problem, vehicle, order)))
    for _, _, unit in sorted((one for one in losses if one[0] > 0), key=lambda one: (-one[0], one[1])):
        still = tuple(stop for stop in unit if stop in order)
        if still and _loss(problem, vehicle, order, still) > 0:
            order = reduce(partial(without, vehicle=vehicle), still, order)
    return order


def _units(problem: Problem, vehicle: Vehicle, order: Order) -> Iterator[Unit]:
    """What may be dropped: each optional stop with its other half; each trip, and the route, that has no other."""
    trips = _trips(order[len(vehicle.head) :])
    everything = tuple(stop for trip in trips for stop in trip)
    singles = (_whole(problem, stop) for stop in everything if stop.key not in problem.taken_up_at)
    for unit in dict.fromkeys((*singles, *trips, everything)):
        if unit and all(stop.prize is not None and stop.group is None for stop in unit):
            yield unit


def _whole(problem: Problem, stop: Stop) -> Unit:
    return (stop,) if stop.bring_to is None else (stop, problem.stop_by_key[stop.bring_to])


def _trips(order: Order) -> list[Unit]:
    trips: list[list[Stop]] = [[]]
    for place in order:
        if isinstance(place, Facility):
            trips.append([])
        else:
            trips[-1].append(place)
    return [tuple(trip) for trip in trips]


def _loss(problem: Problem, vehicle: Vehicle, order: Order, unit: Unit) -> int:
    """What taking the unit out would save beyond its prizes; below zero where they pay, or where the rest could not be driven."""
    shorter = reduce(partial(without, vehicle=vehicle), unit, order)
    if (shorter or vehicle.always_drives) and time_route(problem, vehicle, shorter) is None:
        return -1
    return _cost(problem, vehicle, order) - _cost(problem, vehicle, shorter) - sum(stop.prize or 0 for stop in unit)


def _cost(problem: Problem, vehicle: Vehicle, order: Order) -> int:
    route = time_route(problem, vehicle, order) if order or vehicle.always_drives else None
    return 0 if route is None else route.cost.total
