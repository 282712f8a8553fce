"""A dispatcher's proposed edits: what they would cost, and which rules they would break, before anybody is told.

Positions count stops and unloads from 0, breaks not among them (the clock places these anew). An edit that takes the only stop out
of a trip takes its unload out too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace

from routing.anyway import as_driven, broken_rules, drive_anyway
from routing.check import each_stop_once, has_its_route, one_of_a_group
from routing.clock import Order, lost_prizes
from routing.constraints import Violation
from routing.errors import require
from routing.explain import order_of
from routing.plan import Plan, Route, RouteCost
from routing.problem import Facility, Problem, Stop


@dataclass(frozen=True, slots=True)
class Move:
    """Serve the stop with this vehicle, before what is now at `position` there (counted once the stop has been taken out)."""

    stop: str
    vehicle: str
    position: int


@dataclass(frozen=True, slots=True)
class Swap:
    """Each of two stops where the other one is."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Leave the stop out."""

    stop: str


@dataclass(frozen=True, slots=True)
class Add:
    """Serve a stop that is left out."""

    stop: str
    vehicle: str
    position: int


@dataclass(frozen=True, slots=True)
class Reverse:
    """Drive a vehicle's trip (the first is 0) the other way round."""

    vehicle: str
    trip: int


@dataclass(frozen=True, slots=True)
class AddUnload:
    """Unload at this facility before what is now at `position`."""

    vehicle: str
    position: int
    facility: str


@dataclass(frozen=True, slots=True)
class RemoveUnload:
    """Do without a vehicle's unload (the first is 0)."""

    vehicle: str
    unload: int


@dataclass(frozen=True, slots=True)
class ChangeFacility:
    """Make a vehicle's unload (the first is 0) at another facility."""

    vehicle: str
    unload: int
    facility: str


Edit = Move | Swap | Remove | Add | Reverse | AddUnload | RemoveUnload | ChangeFacility


@dataclass(frozen=True, slots=True, kw_only=True)
class EditVerdict:
    """What edits would make of a plan.

    Parameters
    ----------
    routes
        The touched routes as they would be driven, sound or not.
    parked
        Vehicles whose route is gone.
    left_out, taken_in
        Keys of the stops that nobody serves any more, and of those that somebody serves now.
    violations
        As `check` names them: of the touched routes, and of the plan as a whole. Empty if the edits may be made.
    cost_change
        By cause, new less old.
    lost_prizes_change
        Prizes passed up, new less old.
    """

    routes: tuple[Route, ...]
    parked: tuple[str, ...]
    left_out: tuple[str, ...]
    taken_in: tuple[str, ...]
    violations: tuple[Violation, ...]
    cost_change: RouteCost
    lost_prizes_change: int
    distance_change_m: int
    duration_change_s: int

    @property
    def feasible(self) -> bool:
        return not self.violations

    def routes_of(self, plan: Plan) -> tuple[Route, ...]:
        """All routes of the plan once the edits are made: those not touched, and these."""
        gone = {*self.parked, *(route.vehicle for route in self.routes)}
        return (*(route for route in plan.routes if route.vehicle not in gone), *self.routes)


def judge_edit(problem: Problem, plan: Plan, *edits: Edit) -> EditVerdict:
    """What would become of a sound plan if these edits were made, one after the other.

    Parameters
    ----------
    plan
        A plan of the problem that `check` accepts; only the routes that the edits touch are driven again.

    Raises
    ------
    ValueError
        If an edit names what does not exist or is not in the plan (or is, for `Add`).
    """
    desk = _Desk(problem, plan)
    for edit in edits:
        desk.make(edit)
    return desk.verdict()


