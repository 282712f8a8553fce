"""Every limit holds to the unit, and a round cut in two is one round: random rounds, driven by hand."""

from dataclasses import fields, replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.check import check
from routing.plan import Plan, RouteCost, VisitKind
from routing.problem import BreakRule, FairShare, Pace, Problem, Stop, UnderWay, Vehicle, Window
from routing.redrive import Halt, Ride, redrive
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import broken, checked, hand_plan

CITY = ascii_city("D--A---B--C----E---F--U")
SLOW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

Round = tuple[Problem, list[str]]


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    """Two to five stops on one or more trips, through a day with up to three paces, for a truck that pays for everything."""
    names = draw(st.lists(st.sampled_from("ABCEF"), min_size=2, max_size=5, unique=True))
    load = {
        name: stop(
            draw(st.integers(1, 60)),
            draw(st.integers(1, 60)),
            service_s=draw(st.integers(0, 90)),
            setup_s=draw(st.integers(0, 60)),
            windows=(Window(draw(st.integers(0, 500)), 40_000),),
            lifts=draw(st.integers(0, 3)),
            usual_vehicle=draw(st.sampled_from((None, "truck", "another"))),
            change_cost=draw(st.integers(0, 9)),
        )
        for name in names
    }
    vehicle = truck(
        cost_per_s=1,
        cost_per_lift=3,
        stop_s=draw(st.integers(0, 20)),
        lift_s=draw(st.integers(0, 20)),
        overtime_after_s=draw(st.integers(0, 900)),
        overtime_cost_per_s=2,
        fair_share=FairShare(duration_s=draw(st.integers(0, 900)), cost_per_s=3, load_kg=draw(st.integers(0, 99)), cost_per_kg=5),
    )
    begins = sorted(draw(st.sets(st.integers(0, 900), max_size=3)))
    paces = tuple(Pace(begin, draw(st.integers(500, 2_000))) for begin in begins)
    unload = {"U": facility(turnaround_s=draw(st.integers(0, 90)), fee_per_kg=2, fee_per_visit=7)}
    problem = CITY.problem(vehicle, load=load, unload=unload, travel=replace(CITY.travel, paces=paces))
    order = [key for name in names for key in ((name, "U") if draw(st.booleans()) else (name,))]
    return problem, order if order[-1] == "U" else [*order, "U"]


def ride_of(problem: Problem, plan: Plan) -> Ride:
    return redrive(problem, problem.vehicles[0], plan.routes[0])


def under(problem: Problem, **changes) -> Problem:
    return replace(problem, vehicles=(replace(problem.vehicles[0], **changes),))


@SLOW
@given(rounds())
def test_limits_hold_to_the_unit(made: Round):
    """At what the round takes each limit is kept; one unit below it is broken, and no other rule is."""
    problem, order = made
    plan = hand_plan(problem, {"truck": order}, start_s=5)
    checked(problem, plan)
    ride = ride_of(problem, plan)
    lifted_kg = sum(one.load[0] for one in problem.stops)
    limits = {
        "max_drive_s": (ride.drive_s, "driving_within_limit"),
        "max_distance_m": (ride.distance_m, "distance_within_limit"),
        "max_duration_s": (ride.duration_s, "duration_within_limit"),
        "max_stops": (len(problem.stops), "stops_within_limit"),
        "latest_start_s": (5, "starts_in_time"),
    }
    for limit, (most, rule) in limits.items():
        assert broken(under(problem, **{limit: most}), {"truck": order}, start_s=5) == {}
        assert broken(under(problem, **{limit: most - 1}), {"truck": order}, start_s=5) == {rule: [(None, (1,))]}
    assert broken(under(problem, max_lifted=(lifted_kg, 9_999)), {"truck": order}, start_s=5) == {}
    assert broken(under(problem, max_lifted=(lifted_kg - 1, 9_999)), {"truck": order}, start_s=5) == {
        "lifted_within_limit": [(None, (1, 0))]
    }


@SLOW
@given(rounds())
def test_breaks_hold_to_the_second(made: Round):
    """A round of so many seconds needs no rest that is due after as many, and one that is due a second before."""
    problem, order = made
    ride = ride_of(problem, hand_plan(problem, {"truck": order}))
    for meter, seconds in (("after_work_s", ride.duration_s), ("after_drive_s", ride.drive_s)):
        for repeats in (False, True):
            for spare_s, said in ((0, {}), (-1, {"break_taken": [("rest", ())]})):
                rest = BreakRule(key="rest", duration_s=60, repeats=repeats, **{meter: seconds + spare_s})
                assert broken(under(problem, breaks=(rest,)), {"truck": order}) == said


@SLOW
@given(rounds(), st.data())
def test_a_release_holds_to_the_second(made: Round, data):
    """A stop may be released when its first trip leaves, and not a second later; after an unload the truck waits and nothing breaks."""
    problem, order = made
    served = data.draw(st.sampled_from([key for key in order if key != "U"]))
    is_first_trip = "U" not in order[: order.index(served)]
    for release_s in (5, 6):
        stops = tuple(replace(one, release_s=release_s) if one.key == served else one for one in problem.stops)
        said = {"released": [(served, (1,))]} if is_first_trip and release_s == 6 else {}
        assert broken(replace(problem, stops=stops), {"truck": order}, start_s=5) == said


