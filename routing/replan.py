"""Trucks are under way, one breaks down, bins appear: a checked new plan in seconds that changes little.

The published order of what remains is where the search begins, and each stop that changes its truck has a price. A truck goes on to
where it is driving; what is driven stays driven. The search sees trucks that have already been where they are bound for, and is free
from there; the plan itself tells the whole rest of each round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import nsmallest
from typing import Protocol

from routing.anyway import NEVER_S
from routing.asks import Ask
from routing.check import check
from routing.clock import Order, least_order, time_route
from routing.errors import EngineError
from routing.explain import order_of
from routing.field import FieldState, TruckState, onward
from routing.incumbent import mend
from routing.insertion import Board, left_out, taken_up
from routing.io import problem_digest
from routing.plan import Plan, Reason, Unserved
from routing.problem import Facility, Problem, Stop, Travel, Vehicle, Window
from routing.remaining import Locks, Remaining, append_locations, what_remains
from routing.solve import objective, solve
from routing.stopping import NOTHING_YET, EarlyBy, MaxSeconds, StopCriterion
from routing.triage import find_hopeless

__all__ = ["Change", "ChangeKind", "Locks", "Replan", "Search", "append_locations", "replan"]

CHANGE_COST = 2_000_000
"""Two units of currency a stop that changes its truck."""
TIMED = 8
"""Places, of all vehicles together, that are timed in full for each stop put in before the search."""
BEGINNING_SHARE = 0.2
"""Of the time, for putting optional stops in before the search; mandatory ones always are."""
AFTERWARDS_S_PER_STOP = 0.001
"""What it takes to tell and check the plan once the search is over; at most a tenth of the time is kept for it."""


class Search(Protocol):
    """Who routes what is free: `solve`, or `guarded.solve_in_subprocess` with its limits."""

    def __call__(
        self,
        problem: Problem,
        *,
        stop: StopCriterion,
        seed: int,
        warm_start: Plan | None,
        cores: int,
        on_improvement: Callable[[Plan], None] | None,
    ) -> Plan: ...


class ChangeKind(StrEnum):
    MOVED = "moved"
    ADDED = "added"
    DROPPED = "dropped"
    RETIMED = "retimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one stop.

    Parameters
    ----------
    from_vehicle, to_vehicle
        None for nobody.
    price
        What the change costs in the plan: nothing if its vehicle is out of order.
    later_s
        How much later than published the truck arrives, earlier if negative; None if it is new or dropped.
    """

    stop: str
    kind: ChangeKind
    from_vehicle: str | None
    to_vehicle: str | None
    price: int = 0
    later_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """The rest of the morning.

    Parameters
    ----------
    problem
        What was left to plan: keep it, it is the problem of the next replan and of `check`.
    plan
        From each truck's present place on; keeps every rule of the problem.
    changes
        Stops that move, come in, fall out, or are only reached at another time.
    stranded
        By vehicle out of order, what is on board of it, one entry a dimension.
    reliefs
        What had to be granted to trucks that can no longer keep their limits, whatever is planned ("truck 4 until 14:40"); also
        that one comes home loaded, does not go where it was told, or, having no way home at all, is left out as if it were broken.
    """

    problem: Problem
    plan: Plan
    changes: tuple[Change, ...]
    stranded: Mapping[str, tuple[int, ...]]
    reliefs: tuple[Ask, ...]

    @property
    def moved(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is ChangeKind.MOVED)

    @property
    def price_of_changes(self) -> int:
        return sum(change.price for change in self.changes)


def replan(
    problem: Problem,
    published: Plan,
    state: FieldState,
    *,
    stop: StopCriterion,
    seed: int = 0,
    change_cost: int = CHANGE_COST,
    locks: Locks | None = None,
    travel: tuple[Travel, ...] | None = None,
    more_vehicles: tuple[Vehicle, ...] = (),
    cores: int = 1,
    on_improvement: Callable[[Plan], None] | None = None,
    search: Search = solve,
) -> Replan:
    """Plan what is left, with as little change as pays.

    Parameters
    ----------
    problem, published
        The morning's problem and its plan; or those of the last replan.
    state
        Where everybody is, what is done, new, cancelled; `field.as_published` says it for trucks that report nothing.
    stop
        When to be done, all in all.
    change_cost
        Price of each stop that is served by another vehicle than published, in cost units; prices that stops had before
        (`Stop.change_cost`) count no more. Stops of a vehicle that is out of order change for nothing.
    travel
        The matrices with the places where trucks are now and bins have appeared (`append_locations`); by default the problem's own.
    more_vehicles
        Spare trucks that may leave now.
    on_improvement
        Called with each better plan of what is still free: without the places that trucks are driving to.
    search
        Where the solvers run; by default in this process.

    Raises
    ------
    ValueError
        If the state speaks of what does not exist.
    EngineError
        If the plan fails the check, which is a defect of this package.
    """
    stop(NOTHING_YET)  # the clock starts here
    left = what_remains(
        problem, published, state, change_cost=change_cost, locks=locks or Locks(), travel=travel, more_vehicles=more_vehicles
    )
    free = _Free(left.problem)
    patience = None if stop.seconds is None else MaxSeconds(max(0.001, BEGINNING_SHARE * stop.seconds))
    orders = {key: free.without_head(key, order) for key, order in left.orders.items()}
    begun = _begun(free.problem, orders, enough=lambda: patience is not None and patience(NOTHING_YET))
    searching = EarlyBy(stop, min(AFTERWARDS_S_PER_STOP * len(left.problem.stops), (stop.seconds or 0.0) / 10))
    found = search(free.problem, stop=searching, seed=seed, warm_start=begun, cores=cores, on_improvement=on_improvement)
    plan = _told(left.problem, free, begun, found, seed)
    changes = tuple(_changes(left, published, plan))
    return Replan(problem=left.problem, plan=plan, changes=changes, stranded=left.stranded, reliefs=left.reliefs)