class _Desk:
    """The orders of a plan while they are being edited."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem, self.plan = problem, plan
        self.before: dict[str, Order] = {route.vehicle: order_of(problem, route) for route in plan.routes}
        self.orders: dict[str, list[Stop | Facility]] = {key: list(order) for key, order in self.before.items()}

    def make(self, edit: Edit) -> None:
        match edit:
            case Move(stop, vehicle, position):
                self._take_out(stop)
                self._put(vehicle, position, self._stop(stop))
            case Swap(first, second):
                self._swap(first, second)
            case Remove(stop):
                self._take_out(stop)
            case Add(stop, vehicle, position):
                require(self._find(stop) is None, f"stop {stop} is on a route already")
                self._put(vehicle, position, self._stop(stop))
            case Reverse(vehicle, trip):
                self._reverse(vehicle, trip)
            case AddUnload(vehicle, position, facility):
                self._put(vehicle, position, self._facility(facility))
            case RemoveUnload(vehicle, unload):
                del self._order(vehicle)[self._unload(vehicle, unload)]
            case ChangeFacility(vehicle, unload, facility):
                self._order(vehicle)[self._unload(vehicle, unload)] = self._facility(facility)

    def verdict(self) -> EditVerdict:
        touched = [key for key in self.orders if tuple(self.orders[key]) != self.before.get(key, ())]
        rides = []
        for key in touched:
            vehicle, order = self.problem.vehicle_by_key[key], tuple(self.orders[key])
            if order or vehicle.under_way is not None:
                rides.append(drive_anyway(self.problem, vehicle, order))
        routes = tuple(as_driven(ride) for ride in rides)
        old = [route for route in self.plan.routes if route.vehicle in touched]
        parked = frozenset(route.vehicle for route in old) - {route.vehicle for route in routes}
        served = Counter(place.key for order in self.orders.values() for place in order if isinstance(place, Stop))
        after = replace(self.plan, routes=(*(one for one in self.plan.routes if one.vehicle not in touched), *routes))
        violations = [violation for ride in rides for violation in broken_rules(self.problem, ride)]
        violations += [*each_stop_once(served), *one_of_a_group(self.problem, served), *has_its_route(self.problem, after)]
        was = self.plan.served
        return EditVerdict(
            routes=routes,
            parked=tuple(sorted(parked)),
            left_out=tuple(sorted(was - served.keys())),
            taken_in=tuple(sorted(served.keys() - was)),
            violations=tuple(violations),
            cost_change=_difference([one.cost for one in routes], [one.cost for one in old]),
            lost_prizes_change=lost_prizes(self.problem, frozenset(served)) - lost_prizes(self.problem, was),
            distance_change_m=sum(one.distance_m for one in routes) - sum(one.distance_m for one in old),
            duration_change_s=sum(one.duration_s for one in routes) - sum(one.duration_s for one in old),
        )

    def _stop(self, key: str) -> Stop:
        require(key in self.problem.stop_by_key, f"there is no stop {key}")
        return self.problem.stop_by_key[key]

    def _facility(self, key: str) -> Facility:
        require(key in self.problem.facility_by_key, f"there is no facility {key}")
        return self.problem.facility_by_key[key]

    def _order(self, vehicle: str) -> list[Stop | Facility]:
        require(vehicle in self.problem.vehicle_by_key, f"there is no vehicle {vehicle}")
        return self.orders.setdefault(vehicle, [])

    def _put(self, vehicle: str, position: int, place: Stop | Facility) -> None:
        order = self._order(vehicle)
        require(0 <= position <= len(order), f"vehicle {vehicle}: there is no position {position} among {len(order)} visits")
        order.insert(position, place)

    def _find(self, stop: str) -> tuple[list[Stop | Facility], int] | None:
        for order in self.orders.values():
            for position, place in enumerate(order):
                if isinstance(place, Stop) and place.key == stop:
                    return order, position
        return None

    def _get(self, stop: str) -> tuple[list[Stop | Facility], int]:
        found = self._find(self._stop(stop).key)
        require(found is not None, f"stop {stop} is on no route")
        assert found is not None
        return found

    def _take_out(self, stop: str) -> None:
        order, position = self._get(stop)
        del order[position]
        was_alone = position == 0 or isinstance(order[position - 1], Facility)
        if was_alone and position < len(order) and isinstance(order[position], Facility) and not self._is_loaded(order, position):
            del order[position]

    def _is_loaded(self, order: list[Stop | Facility], position: int) -> bool:
        """Does the first unload empty what is on board of a vehicle under way?"""
        (key,) = (key for key, one in self.orders.items() if one is order)
        out = self.problem.vehicle_by_key[key].under_way
        return position == 0 and out is not None and bool(out.classes)

    def _swap(self, first: str, second: str) -> None:
        (one, here), (other, there) = self._get(first), self._get(second)
        one[here], other[there] = other[there], one[here]

    def _reverse(self, vehicle: str, trip: int) -> None:
        order, ends = self._order(vehicle), self._unloads(vehicle)
        spans = list(zip([0, *(end + 1 for end in ends)], [*ends, len(order)], strict=True))
        filled = [span for span in spans if span[0] < span[1]]
        require(0 <= trip < len(filled), f"vehicle {vehicle} has no trip {trip}")
        first, last = filled[trip]
        order[first:last] = order[first:last][::-1]

    def _unloads(self, vehicle: str) -> list[int]:
        return [position for position, place in enumerate(self._order(vehicle)) if isinstance(place, Facility)]

    def _unload(self, vehicle: str, number: int) -> int:
        positions = self._unloads(vehicle)
        require(0 <= number < len(positions), f"vehicle {vehicle} has no unload {number}")
        return positions[number]


def _difference(new: list[RouteCost], old: list[RouteCost]) -> RouteCost:
    names = [field.name for field in fields(RouteCost)]
    return RouteCost(**{name: sum(getattr(one, name) for one in new) - sum(getattr(one, name) for one in old) for name in names})
