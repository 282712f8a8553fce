"""Rows and forecasts become the kernel's integers, once."""

from datetime import UTC, date, datetime, time

import pytest

from app.assets.waste_classes import WasteClass
from app.planning.select import Standing, select_containers
from app.planning.to_problem import match_crews, to_problem
from app.planning.travel import measure_travel, profile_of
from routing.problem import BreakRule, Window
from routing.roads.great_circle import GreatCircleEngine
from tests.factories import assets as make_assets
from tests.factories import planning as make
from tests.factories.planning import EVE, at_km

HOUR = 3600


@pytest.fixture
def posed(read, settings):
    """Tonight's task where every container is 80 % full at the visit and must be served, unless the test says otherwise."""

    def pose(fills=None, **values):
        city = read(**values)
        full = {standing.container.id: (80.0, 0.0) for standing in city.containers}
        choice = select_containers(city, make.outlook(city, full | (fills or {}), spread_pct=40))
        assert all(one.decision is not Standing.NOT_DUE for one in choice.candidates.values())
        return to_problem(city, choice, measure_travel(city, GreatCircleEngine(), settings.data_dir))

    return pose


def test_a_load_is_the_mean_fill_times_volume_times_density(town, posed):
    """80 % of 1,100 l are 880 l; residual waste weighs 130 kg a cubic metre: 114 kg."""
    town.add("A", 3)

    [stop] = posed().problem.stops

    assert stop.load == (114, 880)
    assert (stop.service_s, stop.setup_s, stop.needs) == (60, 120, {"rear"})


def test_a_containers_own_density_counts_before_its_classs(town, posed):
    town.add("A", 3, density_kg_m3=250.0)

    assert posed().problem.stops[0].load == (220, 880)


def test_heavy_waste_fills_the_truck_by_weight_and_light_waste_by_volume(town, posed):
    """The truck takes 10 t and 21,000 l; each container holds 880 l.

    Food: 299 kg pressed to 600 kg/m³ are 499 l; 33 of them reach the weight before 42 reach the volume. Plastic: 19 kg pressed to
    120 kg/m³ are 159 l (rounded up); 132 reach the volume and weigh but 2.5 t. Glass is not pressed.
    """
    town.add("food", 3, waste_class=WasteClass.FOOD)
    town.add("plastic", 4, waste_class=WasteClass.PLASTIC)
    town.add("glass", 5, waste_class=WasteClass.GLASS)
    problem = posed().problem
    [truck] = problem.vehicles

    loads = {stop.waste_class: truck.load_of(stop, problem.dimensions) for stop in problem.stops}

    assert loads["food"] == (299, 499)
    assert loads["plastic"] == (19, 159)
    assert loads["glass"] == (264, 880)
    kg, litres = truck.capacity
    assert kg / loads["food"][0] < litres / loads["food"][1]
    assert kg / loads["plastic"][0] > litres / loads["plastic"][1]


def test_an_optional_container_brings_its_cost_of_waiting_as_prize(town, posed):
    town.add("A", 3)
    container_id = town.containers["A"].id

    task = posed({container_id: (50.0, 0.0)})

    [stop] = task.problem.stops
    assert stop.prize is not None
    assert stop.prize > 1_000_000


def test_chambers_at_one_site_share_a_location(session, town, posed):
    first = town.add("A", 3)
    make_assets.container(session, site_id=first.site_id, model=town.model)

    stops = posed().problem.stops

    assert len(stops) == 2
    assert stops[0].location == stops[1].location


def test_costs_are_whole_micro_units(town, posed):
    """80 an hour are 22,222 millionths a second, 1.40 a kilometre 1,400 a metre, 220 a day 220 million."""
    town.add("A", 3)

    [truck] = posed().problem.vehicles

    assert (truck.fixed_cost, truck.cost_per_s, truck.cost_per_m) == (220_000_000, 22_222, 1_400)
    assert truck.breaks == (BreakRule(key="break", duration_s=1800, after_work_s=21_600),)


def test_seconds_count_from_local_midnight_on_every_day_of_the_year(town, posed):
    """06:00 is six hours after midnight, but seven on the night of October that has 25 hours."""
    town.add("A", 3)

    assert posed().problem.vehicles[0].shift == Window(6 * HOUR, 14 * HOUR)
    longer = posed(service_date=date(2026, 10, 25), origin_at=datetime(2026, 10, 24, 18, tzinfo=UTC))
    assert longer.problem.vehicles[0].shift == Window(7 * HOUR, 15 * HOUR)


