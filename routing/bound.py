"""How far from the best can a plan be? A lower bound that no plan undercuts, however loose, and its name.

Every stop is arrived at once and left once. Choosing for each place the place that follows, without asking for connected rounds,
capacities along the way or hours, is an assignment problem, and its optimum is below any plan's cost. Unloads enter as gateways:
waste of a class leaves its trip through the cheapest facility, and at least as many trips as the load needs are forced.
Where capacities decide, paths that hold no more than fits (`bound_paths.py`) say more; the better of the two is the bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from routing.bound_paths import TripKind, bound_by_paths
from routing.plan import Plan
from routing.problem import Problem, Stop, Vehicle, Window
from routing.vehicle import likeness

ASSIGNMENT_LIMIT = 2_000
"""Stops up to which the assignment is solved (cubic); beyond, each stop's cheapest arrival stands in."""
COLUMNS_AT_ONCE = 500
"""Then arrivals are looked at for so many stops at a time: all costs of 10,000 stops would take gigabytes."""

MOST_WAYS = 2_500_000
"""Stops squared times kinds of vehicles that are told apart along paths; beyond, one kind is as cheap and roomy as any."""
LEAST_PATH_STOPS = 8
"""For fewer stops it is not worth the while."""

_NEVER = float(2**50)

Costs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bound:
    """A certified lower bound in cost units, and which one."""

    cost: int
    method: str


def lower_bound(problem: Problem, served: frozenset[str] | None = None) -> Bound:
    """A bound on the cost of serving exactly `served`, or by default on cost plus prizes passed up over all choices.

    Parameters
    ----------
    served
        Keys of stops that are all served, and no others. None: optional stops may be left out at the price of their prize.

    Notes
    -----
    Each leg, work and lift is priced at the least over the vehicles that may serve the stop, so it holds for mixed fleets. Vehicles that
    share no stop are bounded apart; each such fleet pays for as many days as the least driving and work needs. Vehicles that drive
    anyway pay for the day, and for what is behind them, beforehand. Limits, locks, releases, overtime and fairness only add to a plan's
    cost, and are passed over.
    """
    kinds = [alike[0] for alike in _kinds(problem)]
    stops = [stop for stop in problem.stops if (served is None or stop.key in served) and any(one.may_serve(stop) for one in kinds)]
    spent = sum(_spent(problem, vehicle) for vehicle in problem.vehicles if vehicle.always_drives)
    if not stops:
        return Bound(spent, "nothing to serve")
    set_down = frozenset(problem.taken_up_at)
    parts = [_bound_of_fleet(fleet, set_down, served is not None) for fleet in _fleets(_relaxed(problem, stops))]
    return Bound(spent + sum(part.cost for part in parts), max((part.method for part in parts), key=len))


def _spent(problem: Problem, vehicle: Vehicle) -> int:
    """What a vehicle that drives anyway costs whatever it serves: its day, its time so far, and fees for what must be unloaded."""
    out = vehicle.under_way
    if out is None:
        return vehicle.fixed_cost
    kg = out.load[problem.dimensions.index("kg")] if vehicle.ends_empty and "kg" in problem.dimensions else 0
    least_fee = min((facility.fee_per_kg for facility in problem.facilities if out.classes <= facility.accepts), default=0)
    return vehicle.fixed_cost + vehicle.cost_per_s * (out.ready_s - out.started_s) + least_fee * kg


def _relaxed(problem: Problem, stops: Sequence[Stop]) -> Problem:
    """These stops without what ties them to others, and vehicles without locks that start where and when they are free."""
    weightless = tuple(0 for _ in problem.dimensions)
    brought = {stop.key for stop in stops if stop.bring_to is not None or stop.key in problem.taken_up_at}
    untied = (replace(stop, load=weightless, bring_to=None) if stop.key in brought else stop for stop in stops)
    return replace(problem, stops=tuple(untied), vehicles=tuple(map(_free, problem.vehicles)))


