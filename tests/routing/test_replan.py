"""The rest of a morning: driven prefixes stay, what drivers are told stays, and little else changes than must."""

import random
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from routing import guarded
from routing.check import check
from routing.clock import least_order, time_route
from routing.field import FieldState, TruckState, as_published, onward
from routing.plan import Plan, VisitKind
from routing.problem import BreakRule, Problem, UnderWay, Window
from routing.replan import ChangeKind, Locks, Replan, append_locations, replan
from routing.solve import insert_only
from routing.stopping import FirstOf, MaxIterations, MaxSeconds
from routing.triage import find_hopeless
from tests.routing.ascii_city import City, ascii_city, stop, truck
from tests.routing.plans import checked, hand_plan
from tests.routing.random_rounds import draw_problem

STREET = "D----A----B----C----E----U"


def morning(city: City, orders: dict[str, str], **vehicle: Any) -> tuple[Problem, Plan]:
    """A and B for one, C and E for two, all on one street, 40 s apart and without work, unloaded at U."""
    problem = city.problem(truck("one", **vehicle), truck("two", **vehicle), load=dict.fromkeys("ABCE", (1, 1)))
    plan = hand_plan(problem, orders)
    checked(problem, plan)
    return problem, plan


def again(problem: Problem, plan: Plan, state: FieldState, **given: Any) -> Replan:
    given = {"stop": MaxIterations(20), "seed": 1, "change_cost": 0, **given}
    found = replan(problem, plan, state, **given)
    checked(found.problem, found.plan)
    return found


def visits(found: Replan, vehicle: str) -> list[str]:
    return [visit.key for route in found.plan.routes if route.vehicle == vehicle for visit in route.visits]


def test_what_is_driven_stays_driven_and_the_rest_goes_on_as_published():
    """At 60 s both are between A and the place after it: one has done A, two (who passed it by) nothing yet."""
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"})
    found = again(problem, plan, as_published(problem, plan, 60))
    assert visits(found, "one") == ["B", "U"] and visits(found, "two")[0] == "C"
    assert {route.vehicle: route.end_s for route in found.plan.routes} == {route.vehicle: route.end_s for route in plan.routes}
    assert found.changes == () and found.reliefs == () and found.stranded == {}
    one = found.problem.vehicle_by_key["one"]
    assert one.head == ("B",) and one.under_way is not None
    assert (one.under_way.load, one.under_way.driven_s, one.under_way.driven_m, one.under_way.stops) == ((1, 1), 40, 400, 1)


def test_stops_of_a_broken_truck_go_to_the_others_for_nothing_and_its_load_is_stranded():
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"})
    state = as_published(problem, plan, 60)
    out = tuple(replace(one, broken=one.vehicle == "one") for one in state.trucks)
    found = again(problem, plan, replace(state, trucks=out), change_cost=5_000)
    assert found.stranded == {"one": (1, 1)}
    (moved,) = found.moved
    assert (moved.stop, moved.from_vehicle, moved.to_vehicle, moved.price) == ("B", "one", "two", 0)
    assert "one" not in {route.vehicle for route in found.plan.routes}


def test_a_stop_changes_its_truck_only_if_that_saves_more_than_the_change_costs():
    """Both drive beyond C now; two passes E in any case. Left to it, one need not go from C to E and back: 2 × 400 m at 10 a metre."""
    city = ascii_city("D----U----C----E")
    loads = {"C": (1, 1), "E": (1, 1), "EE": (1, 1), "UU": (1, 1)}
    problem = city.problem(truck("one", cost_per_m=10), truck("two", cost_per_m=10), load=loads)
    plan = hand_plan(problem, {"one": ["C", "E", "U"], "two": ["EE", "UU", "U"]})
    checked(problem, plan)
    state = as_published(problem, plan, 50)
    cheap = again(problem, plan, state, change_cost=7_900)
    dear = again(problem, plan, state, change_cost=8_100)
    assert [(one.stop, one.to_vehicle, one.price) for one in cheap.moved] == [("E", "two", 7_900)]
    assert dear.moved == ()


