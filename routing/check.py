"""The independent judge: is this plan what it says, and does it keep every rule? Shares no code with the engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields

from routing.constraints import RULES, Violation
from routing.plan import Plan, RouteCost
from routing.problem import Problem, Stop
from routing.redrive import Ride, find_place, redrive


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `check` found out for itself.

    Parameters
    ----------
    violations
        Broken rules and false claims; empty for a sound plan. Stops left out with a reason are no violation.
    cost, distance_m, duration_s
        Of all routes, as re-driven (not as claimed).
    lost_prizes
        Prizes passed up: of optional stops left out; of a group, its best prize less the one it got.
    mandatory_unserved
        Keys of mandatory stops left out; of a group, its name.
    """

    violations: tuple[Violation, ...]
    cost: int
    lost_prizes: int
    distance_m: int
    duration_s: int
    served: int
    mandatory_unserved: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        return not self.violations

    @property
    def objective(self) -> int:
        """What engines minimise once nothing mandatory is left out."""
        return self.cost + self.lost_prizes


def check(problem: Problem, plan: Plan) -> Verdict:
    """Drive every route again and hold it against every rule and against its own claims.

    Parameters
    ----------
    problem, plan
        Any plan, by whomever; places and vehicles that do not exist are violations, not errors.

    Returns
    -------
    Verdict
        Costs are of the routes as re-driven; legs without a road count as nothing there.
    """
    rides = [redrive(problem, problem.vehicle_by_key[r.vehicle], r) for r in plan.routes if r.vehicle in problem.vehicle_by_key]
    lifted = Counter(halt.place.key for ride in rides for halt in ride.halts if isinstance(halt.place, Stop))
    violations = [
        *known_places(problem, plan),
        *one_route_per_vehicle(plan),
        *each_stop_once(lifted),
        *each_stop_accounted_for(problem, plan, lifted),
        *one_of_a_group(problem, lifted),
        *has_its_route(problem, plan),
        *(violation for ride in rides for rule in RULES for violation in rule(ride, problem)),
        *(violation for ride in rides for violation in as_claimed(ride)),
    ]
    return Verdict(
        violations=tuple(violations),
        cost=sum(ride.cost.total for ride in rides),
        lost_prizes=sum(_passed_up(members, lifted) for members in _choices(problem).values()),
        distance_m=sum(ride.distance_m for ride in rides),
        duration_s=sum(ride.duration_s for ride in rides),
        served=len(lifted),
        mandatory_unserved=tuple(name for name, members in _choices(problem).items() if _is_owed(members, lifted)),
    )


