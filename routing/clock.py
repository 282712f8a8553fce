"""From an order of visits to a timed and priced route. The one place on the building side where times and costs are worked out.

The order alone decides a route: it leaves as late as it can without ending later (waiting at the depot is unpaid), visits start
at the first moment that their windows allow, and breaks go where they cost least time. `check.py` works the same out again in
code of its own.

What may be on board is `carrying.py`'s, hours are `timing.py`'s, and breaks `breaks.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from routing.breaks import place_breaks
from routing.carrying import Load, Order, carry, lifted
from routing.plan import Route, RouteCost, Visit, VisitKind
from routing.problem import Facility, Problem, Stop, Vehicle
from routing.timing import Task, Timer, Timing

__all__ = ["Order", "least_order", "least_orders", "lost_prizes", "time_route"]


def time_route(problem: Problem, vehicle: Vehicle, order: Order) -> Route | None:
    """The route that `vehicle` drives in this order, or None if a rule forbids it.

    Parameters
    ----------
    order
        Stops and facilities; may be empty, which is a drive from depot to depot.

    Returns
    -------
    Route or None
        None if the load, class, permission, lock, window, shift, limit, break or road rules cannot be kept in this order. With several
        windows a stop, or a pace that changes, the route leaves late for the *earliest* possible end; a later end might last shorter.
    """
    loads = carry(problem, vehicle, order)
    if loads is None:
        return None
    tasks, release_s = _tasks(vehicle, order)
    timer = Timer(vehicle, problem.travel_of(vehicle), release_s)
    timing = timer.time(tasks)
    if timing is None:
        return None
    placed = place_breaks(timer, tasks, timing) if vehicle.breaks else (tasks, timing)
    return None if placed is None else _route(problem, timer, order, *placed, loads)


def least_order(problem: Problem, vehicle: Vehicle) -> Order:
    """What a vehicle visits if nothing is added: its head, what that has taken up is set down, and what is on board is unloaded.

    Empty for a vehicle in the yard without a head. Where the clock accepts none of the possible unloads, it is the head alone.
    """
    head = tuple(problem.stop_by_key.get(key) or problem.facility_by_key[key] for key in vehicle.head)
    owed = (problem.stop_by_key[one.bring_to] for one in head if isinstance(one, Stop) and one.bring_to is not None)
    begun = (*head, *(stop for stop in owed if stop not in head))
    if time_route(problem, vehicle, begun) is not None:
        return begun
    emptied = ((time_route(problem, vehicle, (*begun, gate)), (*begun, gate)) for gate in problem.facilities)
    sound = ((route.cost.total, order) for route, order in emptied if route is not None)
    return min(sound, key=lambda one: one[0], default=(0, head))[1]


def least_orders(problem: Problem) -> dict[str, Order]:
    """The least of each vehicle that always drives, by its key."""
    return {vehicle.key: least_order(problem, vehicle) for vehicle in problem.vehicles if vehicle.always_drives}


def _tasks(vehicle: Vehicle, order: Order) -> tuple[list[Task], int]:
    """The halts, and the release of what the first trip takes along; that of a later trip is the unload's before it."""
    tasks: list[Task] = []
    releases: dict[int | None, int] = {}
    here, unloaded = vehicle.begins_at, None
    for position, place in enumerate(order):
        if isinstance(place, Facility):
            tasks.append(Task(VisitKind.UNLOAD, place.key, place.location, 0, place.turnaround_s, place.windows))
            unloaded = position
        else:
            setup_s = place.setup_s if place.location != here else 0
            tasks.append(Task(VisitKind.PICKUP, place.key, place.location, setup_s, vehicle.work_s(place), place.windows))
            if place.release_s:
                releases[unloaded] = max(place.release_s, releases.get(unloaded, 0))
        here = place.location
    for unload, release_s in releases.items():
        if unload is not None:
            tasks[unload] = replace(tasks[unload], release_s=release_s)
    return tasks, releases.get(None, 0)


