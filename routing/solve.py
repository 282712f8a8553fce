"""The one door to routing: a problem in, a checked plan out, always."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace

from routing.check import check
from routing.clock import Order, lost_prizes, time_route
from routing.ejection import make_room
from routing.engines import ortools
from routing.errors import EngineError
from routing.insertion import Board, insert_greedily, left_out, without
from routing.io import problem_digest
from routing.losses import drop_losses
from routing.plan import Plan, Reason, Unserved, VisitKind
from routing.problem import COST_UNITS_PER_CURRENCY, Problem, Stop, Vehicle
from routing.stopping import EarlyBy, MaxSeconds, StopCriterion
from routing.triage import find_hopeless

GREEDY = "insertion"
NOTHING_YET = 2**62
"""Dearer than any plan."""
FEW_STOPS = 30
"""Up to here the engine begins for itself, in another valley than insertion perhaps (figures: docs/decisions/0006)."""
COMPLETION_S_PER_STOP = 0.002
"""What mending, inserting and explaining take about on nights of twice what fits; at most a fifth of the time is kept for it."""


def solve(
    problem: Problem,
    *,
    stop: StopCriterion,
    seed: int = 0,
    on_improvement: Callable[[Plan], None] | None = None,
    warm_start: Plan | None = None,
    executor: Executor | None = None,
) -> Plan:
    """Route tonight's stops at the least cost plus prizes passed up.

    Parameters
    ----------
    stop
        When to be done, all in all: the search ends early enough for what comes after it. With `MaxIterations` the same seed gives
        the same plan on every machine.
    seed
        Varies the search.
    on_improvement
        Called with each better plan, as far as it is known then: stops left out are marked as `no_room_left`. Not with `executor`.
    warm_start
        A plan of a similar problem to begin from; stops that are gone and routes that no longer keep the rules are left out.
    executor
        Where the engine's search runs; by default in this process.

    Returns
    -------
    Plan
        Keeps every rule (`check` has seen it). Stops that could not or should not be served are listed, each with its reason.

    Raises
    ------
    EngineError
        If the plan fails the check, which is a defect of this package and never of the problem.
    """
    stop(NOTHING_YET)  # the clock starts here
    hopeless, core = set_hopeless_apart(problem)
    digest = problem_digest(problem)
    best = Incumbent(core)

    def watch(orders: dict[str, Order]) -> None:
        if best.offer(orders) and on_improvement is not None:
            left = (Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="so far") for one in left_out(core, best.orders))
            on_improvement(_plan(problem, best.orders, (*hopeless, *left), ortools.NAME, seed, digest))

    def out_of_time() -> bool:
        return stop.seconds == 0

    # However little time there is, a moment goes into a plan that is one; on huge nights a quarter of the time is enough for it.
    patience = None if stop.seconds is None else MaxSeconds(max(1.0, stop.seconds / 4))
    begin = complete(core, _orders_of(core, warm_start), enough=lambda: patience is not None and patience(NOTHING_YET))
    watch(begin)
    # Insertion takes a moment and is a better beginning than the engine's own first solution, where that is not found at once.
    given = begin if warm_start is not None or len(core.stops) > FEW_STOPS else None
    searching = EarlyBy(stop, _completion_s(stop, core))
    if executor is not None:
        orders = executor.submit(ortools.search, core, stop=searching, seed=seed, warm_start=given).result()
    else:
        orders = ortools.search(core, stop=searching, seed=seed, on_improvement=watch, warm_start=given)
    best.offer(orders or {})
    best.offer(complete(core, best.orders, enough=out_of_time))
    return _checked(problem, core, best.orders, hopeless, engine=GREEDY if orders is None else ortools.NAME, seed=seed)


def insert_only(problem: Problem, *, engine: str = GREEDY, seed: int = 0, warm_start: Plan | None = None) -> Plan:
    """A checked plan without a search, in a moment: greedy insertion, into the routes of `warm_start` where one is given.

    Raises
    ------
    EngineError
        As `solve`.
    """
    hopeless, core = set_hopeless_apart(problem)
    return _checked(problem, core, complete(core, _orders_of(core, warm_start)), hopeless, engine=engine, seed=seed)


def set_hopeless_apart(problem: Problem) -> tuple[tuple[Unserved, ...], Problem]:
    """Stops that nobody could serve, with their reasons; and the problem without them."""
    hopeless = find_hopeless(problem)
    out = {one.stop for one in hopeless}
    return hopeless, replace(problem, stops=tuple(one for one in problem.stops if one.key not in out))


def _checked(
    problem: Problem, core: Problem, orders: Mapping[str, Order], hopeless: tuple[Unserved, ...], *, engine: str, seed: int
) -> Plan:
    unserved = (*hopeless, *explain_unserved(core, orders))
    plan = _plan(problem, orders, unserved, engine, seed, problem_digest(problem))
    verdict = check(problem, plan)
    if not verdict.feasible:
        raise EngineError(f"the plan breaks {sorted({one.rule for one in verdict.violations})}: {verdict.violations[:3]}")
    return plan


def _completion_s(stop: StopCriterion, problem: Problem) -> float:
    return min(COMPLETION_S_PER_STOP * len(problem.stops), (stop.seconds or 0.0) / 5)


class Incumbent:
    """The best orders so far by our own clock and prices: engines see breaks and times a little differently."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.orders: dict[str, Order] = {}
        self._timed: dict[str, tuple[Order, Order, int]] = {}
        self.rank = self._rank({})

    def offer(self, orders: Mapping[str, Order]) -> bool:
        """Keep these orders, mended, if they are better: fewer mandatory stops left out, then less cost and prizes passed up."""
        timed = {key: self._mended(key, order) for key, order in orders.items()}
        sound = {key: (order, cost) for key, (order, cost) in timed.items() if any(isinstance(place, Stop) for place in order)}
        rank = self._rank(sound)
        if rank >= self.rank:
            return False
        self.orders, self.rank = {key: order for key, (order, _) in sound.items()}, rank
        return True

    def _mended(self, key: str, order: Order) -> tuple[Order, int]:
        """The order and its cost; worked out again only where it differs from the vehicle's last, as most do not between improvements."""
        known = self._timed.get(key)
        if known is None or known[0] != order:
            vehicle = self.problem.vehicle_by_key[key]
            mended = mend(self.problem, vehicle, order)
            route = time_route(self.problem, vehicle, mended) if mended else None
            known = self._timed[key] = order, mended, 0 if route is None else route.cost.total
        return known[1], known[2]

    def _rank(self, routes: Mapping[str, tuple[Order, int]]) -> tuple[int, int]:
        served = frozenset(place.key for order, _ in routes.values() for place in order if isinstance(place, Stop))
        owed = sum(stop.mandatory and stop.key not in served for stop in self.problem.stops)
        return owed, sum(cost for _, cost in routes.values()) + lost_prizes(self.problem, served)


