"""The instances at hand: our reading against PyVRP's own, and against what the published solutions cost."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import pyvrp

from routing.check import check
from routing.clock import time_route
from routing.instances import Instance, load_instance, orders_of, read_solution, text_of, units_of
from routing.instances.kim import FEET_PER_MILE
from routing.plan import Plan, Reason, Unserved
from routing.problem import Problem, Vehicle

pytestmark = pytest.mark.shared_data

ROUNDING = {"cvrp": "round", "vrptw": "dimacs", "pcvrptw": "dimacs", "mtvrptwr": "dimacs"}
"""By folder; all others "exact"."""

FORBIDDEN = 2**44

VRPLIB = [
    *("cvrp/X-n101-k25", "cvrp/X-n200-k36", "cvrp/X-n303-k21", "cvrp/X-n502-k39", "cvrp/X-n801-k40", "cvrp/X-n1001-k43"),
    *("vrptw/R2_10_5", "hfvrp/X228-FSMFD", "hfvrp/X376-HD", "hfvrp/X701-HVRP", "hfvrp/X1001-FSMF", "mdvrptw/PR11A", "mdvrptw/PR11B"),
    *("sdvrptw/PR01", "sdvrptw/PR14A", "sdvrptw/PR21", "pcvrptw/C1_10_1", "pcvrptw/R1_10_3", "pcvrptw/RC1_10_7"),
    *("mtvrptwr/C201R0.25", "mtvrptwr/C2_2_09R0.25", "mtvrptwr/R2_2_04R0.5", "mtvrptwr/RC2_2_02R0.5"),
]
SOLOMON = [f"vrptw/{name}" for name in ("C101", "C1_4_2", "R112", "R1_2_1", "R201", "RC208", "RC2_4_1")]


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "routing"


def load(folder: Path, name: str) -> Instance:
    return load_instance(folder / f"{name}{'.txt' if name in SOLOMON else '.vrp'}")


@pytest.mark.parametrize("name", VRPLIB)
def test_our_reading_is_pyvrps(folder: Path, name: str):
    problem = load(folder, name).problem
    theirs = pyvrp.read(folder / f"{name}.vrp", ROUNDING.get(name.partition("/")[0], "exact"))
    for profile in range(theirs.num_profiles):
        # Theirs forbids sites by its edges, to which it gives the greatest of values.
        distances = theirs.distance_matrix(profile)
        driven = distances < FORBIDDEN
        assert np.array_equal(problem.travel[0].distance_m[driven], distances[driven])
    assert np.array_equal(problem.travel[0].drive_s, problem.travel[0].distance_m)
    scale = theirs.clients()[0].delivery[0] // problem.stops[0].load[0]
    assert [
        (one.location, one.delivery[0], one.service_duration, one.release_time, one.prize, one.required) for one in theirs.clients()
    ] == [(one.location, one.load[0] * scale, one.service_s, one.release_s, one.prize or 0, one.mandatory) for one in problem.stops]
    if problem.stops[0].windows:
        assert [(one.tw_early, one.tw_late) for one in theirs.clients()] == [
            (one.windows[0].open_s, one.windows[0].close_s) for one in problem.stops
        ]
    _same_fleet(problem.vehicles, theirs, scale, timed=bool(problem.stops[0].windows))
    _same_access(problem.vehicles, theirs, [stop.location for stop in problem.stops], load(folder, name))


def _same_fleet(vehicles: tuple[Vehicle, ...], theirs: pyvrp.ProblemData, scale: int, *, timed: bool) -> None:
    ours: Counter[tuple[object, ...]] = Counter()
    for one in vehicles:
        hours = (one.shift.open_s, one.shift.close_s) if timed else ()
        ours[(one.capacity[0] * scale, one.start_location, one.fixed_cost, one.cost_per_m, one.max_duration_s, hours, one.offers)] += 1
    assert len(ours) == theirs.num_vehicle_types
    for (capacity, start, fixed, per_m, longest, hours, _), count in ours.items():
        alike = [
            kind.num_available
            for kind in theirs.vehicle_types()
            if (kind.capacity[0], kind.start_depot, kind.fixed_cost, kind.unit_distance_cost) == (capacity, start, fixed, per_m)
            and (kind.shift_duration == longest or longest is None)
            and hours in ((), (kind.tw_early, kind.tw_late))
        ]
        assert count in alike or (not timed and count <= max(alike))


def _same_access(vehicles: tuple[Vehicle, ...], theirs: pyvrp.ProblemData, locations: list[int], instance: Instance) -> None:
    for kind in theirs.vehicle_types():
        number = int(kind.name.split(",")[0]) + 1
        crew = next((one for one in vehicles if one.key == f"vehicle {number}"), None)
        assert crew is not None, "the first of each kind is never left out"
        row = theirs.distance_matrix(kind.profile)[0]
        theirs_may = [bool(row[location] < FORBIDDEN) for location in locations]
        assert theirs_may == [crew.may_serve(stop) for stop in instance.problem.stops]


@pytest.mark.parametrize("name", [*VRPLIB, *SOLOMON])
def test_the_published_solution_costs_what_it_says(folder: Path, name: str):
    """To the last digit where the figure is whole or in tenths; some of HFVRP's are printed with two decimals."""
    instance = load(folder, name)
    published = read_solution(text_of(folder / f"{name}.sol"))
    units = units_of(instance.problem, published.routes)
    assert units is not None
    assert published.cost == instance.best_known == pytest.approx(instance.in_print(units), abs=0.013 if name.startswith("hfvrp") else 1e-9)


