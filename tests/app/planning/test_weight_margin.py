"""A night counts with learned densities and keeps trucks from being overweight as rarely as asked, never more carefully than that."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from app.assets.waste_classes import WasteClass
from app.planning.learned_loads import LearnedLoads
from app.planning.models import ContainerLoad, LoadLearning, PlanningPolicy
from app.planning.select import select_containers
from app.planning.to_problem import to_problem
from app.planning.travel import measure_travel
from app.planning.trip_weights import trips_told
from app.planning.weight_margin import DIMENSION, Uncertain, densities_told, margin_of
from routing.check import check
from routing.roads.great_circle import GreatCircleEngine
from routing.solve import solve
from routing.stopping import MaxIterations
from tests.factories import planning as make
from tests.factories.planning import EVE

PAYLOAD_KG = 5_500


def learned(session: Any, town: Any, *, tickets: int = 40, density_kg_m3: float = 100.0, visits: int = 0, **figures: float) -> None:
    """A lesson as it would be stored, the same of every container."""
    known = {"residual": {"density_kg_l": density_kg_m3 / 1000, "sd_kg_l": 0.002, "tickets": tickets}}
    lesson = LoadLearning(learned_until=EVE - timedelta(hours=5), model_version="by hand", classes=known, evaluation={"visits": visits})
    session.add(lesson)
    session.flush()
    spreads = {"class_sd": 0.02, "zone_sd": 0.02, "own_sd": 0.10, "day_sd": 0.06, "single_sd": 0.20}
    plain: dict[str, Any] = {"learning_id": lesson.id, "density_kg_m3": density_kg_m3, "tickets": 5, "visits": visits} | spreads
    for container in town.containers.values():
        session.add(ContainerLoad(container_id=container.id, **plain | {"lift_s": 75.0, "setup_s": 140.0} | figures))
    session.flush()


@pytest.fixture
def chosen(read, settings):
    """The city, the choice and the problem of a night on which every container is at a level."""

    def pose(level_pct=80.0):
        city = read()
        full = {standing.container.id: (level_pct, 0.0) for standing in city.containers}
        choice = select_containers(city, make.outlook(city, full, spread_pct=40))
        return city, choice, to_problem(city, choice, measure_travel(city, GreatCircleEngine(), settings.data_dir)).problem

    return pose


@pytest.fixture
def posed(chosen):
    def pose(level_pct=80.0):
        city, _, problem = chosen(level_pct)
        return city, problem

    return pose


def test_the_learned_density_counts_and_so_do_learned_seconds(session, town, posed):
    """880 l at 0.100 kg/l are 88 kg, where the register's 0.130 would have made 114."""
    town.add("A", 3)
    learned(session, town, visits=200)
    city, problem = posed()
    [stop] = problem.stops

    assert stop.load[:2] == (88, 880)
    assert (stop.service_s, stop.setup_s) == (75, 140)
    assert densities_told(city, problem)[0]["density"] == "learned from 40 tickets, 0.100 ± 0.003 kg/l"


def test_with_too_few_tickets_and_visits_the_register_counts_without_a_margin(session, town, posed):
    town.add("A", 3)
    learned(session, town, tickets=2, visits=29)
    city, problem = posed()
    [stop] = problem.stops

    assert stop.load == (114, 880)
    assert (stop.service_s, stop.setup_s) == (60, 120)
    told = {"waste_class": "residual", "density": "the register's 0.130 kg/l: 2 tickets of it yet", "margin_pct": 0.0}
    assert densities_told(city, problem) == [told]


def test_the_margin_has_a_dimension_of_its_own_and_the_mean_stays_the_mean(session, town, posed):
    for n in range(12):
        town.add(f"C{n}", 1 + n / 4)
    learned(session, town)
    city, problem = posed()

    assert problem.dimensions == ("kg", "l", DIMENSION)
    assert {stop.load[0] for stop in problem.stops} == {88}
    assert {vehicle.capacity for vehicle in problem.vehicles} == {(10_000, 21_000, 10_000)}
    [told] = densities_told(city, problem)
    assert 8 <= told["margin_pct"] <= 25
    assert all(stop.load[2] == pytest.approx(88 * (1 + told["margin_pct"] / 100), abs=0.6) for stop in problem.stops)