class _Free:
    """The problem as the search sees it: where a truck is driving to it has been already, as far as that can be foreseen."""

    def __init__(self, problem: Problem) -> None:
        self.whole = problem
        self.vehicles = {one.key: _ahead(problem, one) for one in problem.vehicles if one.head}
        ahead = {key: problem.vehicle_by_key[key].head for key, vehicle in self.vehicles.items() if not vehicle.head}
        self.heads: dict[str, Order] = {key: tuple(_place(problem, one) for one in head) for key, head in ahead.items()}
        done = {place.key for head in self.heads.values() for place in head if isinstance(place, Stop)}
        chosen = {problem.stop_by_key[key].group: key for key in done} if done else {}
        self.alternatives = tuple(
            Unserved(stop=one.key, reason=Reason.ALTERNATIVE_SERVED, detail=f"{chosen[one.group]} is served instead")
            for one in problem.stops
            if one.group is not None and one.group in chosen and one.key not in done
        )
        out = done | {one.stop for one in self.alternatives}
        stops = tuple(one for one in problem.stops if one.key not in out)
        self.problem = self._with_possible_sequences(stops)

    def without_head(self, vehicle: str, order: Order) -> Order:
        return order[len(self.heads.get(vehicle, ())) :]

    def with_head(self, vehicle: str, order: Order) -> Order:
        return (*self.heads.get(vehicle, ()), *order)

    def _with_possible_sequences(self, stops: tuple[Stop, ...]) -> Problem:
        """Nobody is told an order of stops that are done, or that nobody can serve."""
        vehicles = tuple(self.vehicles.get(one.key, one) for one in self.whole.vehicles)
        keys = {one.key for one in stops}
        vehicles = tuple(replace(one, sequence=tuple(key for key in one.sequence if key in keys)) for one in vehicles)
        problem = replace(self.whole, stops=stops, vehicles=vehicles)
        if not any(one.sequence for one in vehicles):
            return problem
        keys -= {one.stop for one in find_hopeless(problem)}
        return replace(
            problem, vehicles=tuple(replace(one, sequence=tuple(key for key in one.sequence if key in keys)) for one in vehicles)
        )


def _ahead(problem: Problem, vehicle: Vehicle) -> Vehicle:
    """The vehicle once it has done what it was told; the same one where that cannot be foreseen, or leaves it no way home."""
    head = tuple(_place(problem, key) for key in vehicle.head)
    is_plain = all(not isinstance(one, Stop) or (one.bring_to is None and one.key not in problem.taken_up_at) for one in head)
    if vehicle.under_way is None or not is_plain:
        return vehicle
    only_there = replace(
        vehicle,
        end_location=head[-1].location,
        shift=Window(vehicle.shift.open_s, NEVER_S),
        breaks=(),
        ends_empty=False,
        max_duration_s=None,
    )
    route = time_route(problem, only_there, head)
    if route is None:
        return vehicle
    last = route.visits[-1]
    state = TruckState(vehicle=vehicle.key, started_s=route.start_s, done=route.visits, location=last.location, ready_s=last.departure_s)
    then = onward(problem, vehicle, state)
    if then.again:  # what rides in other compartments `under_way` alone cannot say
        return vehicle
    there = replace(vehicle, head=(), under_way=then.under_way)
    can_go_home = time_route(problem, there, least_order(problem, there)) is not None
    return there if can_go_home else vehicle


def _place(problem: Problem, key: str) -> Stop | Facility:
    return problem.stop_by_key.get(key) or problem.facility_by_key[key]


