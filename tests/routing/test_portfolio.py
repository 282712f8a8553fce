"""Which engine gets which part of the time."""

import pytest

from routing.incumbent import Incumbent
from routing.portfolio import FEW_STOPS, RACED_ALIKE_STOPS, Engine, Leg, Portfolio, legs_of
from routing.problem import Problem, Vehicle
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, truck

CITY = ascii_city("D----A----U")


def town(*vehicles: Vehicle, stops: int = FEW_STOPS + 1) -> Problem:
    """More stops than engines begin for themselves, all at A."""
    return CITY.problem(*vehicles, load={f"A{i}": (10, 1) for i in range(stops)})


def legs(problem: Problem) -> tuple[Leg, ...]:
    return legs_of(problem, Engine.AUTO, has_begun=False, seconds=300.0)


def test_fleets_race_where_there_is_one_to_choose():
    """Two kinds of truck, or one that may end its round at this facility or that."""
    assert legs(town(truck("large", capacity_kg=500), truck("small", capacity_kg=200)))[0].races
    assert legs(town(truck("one", ends_empty=True), truck("two", ends_empty=True)))[0].races


def test_trucks_that_differ_in_unloads_alone_race_on_few_stops_only():
    """On many there is no time for starts enough; trucks of two kinds race there too."""
    many = RACED_ALIKE_STOPS + 1
    assert not legs(town(truck("one", ends_empty=True), truck("two", ends_empty=True), stops=many))[0].races
    assert legs(town(truck("large", capacity_kg=500), truck("small", capacity_kg=200), stops=many))[0].races


def test_trucks_that_are_all_alike_and_need_not_end_empty_are_searched_at_length():
    found = legs(town(truck("one", ends_empty=False), truck("two", ends_empty=False)))
    assert not any(leg.races for leg in found)
    assert found[0].engine is Engine.PYVRP and found[0].share == 0.75 and found[0].from_scratch


def test_the_parts_of_the_time_are_all_of_it():
    for ends_empty in (True, False):
        assert abs(sum(leg.share for leg in legs(town(truck(ends_empty=ends_empty)))) - 1) < 1e-9


def test_what_is_owed_is_required_where_vehicles_differ_or_unload_on_the_way(monkeypatch: pytest.MonkeyPatch):
    asked: list[bool] = []
    monkeypatch.setattr("routing.engines.pyvrp.search", lambda _, **how: asked.append(how["serves_all"]))
    yard, load = {"ends_empty": False}, {"A": (10, 1)}
    for problem in (
        CITY.problem(truck("one", **yard), truck("two", **yard), load=load, unload={}),
        CITY.problem(truck("one", **yard), truck("two", capacity_kg=20, **yard), load=load, unload={}),
        CITY.problem(truck("one"), load=load),
    ):
        searching = Portfolio(problem, stop=MaxIterations(1), seed=1, watch=lambda _: None)
        searching.improve(Incumbent(problem), (Leg(Engine.PYVRP, 1.0),))
    assert asked == [False, True, True]