def complete(problem: Problem, orders: Mapping[str, Order], *, enough: Callable[[], bool] = lambda: False) -> dict[str, Order]:
    """Mend routes that the clock refuses, drop what does not pay, make room for what is owed, and insert what is left where it pays.

    However little time there is, no mandatory stop stays out for an optional one; `enough` ends the insertion of optional ones.
    """
    board = Board(problem, drop_losses(problem, _sound(problem, orders)))
    insert_greedily(board, (stop for stop in left_out(problem, board.orders) if stop.mandatory))
    make_room(board, left_out(problem, board.orders))
    insert_greedily(board, left_out(problem, board.orders), enough=enough)
    return board.orders


def _sound(problem: Problem, orders: Mapping[str, Order]) -> dict[str, Order]:
    mended = {key: mend(problem, problem.vehicle_by_key[key], order) for key, order in orders.items()}
    return {key: order for key, order in mended.items() if any(isinstance(place, Stop) for place in order)}


def mend(problem: Problem, vehicle: Vehicle, order: Order) -> Order:
    """The order with as few stops dropped, cheap ones first, as it takes the clock to accept it; () where that is none."""
    while order and time_route(problem, vehicle, order) is None:
        stops = sorted((place for place in order if isinstance(place, Stop)), key=lambda one: (one.mandatory, one.prize or 0))
        shorter = [without(order, stop) for stop in stops]
        order = next((one for one in shorter if time_route(problem, vehicle, one) is not None), shorter[-1] if shorter else ())
    return order


def _orders_of(problem: Problem, plan: Plan | None) -> dict[str, Order]:
    """The plan's orders, as far as its vehicles, stops and facilities still exist and may go on that way; none without a plan."""
    orders: dict[str, Order] = {}
    for route in () if plan is None else plan.routes:
        places = []
        for visit in route.visits:
            known = problem.stop_by_key if visit.kind is VisitKind.PICKUP else problem.facility_by_key
            if visit.kind is not VisitKind.BREAK and visit.key in known:
                places.append(known[visit.key])
        orders[route.vehicle] = tuple(places)
    return _sound(problem, {key: order for key, order in orders.items() if key in problem.vehicle_by_key})


def _plan(problem: Problem, orders: Mapping[str, Order], unserved: tuple[Unserved, ...], engine: str, seed: int, digest: str) -> Plan:
    routes = [time_route(problem, vehicle, orders[vehicle.key]) for vehicle in problem.vehicles if vehicle.key in orders]
    sound = tuple(route for route in routes if route is not None)
    assert len(sound) == len(routes)
    return Plan(routes=sound, unserved=unserved, engine=engine, seed=seed, problem_digest=digest)


def explain_unserved(problem: Problem, orders: Mapping[str, Order]) -> Iterator[Unserved]:
    """Why each stop that is in no order stays out, by trying to insert it. The stops must have a round of their own (`find_hopeless`)."""
    left, board = left_out(problem, orders), Board(problem, orders)
    alternatives = {stop.group: stop.key for stop in problem.stops if stop.group is not None and stop not in left}
    for stop in left:
        if stop.group in alternatives:
            yield Unserved(stop=stop.key, reason=Reason.ALTERNATIVE_SERVED, detail=f"{alternatives[stop.group]} is served instead")
            continue
        best = board.cheapest(stop)
        if best is None:
            yield Unserved(stop=stop.key, reason=Reason.NO_ROOM_LEFT, detail="no vehicle has room and time left")
        else:
            detail = f"would cost {_money(best.extra_cost)} more on {best.vehicle}, its prize is {_money(stop.prize or 0)}"
            yield Unserved(stop=stop.key, reason=Reason.NOT_WORTH_ITS_PRIZE, detail=detail)


def objective(problem: Problem, plan: Plan) -> int:
    """What engines minimise: the cost of the routes and the prizes passed up."""
    return plan.cost + lost_prizes(problem, plan.served)


def _money(cost: int) -> str:
    return f"{cost / COST_UNITS_PER_CURRENCY:.2f}"
