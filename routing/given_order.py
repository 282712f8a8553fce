"""Rounds that somebody else has ordered: timed as they stand, with the unload trips that they need put in.

Fixed rounds name containers in an order and know nothing of how full they are. Here each vehicle drives its order, unloads when the
next stop would not fit, is of another class, or when it goes home, and leaves out what the shift has no room for. No stop changes
its vehicle or its place in the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from routing.carrying import Body
from routing.clock import Order, time_route
from routing.io import problem_digest
from routing.plan import Plan, Reason, Route, Unserved
from routing.problem import Facility, Problem, Stop, Vehicle
from routing.triage import find_hopeless

NAME = "given order"


def time_given_order(problem: Problem, orders: Mapping[str, Sequence[str]]) -> Plan:
    """Time the orders and insert unloads.

    Parameters
    ----------
    problem
        Every stop of it counts as wanted, prizes have no say.
    orders
        Keys of stops by key of vehicle, in driving order. Vehicles that the problem does not have, stops that it does not have and
        repeats of a stop are passed over. What a vehicle's driver has been told comes first.

    Returns
    -------
    Plan
        Stops that cannot be served in this order are unserved: with the first rule that stands in the way of any round
        (`find_hopeless`), else `no_room_left`; so are stops that no order names.

    Notes
    -----
    Before each unload the cheapest facility that accepts the load is chosen by detour and fee. Where the whole order does not fit into
    windows and shift, the longest beginning that does is kept, the next stop left out, and so on: about
    ``O(left out × log n)`` timings.
    """
    hopeless = {one.stop: one for one in find_hopeless(problem)}
    routes: list[Route] = []
    served: set[str] = set()
    told = {key: vehicle.key for vehicle in problem.vehicles for key in vehicle.head}
    always: dict[str, Sequence[str]] = {vehicle.key: () for vehicle in problem.vehicles if vehicle.always_drives}
    for key, wanted in (always | dict(orders)).items():
        vehicle = problem.vehicle_by_key.get(key)
        mine = (stop for stop in dict.fromkeys(wanted) if stop in problem.stop_by_key and told.get(stop, key) == key)
        stops = [problem.stop_by_key[stop] for stop in mine if stop not in served and stop not in hopeless]
        route = None if vehicle is None else _longest(problem, vehicle, stops)
        if route is not None:
            routes.append(route)
            served.update(visit.key for visit in route.pickups)
    named = {stop for wanted in orders.values() for stop in wanted}
    left = (stop.key for stop in problem.stops if stop.key not in served)
    unserved = tuple(hopeless.get(stop) or _no_room(stop, stop in named) for stop in left)
    return Plan(routes=tuple(routes), unserved=unserved, engine=NAME, seed=0, problem_digest=problem_digest(problem))


def with_unloads(problem: Problem, vehicle: Vehicle, stops: Sequence[Stop]) -> Order:
    """What the driver has been told, then the stops in order, with an unload wherever the next one would not fit, and at the end."""
    order: list[Stop | Facility] = [problem.stop_by_key.get(key) or problem.facility_by_key[key] for key in vehicle.head]
    body = _body_after(problem, vehicle, order)
    for stop in stops:
        if stop.key in vehicle.head:
            continue
        if not body.is_empty and not body.takes(stop):
            for gate in _unload(problem, vehicle, order, body, stop.location):
                body.unload(gate)
                order.append(gate)
        body.lift(stop)
        order.append(stop)
    if not body.is_empty and vehicle.ends_empty:
        order += _unload(problem, vehicle, order, body, vehicle.end_location)
    return tuple(order)


def _body_after(problem: Problem, vehicle: Vehicle, order: Sequence[Stop | Facility]) -> Body:
    body = Body(problem, vehicle)
    for place in order:
        if isinstance(place, Facility):
            body.unload(place)
        else:
            body.lift(place)
    return body


def _unload(problem: Problem, vehicle: Vehicle, order: Sequence[Stop | Facility], body: Body, onward: int) -> list[Facility]:
    """The facility with the cheapest way round and fees, or nothing where none takes the load (`time_route` will say no)."""
    here = order[-1].location if order else vehicle.begins_at
    kg = body.load[problem.dimensions.index("kg")] if "kg" in problem.dimensions else 0
    options = (
        (cost + facility.fee_per_visit + facility.fee_per_kg * kg, number)
        for number, facility in enumerate(problem.facilities)
        if body.classes.keys() <= facility.accepts and (cost := _way_round(problem, vehicle, here, facility.location, onward)) is not None
    )
    best = min(options, default=None)
    return [] if best is None else [problem.facilities[best[1]]]


def _way_round(problem: Problem, vehicle: Vehicle, here: int, via: int, there: int) -> int | None:
    travel = problem.travel_of(vehicle)
    if not (travel.reaches(here, via) and travel.reaches(via, there)):
        return None
    drive_s = travel.drive_rows[here][via] + travel.drive_rows[via][there]
    distance_m = travel.distance_rows[here][via] + travel.distance_rows[via][there]
    return vehicle.cost_per_s * drive_s + vehicle.cost_per_m * distance_m


def _longest(problem: Problem, vehicle: Vehicle, stops: Sequence[Stop]) -> Route | None:
    """The route over as many of the stops as the rules allow, taken from the front; None where none can be served."""
    kept: list[Stop] = []
    route = time_route(problem, vehicle, with_unloads(problem, vehicle, kept)) if vehicle.always_drives else None
    waiting = [stop for stop in stops if vehicle.may_serve(stop)]
    while waiting:
        fitting = _beginning_that_fits(problem, vehicle, kept, waiting)
        if fitting:
            kept += waiting[:fitting]
            route = time_route(problem, vehicle, with_unloads(problem, vehicle, _whole(problem, kept)))
        waiting = waiting[fitting + 1 :]
    return route


def _beginning_that_fits(problem: Problem, vehicle: Vehicle, kept: Sequence[Stop], waiting: Sequence[Stop]) -> int:
    """How many of those waiting can follow those kept: all, or found by halving."""

    def fits(count: int) -> bool:
        return time_route(problem, vehicle, with_unloads(problem, vehicle, _whole(problem, [*kept, *waiting[:count]]))) is not None

    if fits(len(waiting)):
        return len(waiting)
    most, too_many = 0, len(waiting)
    while too_many - most > 1:
        middle = (most + too_many) // 2
        most, too_many = (middle, too_many) if fits(middle) else (most, middle)
    return most


def _whole(problem: Problem, stops: Sequence[Stop]) -> list[Stop]:
    """The stops without those whose other half is not among them."""
    keys = {stop.key for stop in stops}
    return [stop for stop in stops if {stop.bring_to or stop.key, problem.taken_up_at.get(stop.key, stop.key)} <= keys]


def _no_room(stop: str, named: bool) -> Unserved:
    detail = "its round's shift, windows and vehicle leave no room for it" if named else "no round names it"
    return Unserved(stop=stop, reason=Reason.NO_ROOM_LEFT, detail=detail)