def test_new_bins_come_in_cancelled_stops_go_and_skipped_ones_are_still_to_do():
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"})
    state = as_published(problem, plan, 60)
    bin_ = replace(problem.stops[0], key="new", location=3)
    found = again(problem, plan, replace(state, new_stops=(bin_,), cancelled=frozenset("E"), skipped=frozenset("A")))
    kinds = {(one.stop, one.kind) for one in found.changes}
    assert ("new", ChangeKind.ADDED) in kinds
    assert "E" not in found.problem.stop_by_key and "A" in found.plan.served
    one = found.problem.vehicle_by_key["one"].under_way
    assert one is not None and one.load == (0, 0) and one.stops == 0


def test_a_bin_nobody_can_take_any_more_is_dropped_and_told():
    """Two must be home by 400 s and has no time for B, that one has left behind."""
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"}, shift=Window(0, 400))
    state = as_published(problem, plan, 150)
    out = tuple(replace(one, broken=one.vehicle == "two") for one in state.trucks)
    found = again(problem, plan, replace(state, trucks=out))
    assert [(one.stop, one.kind) for one in found.changes if one.to_vehicle is None] == [("E", ChangeKind.DROPPED)]


def test_locks_hold_stops_orders_and_places():
    city = ascii_city("D----A----B----C----U")
    loads = {"A": (1, 1), "B": (1, 1), "C": (1, 1)}
    problem = city.problem(truck("one"), truck("two"), load=loads)
    plan = hand_plan(problem, {"one": "CABU"})  # forth and back
    checked(problem, plan)
    state = FieldState(at_s=0)
    free = again(problem, plan, state)
    assert visits(free, "one") == ["A", "B", "C", "U"] and free.plan.cost < plan.cost
    ordered = again(problem, plan, state, locks=Locks(ordered=frozenset({"one"}), tied=frozenset("ABC")))
    assert visits(ordered, "one") == ["C", "A", "B", "U"]
    fixed = again(problem, plan, state, locks=Locks(fixed={"one": 2}))
    assert visits(fixed, "one")[:2] == ["C", "A"] and fixed.problem.vehicle_by_key["one"].head == ("C", "A")
    tied = again(problem, plan, state, locks=Locks(tied=frozenset("ABC")))
    assert tied.problem.stop_by_key["A"].allowed_vehicles == frozenset({"one"}) and tied.moved == ()


def test_a_truck_that_is_late_is_granted_what_brings_it_home():
    """Seen at C only at 300 s with 40 + 200 s to U and home, it ends at 540 s: 140 s after its shift, whatever is planned."""
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"}, shift=Window(0, 400))
    state = as_published(problem, plan, 60)
    late = tuple(replace(one, location=3, ready_s=300, heading_to=None) if one.vehicle == "one" else one for one in state.trucks)
    found = again(problem, plan, replace(state, at_s=300, trucks=late))
    (relief,) = found.reliefs
    assert (relief.by, relief.to) == (180, 580) and relief.words == "one until 00:10"


def test_a_truck_on_the_road_goes_on_from_where_it_is_seen():
    """The matrices know its place: 100 m before B."""
    city = ascii_city("D----A----B----C----E----U")
    problem, plan = morning(city, {"one": "ABU", "two": "CEU"})
    apart = np.abs(np.array([0, 4, 8, 12, 16, 20]) - 7)
    row = np.append(apart, 0)
    travel = append_locations(
        problem.travel[0],
        drive_from_s=[row * 10],
        drive_to_s=apart[:, None] * 10,
        distance_from_m=[row * 100],
        distance_to_m=apart[:, None] * 100,
    )
    assert travel.size == 7 and travel.drive_rows[6][1] == travel.drive_rows[1][6] == 30
    state = as_published(problem, plan, 70)
    seen = tuple(replace(one, location=6, ready_s=70, heading_to=None) if one.vehicle == "one" else one for one in state.trucks)
    found = again(problem, plan, replace(state, trucks=seen), travel=(travel,))
    one = found.problem.vehicle_by_key["one"]
    assert one.head == () and one.under_way is not None
    assert (one.under_way.location, one.under_way.driven_s, one.under_way.driven_m) == (6, 70, 700)
    assert next(route.distance_m for route in found.plan.routes if route.vehicle == "one") == 100 + 1_200 + 2_000


