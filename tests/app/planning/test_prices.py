"""What the policy prices beside distance and time: uneven shares, overtime, another truck than usual, and the law on hours."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from app.assets.models import Crew
from app.planning.fair_share import estimate_work
from app.planning.models import HoursRule, PlanningPolicy, PlanStatus
from app.planning.select import select_containers
from app.planning.to_problem import to_problem
from app.planning.travel import measure_travel
from routing.check import check
from routing.hours import PRESETS
from routing.roads.great_circle import GreatCircleEngine
from routing.solve import solve
from routing.stopping import MaxIterations
from tests.factories import assets as make_assets
from tests.factories import planning as make
from tests.factories import plans as make_plans
from tests.factories.planning import THURSDAY


@pytest.fixture
def posed(read, settings):
    """Tonight's problem where every container runs over and must be served."""

    def pose():
        city = read()
        choice = select_containers(city, make.outlook(city, {one.container.id: (105.0, 0.0) for one in city.containers}))
        return to_problem(city, choice, measure_travel(city, GreatCircleEngine(), settings.data_dir)).problem

    return pose


@pytest.fixture
def second(session, town):
    """A second truck like the first, with its crew."""
    truck = make_assets.vehicle(session, depot_id=town.depot.id, compacted_kg_m3={})
    make_assets.crew(session, depot_id=town.depot.id, vehicle_id=truck.id)
    return truck


def test_without_prices_nothing_of_it_is_in_the_problem(town, posed):
    town.add("A", 3)
    [truck] = posed().vehicles
    assert (truck.fair_share, truck.overtime_after_s, truck.max_drive_s) == (None, None, None)
    assert posed().stops[0].usual_vehicle is None


def test_every_hours_rule_is_one_of_the_kernels():
    assert {str(rule) for rule in HoursRule} == set(PRESETS)


def test_the_policys_law_comes_on_top_of_the_crews_own_break(session, town, posed):
    session.add(PlanningPolicy(hours_rule=HoursRule.EU_DRIVING))
    town.add("A", 3)
    [truck] = posed().vehicles
    assert [rule.key for rule in truck.breaks] == ["break", "driving_break"]
    assert truck.max_drive_s == 9 * 3600


def test_overtime_is_priced_by_the_second(town, posed):
    """36 an hour are 10,000 millionths a second."""
    town.truck.overtime_after_s, town.truck.overtime_cost_per_h = 7 * 3600, Decimal(36)
    town.add("A", 3)
    [truck] = posed().vehicles
    assert (truck.overtime_after_s, truck.overtime_cost_per_s) == (25_200, 10_000)


def test_work_is_that_of_stops_ways_between_them_and_unloads(town, posed):
    """Two stops of 60 + 120 s; 1 km (1,500 m) apart from each other; one load, which goes from the farther middle 6 km to the tip."""
    town.add("A", 3)
    town.add("B", 4)
    problem = posed()
    a, b = (stop.location for stop in problem.stops)
    rows = problem.travel[0].drive_rows
    haul_s = 2 * sorted((rows[a][1], rows[b][1]))[1] + problem.facilities[0].turnaround_s

    work = estimate_work(problem)

    stem_s = sorted((rows[0][a], rows[0][b]))[1] + rows[1][0]
    assert work.duration_s == 2 * 180 + rows[a][b] + rows[b][a] + haul_s + stem_s
    assert (work.load_kg, work.vehicles) == (300, 1), "1,155 l of 130 kg a cubic metre each"


def test_the_fair_share_is_a_part_of_the_work_for_each_vehicle_it_takes(session, town, posed, second):
    """A crew that may work half an hour cannot do it alone: two share it."""
    session.add(PlanningPolicy(unfair_cost_per_h=Decimal(36), unfair_cost_per_100kg=Decimal(5)))
    for east_km, name in enumerate("ABCDEFGHIJKL", start=3):
        town.add(name, east_km)
    for crew in session.scalars(select(Crew)):
        crew.max_duration_s = 5400
    problem = posed()
    work = estimate_work(problem)
    share = problem.vehicles[0].fair_share
    assert work.vehicles == 2
    assert problem.vehicles[1].fair_share == share
    assert (share.duration_s, share.load_kg) == (work.duration_s // 2, work.load_kg // 2)
    assert (share.cost_per_s, share.cost_per_kg) == (10_000, 50_000)


def test_a_price_on_unfair_shares_spreads_the_night(session, town, posed, second):
    """Six alike for two trucks: with a high price on what is too much, three each."""
    for east_km, name in enumerate("ABCDEF", start=3):
        town.add(name, east_km)
    for crew_vehicle in (town.truck, second):
        crew_vehicle.cost_per_day = Decimal(1)
    for crew in session.scalars(select(Crew)):
        crew.max_duration_s = 6000
    session.add(PlanningPolicy(unfair_cost_per_100kg=Decimal(1000)))
    problem = posed()
    shared = solve(problem, stop=MaxIterations(100))
    assert check(problem, shared).violations == ()
    assert sorted(len(route.pickups) for route in shared.routes) == [3, 3]
    assert sum(route.cost.unfairness for route in shared.routes) == 0


def test_the_truck_that_came_last_is_the_usual_one_where_another_has_its_price(session, town, posed, second):
    """A was emptied by the first truck long ago and by the second lately; of B's truck nobody knows."""
    a = town.add("A", 3)
    town.add("B", 4)
    for days, truck in ((9, town.truck), (2, second)):
        out = make_plans.plan(session, THURSDAY.replace(day=19 - days), status=PlanStatus.PUBLISHED)
        make_plans.route(session, out, vehicle=truck, container_ids=[a.id])
    session.add(PlanningPolicy(change_cost=Decimal("2.50")))
    stops = {stop.key: stop for stop in posed().stops}
    assert (stops[str(a.id)].usual_vehicle, stops[str(a.id)].change_cost) == (str(second.id), 2_500_000)
    assert stops[str(town.containers["B"].id)].usual_vehicle is None


def test_a_truck_that_is_away_is_nobodys_usual_one(session, town, posed, second):
    a = town.add("A", 3)
    make_plans.route(
        session, make_plans.plan(session, THURSDAY.replace(day=17), status=PlanStatus.PUBLISHED), vehicle=second, container_ids=[a.id]
    )
    make_assets.absence(session, vehicle_id=second.id, first_day=THURSDAY, last_day=THURSDAY)
    session.add(PlanningPolicy(change_cost=Decimal(1)))
    assert posed().stops[0].usual_vehicle is None