def known_places(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Every vehicle, stop, facility and break of the plan exists, and stands where the problem says."""
    for route in plan.routes:
        vehicle = problem.vehicle_by_key.get(route.vehicle)
        if vehicle is None:
            yield Violation(rule="known_places", vehicle=route.vehicle, detail="there is no such vehicle")
            continue
        for visit in route.visits:
            place = find_place(problem, vehicle, visit)
            if place is None:
                yield Violation(rule="known_places", vehicle=route.vehicle, stop=visit.key, detail=f"there is no such {visit.kind}")
            elif getattr(place, "location", visit.location) != visit.location:
                yield Violation(rule="known_places", vehicle=route.vehicle, stop=visit.key, detail=f"is not at location {visit.location}")


def one_route_per_vehicle(plan: Plan) -> Iterator[Violation]:
    """A vehicle drives at most one round."""
    for vehicle, count in Counter(route.vehicle for route in plan.routes).items():
        if count > 1:
            yield Violation(rule="one_route_per_vehicle", vehicle=vehicle, over=(count - 1,), detail=f"has {count} routes")


def each_stop_once(lifted: Counter[str]) -> Iterator[Violation]:
    """No stop is served twice."""
    for stop, count in lifted.items():
        if count > 1:
            yield Violation(rule="each_stop_once", stop=stop, over=(count - 1,), detail=f"is served {count} times")


def each_stop_accounted_for(problem: Problem, plan: Plan, lifted: Counter[str]) -> Iterator[Violation]:
    """Every stop is either served or listed once as unserved, with its reason."""
    listed = Counter(unserved.stop for unserved in plan.unserved)
    for stop in problem.stops:
        if (lifted[stop.key] > 0) + listed[stop.key] != 1:
            detail = "is served and listed as unserved" if lifted[stop.key] else f"is not served and listed {listed[stop.key]} times"
            yield Violation(rule="each_stop_accounted_for", stop=stop.key, detail=detail)
    for stranger in listed.keys() - problem.stop_by_key.keys():
        yield Violation(rule="each_stop_accounted_for", stop=stranger, detail="is listed as unserved, but is no stop")


def one_of_a_group(problem: Problem, lifted: Counter[str]) -> Iterator[Violation]:
    """Of stops that exclude each other at most one is served."""
    for group, members in problem.groups.items():
        served = [stop.key for stop in members if lifted[stop.key]]
        if len(served) > 1:
            yield Violation(
                rule="one_of_a_group", stop=served[-1], over=(len(served) - 1,), detail=f"{', '.join(served)} exclude each other ({group})"
            )


def has_its_route(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """A vehicle that is under way comes home, and one whose driver has been told where to go first goes there."""
    driving = {route.vehicle for route in plan.routes}
    for vehicle in problem.vehicles:
        if vehicle.key in driving:
            continue
        if vehicle.under_way is not None:
            yield Violation(rule="has_its_route", vehicle=vehicle.key, detail="is under way and has no route home")
        elif vehicle.head:
            yield Violation(
                rule="has_its_route", vehicle=vehicle.key, stop=vehicle.head[0], detail="has no route to where it has been sent"
            )


def as_claimed(ride: Ride) -> Iterator[Violation]:
    """Times, loads, distance and cost are what the plan says."""
    vehicle = ride.vehicle.key
    for halt in ride.halts:
        claimed = halt.claimed
        if (claimed.arrival_s, claimed.start_s, claimed.departure_s) != (halt.arrival_s, halt.start_s, halt.departure_s):
            detail = f"work starts at {halt.start_s}, not {claimed.start_s}"
            yield Violation(
                rule="times_as_claimed", vehicle=vehicle, stop=claimed.key, over=(halt.start_s - claimed.start_s,), detail=detail
            )
        if claimed.load_after != halt.load_after:
            detail = f"on board are {halt.load_after}, not {claimed.load_after}"
            yield Violation(rule="loads_as_claimed", vehicle=vehicle, stop=claimed.key, detail=detail)
    if ride.start_s != ride.claimed.start_s:
        yield Violation(rule="times_as_claimed", vehicle=vehicle, detail=f"started at {ride.start_s}, not {ride.claimed.start_s}")
    if ride.end_s != ride.claimed.end_s:
        yield Violation(rule="times_as_claimed", vehicle=vehicle, detail=f"ends at {ride.end_s}, not {ride.claimed.end_s}")
    if ride.distance_m != ride.claimed.distance_m:
        yield Violation(rule="distance_as_claimed", vehicle=vehicle, detail=f"drives {ride.distance_m} m, not {ride.claimed.distance_m} m")
    if ride.cost != ride.claimed.cost:
        yield Violation(rule="cost_as_claimed", vehicle=vehicle, detail=_cost_words(ride.cost, ride.claimed.cost))


def _cost_words(cost: RouteCost, claimed: RouteCost) -> str:
    """The causes that differ."""
    pairs = ((one.name, getattr(cost, one.name), getattr(claimed, one.name)) for one in fields(RouteCost))
    return ", ".join(f"{name} costs {true}, not {said}" for name, true, said in pairs if true != said)


def _choices(problem: Problem) -> dict[str, list[Stop]]:
    """Each group with its members, each other stop as a group of one."""
    choices: dict[str, list[Stop]] = {}
    for stop in problem.stops:
        choices.setdefault(stop.key if stop.group is None else f"group {stop.group}", []).append(stop)
    return choices


def _passed_up(members: list[Stop], lifted: Counter[str]) -> int:
    prizes = [(stop.prize or 0, lifted[stop.key] > 0) for stop in members]
    return max(prize for prize, _ in prizes) - max((prize for prize, is_served in prizes if is_served), default=0)


def _is_owed(members: list[Stop], lifted: Counter[str]) -> bool:
    return members[0].prize is None and not any(lifted[stop.key] for stop in members)
