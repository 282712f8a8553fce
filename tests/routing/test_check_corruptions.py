"""The checker finds whatever is done to a sound plan: random cities, random damage."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.check import check
from routing.plan import Plan, Route, VisitKind
from routing.problem import Problem, Window
from routing.solve import solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, stop, truck
from tests.routing.plans import checked

CITY = ascii_city("D--A---B--C----E---F--U")
SLOW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def sound_plans(draw: st.DrawFn) -> tuple[Problem, Plan]:
    """Two to five stops of two classes with a window each, one truck, at least one route."""
    names = draw(st.lists(st.sampled_from("ABCEF"), min_size=2, max_size=5, unique=True))
    load = {
        name: stop(
            draw(st.integers(1, 60)),
            draw(st.integers(1, 60)),
            waste_class=draw(st.sampled_from(("paper", "glass"))),
            service_s=draw(st.integers(0, 90)),
            setup_s=draw(st.integers(0, 60)),
            windows=(Window(draw(st.integers(0, 500)), 40_000),),
        )
        for name in names
    }
    problem = CITY.problem(truck(capacity_kg=100, capacity_l=100, classes=frozenset({"paper", "glass"}), cost_per_s=1), load=load)
    plan = solve(problem, stop=MaxIterations(20))
    assert checked(problem, plan).mandatory_unserved == ()
    return problem, plan


def edit(plan: Plan, change: Callable[[Route], Route]) -> Plan:
    return replace(plan, routes=(change(plan.routes[0]), *plan.routes[1:]))


def rules(problem: Problem, plan: Plan) -> set[str]:
    return {violation.rule for violation in check(problem, plan).violations}


@SLOW
@given(sound_plans(), st.data())
def test_a_dropped_unload_is_found(sound, data):
    """Whatever else breaks, the truck comes home full or carries on with what it should have left."""
    problem, plan = sound
    unloads = [i for i, visit in enumerate(plan.routes[0].visits) if visit.kind is VisitKind.UNLOAD]
    gone = data.draw(st.sampled_from(unloads))
    damaged = edit(plan, lambda route: replace(route, visits=route.visits[:gone] + route.visits[gone + 1 :]))
    assert rules(problem, damaged) & {"ends_empty", "one_class_per_trip", "load_within_capacity", "loads_as_claimed"}


@SLOW
@given(sound_plans(), st.data())
def test_a_duplicated_stop_is_found(sound, data):
    problem, plan = sound
    visits = plan.routes[0].visits
    twice = data.draw(st.sampled_from([i for i, visit in enumerate(visits) if visit.kind is VisitKind.PICKUP]))
    damaged = edit(plan, lambda route: replace(route, visits=(*visits[: twice + 1], visits[twice], *visits[twice + 1 :])))
    assert "each_stop_once" in rules(problem, damaged)


@SLOW
@given(sound_plans(), st.data())
def test_a_forgotten_stop_is_found(sound, data):
    problem, plan = sound
    visits = plan.routes[0].visits
    gone = data.draw(st.sampled_from([i for i, visit in enumerate(visits) if visit.kind is VisitKind.PICKUP]))
    damaged = edit(plan, lambda route: replace(route, visits=visits[:gone] + visits[gone + 1 :]))
    assert "each_stop_accounted_for" in rules(problem, damaged)


@SLOW
@given(sound_plans(), st.data())
def test_a_stop_whose_class_changed_is_found(sound, data):
    """The same plan for a problem in which one stop holds a class that no facility accepts and no truck carries."""
    problem, plan = sound
    swapped = data.draw(st.sampled_from(problem.stops))
    other = replace(problem, stops=tuple(replace(one, waste_class="tyres") if one is swapped else one for one in problem.stops))
    assert {"vehicle_carries_class", "facility_accepts_class"} <= rules(other, plan)


@SLOW
@given(sound_plans(), st.data())
def test_a_swapped_class_is_found_where_it_mixes_a_trip(sound, data):
    problem, plan = sound
    shared = [visit.key for trip in plan.routes[0].trips if len(trip) > 1 for visit in trip]
    if not shared:
        return
    swapped = problem.stop_by_key[data.draw(st.sampled_from(shared))]
    another = "glass" if swapped.waste_class == "paper" else "paper"
    other = replace(problem, stops=tuple(replace(one, waste_class=another) if one is swapped else one for one in problem.stops))
    assert "one_class_per_trip" in rules(other, plan)


@SLOW
@given(sound_plans(), st.data())
def test_a_stop_past_its_window_is_found(sound, data):
    """The window now closes a second before work starts."""
    problem, plan = sound
    visit = data.draw(st.sampled_from([one for one in plan.routes[0].pickups if one.start_s > 0]))
    shut = (Window(0, visit.start_s - 1),)
    other = replace(problem, stops=tuple(replace(one, windows=shut) if one.key == visit.key else one for one in problem.stops))
    assert rules(other, plan) & {"arrives_within_window", "times_as_claimed"}


@SLOW
@given(sound_plans(), st.integers(-500, 500).filter(bool), st.data())
def test_a_shifted_time_is_found(sound, shift_s, data):
    problem, plan = sound
    at = data.draw(st.integers(0, len(plan.routes[0].visits) - 1))
    field = data.draw(st.sampled_from(("arrival_s", "start_s", "departure_s")))

    def shift(route: Route) -> Route:
        moved = replace(route.visits[at], **{field: getattr(route.visits[at], field) + shift_s})
        return replace(route, visits=(*route.visits[:at], moved, *route.visits[at + 1 :]))

    assert "times_as_claimed" in rules(problem, edit(plan, shift))


@SLOW
@given(sound_plans(), st.data())
def test_two_places_swapped_are_found(sound, data):
    """Neighbours at different places cannot change order at the same times."""
    problem, plan = sound
    visits = list(plan.routes[0].visits)
    pairs = [i for i in range(len(visits) - 1) if visits[i].location != visits[i + 1].location]
    i = data.draw(st.sampled_from(pairs))
    visits[i], visits[i + 1] = visits[i + 1], visits[i]
    assert rules(problem, edit(plan, lambda route: replace(route, visits=tuple(visits))))
