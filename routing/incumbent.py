"""The best orders so far, by our own clock and prices: engines see breaks, fees and times a little differently."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce
from itertools import chain

from routing.clock import Order, least_order, least_orders, lost_prizes, time_route
from routing.insertion import without
from routing.problem import Facility, Problem, Stop, Vehicle

Rank = tuple[int, int]
"""Mandatory stops left out, then cost and prizes passed up: the smaller, the better."""


class Incumbent:
    """Orders that only get better.

    Parameters
    ----------
    problem
        What they are orders of.
    orders
        Sound ones to begin with; by default nobody leaves the yard, and who is told or on the road does the least.
    """

    def __init__(self, problem: Problem, orders: Mapping[str, Order] | None = None) -> None:
        self.problem = problem
        self._least = least_orders(problem)
        self.orders: dict[str, Order] = dict(self._least)
        self._timed: dict[str, tuple[Order, Order, int]] = {}
        self.rank = self._rank(self._sound(self.orders))
        self.offer(orders or {})

    def offer(self, orders: Mapping[str, Order]) -> bool:
        """Keep these orders, mended, if they are better."""
        sound = self._sound({**self._least, **as_told(self.problem, orders)})
        rank = self._rank(sound)
        if rank >= self.rank:
            return False
        self.orders, self.rank = {key: order for key, (order, _) in sound.items()}, rank
        return True

    def _sound(self, orders: Mapping[str, Order]) -> dict[str, tuple[Order, int]]:
        timed = {key: self._mended(key, order) for key, order in orders.items()}
        return {key: (order, cost) for key, (order, cost) in timed.items() if drives(self.problem.vehicle_by_key[key], order)}

    def _mended(self, key: str, order: Order) -> tuple[Order, int]:
        """The order and its cost; worked out again only where it differs from the vehicle's last, as most do not between improvements."""
        known = self._timed.get(key)
        if known is None or known[0] != order:
            vehicle = self.problem.vehicle_by_key[key]
            mended = unload_where_it_costs_least(self.problem, vehicle, mend(self.problem, vehicle, order))
            route = time_route(self.problem, vehicle, mended) if drives(vehicle, mended) else None
            known = self._timed[key] = order, mended, 0 if route is None else route.cost.total
        return known[1], known[2]

    def _rank(self, routes: Mapping[str, tuple[Order, int]]) -> Rank:
        served = frozenset(place.key for place in chain.from_iterable(order for order, _ in routes.values()) if isinstance(place, Stop))
        owed = sum(stop.mandatory and stop.key not in served for stop in self.problem.stops)
        return owed, sum(cost for _, cost in routes.values()) + lost_prizes(self.problem, served)


def drives(vehicle: Vehicle, order: Order) -> bool:
    """Is this the order of a route? Without a stop it is none, but of a vehicle that always drives."""
    return vehicle.always_drives or any(isinstance(place, Stop) for place in order)


def as_told(problem: Problem, orders: Mapping[str, Order]) -> dict[str, Order]:
    """The orders with what drivers have been told at their head and on nobody else's way, and with one stop of a group at most."""
    if not problem.groups and not any(vehicle.head for vehicle in problem.vehicles):
        return dict(orders)
    told = {key for vehicle in problem.vehicles for key in vehicle.head if key in problem.stop_by_key}
    groups = {problem.stop_by_key[key].group for key in told} - {None}
    kept = {}
    for key, order in orders.items():
        vehicle = problem.vehicle_by_key[key]
        if vehicle.head != tuple(place.key for place in order[: len(vehicle.head)]):
            order = (*(problem.stop_by_key.get(one) or problem.facility_by_key[one] for one in vehicle.head), *order)
        excess = []
        for place in order[len(vehicle.head) :]:
            if isinstance(place, Stop) and (place.key in told or place.group in groups):
                excess.append(place)
            elif isinstance(place, Stop) and place.group is not None:
                groups.add(place.group)
        kept[key] = reduce(partial(without, vehicle=vehicle), excess, order)
    return kept


def mend(problem: Problem, vehicle: Vehicle, order: Order) -> Order:
    """The order with as few stops dropped, cheap ones first, as it takes the clock to accept it.

    Where that is none it is (), or the least of a vehicle that always drives.
    """
    while order and time_route(problem, vehicle, order) is None:
        mine = (place for place in order if isinstance(place, Stop) and place.key not in vehicle.head)
        stops = sorted(mine, key=lambda one: (one.mandatory, one.prize or 0))
        shorter = [without(order, stop, vehicle) for stop in stops]
        order = next((one for one in shorter if time_route(problem, vehicle, one) is not None), shorter[-1] if shorter else ())
    return order or (least_order(problem, vehicle) if vehicle.always_drives else ())


def unload_where_it_costs_least(problem: Problem, vehicle: Vehicle, order: Order) -> Order:
    """The order with each unload at the facility that is best for it, one after the other; engines do not see fees and all hours."""
    route = time_route(problem, vehicle, order) if len(problem.facilities) > 1 else None
    if route is None:
        return order
    best = route.cost.total
    for i, place in enumerate(order):
        for other in problem.facilities if isinstance(place, Facility) else ():
            tried = (*order[:i], other, *order[i + 1 :])
            found = time_route(problem, vehicle, tried) if other is not order[i] else None
            if found is not None and found.cost.total < best:
                order, best = tried, found.cost.total
    return order