def _free(vehicle: Vehicle) -> Vehicle:
    vehicle = replace(vehicle, fixed_cost=0 if vehicle.always_drives else vehicle.fixed_cost, head=(), sequence=())
    out = vehicle.under_way
    if out is None:
        return vehicle
    left = Window(min(out.ready_s, vehicle.shift.close_s), vehicle.shift.close_s)
    most_s = None if vehicle.max_duration_s is None else max(1, out.started_s + vehicle.max_duration_s - out.ready_s)
    # Its breaks may lie behind it.
    return replace(vehicle, under_way=None, start_location=out.location, shift=left, max_duration_s=most_s, breaks=())


def _kinds(problem: Problem) -> list[list[Vehicle]]:
    """Vehicles that nothing but their keys tells apart: they cost, and may serve, the same."""
    permits = {stop.allowed_vehicles for stop in problem.stops if stop.allowed_vehicles is not None}
    usual = {stop.usual_vehicle for stop in problem.stops if stop.change_cost}
    kinds: dict[object, list[Vehicle]] = {}
    for vehicle in problem.vehicles:
        named = frozenset(permit for permit in permits if vehicle.key in permit), vehicle.key if vehicle.key in usual else None
        kinds.setdefault((likeness(vehicle), named), []).append(vehicle)
    return list(kinds.values())


@dataclass(frozen=True, slots=True)
class _Fleet:
    """Stops and those who may serve them: in `problem` one vehicle a kind, in `kinds` all of each."""

    problem: Problem
    kinds: tuple[tuple[Vehicle, ...], ...]

    @property
    def vehicles(self) -> tuple[Vehicle, ...]:
        return tuple(chain.from_iterable(self.kinds))


def _fleets(problem: Problem) -> Iterator[_Fleet]:
    """The problem in parts that share no vehicle (trucks with a crane, say, and all others): their bounds add up."""
    kinds = _kinds(problem)
    fleets: list[tuple[set[str], list[Stop]]] = []
    for stop in problem.stops:
        carriers = {alike[0].key for alike in kinds if alike[0].may_serve(stop)}
        shared = [fleet for fleet in fleets if fleet[0] & carriers]
        if len(shared) == 1 and carriers <= shared[0][0]:
            shared[0][1].append(stop)
            continue
        fleets = [fleet for fleet in fleets if not fleet[0] & carriers]
        fleets.append((carriers.union(*(keys for keys, _ in shared)), [one for _, stops in shared for one in stops] + [stop]))
    for keys, stops in fleets:
        mine = [alike for alike in kinds if alike[0].key in keys]
        part = replace(problem, stops=tuple(stops), vehicles=tuple(alike[0] for alike in mine))
        yield _Fleet(part, tuple(tuple(alike) for alike in mine))


def _bound_of_fleet(fleet: _Fleet, set_down: frozenset[str], all_served: bool) -> Bound:
    problem = fleet.problem
    if len(problem.stops) > ASSIGNMENT_LIMIT:
        sure = [stop for stop in problem.stops if all_served or _is_sure(stop)]
        work_s = sum(min(vehicle.work_s(stop) for vehicle in _carriers(problem.vehicles, stop)) for stop in sure)
        days = _fixed_cost(fleet, work_s, min(len(problem.stops), _trips_needed(problem, sure)))
        return Bound(days + _cheapest_arrivals(problem, set_down, all_served), "cheapest arrivals")
    table = _Table(problem, set_down, all_served)
    days = _fixed_cost(fleet, _busy_s(problem, set_down, all_served), table.trips)
    simple = Bound(days + table.assignment(), "assignment")
    paths = Bound((days if problem.facilities else 0) + _by_paths(fleet, table, all_served), "capacitated paths")
    return max(simple, paths, key=lambda bound: bound.cost)