def test_of_a_day_that_has_begun_the_rest_of_the_shift_is_left(town, posed):
    town.add("A", 3)

    task = posed(origin_at=datetime(2026, 11, 19, 8, 30, tzinfo=UTC))  # 09:30 in Berlin

    assert task.problem.vehicles[0].shift == Window(9 * HOUR + 1800, 14 * HOUR)


def test_a_site_with_hours_has_a_window_and_a_facility_is_left_before_it_shuts(town, posed):
    town.add("A", 3, site={"time_windows": [{"weekdays": [3], "opens": "07:00", "closes": "09:00"}]})
    town.facility.opening_hours = [{"weekdays": [3], "opens": "06:00", "closes": "16:00"}]

    problem = posed().problem

    assert problem.stops[0].windows == (Window(7 * HOUR, 9 * HOUR - 1),)
    assert problem.facilities[0].windows == (Window(6 * HOUR, 16 * HOUR - town.facility.turnaround_s),)


def test_a_facility_closed_on_the_date_is_not_in_the_problem(town, posed):
    town.add("A", 3)
    town.facility.opening_hours = [{"weekdays": [0], "opens": "06:00", "closes": "16:00"}]

    task = posed()

    assert task.problem.facilities == ()
    assert [facility.id for facility in task.closed_facilities] == [town.facility.id]


def test_a_narrow_street_lets_only_the_narrow_truck_in(session, town, posed):
    narrow = make_assets.vehicle(session, depot_id=town.depot.id, width_mm=2_000)
    make_assets.crew(session, depot_id=town.depot.id, vehicle_id=narrow.id)
    town.add("A", 3, site={"max_vehicle_width_mm": 2_200})

    assert posed().problem.stops[0].allowed_vehicles == {str(narrow.id)}


def test_a_truck_without_a_crew_stays_in_the_yard(session, town, posed):
    make_assets.vehicle(session, depot_id=town.depot.id)
    town.add("A", 3)

    assert [vehicle.key for vehicle in posed().problem.vehicles] == [str(town.truck.id)]


def test_a_crew_whose_truck_is_away_takes_a_free_one_of_its_depot_first(session, town):
    elsewhere = make_assets.vehicle(session)
    here = make_assets.vehicle(session, depot_id=town.depot.id)

    assert match_crews([elsewhere, here], [town.crew]) == {here.id: town.crew}
    assert match_crews([elsewhere], [town.crew]) == {elsewhere.id: town.crew}
    assert match_crews([town.truck, here], [town.crew]) == {town.truck.id: town.crew}


def test_trucks_of_one_size_share_a_matrix(session, town, posed, settings):
    twin = make_assets.vehicle(session, depot_id=town.depot.id)
    small = make_assets.vehicle(session, depot_id=town.depot.id, gross_weight_kg=3_500, width_mm=2_000)
    for vehicle in (twin, small):
        make_assets.crew(session, depot_id=town.depot.id, vehicle_id=vehicle.id)
    town.add("A", 3)

    task = posed()

    assert len(task.problem.travel) == 2
    assert profile_of(town.truck).key == profile_of(twin).key != profile_of(small).key


def test_shifts_of_different_crews_stay_their_own(session, town, posed):
    late = make_assets.vehicle(session, depot_id=town.depot.id)
    make_assets.crew(session, depot_id=town.depot.id, vehicle_id=late.id, shift_starts=time(14), shift_ends=time(22), break_s=0)
    town.add("A", 3)

    first, second = posed().problem.vehicles

    assert (first.shift.open_s, second.shift.open_s) == (6 * HOUR, 14 * HOUR)
    assert second.breaks == ()


def test_places_are_the_tenants_whole_register_in_one_order(town, read, settings):
    town.add("A", 3)
    town.add("B", 4)
    city = read()

    travel = measure_travel(city, GreatCircleEngine(), settings.data_dir)

    assert [kind for kind, _ in travel.places] == ["depot", "facility", "site", "site"]
    assert travel.points[0] == (at_km(0)["lon"], at_km(0)["lat"])
    assert city.origin_at == EVE
