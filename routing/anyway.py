"""A round as somebody wants it driven, sound or not: when things would happen, what it would cost, and which rules it would break.

The clock refuses what breaks a rule. A dispatcher who drags a stop to another truck wants to see the round all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from routing.clock import Order, time_route
from routing.constraints import RULES, Violation
from routing.plan import Route, RouteCost, Visit, VisitKind
from routing.problem import DEFAULT_CLASS, Facility, Problem, Stop, Travel, Vehicle, Window
from routing.redrive import Ride, redrive

NEVER_S = 2**40
"""Later than any closing."""


def drive_anyway(problem: Problem, vehicle: Vehicle, order: Order) -> Ride:
    """The round in this order as the clock times it; where that refuses, with as little broken as a simple look finds.

    Parameters
    ----------
    order
        Stops and facilities, each as often as wished; may be empty.

    Returns
    -------
    Ride
        Times, loads and costs are the checker's (`redrive`). Where there is no road, a leg takes nothing; work that comes too late is
        begun at once; breaks are taken as they are due, unless they find no place at all.
    """
    route = time_route(problem, vehicle, order) or _by_hours_alone(problem, vehicle, order)
    return redrive(problem, vehicle, route)


def broken_rules(problem: Problem, ride: Ride) -> tuple[Violation, ...]:
    """What the checker would say of this ride alone."""
    return tuple(violation for rule in RULES for violation in rule(ride, problem))


def as_driven(ride: Ride) -> Route:
    """The route that claims what the ride really does."""
    visits = tuple(
        replace(
            halt.claimed,
            location=halt.location,
            arrival_s=halt.arrival_s,
            start_s=halt.start_s,
            departure_s=halt.departure_s,
            load_after=halt.load_after,
        )
        for halt in ride.halts
    )
    return Route(
        vehicle=ride.vehicle.key, start_s=ride.start_s, end_s=ride.end_s, distance_m=ride.distance_m, cost=ride.cost, visits=visits
    )


def _by_hours_alone(problem: Problem, vehicle: Vehicle, order: Order) -> Route:
    """Timed without loads, limits and locks; windows that are missed anyway stay open, all of them if it takes that, and breaks go last."""
    travel = problem.travel_of(vehicle)
    if not _has_roads(travel, vehicle, order):
        travel = _with_roads(travel)
    bare = Problem(stops=(), facilities=(), vehicles=(), travel=(travel,), dimensions=problem.dimensions)
    truck = _unlimited(vehicle, order)
    missed = _missed(problem, vehicle, order)
    for opened in (frozenset[int](), missed, frozenset(range(len(order)))):
        route = time_route(bare, truck, tuple(_bare(place, number in opened, problem) for number, place in enumerate(order)))
        if route is not None:
            return route
    always = tuple(_bare(place, True, problem) for place in order)
    route = time_route(bare, replace(truck, breaks=()), always)
    assert route is not None  # nothing is left that could forbid it
    return route


def _has_roads(travel: Travel, vehicle: Vehicle, order: Order) -> bool:
    path = [vehicle.begins_at, *(place.location for place in order), vehicle.end_location]
    return all(travel.reaches(here, there) for here, there in pairwise(path))


def _with_roads(travel: Travel) -> Travel:
    is_missing = (travel.drive_s < 0) | (travel.distance_m < 0)
    return Travel(np.where(is_missing, 0, travel.drive_s), np.where(is_missing, 0, travel.distance_m), travel.paces)


def _unlimited(vehicle: Vehicle, order: Order) -> Vehicle:
    """The vehicle with its places, prices of time and breaks alone; it starts and ends as its shift and latest start say, but for need."""
    nothing = (0,) * len(vehicle.capacity)
    release_s = max((place.release_s for place in order if isinstance(place, Stop)), default=0)
    latest_s = vehicle.latest_start_s
    out = vehicle.under_way
    return Vehicle(
        key=vehicle.key,
        start_location=vehicle.start_location,
        end_location=vehicle.end_location,
        capacity=nothing,
        shift=Window(vehicle.shift.open_s, NEVER_S),
        ends_empty=False,
        breaks=vehicle.breaks,
        stop_s=vehicle.stop_s,
        lift_s=vehicle.lift_s,
        latest_start_s=None if latest_s is None else max(latest_s, vehicle.shift.open_s, release_s),
        under_way=None if out is None else replace(out, load=nothing, classes=frozenset(), lifted=()),
    )


def _bare(place: Stop | Facility, is_open: bool, problem: Problem) -> Stop | Facility:
    """The place with its hours alone."""
    windows = _opened(place.windows) if is_open else place.windows
    if isinstance(place, Facility):
        return replace(place, windows=windows, accepts=frozenset({DEFAULT_CLASS}))
    return Stop(
        key=place.key,
        location=place.location,
        load=(0,) * len(problem.dimensions),
        service_s=place.service_s,
        setup_s=place.setup_s,
        windows=windows,
        lifts=place.lifts,
        release_s=place.release_s,
    )


def _opened(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Once the last one has opened it does not close."""
    if not windows:
        return ()
    last = max(windows, key=lambda one: one.close_s)
    return tuple(Window(one.open_s, NEVER_S) if one is last else one for one in windows)


def _missed(problem: Problem, vehicle: Vehicle, order: Order) -> frozenset[int]:
    """Which windows are missed by a round that begins as early as it may and takes no breaks."""
    visits = tuple(_visits(order))
    draft = Route(vehicle=vehicle.key, start_s=vehicle.shift.open_s, end_s=0, distance_m=0, cost=RouteCost(), visits=visits)
    return frozenset(number for number, halt in enumerate(redrive(problem, vehicle, draft).halts) if not halt.in_window)


def _visits(order: Order) -> Iterator[Visit]:
    for place in order:
        kind = VisitKind.UNLOAD if isinstance(place, Facility) else VisitKind.PICKUP
        yield Visit(kind=kind, key=place.key, location=place.location, arrival_s=0, start_s=0, departure_s=0, load_after=())
