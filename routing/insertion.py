"""Cheapest insertion: where would one more stop cost least? The simple engine that needs no solver, and the yardstick of reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest

from routing.clock import Order, least_order
from routing.problem import Facility, Problem, Stop, Vehicle
from routing.sketch import Detour, Sketch
from routing.vehicle import likeness

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


class Board:
    """Orders that grow stop by stop. What is known of a vehicle is worked out again only when its own order has changed.

    A vehicle that always drives has at least its `least_order`. A stop whose load is brought elsewhere comes with the stop where it
    is set down: to ask for either is to ask for both.
    """

    def __init__(self, problem: Problem, orders: Orders, *, vehicles: tuple[Vehicle, ...] | None = None) -> None:
        self.problem, self.vehicles = problem, problem.vehicles if vehicles is None else vehicles
        self.orders = dict(orders)
        for vehicle in self.vehicles:
            if vehicle.always_drives and vehicle.key not in self.orders:
                self.orders[vehicle.key] = least_order(problem, vehicle)
        kinds: dict[object, int] = {}
        self._kind_of = {one.key: kinds.setdefault(likeness(one), len(kinds)) for one in self.vehicles}
        self._sketches: dict[str, Sketch] = {}
        self._found: dict[tuple[str, str, int | None], tuple[Order, Insertion | None]] = {}

    def put(self, vehicle: str, order: Order) -> None:
        self.orders[vehicle] = order

    def cheapest(self, stop: Stop, *, most_cost: int | None = None) -> Insertion | None:
        """The cheapest place over the board's vehicles, used or not, or None; places dearer than `most_cost` are not looked at."""
        stop = taken_up(self.problem, stop)
        options = (self.cheapest_on(vehicle, stop, most_cost) for vehicle in self._candidates(stop) if vehicle.may_serve(stop))
        return min((one for one in options if one is not None), key=lambda one: one.extra_cost, default=None)

    def _candidates(self, stop: Stop) -> Iterator[Vehicle]:
        """Of idle vehicles that only their key tells apart the first, unless the stop knows vehicles by their key."""
        idle: set[int] = set()
        for vehicle in self.vehicles:
            if not self.orders.get(vehicle.key) and stop.allowed_vehicles is None and stop.usual_vehicle is None:
                kind = self._kind_of[vehicle.key]
                if kind in idle:
                    continue
                idle.add(kind)
            yield vehicle

    def cheapest_on(self, vehicle: Vehicle, stop: Stop, most_cost: int | None = None) -> Insertion | None:
        """The cheapest place on one vehicle that may serve the stop, or None."""
        stop = taken_up(self.problem, stop)
        order, asked = self.orders.get(vehicle.key, ()), (stop.key, vehicle.key, most_cost)
        if self._found.get(asked, (None, None))[0] is not order:
            self._found[asked] = order, self._search(self.sketch(vehicle), stop, most_cost)
        return self._found[asked][1]

    def sketch(self, vehicle: Vehicle) -> Sketch:
        """What is known of the vehicle's present order."""
        order, known = self.orders.get(vehicle.key, ()), self._sketches.get(vehicle.key)
        if known is None or known.order is not order:
            known = self._sketches[vehicle.key] = Sketch(self.problem, vehicle, order)
        return known

    def serves_group_of(self, stop: Stop) -> bool:
        """Is an alternative of this stop on board already?"""
        group = stop.group
        return group is not None and any(getattr(place, "group", None) == group for order in self.orders.values() for place in order)

    def _search(self, sketch: Sketch, stop: Stop, most_cost: int | None) -> Insertion | None:
        if not sketch.sound:
            return None
        best: Insertion | None = None
        for detour in self._promising(sketch, stop, most_cost):
            if best is not None and detour.least_cost >= best.extra_cost:
                break
            order = sketch.extended(stop, detour)
            route = sketch.time(order)
            if route is not None and (best is None or route.cost.total - sketch.cost < best.extra_cost):
                best = Insertion(sketch.vehicle.key, order, route.cost.total - sketch.cost)
        return best

    @staticmethod
    def _promising(sketch: Sketch, stop: Stop, most_cost: int | None) -> list[Detour]:
        detours = sketch.detours(stop, most_cost=most_cost, enough=TIMED_CANDIDATES)
        affordable = (one for one in detours if most_cost is None or one.least_cost <= most_cost)
        return nsmallest(TIMED_CANDIDATES, affordable, key=lambda one: (one.cost, one.position))