def _cheapest_arrivals(problem: Problem, set_down: frozenset[str], all_served: bool) -> int:
    """Each stop from wherever it costs least to come, or its prize."""
    some = (slice(first, first + COLUMNS_AT_ONCE) for first in range(0, len(problem.stops), COLUMNS_AT_ONCE))
    tables = (_Table(problem, set_down, all_served, columns) for columns in some)
    return _whole(sum(float(np.minimum(table.between.min(axis=0), table.enter).sum()) for table in tables))


def _by_paths(fleet: _Fleet, table: _Table, all_served: bool) -> int:
    """The cost of all trips, if each holds what it takes; where nobody unloads on the way, a trip is a round and pays for its day."""
    problem = fleet.problem
    if len(problem.stops) < LEAST_PATH_STOPS:
        return 0
    fills = [_fills_of(problem, problem.stops, entry) for entry in range(len(problem.dimensions))]
    entry = fills.index(max(fills))
    load = np.array([_least_load(problem, stop, entry) for stop in problem.stops])
    worth = np.array([np.inf if all_served or _is_sure(stop) else _price_of_leaving_out(stop) for stop in problem.stops])
    return _whole(bound_by_paths(_trip_kinds(fleet, table, entry), load, worth))


def _trip_kinds(fleet: _Fleet, table: _Table, entry: int) -> list[TripKind]:
    """Those of each kind of vehicle, or, where these are many, one that is as cheap and roomy as any."""
    is_round = not fleet.problem.facilities
    kinds = []
    for alike in fleet.kinds:
        trip, fixed = table.trip_of(alike[0]), alike[0].fixed_cost if is_round else 0
        enter, between, leave = (np.where(cost >= _NEVER, np.inf, cost) for cost in (trip.enter, trip.between, trip.leave))
        kinds.append(TripKind(enter, between, leave + fixed, alike[0].capacity[entry], len(alike) if is_round else None))
    if len(kinds) == 1 or len(kinds) * len(fleet.problem.stops) ** 2 <= MOST_WAYS:
        return kinds
    enter, between, leave = (np.minimum.reduce([getattr(kind, name) for kind in kinds]) for name in ("enter", "between", "leave"))
    return [TripKind(enter, between, leave, max(kind.capacity for kind in kinds))]


def _is_sure(stop: Stop) -> bool:
    return stop.mandatory and stop.group is None


def _busy_s(problem: Problem, set_down: frozenset[str], all_served: bool) -> int:
    """Seconds that all routes together are at least driving and working: the same assignment, priced in seconds."""
    clocks = tuple(replace(v, cost_per_s=1, cost_per_m=0, cost_per_lift=0, fixed_cost=0) for v in problem.vehicles)
    free = tuple(replace(stop, prize=None if stop.mandatory else 0, change_cost=0) for stop in problem.stops)
    gates = tuple(replace(facility, fee_per_kg=0, fee_per_visit=0) for facility in problem.facilities)
    timed = replace(problem, vehicles=clocks, stops=free, facilities=gates)
    return _Table(timed, set_down, all_served).assignment()


def gap_pct(plan: Plan, bound: Bound) -> float:
    """How much dearer than a bound on serving the same stops the plan is, in per cent of the plan's cost; 0 for an empty plan."""
    return 0.0 if plan.cost == 0 else 100 * (plan.cost - bound.cost) / plan.cost


@dataclass(frozen=True, slots=True)
class _Trip:
    """Costs of arriving at each stop from outside a trip, at each stop from each other one, and of leaving the trip behind each."""

    enter: Costs
    between: Costs
    leave: Costs


