"""A bound is never above the optimum, and says something."""

import random
from dataclasses import replace

import pytest

from routing import bound as bounds
from routing import bound_paths
from routing.bound import Bound, gap_pct, lower_bound
from routing.clock import lost_prizes, time_route
from routing.problem import BreakRule, Pace, UnderWay, Window
from routing.solve import objective, solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.brute import best_objective, find_best_objective
from tests.routing.plans import checked, hand_plan
from tests.routing.random_rounds import draw_problem
from tests.routing.test_insertion import completed

CITY = ascii_city("D--A---B--C----U--V")


def test_one_stop_on_the_way_is_bounded_up_to_the_way_home():
    """D to A 200 m, A to U 1,000 m are in the bound, the 1,200 m home are not; 30 s of work at 2 and the fixed 50 are."""
    problem = ascii_city("D--A----------U").problem(truck(cost_per_s=0, fixed_cost=50), load={"A": (1, 1)})
    assert lower_bound(problem, frozenset("A")).cost == 200 + 1_000 + 50


def test_the_load_forces_trips():
    """Two full bodies from one place: twice to A from the nearer of D and U (200 m), twice on to U (1,000 m)."""
    problem = ascii_city("D--A----------U").problem(truck(capacity_kg=10), load={"A": (10, 1), "Aa": (10, 1)})
    assert lower_bound(problem, frozenset({"A", "Aa"})).cost == 2 * (200 + 1_000)


def test_work_and_driving_need_days():
    """400 s of work and 320 s on the road (200 + 1,400 m out; home is not counted) exceed one shift of 500 s: two days of 50."""
    problem = ascii_city("D--A--------------U").problem(
        *(truck(key, shift=Window(0, 500), fixed_cost=50, cost_per_m=0) for key in ("one", "two", "three")),
        load={"A": stop(service_s=200), "Aa": stop(service_s=200)},
    )
    assert lower_bound(problem, frozenset({"A", "Aa"})).cost == 2 * 50


def test_a_break_shortens_the_day():
    """160 s on the road and 300 s of work fit into 500 s, but not beside a break of 60 s that is due after 400 s."""
    tired = BreakRule(key="rest", duration_s=60, after_work_s=400)
    days = [truck(key, shift=Window(0, 500), fixed_cost=50, cost_per_m=0) for key in ("one", "two")]
    city, load = ascii_city("D--A--------------U"), {"A": stop(service_s=150), "Aa": stop(service_s=150)}
    assert lower_bound(city.problem(*days, load=load)).cost == 50
    assert lower_bound(city.problem(*(replace(day, breaks=(tired,)) for day in days), load=load)).cost == 2 * 50


def test_trucks_that_share_no_stop_are_needed_each():
    """Glass wants the crane: a day of 70 and one of 50, and each drives 200 m out and 1,000 m on."""
    load = {"A": stop(), "Aa": stop(waste_class="glass")}
    trucks = truck("rear", fixed_cost=50), truck("crane", fixed_cost=70, classes=frozenset({"glass"}))
    assert lower_bound(ascii_city("D--A----------U").problem(*trucks, load=load)).cost == 50 + 70 + 2 * 1_200


@pytest.mark.parametrize("seed", range(12))
def test_short_shifts_do_not_break_the_bound(seed):
    """Against brute force where one truck is not enough: fixed costs decide."""
    draw = random.Random(100 + seed)
    load = {
        name: stop(draw.randint(1, 60), service_s=draw.randint(50, 150), prize=draw.choice((None, None, 500))) for name in ("A", "B", "C")
    }
    rest = (BreakRule(key="rest", duration_s=30, after_work_s=draw.randint(200, 400)),) if seed % 2 else ()
    trucks = [
        truck(key, capacity_kg=90, shift=Window(0, 640), fixed_cost=draw.randint(0, 900), breaks=rest) for key in ("one", "two", "three")
    ]
    problem = CITY.problem(*trucks, load=load)
    assert 0 < lower_bound(problem).cost <= best_objective(problem)


