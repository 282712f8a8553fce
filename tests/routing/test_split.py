"""A large night in parts is the same night: nothing is lost, nothing is done twice, and each round is no worse than the last."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from routing import solve as door
from routing import split
from routing.clock import time_route
from routing.plan import Plan
from routing.problem import Problem, Stop
from routing.stopping import MaxIterations, MaxSeconds
from tests.routing.plans import checked
from tests.routing.test_pyvrp import unequal_trucks


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Problem:
    """60 stops, some optional and three of them alternatives, cut into parts of about 20."""
    monkeypatch.setattr(split, "PART_STOPS", 20)
    monkeypatch.setattr(split, "PART_ROUTES", 1)
    monkeypatch.setattr(door, "SPLIT_STOPS", 50)
    problem = unequal_trucks(4, stops=60)
    trucks = tuple(replace(one, key=f"{one.key}, {copy}") for one in problem.vehicles for copy in "abc")
    stops = tuple(replace(stop, group="g") if stop.key in ("s4", "s28", "s52") else stop for stop in problem.stops)
    return replace(problem, vehicles=trucks, stops=stops)


def searched(problem: Problem, seen: list[Plan] | None = None) -> Plan:
    watch = None if seen is None else seen.append
    plan = door.solve(problem, stop=MaxIterations(60), seed=1, cores=2, on_improvement=watch)
    checked(problem, plan)
    return plan


def keys(parts: list[split.Part]) -> list[str]:
    return sorted(stop.key for part in parts for stop in part.problem.stops)


def test_parts_to_begin_with_hold_every_stop_and_every_vehicle_once(town: Problem):
    parts = split.cut(town, {}, split.plane_of(town), seed=1)
    assert len(parts) == 3
    assert keys(parts) == sorted(town.stop_by_key)
    assert sorted(key for part in parts for key in part.given) == sorted(town.vehicle_by_key)
    assert max(len(part.problem.stops) for part in parts) <= 1.5 * min(len(part.problem.stops) for part in parts)


@pytest.mark.parametrize("seed", range(5))
def test_parts_cut_anew_hold_every_stop_whole_routes_and_the_idle(town: Problem, seed: int):
    plan = searched(town)
    orders = {
        route.vehicle: tuple(town.stop_by_key.get(one.key) or town.facility_by_key[one.key] for one in route.visits)
        for route in plan.routes
    }
    parts = split.cut(town, orders, split.plane_of(town), seed)
    assert keys(parts) == sorted(town.stop_by_key)
    assert {key: order for part in parts for key, order in part.given.items() if order} == {
        key: tuple(place.key for place in order) for key, order in orders.items()
    }
    for part in parts:
        assert len({"s4", "s28", "s52"} & set(part.problem.stop_by_key)) in (0, 3)


def test_a_part_drives_as_the_whole_does(town: Problem):
    """The same order costs the same by the part's own small matrices."""
    vehicle = town.vehicles[0]
    stops = [stop for stop in town.stops if not stop.windows][:4]
    order = (*stops, town.facilities[0])
    part = split.part_of(town, stops, [vehicle], {vehicle.key: order})
    (there,) = split.orders_of(part.problem, part.given).values()
    whole, small = time_route(town, vehicle, order), time_route(part.problem, part.problem.vehicles[0], there)
    assert whole is not None and small is not None
    assert (small.cost, small.end_s) == (whole.cost, whole.end_s)
    assert part.problem.travel[0].size < town.travel[0].size


def test_a_night_in_parts_is_a_sound_plan_that_only_gets_better(town: Problem):
    seen: list[Plan] = []
    plan = searched(town, seen)
    assert plan.engine == "split+pyvrp"
    verdicts = [checked(town, one) for one in (*seen, plan)]
    ranks = [(len(verdict.mandatory_unserved), verdict.objective) for verdict in verdicts]
    assert ranks == sorted(ranks, reverse=True)
    assert verdicts[-1].mandatory_unserved == ()


def test_a_night_in_parts_is_the_same_again(town: Problem):
    assert searched(town).routes == searched(town).routes


def test_parts_may_be_searched_in_any_executor(town: Problem):
    with ThreadPoolExecutor(1) as executor:
        plan = door.solve(town, stop=MaxIterations(30), seed=1, executor=executor)
    checked(town, plan)


def test_the_time_of_a_round_is_shared_out_by_stops(town: Problem):
    """Of 60 s in all the first of five rounds has 60 × 2 / 6 = 20 s on two cores: 40 s for 60 stops."""
    parts = split.cut(town, {}, split.plane_of(town), seed=1)
    efforts = split._efforts(parts, 0, MaxSeconds(60), cores=2)
    assert efforts is not None
    assert [one.seconds for one in efforts] == pytest.approx([40 * len(part.problem.stops) / 60 for part in parts])


def test_where_time_is_short_there_are_fewer_rounds(town: Problem):
    """Three parts on one core take at least 3 × 2 s: 7 s are one round, 5 s are none."""
    parts = split.cut(town, {}, split.plane_of(town), seed=1)
    efforts = split._efforts(parts, 1, MaxSeconds(7), cores=1)
    assert efforts is not None
    assert sum(one.seconds or 0 for one in efforts) == pytest.approx(7)
    assert split._efforts(parts, 1, MaxSeconds(5), cores=1) is None
    assert split._efforts([], 1, MaxSeconds(60), cores=1) is None


def test_what_a_search_does_beforehand_is_part_of_its_time(town: Problem):
    (part, *_) = split.cut(town, {}, split.plane_of(town), seed=1)
    effort = split.Effort(60.0, None)
    found: list[float] = []

    def search(part: split.Part, own: split.Effort, seed: int) -> dict[str, tuple[str, ...]]:
        found.append(own.stop.seconds or 0)
        return part.given

    assert split._search_in_time(search, part, effort, 1) == part.given
    assert 0 < found[0] < 60
    assert effort.stop.seconds == 60


def test_the_plane_keeps_neighbours_together(town: Problem):
    """Of ten stops each, the five nearest in the plane are among the twenty nearest by the matrix."""
    plane, drive_s = split.plane_of(town), town.travel[0].drive_s
    for stop in town.stops[:10]:
        assert isinstance(stop, Stop)
        apart = ((plane - plane[stop.location]) ** 2).sum(axis=1)
        assert set(apart.argsort()[1:6]) <= set(drive_s[stop.location].argsort()[:21])
