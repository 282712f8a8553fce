"""Why is this stop on the route, and what does it cost there; why is that one not?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from routing.clock import Order, time_route
from routing.insertion import without
from routing.plan import Plan, Route, Unserved, VisitKind
from routing.problem import Problem, Vehicle


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginalCost:
    """What dropping one served stop would save, in cost units and metres, the rest of its route driven in the same order.

    Negative where the route gets dearer without it (a stop can make waiting unpaid by moving the start). Of a load that is brought
    elsewhere both stops have the price of both, for they go together; a stop that a driver has been told of is priced as if not.
    """

    stop: str
    vehicle: str
    cost: int
    distance_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan stop by stop: the served with what they cost, the others with the rule in their way."""

    served: tuple[MarginalCost, ...]
    unserved: tuple[Unserved, ...]


def explain(problem: Problem, plan: Plan) -> Explanation:
    """Price each served stop of a sound plan by taking it out and timing its route again."""
    served = [marginal for route in plan.routes for marginal in _marginals(problem, route)]
    return Explanation(served=tuple(served), unserved=plan.unserved)


def order_of(problem: Problem, route: Route) -> Order:
    """The stops and facilities of a route, in order, as `time_route` takes them."""
    return tuple(
        problem.stop_by_key[visit.key] if visit.kind is VisitKind.PICKUP else problem.facility_by_key[visit.key]
        for visit in route.visits
        if visit.kind is not VisitKind.BREAK
    )


def _marginals(problem: Problem, route: Route) -> list[MarginalCost]:
    vehicle, order = problem.vehicle_by_key[route.vehicle], order_of(problem, route)
    marginals = []
    for visit in route.pickups:
        free = _told_but(vehicle, visit.key)
        cost, distance_m = _spent(problem, free, without(order, problem.stop_by_key[visit.key], free))
        saved = MarginalCost(stop=visit.key, vehicle=vehicle.key, cost=route.cost.total - cost, distance_m=route.distance_m - distance_m)
        marginals.append(saved)
    return marginals


def _told_but(vehicle: Vehicle, stop: str) -> Vehicle:
    """The vehicle as if its driver had not been told of this stop; the same one if so."""
    return replace(vehicle, head=tuple(key for key in vehicle.head if key != stop)) if stop in vehicle.head else vehicle


def _spent(problem: Problem, vehicle: Vehicle, order: Order) -> tuple[int, int]:
    drives = bool(order) or vehicle.always_drives
    route = time_route(problem, vehicle, order) if drives else None
    if drives and route is None:
        # Without the stop there may be no way on (a one-way road through it): then it carries the whole route.
        return 0, 0
    return (0, 0) if route is None else (route.cost.total, route.distance_m)
