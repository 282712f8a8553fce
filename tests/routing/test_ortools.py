"""What OR-Tools' model knows by itself: `search` alone, without insertion before or after, against brute force."""

from dataclasses import replace

import pytest

from routing.clock import least_order, lost_prizes, time_route
from routing.engines import ortools
from routing.incumbent import Incumbent, drives
from routing.problem import Compartment, FairShare, Problem, Stop, UnderWay, Window
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.brute import best_objective
from tests.routing.random_rounds import draw_problem

CITY = ascii_city("D--A---B--C----U")
BOTH = frozenset({"paper", "glass"})


def searched(problem: Problem, iterations: int = 60) -> int:
    """Cost and lost prizes of exactly what the search gives: each route is one that our clock accepts as it is."""
    orders = ortools.search(problem, stop=MaxIterations(iterations), seed=1)
    assert orders is not None
    orders = {one.key: orders.get(one.key) or (least_order(problem, one) if one.always_drives else ()) for one in problem.vehicles}
    routes = {key: time_route(problem, problem.vehicle_by_key[key], order) for key, order in orders.items()}
    driven = [routes[one.key] for one in problem.vehicles if drives(one, orders[one.key])]
    assert None not in driven
    served = frozenset(place.key for order in orders.values() for place in order if isinstance(place, Stop))
    return sum(route.cost.total for route in driven if route is not None) + lost_prizes(problem, served)


LOAD = {name: stop(10, 10, prize=prize) for name, prize in (("A", 3_000), ("B", 2_500), ("C", 2_000))}
OUT = UnderWay(location=2, ready_s=100, started_s=20, load=(5, 5), classes=frozenset({"waste"}), driven_s=50, driven_m=500, stops=1)
LIMITED = {
    "driving": truck(max_drive_s=260),
    "distance": truck(max_distance_m=2_600),
    "stops": truck(max_stops=2),
    "lifted": truck(max_lifted=(20, 1_000)),
    "trips": truck(capacity_kg=10, max_trips=2),
    "a late start": truck(latest_start_s=50, cost_per_s=3),
    "work of the truck's own": truck(stop_s=30, lift_s=40, shift=Window(0, 400)),
    "overtime": truck(overtime_after_s=250, overtime_cost_per_s=20),
    "fair time": truck(fair_share=FairShare(duration_s=260, cost_per_s=30)),
    "fair load": truck(fair_share=FairShare(load_kg=10, cost_per_kg=180)),
    "under way": truck(under_way=OUT, fixed_cost=500, cost_per_s=2),
    "under way with few stops left": truck(under_way=OUT, max_stops=2, max_distance_m=3_000),
    "a sequence": truck(sequence=("C", "A"), cost_per_s=1),
}


@pytest.mark.parametrize("name", LIMITED)
def test_the_search_keeps_to(name):
    problem = CITY.problem(LIMITED[name], load=LOAD)
    assert searched(problem) == best_objective(problem)


def test_the_search_knows_parts_of_the_body():
    parts = tuple(Compartment(classes=frozenset({one}), capacity=(15, 100)) for one in sorted(BOTH))
    load = {"A": stop(waste_class="paper"), "B": stop(waste_class="glass"), "C": stop(waste_class="paper")}
    problem = CITY.problem(truck(classes=BOTH, compartments=parts), load=load)
    assert searched(problem) == best_objective(problem)


def test_the_search_brings_what_is_to_be_brought():
    load = {"C": stop(5, 5, bring_to="A"), "A": stop(-5, -5), "B": stop(8, 8)}
    problem = CITY.problem(truck(capacity_kg=10, ends_empty=False), load=load)
    assert searched(problem) == best_objective(problem)


def test_the_search_prefers_the_usual_truck():
    load = {name: stop(usual_vehicle="near" if name == "B" else "far", change_cost=5_000) for name in "ABC"}
    problem = CITY.problem(truck("near"), truck("far", cost_per_m=2), load=load)
    assert searched(problem) == best_objective(problem)


def test_the_search_pays_for_each_visit_at_the_gate():
    problem = CITY.problem(truck(capacity_kg=20), load=LOAD, unload={"U": facility(fee_per_visit=1_900)})
    assert searched(problem) == best_objective(problem)


def test_idle_trucks_on_the_road_cost_their_way_home():
    """From B to C and home are 1,000 m, 500 m more than home at once; from the yard it is 1,400 m, but the day is paid for both."""
    empty = UnderWay(location=2, ready_s=100, started_s=0, load=(0, 0))
    yard = replace(empty, location=0)
    trucks = truck("out", under_way=empty, fixed_cost=9_000, ends_empty=False), truck("in", under_way=yard, ends_empty=False)
    problem = CITY.problem(*trucks, load={"C": stop()})
    assert searched(problem) == best_objective(problem)


@pytest.mark.parametrize("seed", [152, 162])
def test_a_search_that_finds_no_further_solution_ends(seed):
    """By iterations alone."""
    problem = draw_problem(seed, stops=6, vehicles=3)
    problem = replace(problem, vehicles=tuple(replace(one, head=(), sequence=()) for one in problem.vehicles))
    assert ortools.search(problem, stop=MaxIterations(2), seed=1)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_in_a_problem_there_is_a_model_of_it(seed):
    problem = draw_problem(600_000 + seed, stops=4)
    orders = ortools.search(problem, stop=MaxIterations(10))
    assert orders is None or Incumbent(problem, orders).rank <= Incumbent(problem).rank