@pytest.mark.parametrize("seed", range(6))
def test_no_plan_undercuts_the_bound(seed):
    """Against brute force, for the choice of stops and for the stops that the solver chose."""
    draw = random.Random(seed)
    load = {
        name: stop(
            draw.randint(1, 60),
            draw.randint(1, 60),
            waste_class=draw.choice(("paper", "glass")),
            prize=draw.choice((None, 300, 2_000)),
            service_s=draw.randint(0, 30),
            setup_s=20,
        )
        for name in ("A", "B", "C", "Cc")
    }
    both = frozenset({"paper", "glass"})
    trucks = (
        truck("one", capacity_kg=80, capacity_l=80, classes=both, fixed_cost=200, cost_per_s=1),
        truck("two", capacity_kg=150, capacity_l=90, classes=both, one_class_per_trip=bool(seed % 2), cost_per_m=2, fixed_cost=100),
    )
    problem = CITY.problem(*trucks, load=load, unload={"U": facility({"paper"}, fee_per_kg=3), "V": facility(both, turnaround_s=15)})
    plan = solve(problem, stop=MaxIterations(100))
    checked(problem, plan)
    optimum = best_objective(problem)
    assert optimum <= objective(problem, plan)
    assert 0 < lower_bound(problem).cost <= optimum
    fixed = lower_bound(problem, plan.served)
    assert fixed.cost <= plan.cost
    assert gap_pct(plan, fixed) == pytest.approx(100 * (1 - fixed.cost / plan.cost))


def test_very_large_nights_get_the_simpler_bound(monkeypatch):
    problem = CITY.problem(truck(capacity_kg=10), load={"A": (10, 1), "B": (10, 1)})
    better = lower_bound(problem, frozenset("AB"))
    monkeypatch.setattr(bounds, "ASSIGNMENT_LIMIT", 1)
    simpler = lower_bound(problem, frozenset("AB"))
    assert (better.method, simpler.method) == ("assignment", "cheapest arrivals")
    assert 0 < simpler.cost <= better.cost


def test_the_simpler_bound_is_the_same_however_many_stops_are_looked_at_at_a_time(monkeypatch):
    problem = CITY.problem(truck(capacity_kg=10), load={"A": (10, 1), "B": (10, 1)})
    monkeypatch.setattr(bounds, "ASSIGNMENT_LIMIT", 1)
    at_once = lower_bound(problem)
    monkeypatch.setattr(bounds, "COLUMNS_AT_ONCE", 1)
    assert lower_bound(problem) == at_once
    assert at_once.cost > 0


def test_nothing_to_serve_is_bounded_by_nothing():
    problem = CITY.problem(truck(), load={"A": stop(prize=1)})
    assert lower_bound(problem, frozenset()).cost == 0
    assert gap_pct(hand_plan(problem, {}), lower_bound(problem, frozenset())) == 0
    assert lower_bound(replace(problem, vehicles=())).cost == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_in_a_problem_no_plan_undercuts_its_bound(seed):
    """Random rounds with everything in them, against brute force and against insertion."""
    for number in range(6):
        problem = draw_problem(300_000 + 10 * seed + number, stops=3)
        best = find_best_objective(problem)
        if best is not None:
            bound = lower_bound(problem).cost
            assert bound <= best
        core, orders, _ = completed(problem)
        routes = [time_route(core, core.vehicle_by_key[key], order) for key, order in orders.items()]
        if all(route is not None for route in routes):
            served = frozenset(visit.key for route in routes for visit in route.pickups)
            cost = sum(route.cost.total for route in routes)
            assert lower_bound(problem, served).cost <= cost
            owed = {stop.group or stop.key for stop in problem.stops if stop.mandatory}
            if best is not None and owed <= {problem.stop_by_key[key].group or key for key in served}:
                assert best <= cost + lost_prizes(problem, served)


def test_a_vehicle_on_the_road_pays_for_its_day_whatever_comes():
    """A day of 50, 100 s so far at 2, and 7 kg on board at 3 the kilogram; at home with nothing to do, nothing."""
    out = UnderWay(location=1, ready_s=200, started_s=100, load=(7, 7), classes=frozenset({"waste"}))
    away = truck(fixed_cost=50, cost_per_s=2, under_way=out)
    problem = CITY.problem(away, load={"A": stop(prize=1)}, unload={"U": facility(fee_per_kg=3)})
    assert lower_bound(problem, frozenset()).cost == 50 + 200 + 21
    assert lower_bound(replace(problem, vehicles=(replace(away, under_way=None),)), frozenset()).cost == 0


