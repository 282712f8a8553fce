"""Plans written by hand for the checker: an order in letters, driven honestly, so that only the rule in question is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from routing.check import Verdict, check
from routing.plan import Plan, Reason, Route, RouteCost, Unserved, Visit, VisitKind
from routing.problem import Problem
from routing.redrive import redrive

Keys = str | Sequence[str | tuple[str, int]]


def hand_plan(problem: Problem, orders: Mapping[str, Keys], start_s: int = 0) -> Plan:
    """One route a vehicle from keys in driving order ("ABU"); a key of a break rule is taken where the visit before was.

    ("rest", 900) is a part of a rest.

    What a route claims is taken from the re-drive, so claims are true and rules alone decide.
    """
    routes = tuple(_honest(problem, vehicle, keys, start_s) for vehicle, keys in orders.items())
    served = {visit.key for route in routes for visit in route.visits}
    left = tuple(Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="by hand") for one in problem.stops if one.key not in served)
    return Plan(routes=routes, unserved=left, engine="hand", seed=0, problem_digest="")


def _honest(problem: Problem, vehicle_key: str, keys: Keys, start_s: int) -> Route:
    vehicle = problem.vehicle_by_key[vehicle_key]
    here, visits = vehicle.begins_at, []
    for named in keys:
        key, length_s = (named, 0) if isinstance(named, str) else named
        if key in problem.stop_by_key:
            kind, here = VisitKind.PICKUP, problem.stop_by_key[key].location
        elif key in problem.facility_by_key:
            kind, here = VisitKind.UNLOAD, problem.facility_by_key[key].location
        else:
            kind = VisitKind.BREAK
        visits.append(Visit(kind=kind, key=key, location=here, arrival_s=0, start_s=0, departure_s=length_s, load_after=()))
    draft = Route(vehicle=vehicle_key, start_s=start_s, end_s=0, distance_m=0, cost=RouteCost(), visits=tuple(visits))
    ride = redrive(problem, vehicle, draft)
    timed = tuple(
        replace(h.claimed, arrival_s=h.arrival_s, start_s=h.start_s, departure_s=h.departure_s, load_after=h.load_after) for h in ride.halts
    )
    return replace(draft, visits=timed, start_s=ride.start_s, end_s=ride.end_s, distance_m=ride.distance_m, cost=ride.cost)


def broken(problem: Problem, orders: Mapping[str, Keys], start_s: int = 0) -> dict[str, list[tuple[str | None, tuple[int, ...]]]]:
    """What the checker says of such a plan: rule → (stop, by how much)."""
    said: dict[str, list[tuple[str | None, tuple[int, ...]]]] = {}
    for violation in check(problem, hand_plan(problem, orders, start_s)).violations:
        said.setdefault(violation.rule, []).append((violation.stop, violation.over))
    return said


def checked(problem: Problem, plan: Plan) -> Verdict:
    """The verdict on a plan that must be sound."""
    verdict = check(problem, plan)
    assert verdict.violations == ()
    assert verdict.cost == plan.cost
    return verdict