class _Table:
    """Costs from each stop, or from outside its trip, to each stop (or to those of some columns), or out of its trip.

    After a stop where something is set down (`set_down`) nothing may be on board: any stop may follow it, and the way home.
    """

    def __init__(self, problem: Problem, set_down: frozenset[str], all_served: bool, columns: slice = slice(None)) -> None:
        self.problem, self.stops, stops = problem, problem.stops, problem.stops
        self._columns, self._targets = columns, stops[columns]
        self.may_be_empty = np.array([stop.key in set_down for stop in stops])
        n, k = len(stops), len(self._targets)
        self.between = np.full((n, k), _NEVER)
        self.enter, self.leave = np.full(k, _NEVER), np.full(n, _NEVER)
        for vehicle in problem.vehicles:
            self._lower(vehicle)
        out = [_NEVER if all_served else _price_of_leaving_out(stop) for stop in self._targets]
        self.between[np.arange(n)[columns], np.arange(k)] = out
        sure = [stop for stop in stops if all_served or _is_sure(stop)]
        self.trips = min(n, _trips_needed(problem, sure))

    def _lower(self, vehicle: Vehicle) -> None:
        """Take this vehicle's costs where they are below those of the vehicles before."""
        trip = self.trip_of(vehicle)
        self.enter, self.between = np.minimum(self.enter, trip.enter), np.minimum(self.between, trip.between)
        self.leave = np.minimum(self.leave, trip.leave)

    def trip_of(self, vehicle: Vehicle) -> _Trip:
        """What this vehicle pays along a trip."""
        may = np.array([vehicle.may_serve(stop) for stop in self.stops])
        where = np.array([stop.location for stop in self.stops])
        may_enter, there = may[self._columns], where[self._columns]
        work = np.array([_cost_at(self.problem, vehicle, stop) for stop in self._targets], dtype=float)
        setup = np.array([vehicle.cost_per_s * stop.setup_s for stop in self._targets], dtype=float)
        allowed = may[:, None] & may_enter[None, :]
        if vehicle.one_class_per_trip and not vehicle.compartments:
            classes = np.array([stop.waste_class for stop in self.stops])
            allowed &= (classes[:, None] == classes[self._columns][None, :]) | self.may_be_empty[:, None]
        between = _leg_costs(self.problem, vehicle, where, there) + np.where(where[:, None] != there[None, :], setup, 0.0) + work
        origins = np.array([vehicle.start_location, *(facility.location for facility in self.problem.facilities)])
        arrival = _leg_costs(self.problem, vehicle, origins, there) + np.where(origins[:, None] != there[None, :], setup, 0.0)
        return _Trip(
            enter=np.where(may_enter, arrival.min(axis=0) + work, _NEVER),
            between=np.where(allowed, between, _NEVER),
            leave=np.where(may, self._ways_out(vehicle, where), _NEVER),
        )

    def _ways_out(self, vehicle: Vehicle, where: NDArray[np.int64]) -> Costs:
        """Home, where nothing need be unloaded, or to the facility that costs least."""
        goes_home = self.may_be_empty | (not vehicle.ends_empty)
        ways = [np.where(goes_home, _leg_costs(self.problem, vehicle, where, np.array([vehicle.end_location]))[:, 0], _NEVER)]
        for facility in self.problem.facilities:
            accepted = np.array([stop.waste_class in facility.accepts for stop in self.stops])
            unload = vehicle.cost_per_s * facility.turnaround_s + facility.fee_per_visit
            way = _leg_costs(self.problem, vehicle, where, np.array([facility.location]))[:, 0]
            ways.append(np.where(accepted, way + unload, _NEVER))
        return np.asarray(np.minimum.reduce(ways))

    def assignment(self) -> int:
        """Stops and gateways as rows (left) and columns (arrived at). `trips` gateways must be used, the others may idle."""
        n = len(self.stops)
        cost = np.zeros((2 * n, 2 * n))
        cost[:n, :n], cost[:n, n:], cost[n:, :n] = self.between, self.leave[:, None], self.enter[None, :]
        cost[n : n + self.trips, n:] = cost[n:, n : n + self.trips] = _NEVER
        rows, columns = linear_sum_assignment(cost)
        return _whole(float(cost[rows, columns].sum()))


def _whole(cost: float) -> int:
    """Rounded down; a forbidden choice in it means that the stops cannot all be served, of which a bound says nothing."""
    return 0 if cost >= _NEVER else int(cost)