def _begun(problem: Problem, orders: Mapping[str, Order], *, enough: Callable[[], bool]) -> Plan:
    """What remains of the published plan, mended, with the rest put in where it costs least at a quick look; `enough` of the optional."""
    mended = {key: mend(problem, problem.vehicle_by_key[key], order) for key, order in orders.items()}
    board = Board(problem, {key: order for key, order in mended.items() if order})
    for stop in sorted(left_out(problem, board.orders), key=lambda one: (not one.mandatory, -(one.prize or 0))):
        if not stop.mandatory and enough():
            break
        if stop.key not in problem.taken_up_at and not board.serves_group_of(stop):
            _put_in(board, taken_up(problem, stop))
    timed = (time_route(problem, problem.vehicle_by_key[key], order) for key, order in board.orders.items())
    routes = tuple(route for route in timed if route is not None)
    return Plan(routes=routes, unserved=(), engine="published", seed=0, problem_digest=problem_digest(problem))


def _put_in(board: Board, stop: Stop) -> None:
    """The best of the few most promising places on all vehicles; insertion times as many on each, which takes ten times as long."""
    sketches = [board.sketch(vehicle) for vehicle in board.vehicles if vehicle.may_serve(stop)]
    places = (
        (one.cost + _change(stop, sketch.vehicle), number, one)
        for number, sketch in enumerate(sketches)
        if sketch.sound
        for one in sketch.detours(stop)
        if stop.prize is None or one.least_cost <= stop.prize
    )
    best: tuple[int, str, Order] | None = None
    for _, number, detour in nsmallest(TIMED, places, key=lambda one: (one[0], one[1], one[2].position)):
        sketch = sketches[number]
        order = sketch.extended(stop, detour)
        route = sketch.time(order)
        if route is not None and (best is None or route.cost.total - sketch.cost < best[0]):
            best = route.cost.total - sketch.cost, sketch.vehicle.key, order
    if best is not None and (stop.prize is None or best[0] <= stop.prize):
        board.put(best[1], best[2])


def _change(stop: Stop, vehicle: Vehicle) -> int:
    return stop.change_cost if stop.usual_vehicle not in (None, vehicle.key) else 0


def _told(problem: Problem, free: _Free, begun: Plan, found: Plan, seed: int) -> Plan:
    """The better of what was found and where it began, head first, checked."""
    plans = [plan for one in (found, begun) if (plan := _whole(problem, free, one, seed)) is not None and check(problem, plan).feasible]
    if not plans:
        raise EngineError("neither what remains of the published plan nor what was found keeps the rules")
    return min(plans, key=lambda plan: (len(check(problem, plan).mandatory_unserved), objective(problem, plan)))


def _whole(problem: Problem, free: _Free, plan: Plan, seed: int) -> Plan | None:
    orders = {route.vehicle: free.with_head(route.vehicle, order_of(free.problem, route)) for route in plan.routes}
    routes = [time_route(problem, one, orders[one.key]) for one in problem.vehicles if one.key in orders]
    if None in routes:
        return None
    unserved = (*free.alternatives, *plan.unserved)
    named = {one.stop for one in unserved}
    served = {place.key for order in orders.values() for place in order}
    rest = (one.key for one in problem.stops if one.key not in served and one.key not in named)
    left = (Unserved(stop=key, reason=Reason.NO_ROOM_LEFT, detail="no vehicle has room and time left") for key in rest)
    return Plan(
        routes=tuple(route for route in routes if route is not None),
        unserved=(*unserved, *left),
        engine=plan.engine,
        seed=seed,
        problem_digest=problem_digest(problem),
    )


def _changes(left: Remaining, published: Plan, plan: Plan) -> list[Change]:
    was = {visit.key: (route.vehicle, visit.arrival_s) for route in published.routes for visit in route.pickups}
    now = {visit.key: (route.vehicle, visit.arrival_s) for route in plan.routes for visit in route.pickups}
    changes = []
    for stop in left.problem.stops:
        before, after = was.get(stop.key), now.get(stop.key)
        later_s = after[1] - before[1] if before is not None and after is not None else None
        kind = _kind(before, after)
        if kind is not None and stop.key not in left.on_board:
            vehicles = None if before is None else before[0], None if after is None else after[0]
            price = _change(stop, left.problem.vehicle_by_key[after[0]]) if after is not None else 0
            changes.append(Change(stop=stop.key, kind=kind, from_vehicle=vehicles[0], to_vehicle=vehicles[1], price=price, later_s=later_s))
    return changes


def _kind(before: tuple[str, int] | None, after: tuple[str, int] | None) -> ChangeKind | None:
    if before is None:
        return None if after is None else ChangeKind.ADDED
    if after is None:
        return ChangeKind.DROPPED
    if before[0] != after[0]:
        return ChangeKind.MOVED
    return ChangeKind.RETIMED if before[1] != after[1] else None
