"""Built apart from one description: what the clock times the judge accepts at its price, and what it refuses he refuses too."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from routing.check import Verdict, check
from routing.clock import Order, time_route
from routing.explain import order_of
from routing.plan import Plan, Reason, Route, RouteCost, Unserved, Visit, VisitKind
from routing.problem import Facility, Problem, Vehicle
from routing.redrive import redrive
from tests.routing.random_rounds import DAY_S, FEATURES, draw_order, draw_problem

NO_FREEDOM = FEATURES - {"breaks", "paces"}
"""Without these a round that can be driven at all can be driven as the clock does it, if each place has one window."""


def plan_of(problem: Problem, route: Route) -> Plan:
    served = {visit.key for visit in route.pickups}
    left = tuple(Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="") for one in problem.stops if one.key not in served)
    return Plan(routes=(route,), unserved=left, engine="clock", seed=0, problem_digest="")


def verdict_on(problem: Problem, route: Route) -> Verdict:
    """On this route alone: what other vehicles ought to do, and which of a group is served, is not its affair."""
    verdict = check(problem, plan_of(problem, route))
    said = tuple(one for one in verdict.violations if one.rule != "one_of_a_group" and one.vehicle in (None, route.vehicle))
    return replace(verdict, violations=said)


def driven(problem: Problem, vehicle: Vehicle, halts: Iterable[tuple[VisitKind, str, int]], start_s: int) -> Route:
    """Kinds, keys and locations driven honestly from `start_s`, whatever rules that breaks."""
    visits = tuple(
        Visit(kind=kind, key=key, location=location, arrival_s=0, start_s=0, departure_s=2**31, load_after=())
        for kind, key, location in halts
    )
    ride = redrive(problem, vehicle, Route(vehicle=vehicle.key, start_s=start_s, end_s=0, distance_m=0, cost=RouteCost(), visits=visits))
    timed = tuple(
        replace(h.claimed, arrival_s=h.arrival_s, start_s=h.start_s, departure_s=h.departure_s, load_after=h.load_after) for h in ride.halts
    )
    return replace(ride.claimed, visits=timed, start_s=ride.start_s, end_s=ride.end_s, distance_m=ride.distance_m, cost=ride.cost)


def halts_of(order: Order) -> list[tuple[VisitKind, str, int]]:
    return [(VisitKind.UNLOAD if isinstance(place, Facility) else VisitKind.PICKUP, place.key, place.location) for place in order]


def draws(seed: int, allowed: frozenset[str]) -> Iterator[tuple[Problem, Vehicle, Order]]:
    draw = random.Random(seed)
    for number in range(10):
        problem = draw_problem(1_000 * seed + number, stops=draw.randint(2, 5), allowed=allowed)
        for _ in range(6):
            vehicle = draw.choice(problem.vehicles)
            yield problem, vehicle, draw_order(draw, problem, vehicle)


@pytest.mark.parametrize("seed", range(25))
def test_what_the_clock_times_the_judge_accepts_at_its_price(seed):
    for problem, vehicle, order in draws(seed, FEATURES):
        route = time_route(problem, vehicle, order)
        if route is not None:
            verdict = verdict_on(problem, route)
            assert verdict.violations == ()
            assert verdict.cost == route.cost.total
            assert order_of(problem, route) == order


@pytest.mark.parametrize("seed", range(25))
def test_what_the_clock_refuses_breaks_a_rule_at_every_start(seed):
    """Times are whole tens of seconds, so starts at whole tens are all that can matter."""
    for problem, vehicle, order in draws(seed, NO_FREEDOM):
        if any(len(place.windows) > 1 for place in order) or time_route(problem, vehicle, order) is not None:
            continue
        starts = (0,) if vehicle.under_way is not None else range(0, DAY_S + 1, 10)
        for start_s in starts:
            assert verdict_on(problem, driven(problem, vehicle, halts_of(order), start_s)).violations


@pytest.mark.parametrize("seed", range(25, 35))
def test_at_any_pace_what_is_refused_cannot_be_driven_from_the_first_moment_on(seed):
    """Without limits on time who leaves first arrives first, so nothing that is refused can be driven at all."""
    for problem, vehicle, order in draws(seed, FEATURES - {"breaks", "limits"}):
        if time_route(problem, vehicle, order) is None:
            starts = (0,) if vehicle.under_way is not None else range(vehicle.shift.open_s, DAY_S, 30)
            for start_s in starts:
                assert verdict_on(problem, driven(problem, vehicle, halts_of(order), start_s)).violations
