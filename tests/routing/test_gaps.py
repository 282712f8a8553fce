"""All gaps at once say the same as one gap after the other."""

from dataclasses import replace

import numpy as np
import pytest

from routing import sketch as sketches
from routing.insertion import Board
from routing.problem import BreakRule, Problem, Stop, Travel
from routing.sketch import Detour, Sketch
from tests.routing.test_pyvrp import unequal_trucks


@pytest.fixture
def town() -> Problem:
    """60 stops with setups, two of them at one place, and one that no road leads to from half of the others."""
    problem = unequal_trucks(4, stops=60)
    stops = [replace(stop, setup_s=20 + number, windows=()) for number, stop in enumerate(problem.stops)]
    stops[7] = replace(stops[7], location=stops[8].location)
    drive_s = problem.travel[0].drive_s.copy()
    drive_s[:30, stops[9].location] = -1
    rested = BreakRule(key="break", duration_s=1_800, after_work_s=3_600)
    vehicles = tuple(replace(vehicle, breaks=(rested,), capacity=(10**6, 10**6)) for vehicle in problem.vehicles)
    return replace(problem, stops=tuple(stops), vehicles=vehicles, travel=(Travel(drive_s, problem.travel[0].distance_m),))


def detours(problem: Problem, stops: int, stop: Stop, monkeypatch: pytest.MonkeyPatch, *, at_once: bool) -> list[Detour]:
    """Of a stop into a trip of the first so many others."""
    monkeypatch.setattr(sketches, "LONG_TRIP", 1 if at_once else 10**9)
    vehicle = replace(problem.vehicles[0], max_duration_s=None)
    order = (*[one for one in problem.stops if one.key not in (stop.key, "s9")][:stops], problem.facilities[0])
    return list(Sketch(problem, vehicle, order).detours(stop))


@pytest.mark.parametrize("number", [0, 7, 8, 9, 59])
@pytest.mark.parametrize("stops", [2, 15, 40])
def test_all_at_once_are_the_same_places_at_the_same_costs(town: Problem, number: int, stops: int, monkeypatch: pytest.MonkeyPatch):
    one_by_one = detours(town, stops, town.stops[number], monkeypatch, at_once=False)
    assert detours(town, stops, town.stops[number], monkeypatch, at_once=True) == one_by_one


def test_enough_are_the_smallest_detours(town: Problem, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sketches, "LONG_TRIP", 1)
    vehicle, stop = town.vehicles[0], town.stops[0]
    sketch = Sketch(town, vehicle, (*town.stops[10:20], town.facilities[0]))
    everywhere = [one for one in sketch.detours(stop) if one.unload is None]
    few = [one for one in sketch.detours(stop, enough=3) if one.unload is None]
    assert few == sorted(sorted(everywhere, key=lambda one: (one.cost, one.position))[:3], key=lambda one: one.position)
    dearest = sorted(one.least_cost for one in everywhere)[4]
    assert [one for one in sketch.detours(stop, most_cost=dearest) if one.unload is None] == [
        one for one in everywhere if one.least_cost <= dearest
    ]


def test_insertion_into_long_trips_finds_what_it_finds_in_short_ones(town: Problem, monkeypatch: pytest.MonkeyPatch):
    found = []
    for long_trip in (1, 10**9):
        monkeypatch.setattr(sketches, "LONG_TRIP", long_trip)
        vehicle = town.vehicles[0]
        board = Board(town, {vehicle.key: (*town.stops[10:30], town.facilities[0])})
        found.append([board.cheapest(stop) for stop in town.stops[:10]])
    assert found[0] == found[1]
    assert np.count_nonzero([one is not None for one in found[0]]) > 5