@SLOW
@given(rounds(), st.data())
def test_locks_are_kept_by_the_round_that_they_were_taken_from(made: Round, data):
    """Any beginning of the round is a head that it keeps, and its stops in order a sequence; turned round, neither is."""
    problem, order = made
    told = tuple(order[: data.draw(st.integers(1, len(order)))])
    served = tuple(key for key in order if key != "U")
    assert broken(under(problem, head=told, sequence=served), {"truck": order}) == {}
    assert set(broken(under(problem, sequence=served[::-1]), {"truck": order})) == {"sequence_kept"}
    if told != told[::-1]:
        assert set(broken(under(problem, head=told[::-1]), {"truck": order})) == {"head_kept"}


@SLOW
@given(rounds(), st.sampled_from([field.name for field in fields(RouteCost)]), st.sampled_from((-1, 1)))
def test_no_cause_of_cost_can_be_misstated(made: Round, cause: str, by: int):
    problem, order = made
    plan = hand_plan(problem, {"truck": order})
    route = plan.routes[0]
    lie = replace(route, cost=replace(route.cost, **{cause: getattr(route.cost, cause) + by}))
    assert [one.rule for one in check(problem, replace(plan, routes=(lie,))).violations] == ["cost_as_claimed"]


@SLOW
@given(rounds(), st.integers(1, 50))
def test_a_drive_in_traffic_cannot_be_claimed_faster(made: Round, by_s: int):
    """The plan of a calm day is found wrong on a slow one, wherever there is a drive."""
    problem, order = made
    calm = hand_plan(problem, {"truck": order})
    slower = replace(problem, travel=(replace(problem.travel[0], paces=(Pace(0, 2_000 + by_s),)),))
    assert "times_as_claimed" in {one.rule for one in check(slower, calm).violations}


def cut(problem: Problem, ride: Ride, done: int) -> Problem:
    """The same round, seen when the first `done` visits are done."""
    before = ride.halts[:done]
    last = before[-1]
    served = [halt.place for halt in before if isinstance(halt.place, Stop)]
    running = UnderWay(
        location=last.location,
        ready_s=last.departure_s,
        started_s=ride.start_s,
        load=last.load_after,
        classes=frozenset({"waste"}) if any(last.load_after) else frozenset(),
        driven_s=last.driven_s,
        driven_m=_metres(problem, ride.vehicle, before),
        lifted=tuple(sum(amounts) for amounts in zip(*(one.load for one in served), strict=True)),
        stops=len(served),
        unloads=sum(halt.claimed.kind is VisitKind.UNLOAD for halt in before),
    )
    return replace(under(problem, under_way=running), stops=tuple(one for one in problem.stops if one not in served))


def _metres(problem: Problem, vehicle: Vehicle, halts: tuple[Halt, ...]) -> int:
    way = [vehicle.start_location, *(halt.location for halt in halts)]
    return sum(int(problem.travel[0].distance_m[a, b]) for a, b in pairwise(way))


@SLOW
@given(rounds(), st.data())
def test_a_round_cut_in_two_is_one_round(made: Round, data):
    """What is left of a round that is under way goes as it would have gone, and its limits and hours count from the start."""
    problem, order = made
    plan = hand_plan(problem, {"truck": order}, start_s=5)
    whole = ride_of(problem, plan)
    done = data.draw(st.integers(1, len(order) - 1))
    rest = cut(problem, whole, done)
    left = hand_plan(rest, {"truck": order[done:]})
    checked(rest, left)
    route, running = left.routes[0], rest.vehicles[0].under_way
    assert running is not None
    assert route.visits == plan.routes[0].visits[done:]
    assert (route.start_s, route.end_s) == (5, whole.end_s)
    assert running.driven_m + route.distance_m == whole.distance_m
    for cause in ("fixed", "time", "overtime", "unfairness"):
        assert getattr(route.cost, cause) == getattr(whole.cost, cause)
    assert ride_of(rest, left).lifted == whole.lifted
    for limit, most in (("max_drive_s", whole.drive_s), ("max_distance_m", whole.distance_m), ("max_stops", len(problem.stops))):
        assert broken(under(rest, **{limit: most}), {"truck": order[done:]}) == {}
        assert len(broken(under(rest, **{limit: most - 1}), {"truck": order[done:]})) == 1


@pytest.mark.parametrize("length_s", [14, 16, 44])
def test_a_rest_of_another_length_is_no_part(length_s: int):
    """What is neither 15 nor 30 s is the whole rest of 45, and whoever claims its end earlier is found."""
    rule = BreakRule(key="rest", duration_s=45, after_drive_s=400, repeats=True, parts_s=(15, 30))
    problem = ascii_city("D----A----U").problem(truck(breaks=(rule,)), load={"A": (1, 1)})
    plan = hand_plan(problem, {"truck": ["A", "rest", "U"]})
    route = plan.routes[0]
    assert route.visits[1].departure_s - route.visits[1].start_s == 45
    short = replace(route.visits[1], departure_s=route.visits[1].start_s + length_s)
    lie = replace(route, visits=(route.visits[0], short, route.visits[2]))
    assert {one.rule for one in check(problem, replace(plan, routes=(lie,))).violations} == {"times_as_claimed"}