def test_what_is_on_board_for_elsewhere_is_still_brought_there():
    """Taken up at A, to be set down at E by one, which is on its way."""
    city = ascii_city("D----A----B----E")
    loads = {"A": stop(5, 5, bring_to="E"), "E": stop(-5, -5), "B": stop()}
    problem = city.problem(truck("one", ends_empty=False, stop_s=10), load=loads, unload={})
    plan = hand_plan(problem, {"one": "ABE"})
    checked(problem, plan)
    found = again(problem, plan, as_published(problem, plan, 60))
    assert visits(found, "one") == ["A", "B", "E"]
    (route,), (old,) = found.plan.routes, plan.routes
    assert (route.end_s, route.visits[-1].arrival_s) == (old.end_s, old.visits[-1].arrival_s)


def test_rests_and_rounds_before_count():
    rest = BreakRule(key="rest", duration_s=30, after_work_s=100)
    problem = ascii_city(STREET).problem(
        truck(
            breaks=(rest,),
            under_way=UnderWay(
                location=0,
                ready_s=20,
                started_s=0,
                load=(3, 3),
                classes=frozenset({"waste"}),
                driven_s=20,
                driven_m=7,
                lifted=(3, 3),
                stops=2,
            ),
        ),
        load={"A": (1, 1), "B": (1, 1)},
    )
    plan = hand_plan(problem, {"truck": ["A", "rest", "B", "U"]})
    checked(problem, plan)
    (state,) = as_published(problem, plan, 95).trucks
    after = onward(problem, problem.vehicles[0], state).under_way
    assert (after.location, after.ready_s, after.rested_s, after.taken) == (1, 90, 90, frozenset({"rest"}))
    assert (after.load, after.lifted, after.stops, after.driven_s, after.driven_m) == ((4, 4), (4, 4), 3, 60, 407)


def test_the_field_must_make_sense():
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"})
    state = TruckState(vehicle="three", started_s=0, done=(), location=0, ready_s=0)
    with pytest.raises(ValueError, match="no such vehicle"):
        again(problem, plan, FieldState(at_s=0, trucks=(state,)))
    with pytest.raises(ValueError, match="two places"):
        FieldState(at_s=0, trucks=(state, state))


def test_the_same_seed_gives_the_same_plan():
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"})
    state = as_published(problem, plan, 60)
    assert again(problem, plan, state).plan == again(problem, plan, state).plan


def test_a_search_that_hangs_in_its_process_is_ended_and_the_trucks_go_on(monkeypatch: pytest.MonkeyPatch):
    problem, plan = morning(ascii_city(STREET), {"one": "ABU", "two": "CEU"})
    monkeypatch.setattr(guarded, "CHILD", (sys.executable, "-c", "import time; time.sleep(600)"))
    search = partial(guarded.solve_in_subprocess, hard_limit_s=0.3, memory_mb=2_000)
    found = again(problem, plan, as_published(problem, plan, 60), search=search)
    assert found.plan.engine == "insertion (the solver was ended after 0.3 s)"
    assert visits(found, "one") == ["B", "U"] and visits(found, "two")[0] == "C" and found.changes == ()


def draw_state(draw: random.Random, problem: Problem, plan: Plan) -> FieldState:
    """As published, but for trucks that are late, and one in two times a broken one."""
    state = as_published(problem, plan, 10 * draw.randint(0, 60))
    late_s = draw.choice((0, 100, 300))
    trucks = [one if one.home else replace(one, ready_s=max(one.ready_s, state.at_s) + late_s) for one in state.trucks]
    if trucks and draw.random() < 0.5:
        trucks[0] = replace(trucks[0], broken=True)
    return replace(state, trucks=tuple(trucks))


def draw_locks(draw: random.Random, problem: Problem) -> Locks:
    return Locks(
        tied=frozenset(one.key for one in problem.stops if draw.random() < 0.3),
        ordered=frozenset(one.key for one in problem.vehicles if draw.random() < 0.3),
        fixed={one.key: draw.randint(0, 2) for one in problem.vehicles},
    )