def test_fast_hours_lower_the_bound():
    """D to A 20 s, A to U 100 s, at 700 thousandths: 84 s at 10."""
    city = ascii_city("D--A----------U")
    hasty = replace(city.travel, paces=(Pace(5_000, 700),))
    problem = city.problem(truck(cost_per_m=0, cost_per_s=10), load={"A": (1, 1)}, travel=hasty)
    assert lower_bound(problem).cost == 840


def test_what_is_set_down_leaves_the_truck_free_to_go_home():
    """From D to B 500 m, on to A 300 m, home 200 m; by way of U, which nothing needs, it would be 1,900 m."""
    problem = CITY.problem(truck(), load={"B": stop(5, 5, bring_to="A"), "A": stop(-5, -5)})
    assert 0 < lower_bound(problem).cost <= best_objective(problem) == 1_000


@pytest.mark.parametrize("seed", range(20))
def test_twins_are_bounded_as_vehicles_that_differ_in_what_costs_nothing(seed):
    problem = draw_problem(400_000 + seed, stops=5, vehicles=3)
    fleet = [replace(one, head=(), sequence=(), under_way=None) for one in problem.vehicles]
    twins = [replace(one, key=f"{one.key}'") for one in fleet]
    others = [replace(one, latest_start_s=10_000) for one in twins]
    alike, unlike = (replace(problem, vehicles=tuple(fleet + more)) for more in (twins, others))
    assert lower_bound(alike) == lower_bound(unlike)


@pytest.fixture
def paths_at_once(monkeypatch):
    """Few rounds, and for few stops too."""
    monkeypatch.setattr(bounds, "LEAST_PATH_STOPS", 1)
    for name in ("COARSE_ROUNDS", "FINE_ROUNDS"):
        monkeypatch.setattr(bound_paths, name, 8)


@pytest.mark.usefixtures("paths_at_once")
@pytest.mark.parametrize("seed", range(40))
def test_no_plan_undercuts_the_bound_by_paths(seed):
    """Random rounds with limited and unlike fleets, with and without facilities, against brute force."""
    allowed = frozenset({"mixing", "optional", "groups", "overtime", "transfers", "under_way", "fees", "changes"})
    problem = draw_problem(500_000 + seed, stops=4, allowed=allowed)
    if seed % 2:
        homeward = tuple(replace(one, ends_empty=False) for one in problem.vehicles)
        problem = replace(problem, facilities=(), vehicles=homeward)
    best = find_best_objective(problem)
    assert best is None or lower_bound(problem).cost <= best


@pytest.mark.usefixtures("paths_at_once")
def test_full_trucks_pay_for_the_whole_way_each():
    """Four loads of 10 at 500 m, two to a body of 20: two rounds of 1,000 m and two days of 70. Single places know neither."""
    city = ascii_city("D-----A")
    trucks = [truck(key, capacity_kg=20, ends_empty=False, fixed_cost=70) for key in ("one", "two", "three")]
    problem = city.problem(*trucks, load=dict.fromkeys(("A", "Aa", "Ab", "Ac"), (10, 1)))
    bound = lower_bound(problem)
    assert 2 * 1_000 < bound.cost <= 2 * 1_000 + 2 * 70


@pytest.mark.usefixtures("paths_at_once")
def test_each_load_finds_a_truck_that_holds_it():
    """The cheap van holds 5 kg, two stops have 50: the lorry at 10 a metre must go, 2 × 500 m."""
    city = ascii_city("D-----A")
    van, lorry = truck("van", capacity_kg=5, ends_empty=False), truck("lorry", capacity_kg=100, ends_empty=False, cost_per_m=10)
    problem = city.problem(van, lorry, load=dict.fromkeys(("A", "Aa"), (50, 1)))
    assert lower_bound(problem) == Bound(10_000, "capacitated paths")


@pytest.mark.usefixtures("paths_at_once")
def test_what_weighs_next_to_nothing_is_passed_by():
    """A weighs a thousandth of a load: B's way out is the shorter one through it, and costs what it costs."""
    problem = ascii_city("D--A--B").problem(truck(capacity_kg=1_000, ends_empty=False), load={"A": (1, 1), "B": (900, 1)})
    assert lower_bound(problem).cost <= 800