def _leg_costs(problem: Problem, vehicle: Vehicle, origins: NDArray[np.int64], targets: NDArray[np.int64]) -> Costs:
    """From each of these locations to each of those, at the fastest pace of the day."""
    travel, legs = problem.travel_of(vehicle), np.ix_(origins, targets)
    matrix_s, distance_m = travel.drive_s[legs], travel.distance_m[legs]
    drive_s = np.floor(matrix_s * min(1.0, *(pace.per_mille / 1_000 for pace in travel.paces))) if travel.paces else matrix_s
    costs = vehicle.cost_per_m * distance_m.astype(float) + vehicle.cost_per_s * drive_s.astype(float)
    return np.where((distance_m < 0) | (matrix_s < 0), _NEVER, costs)


def _cost_at(problem: Problem, vehicle: Vehicle, stop: Stop) -> int:
    """Work, lifts and the least fee for what is lifted, if the truck must unload it."""
    kg = stop.load[problem.dimensions.index("kg")] if vehicle.ends_empty and "kg" in problem.dimensions else 0
    least_fee = min((facility.fee_per_kg for facility in problem.facilities_for(stop.waste_class)), default=0)
    change = stop.change_cost if stop.usual_vehicle not in (None, vehicle.key) else 0
    return vehicle.cost_per_s * vehicle.work_s(stop) + vehicle.cost_per_lift * stop.lifts + least_fee * kg + change


def _price_of_leaving_out(stop: Stop) -> float:
    if stop.group is not None:
        return 0.0  # an alternative may be served
    return _NEVER if stop.prize is None else float(stop.prize)


def _carriers(vehicles: Iterable[Vehicle], stop: Stop) -> list[Vehicle]:
    return [vehicle for vehicle in vehicles if vehicle.may_serve(stop)]


def _trips_needed(problem: Problem, stops: Sequence[Stop]) -> int:
    """Per class the load over the largest body; all classes together where a vehicle may mix them."""
    mixed = any(vehicle.compartments or not vehicle.one_class_per_trip for vehicle in problem.vehicles)
    batches = [list(stops)] if mixed else [[s for s in stops if s.waste_class == name] for name in {s.waste_class for s in stops}]
    return sum(_fills(problem, batch) for batch in batches)


def _fills(problem: Problem, stops: Sequence[Stop]) -> int:
    return max((_fills_of(problem, stops, entry) for entry in range(len(problem.dimensions))), default=0)


def _fills_of(problem: Problem, stops: Sequence[Stop], entry: int) -> int:
    most = max((vehicle.capacity[entry] for vehicle in problem.vehicles), default=0)
    return -(-sum(_least_load(problem, stop, entry) for stop in stops) // most) if most else 0


def _least_load(problem: Problem, stop: Stop, entry: int) -> int:
    return min(vehicle.load_of(stop, problem.dimensions)[entry] for vehicle in _carriers(problem.vehicles, stop))


def _fixed_cost(fleet: _Fleet, busy_s: int, trips: int) -> int:
    """The cheapest vehicles, as many as the driving and work need of the longest shifts, and trips where nobody unloads on the way."""
    longest_s, count = sorted((_workable_s(vehicle) for vehicle in fleet.vehicles), reverse=True), 0
    while count < len(longest_s) and sum(longest_s[:count]) < busy_s:
        count += 1
    count = max(count, min(1, trips), 0 if fleet.problem.facilities else trips)
    return sum(sorted(vehicle.fixed_cost for vehicle in fleet.vehicles)[:count])


def _workable_s(vehicle: Vehicle) -> int:
    """The longest round without the break that it must contain."""
    if len(vehicle.breaks) != 1 or vehicle.breaks[0].after_work_s is None:
        return vehicle.longest_s
    (rule,) = vehicle.breaks
    assert rule.after_work_s is not None
    rest_s = min(rule.duration_s, sum(rule.parts_s) or rule.duration_s)
    return min(vehicle.longest_s, max(rule.after_work_s, rule.only_if_longer_s, vehicle.longest_s - rest_s))