def test_random_mornings_keep_what_is_driven_what_is_locked_and_every_rule():
    planned = broken = late = 0
    for seed in range(150):
        problem, draw = draw_problem(seed, stops=6, vehicles=3), random.Random(seed)
        if find_hopeless(problem) or not all(time_route(problem, one, least_order(problem, one)) for one in problem.vehicles):
            continue
        plan = insert_only(problem)
        state, locks = draw_state(draw, problem, plan), draw_locks(draw, problem)
        limit = FirstOf((MaxIterations(3), MaxSeconds(0.2)))
        found = replan(problem, plan, state, stop=limit, seed=seed, change_cost=50, locks=locks)
        assert check(found.problem, found.plan).violations == (), seed
        holds_prefixes(problem, plan, state, found)
        holds_locks(plan, found, locks)
        planned, broken, late = planned + 1, broken + bool(found.stranded), late + bool(found.reliefs)
    assert planned > 80 and broken > 20 and late > 1


def test_whatever_trucks_were_told_and_can_no_longer_do_the_rest_is_planned():
    """Sent anywhere, two to one place too, and in half of the mornings nobody takes anything any more. The last seeds once broke off."""
    kinds: set[str] = set()
    for seed in (*range(120), 169, 514, 855):
        problem, draw = draw_problem(seed, stops=6, vehicles=3), random.Random(seed)
        plan = insert_only(problem)
        if check(problem, plan).violations:
            continue
        state = sent_anywhere(draw, problem, draw_state(draw, problem, plan))
        if draw.random() < 0.5:
            shut = tuple(replace(one, accepts=frozenset({"nothing"})) for one in problem.facilities)
            problem = replace(problem, facilities=shut)
        limit, locks = FirstOf((MaxIterations(2), MaxSeconds(0.1))), draw_locks(draw, problem)
        found = replan(problem, plan, state, stop=limit, seed=seed, change_cost=50, locks=locks)
        assert check(found.problem, found.plan).violations == (), seed
        kinds |= {ask.kind for ask in found.reliefs}
    assert kinds >= {"loaded_home", "not_there_first", "no_break"}


def sent_anywhere(draw: random.Random, problem: Problem, state: FieldState) -> FieldState:
    places = [one.key for one in problem.stops if one.key not in state.served] + [one.key for one in problem.facilities]
    told = [one.heading_to is not None and not one.home and places and draw.random() < 0.7 for one in state.trucks]
    sent = [replace(one, heading_to=draw.choice(places)) if is_sent else one for one, is_sent in zip(state.trucks, told, strict=True)]
    return replace(state, trucks=tuple(sent))


def holds_locks(plan: Plan, found: Replan, locks: Locks) -> None:
    """Tied stops stay, ordered trucks serve what was theirs as published: told of plans alone, whatever the problem says."""
    was = {visit.key: (route.vehicle, number) for route in plan.routes for number, visit in enumerate(route.pickups)}
    going = found.problem.vehicle_by_key
    for route in found.plan.routes:
        keys = [visit.key for visit in route.pickups if visit.key in was and "on board" not in visit.key]
        assert all(was[key][0] == route.vehicle for key in keys if key in locks.tied and was[key][0] in going)
        if route.vehicle in locks.ordered:
            told = len(going[route.vehicle].head)
            own = [was[key][1] for key in keys[told:] if was[key][0] == route.vehicle]
            assert own == sorted(own)


def holds_prefixes(problem: Problem, plan: Plan, state: FieldState, found: Replan) -> None:
    """Nothing that is done is done again, each truck goes first where it was driving to."""
    target = set(problem.taken_up_at.values())
    assert not (found.plan.served & state.served) - target
    for one in state.trucks:
        route = next((route for route in found.plan.routes if route.vehicle == one.vehicle), None)
        if one.broken or one.home:
            assert route is None
        elif one.heading_to is not None:
            assert route is not None
            told = [visit.key for visit in route.visits if visit.kind is not VisitKind.BREAK]
            first = [key for key in told if key not in state.served and "on board" not in key]
            assert first[0] == one.heading_to
            assert route.start_s == one.started_s