def _distance_m(timer: Timer, tasks: Sequence[Task]) -> int:
    path = [timer.here, *(task.location for task in tasks), timer.home]
    rows = timer.travel.distance_rows
    return sum(rows[i][j] for i, j in pairwise(path))


def _is_near_enough(vehicle: Vehicle, distance_m: int) -> bool:
    before_m = 0 if vehicle.under_way is None else vehicle.under_way.driven_m
    return vehicle.max_distance_m is None or before_m + distance_m <= vehicle.max_distance_m


def _route(problem: Problem, timer: Timer, order: Order, tasks: Sequence[Task], timing: Timing, loads: Sequence[Load]) -> Route | None:
    vehicle = timer.vehicle
    distance_m = _distance_m(timer, tasks)
    if not _is_near_enough(vehicle, distance_m):
        return None
    visits: list[Visit] = []
    load: Load = (0,) * len(problem.dimensions) if vehicle.under_way is None else vehicle.under_way.load
    now, upcoming = timing.leaves_s, iter(loads)
    for task, start_s, drive_s in zip(tasks, timing.starts_s, timing.drives_s, strict=False):
        arrival_s, now = now + drive_s, task.leave_s(start_s)
        load = load if task.kind is VisitKind.BREAK else next(upcoming)
        visits.append(
            Visit(
                kind=task.kind,
                key=task.key,
                location=task.location,
                arrival_s=arrival_s,
                start_s=start_s,
                departure_s=now,
                load_after=load,
            )
        )
    cost = _cost(problem, vehicle, order, timing.duration_s, distance_m)
    return Route(vehicle=vehicle.key, start_s=timing.start_s, end_s=timing.end_s, distance_m=distance_m, cost=cost, visits=tuple(visits))


def _cost(problem: Problem, vehicle: Vehicle, order: Order, duration_s: int, distance_m: int) -> RouteCost:
    overtime_s = 0 if vehicle.overtime_after_s is None else max(0, duration_s - vehicle.overtime_after_s)
    stops = [place for place in order if isinstance(place, Stop)]
    return RouteCost(
        fixed=vehicle.fixed_cost,
        time=vehicle.cost_per_s * duration_s,
        distance=vehicle.cost_per_m * distance_m,
        lifts=vehicle.cost_per_lift * sum(stop.lifts for stop in stops),
        fees=_fees(problem, vehicle, order),
        overtime=vehicle.overtime_cost_per_s * overtime_s,
        changes=sum(stop.change_cost for stop in stops if stop.usual_vehicle is not None and stop.usual_vehicle != vehicle.key),
        unfairness=0 if vehicle.fair_share is None else _unfairness(problem, vehicle, order, duration_s),
    )


def _unfairness(problem: Problem, vehicle: Vehicle, order: Order, duration_s: int) -> int:
    share = vehicle.fair_share
    assert share is not None
    kg = lifted(problem, vehicle, order)[problem.dimensions.index("kg")] if "kg" in problem.dimensions else 0
    return share.cost_per_s * max(0, duration_s - share.duration_s) + share.cost_per_kg * max(0, kg - share.load_kg)


def _fees(problem: Problem, vehicle: Vehicle, order: Order) -> int:
    kg = problem.dimensions.index("kg") if "kg" in problem.dimensions else None
    fees, on_board_kg = 0, 0
    if kg is not None and vehicle.under_way is not None:
        on_board_kg = vehicle.under_way.load[kg]
    for place in order:
        if isinstance(place, Facility):
            fees, on_board_kg = fees + place.fee_per_visit + place.fee_per_kg * on_board_kg, 0
        elif kg is not None:
            on_board_kg += place.load[kg]
    return fees


def lost_prizes(problem: Problem, served: frozenset[str]) -> int:
    """Prizes that are passed up: of each optional stop left out, and of each group the best prize less the one it got."""
    alone = sum(stop.prize or 0 for stop in problem.stops if stop.group is None and stop.key not in served)
    for members in problem.groups.values():
        best = max(stop.prize or 0 for stop in members)
        alone += best - max((stop.prize or 0 for stop in members if stop.key in served), default=0)
    return alone