def taken_up(problem: Problem, stop: Stop) -> Stop:
    """Where it is taken up what is set down at this stop, if so; the stop itself mostly."""
    key = problem.taken_up_at.get(stop.key)
    return stop if key is None else problem.stop_by_key[key]


def cheapest_insertion(
    problem: Problem, orders: Orders, stop: Stop, *, board: Board | None = None, most_cost: int | None = None
) -> Insertion | None:
    """The cheapest place for one more stop over all vehicles, used or not, or None where no place keeps the rules.

    Per vehicle the `TIMED_CANDIDATES` places of smallest detour are timed in full; they lie inside trips or are trips of their own.

    Parameters
    ----------
    board
        Of the same orders; kept between calls, it saves working out again what has not changed.
    most_cost
        Places that are sure to cost more are not looked at.
    """
    return (board or Board(problem, orders)).cheapest(stop, most_cost=most_cost)


def insert_greedily(board: Board, stops: Iterable[Stop], *, enough: Callable[[], bool] = lambda: False) -> None:
    """Insert stops at their cheapest places, mandatory ones first, by class, then by prize; what fits nowhere or is too dear stays out.

    Parameters
    ----------
    enough
        Asked before each optional stop: no more of them? Mandatory ones are always tried.
    """
    # Class by class, for a trip is of one class: taken as they come, classes scatter over trips and trucks (figures: docs/decisions/0006).
    units = {one.key: one for one in (taken_up(board.problem, stop) for stop in stops)}
    waiting = sorted(units.values(), key=lambda one: (one.prize is not None, one.waste_class, -(one.prize or 0)))
    while waiting:
        left = [stop for stop in waiting if (stop.prize is not None and enough()) or not _insert(board, stop)]
        if len(left) == len(waiting):
            break
        waiting = left  # what was too dear alone may pay beside what came later


def _insert(board: Board, stop: Stop) -> bool:
    best = None if board.serves_group_of(stop) else board.cheapest(stop, most_cost=stop.prize)
    if best is None or (stop.prize is not None and best.extra_cost > stop.prize):
        return False
    board.put(best.vehicle, best.order)
    return True


def left_out(problem: Problem, orders: Orders) -> tuple[Stop, ...]:
    """Stops that are in no order."""
    served = {stop.key for stop in _stops(orders)}
    return tuple(stop for stop in problem.stops if stop.key not in served)


def _stops(orders: Orders) -> Iterator[Stop]:
    return (place for order in orders.values() for place in order if isinstance(place, Stop))


def without(order: Order, stop: Stop, vehicle: Vehicle | None = None) -> Order:
    """The order without this stop, without its other half, and without the unload of a trip that was theirs alone.

    Parameters
    ----------
    vehicle
        Whose order it is: what its driver has been told to do first stays, and so does the unload of what is on board already.
    """
    gone = {stop.key, stop.bring_to, *(place.key for place in order if isinstance(place, Stop) and place.bring_to == stop.key)}
    told = 0 if vehicle is None else len(vehicle.head)
    is_loaded = vehicle is not None and vehicle.under_way is not None and bool(vehicle.under_way.classes)
    kept: list[Stop | Facility] = list(order[:told])
    for place in order[told:]:
        if isinstance(place, Stop):
            if place.key not in gone:
                kept.append(place)
        elif isinstance(kept[-1], Stop) if kept else is_loaded:
            kept.append(place)
    return tuple(kept)