def test_a_tenant_that_plans_by_the_mean_has_no_margin(session, town, posed):
    town.add("A", 3)
    session.add(PlanningPolicy(overweight_probability=0.5))
    learned(session, town)
    _, problem = posed()

    assert problem.stops[0].load == (88, 880, 88)


def test_the_margin_makes_another_trip_where_the_mean_would_just_fit(session, town, posed):
    """Ten full containers of 110 kg: a truck of 1,120 kg takes them by the mean, but not with one chance in twenty of too much."""
    for n in range(10):
        town.add(f"C{n}", 1 + n / 4)
    town.truck.payload_kg = 1_120
    policy = PlanningPolicy(overweight_probability=0.5)
    session.add(policy)
    learned(session, town)
    without = solve(posed(100.0)[1], stop=MaxIterations(100), seed=1)
    policy.overweight_probability = 0.05
    careful_problem = posed(100.0)[1]
    careful = solve(careful_problem, stop=MaxIterations(100), seed=1)

    assert [sum(route.unloads for route in plan.routes) for plan in (without, careful)] == [1, 2]
    assert check(careful_problem, careful).feasible


def test_each_trip_is_told_with_its_interval_and_its_chance_of_overweight(session, town, chosen):
    """Ten containers of 110 kg. Each has 50 kg of its own (forecast 44, lift 22, container 11), together 159; 8.3 % in common are 91 kg.

    So the trip is 1,100 ± 184 kg, and the truck's 1,200 kg are 0.54 standard deviations more: a chance of 29 %.
    """
    for n in range(10):
        town.add(f"C{n}", 1 + n / 4)
    town.truck.payload_kg = 1_200
    session.add(PlanningPolicy(overweight_probability=0.5))
    learned(session, town)
    city, choice, problem = chosen(100.0)
    plan = solve(problem, stop=MaxIterations(100), seed=1)

    [trip] = trips_told(city, choice, problem, plan)

    assert trip["kg"] == 1100
    assert (trip["high_kg"] - trip["low_kg"]) / 2 / 1.2816 == pytest.approx(184, abs=2)
    assert trip["overweight_pct"] == pytest.approx(29.4, abs=0.4)


def test_a_container_that_fits_by_its_mean_is_not_refused_for_its_margin(session, town, posed):
    town.add("A", 3)
    town.truck.payload_kg = 90
    learned(session, town)
    _, problem = posed()

    assert problem.stops[0].load == (88, 880, 90)


@pytest.mark.parametrize(("asked", "least", "most"), [(0.05, 0.028, 0.055), (0.20, 0.14, 0.21)])
def test_full_trucks_are_overweight_about_as_often_as_asked(asked: float, least: float, most: float) -> None:
    """Trucks are filled stop by stop as far as the margin lets them; then days are drawn: one error shared by all, one for each stop."""
    rng = np.random.default_rng(5)
    stops = [Uncertain(kg, 0.085, kg * 0.33) for kg in rng.uniform(40, 150, 600).tolist()]
    margin = margin_of(stops, PAYLOAD_KG, asked)
    kg = np.array([one.kg for one in stops])
    own = np.array([one.own_sd_kg for one in stops])

    over = []
    for _ in range(200):
        order = rng.permutation(len(stops))
        truck = order[np.cumsum(kg[order] * margin) <= PAYLOAD_KG]
        shared, each = rng.normal(0, 0.085, (100, 1)), rng.normal(0, 1, (100, len(truck)))
        over += (((kg[truck] * (1 + shared)) + own[truck] * each).sum(axis=1) > PAYLOAD_KG).tolist()

    assert least <= np.mean(over) <= most
    assert 1.1 < margin_of(stops, PAYLOAD_KG, 0.05) < 1.25


def test_before_any_lesson_the_register_counts() -> None:
    assert LearnedLoads().origin_in_words(WasteClass.PAPER, 200.0) == "the register's 0.200 kg/l: no ticket of it yet"
