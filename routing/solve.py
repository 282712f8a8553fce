"""The one door to routing: a problem in, a checked plan out, always."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

from routing.check import check
from routing.clock import Order, lost_prizes, time_route
from routing.ejection import make_room
from routing.errors import EngineError
from routing.incumbent import Incumbent, as_told, drives, mend
from routing.insertion import Board, insert_greedily, left_out, taken_up
from routing.io import problem_digest
from routing.loosen import loosen
from routing.losses import drop_losses
from routing.plan import Plan, Reason, Unserved, VisitKind
from routing.portfolio import Engine, Leg, Portfolio, legs_of
from routing.problem import COST_UNITS_PER_CURRENCY, Problem
from routing.race import most_stops
from routing.split import Effort, Part, improve_in_parts, orders_of
from routing.stopping import NOTHING_YET, EarlyBy, MaxSeconds, StopCriterion
from routing.triage import find_hopeless, set_apart

GREEDY = "insertion"
SPLIT = "split"
SPLIT_STOPS = 1_500
"""From here on the night is searched in parts."""
INSERTED_STOPS = 300
"""Up to here insertion begins even where an engine begins for itself: it takes a moment, and is something to fall back on."""
LONGEST_REASON = 60
"""`Plan.engine` is a name, kept in a narrow column."""
COMPLETION_S_PER_STOP = 0.002
"""What mending, inserting and explaining take about on nights of twice what fits; at most a fifth of the time is kept for it."""


def solve(
    problem: Problem,
    *,
    stop: StopCriterion,
    seed: int = 0,
    on_improvement: Callable[[Plan], None] | None = None,
    warm_start: Plan | None = None,
    engine: Engine = Engine.AUTO,
    cores: int = 1,
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
        Called with each better plan, as far as it is known then: stops left out are marked as `no_room_left`.
    warm_start
        A plan of a similar problem to begin from; stops that are gone and routes that no longer keep the rules are left out.
    engine
        Whose search; by default the portfolio's choice.
    cores
        Seeds that are searched at once.
    executor
        Where OR-Tools searches; by default in this thread, while the other cores wait.

    Returns
    -------
    Plan
        Keeps every rule (`check` has seen it). Stops that could not or should not be served are listed, each with its reason. Where
        what drivers have been told (`Vehicle.head`), or the way home of a truck on the road, cannot be kept whatever is planned, the
        plan does without, and `check` names the rules that this breaks.

    Raises
    ------
    EngineError
        If the plan fails the check, which is a defect of this package and never of the problem.
    """
    stop(NOTHING_YET)  # the clock starts here
    loose = loosen(problem)
    hopeless, core = set_hopeless_apart(loose.problem)
    digest = problem_digest(loose.problem)
    best, lock = Incumbent(core), threading.Lock()

    def watch(orders: dict[str, Order]) -> None:
        with lock:
            if best.offer(orders) and on_improvement is not None:
                left = (Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="so far") for one in left_out(core, best.orders))
                so_far = _plan(loose.problem, best.orders, (*hopeless, *left), engine.value, seed, digest)
                on_improvement(loose.plan(so_far))

    def out_of_time() -> bool:
        return stop.seconds == 0

    searching = EarlyBy(stop, _completion_s(stop, core))
    portfolio = Portfolio(core, stop=searching, seed=seed, cores=cores, watch=watch, executor=executor)
    if _is_split(core, searching.seconds):
        found = Incumbent(core, _orders_of(core, warm_start))
        names: tuple[str, ...] = (SPLIT, Engine.PYVRP.value)
        with ThreadPoolExecutor(cores) as threads:
            pool = threads if executor is None else executor
            improve_in_parts(core, found, search_part, stop=searching, seed=seed, executor=pool, cores=cores, watch=watch)
    else:
        legs = legs_of(core, engine, has_begun=warm_start is not None, seconds=searching.seconds)
        found = Incumbent(core, _begun(core, _orders_of(core, warm_start), legs, stop))
        watch(found.orders)
        names = portfolio.improve(found, legs)
    found.offer(complete(core, found.orders, enough=out_of_time))
    name = "+".join(names) or GREEDY
    if portfolio.failures:
        name = f"{name} ({portfolio.failures[0][:LONGEST_REASON]})"
    return loose.plan(_checked(loose.problem, core, found.orders, hopeless, engine=name, seed=seed))


def _begun(problem: Problem, given: dict[str, Order], legs: tuple[Leg, ...], stop: StopCriterion) -> dict[str, Order]:
    """The orders to begin from. Insertion is not waited for where an engine begins for itself and does so much faster."""
    if len(problem.stops) > INSERTED_STOPS and legs[0].from_scratch:
        return given
    # However little time there is, a moment goes into a plan that is one.
    patience = None if stop.seconds is None else MaxSeconds(max(1.0, stop.seconds / 4))
    return complete(problem, given, enough=lambda: patience is not None and patience(NOTHING_YET))


def _is_split(problem: Problem, seconds: float | None) -> bool:
    has_time_to_race = bool(problem.facilities) and seconds is not None and len(problem.stops) <= most_stops(seconds)
    return len(problem.stops) >= SPLIT_STOPS and not has_time_to_race


def search_part(part: Part, effort: Effort, seed: int) -> dict[str, tuple[str, ...]]:
    """One part of a large night, searched on one core: what its vehicles do, by key."""
    problem = part.problem
    begin = complete(problem, orders_of(problem, part.given))
    found = Incumbent(problem, begin)
    legs = legs_of(problem, Engine.PYVRP, has_begun=True, seconds=None)[:1]
    Portfolio(problem, stop=effort.stop, seed=seed, watch=lambda _: None).improve(found, (replace(legs[0], rounds=1),))
    return {key: tuple(place.key for place in order) for key, order in found.orders.items()}


def insert_only(problem: Problem, *, engine: str = GREEDY, seed: int = 0, warm_start: Plan | None = None) -> Plan:
    """A plan as `solve`'s without a search, in a moment: greedy insertion, into the routes of `warm_start` where one is given.

    Raises
    ------
    EngineError
        As `solve`.
    """
    loose = loosen(problem)
    hopeless, core = set_hopeless_apart(loose.problem)
    orders = complete(core, _orders_of(core, warm_start))
    return loose.plan(_checked(loose.problem, core, orders, hopeless, engine=engine, seed=seed))


def set_hopeless_apart(problem: Problem) -> tuple[tuple[Unserved, ...], Problem]:
    """Stops that nobody could serve, with their reasons; and the problem without them."""
    hopeless = find_hopeless(problem)
    return hopeless, set_apart(problem, {one.stop for one in hopeless})


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
    mended = {key: mend(problem, problem.vehicle_by_key[key], order) for key, order in as_told(problem, orders).items()}
    return {key: order for key, order in mended.items() if drives(problem.vehicle_by_key[key], order)}


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
    # Of a vehicle on the road that no longer gets home in its hours there is none: the check says so.
    sound = tuple(route for route in routes if route is not None)
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
            prize = taken_up(problem, stop).prize or 0
            detail = f"would cost {_money(best.extra_cost)} more on {best.vehicle}, its prize is {_money(prize)}"
            yield Unserved(stop=stop.key, reason=Reason.NOT_WORTH_ITS_PRIZE, detail=detail)


def objective(problem: Problem, plan: Plan) -> int:
    """What engines minimise: the cost of the routes and the prizes passed up."""
    return plan.cost + lost_prizes(problem, plan.served)


def _money(cost: int) -> str:
    return f"{cost / COST_UNITS_PER_CURRENCY:.2f}"
