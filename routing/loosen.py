"""What has been promised and cannot be kept, whatever is planned: the plan does without it, and the check names the rule.

A head (`Vehicle.head`) may have become impossible since a driver was told: the gate has closed, two were sent to one bin, the order
says otherwise. And a truck on the road may have no way home within the rules. Neither is a reason to have no plan for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from routing.anyway import as_driven, broken_rules, drive_anyway
from routing.clock import least_order, time_route
from routing.io import problem_digest
from routing.plan import Plan, Route
from routing.problem import Problem, Vehicle

Names = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosened:
    """A problem that can be planned.

    Parameters
    ----------
    whole
        As it was put.
    problem
        With each head cut down to what can be driven, and without trucks that have no way home within the rules. The same one if
        all can be kept.
    astray
        The way home of each of these trucks, with as little broken as a simple look finds.
    """

    whole: Problem
    problem: Problem
    astray: tuple[Route, ...] = ()

    def plan(self, plan: Plan) -> Plan:
        """The plan of `problem` as one of the whole; of that it breaks what cannot be kept."""
        if self.problem is self.whole:
            return plan
        return replace(plan, routes=(*plan.routes, *self.astray), problem_digest=problem_digest(self.whole))


def loosen(problem: Problem) -> Loosened:
    """What can be kept of the problem."""
    if not any(vehicle.always_drives for vehicle in problem.vehicles):
        return Loosened(whole=problem, problem=problem)
    told: Names = frozenset()
    vehicles, astray = [], []
    for vehicle in problem.vehicles:
        kept = replace(vehicle, head=possible_head(problem, vehicle, told)) if vehicle.head else vehicle
        told |= names_told(problem, kept.head)
        if kept.always_drives and not comes_home(problem, kept):
            astray.append(_home_anyway(problem, kept))
        else:
            vehicles.append(vehicle if kept.head == vehicle.head else kept)
    if tuple(vehicles) == problem.vehicles:
        return Loosened(whole=problem, problem=problem)
    return Loosened(whole=problem, problem=replace(problem, vehicles=tuple(vehicles)), astray=tuple(astray))


def comes_home(problem: Problem, vehicle: Vehicle) -> bool:
    """Can it do what it has been told, and come home, within the rules?"""
    return time_route(problem, vehicle, least_order(problem, vehicle)) is not None


def possible_head(
    problem: Problem, vehicle: Vehicle, told: Names = frozenset(), comes_home: Callable[[Problem, Vehicle], bool] = comes_home
) -> tuple[str, ...]:
    """The vehicle's head without the places that it cannot go to after those before.

    Parameters
    ----------
    told
        Stops, and groups, that others have been told of.
    comes_home
        Whether a vehicle can do as its head says.
    """
    names = names_told(problem, vehicle.head)
    if not names & told and len(names) == sum(1 for _ in _each_name(problem, vehicle.head)) and comes_home(problem, vehicle):
        return vehicle.head
    kept: tuple[str, ...] = ()
    for key in vehicle.head:
        names = names_told(problem, (key,))
        if not names & (told | names_told(problem, kept)) and comes_home(problem, replace(vehicle, head=(*kept, key))):
            kept = (*kept, key)
    return kept


def names_told(problem: Problem, head: tuple[str, ...]) -> Names:
    """The stops, and groups, of a head: nobody else may be told of these as well, but a facility is there for everybody."""
    return frozenset(_each_name(problem, head))


def _each_name(problem: Problem, head: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in head:
        stop = problem.stop_by_key.get(key)
        if stop is not None:
            yield "stop", key
            if stop.group is not None:
                yield "group", stop.group


def _home_anyway(problem: Problem, vehicle: Vehicle) -> Route:
    """Straight home, or by whichever facility breaks fewer rules."""
    rides = [drive_anyway(problem, vehicle, order) for order in ((), *((gate,) for gate in problem.facilities))]
    return as_driven(min(rides, key=lambda ride: (len(broken_rules(problem, ride)), ride.end_s)))