@pytest.mark.parametrize("name", [*VRPLIB, *SOLOMON])
def test_the_published_solution_keeps_our_rules_at_the_published_cost(folder: Path, name: str):
    instance = load(folder, name)
    plan = _published_plan(instance.problem, read_solution(text_of(folder / f"{name}.sol")).routes)
    assert check(instance.problem, plan).violations == ()
    assert instance.literature_cost(plan) == pytest.approx(instance.best_known, rel=1e-6)


def _published_plan(problem: Problem, routes: Sequence[Sequence[int]]) -> Plan:
    orders = orders_of(problem, routes)
    assert orders is not None
    places = problem.facility_by_key | problem.stop_by_key
    timed = {key: time_route(problem, problem.vehicle_by_key[key], tuple(places[one] for one in order)) for key, order in orders.items()}
    assert [key for key, route in timed.items() if route is None] == []
    driven = tuple(route for route in timed.values() if route is not None)
    served = {visit.key for route in driven for visit in route.pickups}
    left = [stop.key for stop in problem.stops if stop.key not in served]
    unserved = tuple(Unserved(stop=key, reason=Reason.NOT_WORTH_ITS_PRIZE, detail="as published") for key in left)
    return Plan(routes=driven, unserved=unserved, engine="published", seed=0, problem_digest="")


@pytest.mark.parametrize(
    ("name", "stops", "landfills", "yards", "capacity", "a_day"),
    [
        ("102", 99, 2, 897, 280, 400),
        ("335", 330, 4, 2_011, 243, 400),
        ("804", 784, 19, 4_620, 280, 10_000),
        ("1599", 1_596, 2, 8_524, 280, 800),
    ],
)
def test_kims_instances_are_whole(folder: Path, name: str, stops: int, landfills: int, yards: int, capacity: int, a_day: int):
    instance = load_instance(folder / f"waste-kim2006/{name}_stop.txt")
    problem, truck = instance.problem, instance.problem.vehicles[0]
    scale = truck.capacity[0] // capacity
    assert (len(problem.stops), len(problem.facilities)) == (stops, landfills)
    assert sum(stop.load[0] for stop in problem.stops) == yards * scale
    assert (truck.capacity, truck.max_lifted) == ((capacity * scale,), (a_day * scale,))


def test_the_benchmarks_own_example_of_a_way(folder: Path):
    """ "15387 feet, 2.914 mile, 262.3 seconds" are between depot and stop 1 of the smallest instance."""
    travel = load_instance(folder / "waste-kim2006/102_stop.txt").problem.travel[0]
    assert travel.distance_m[0, 1] == 15_387
    assert travel.distance_m[0, 1] / FEET_PER_MILE == pytest.approx(2.914, abs=5e-4)
    assert travel.drive_s[0, 1] == 263
