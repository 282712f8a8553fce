"""No mandatory stop stays out for optional ones that ride in a truck which could carry it."""

import random
from dataclasses import replace
from functools import reduce

import pytest

from routing.explain import order_of
from routing.insertion import cheapest_insertion, without
from routing.problem import Window
from routing.solve import complete, solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import checked

CITY = ascii_city("D----A----B----C----U")


def completed(problem, **orders):
    """`truck="ABU"` after completion, written alike."""
    known = problem.stop_by_key | problem.facility_by_key
    done = complete(problem, {key: tuple(known[name] for name in order) for key, order in orders.items()})
    return {key: "".join(place.key for place in order) for key, order in done.items()}


def test_the_stop_of_the_lowest_prize_gets_off():
    """20 kg in one trip, 10 kg each: of A (900) and B (500) one must go for C, though going by B costs nothing."""
    load = {"A": stop(10, prize=900), "B": stop(10, prize=500), "C": stop(10)}
    problem = CITY.problem(truck(capacity_kg=20, max_trips=1), load=load)
    assert completed(problem, truck="ABU") == {"truck": "ACU"}


def test_as_many_get_off_as_it_takes_and_no_more():
    """C weighs 20 of 30 kg: two of the three at 10 kg go, the richest stays."""
    load = {"A": stop(10, prize=300), "Aa": stop(10, prize=900), "B": stop(10, prize=500), "C": stop(20)}
    problem = CITY.problem(truck(capacity_kg=30, max_trips=1), load=load)
    known = problem.stop_by_key | problem.facility_by_key
    (order,) = complete(problem, {"truck": tuple(known[key] for key in ("A", "Aa", "B", "U"))}).values()
    assert [place.key for place in order] == ["Aa", "C", "U"]


def test_time_is_made_as_well_as_room():
    """There and back are 320 s; two stops of 100 s fit into 550 s, three do not."""
    load = {"A": stop(prize=9_000, service_s=100), "B": stop(prize=8_000, service_s=100), "C": stop(service_s=100)}
    problem = CITY.problem(truck(shift=Window(0, 550)), load=load)
    assert completed(problem, truck="ABU") == {"truck": "ACU"}


def test_the_truck_where_it_costs_least_makes_room():
    """Both are full with one optional stop; A's prize is 9,000, B's 7,000."""
    load = {"A": stop(10, prize=9_000), "B": stop(10, prize=7_000), "C": stop(10)}
    small = truck("one", capacity_kg=10, max_trips=1)
    problem = CITY.problem(small, replace(small, key="two"), load=load)
    assert completed(problem, one="AU", two="BU") == {"one": "AU", "two": "CU"}


def test_mandatory_stops_make_no_room_for_each_other():
    load = {"A": stop(10), "C": stop(10)}
    problem = CITY.problem(truck(capacity_kg=10, max_trips=1), load=load)
    assert completed(problem, truck="AU") == {"truck": "AU"}


def test_whatever_an_engine_says_what_is_owed_is_served(monkeypatch):
    """An engine that fills the truck with what is optional is put right, and the plan is sound."""
    load = {"A": stop(10, prize=900), "B": stop(10, prize=500), "C": stop(10)}
    problem = CITY.problem(truck(capacity_kg=20, max_trips=1), load=load)
    order = (problem.stop_by_key["A"], problem.stop_by_key["B"], problem.facilities[0])
    monkeypatch.setattr("routing.portfolio.ortools.search", lambda *_, **__: {"truck": order})
    plan = solve(problem, stop=MaxIterations(1))
    checked(problem, plan)
    assert plan.served == {"A", "C"}


@pytest.mark.parametrize("seed", range(25))
def test_no_truck_could_carry_a_mandatory_stop_in_place_of_its_optional_ones(seed, monkeypatch):
    """Random small nights with too much in them, ordered at random: what stays out has no place among the mandatory ones on any truck."""
    draw = random.Random(seed)
    load = {
        name: stop(draw.randint(5, 20), waste_class=draw.choice(("paper", "glass")), service_s=30, prize=draw.choice((None, 400, 90_000)))
        for name in ("A", "Aa", "Ab", "B", "Ba", "Bb", "C", "Ca", "Cb")
    }
    both = frozenset({"paper", "glass"})
    trucks = [truck(key, capacity_kg=30, classes=both, shift=Window(0, 700), max_trips=draw.choice((1, 2))) for key in ("one", "two")]
    problem = CITY.problem(*trucks, load=load, unload={"U": facility(both, turnaround_s=20)})
    one_stop = {"one": (*_optional(problem.stops)[:1], problem.facilities[0])}
    monkeypatch.setattr("routing.portfolio.ortools.search", lambda *_, **__: one_stop)
    plan = solve(problem, stop=MaxIterations(1))
    checked(problem, plan)
    orders = {route.vehicle: order_of(problem, route) for route in plan.routes}
    bare = {key: reduce(without, _optional(problem.stops), order) for key, order in orders.items()}
    for one in problem.stops:
        if one.mandatory and one.key not in plan.served:
            assert cheapest_insertion(problem, bare, one) is None


def _optional(stops):
    return [one for one in stops if not one.mandatory]
