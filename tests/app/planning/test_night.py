"""A whole night in the tiny town, from readings to rows; every plan goes through the independent check."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import ANY

import pytest
from sqlalchemy import event, select

from app.assets.waste_classes import WasteClass
from app.planning.from_plan import unpack_problem
from app.planning.models import ContainerDecision, Decision, Plan, PlanningPolicy, PlanOrigin, PlanStatus, VisitKind
from app.planning.night import NightResult, compute_night, store_plan
from app.planning.queries import (
    find_decision,
    find_latest_plan,
    find_published_plan,
    get_plan_detail,
    list_decisions,
    list_decisions_of,
)
from app.telemetry.models import ModelArtifact
from app.telemetry.queries import latest_forecast
from routing.io import places_from_json, plan_digest, problem_digest, problem_from_json
from routing.plan import Reason
from routing.roads.given import GivenMatrixEngine
from routing.roads.great_circle import GreatCircleEngine
from routing.stopping import MaxIterations
from tests.factories import assets as make_assets
from tests.factories import planning as make
from tests.factories import plans as make_plans
from tests.factories.planning import EVE, LAT, THURSDAY, at_km


@pytest.fixture
def busy(town):
    """Residual: A nearly full, B in between, C nearly empty. Glass, which needs a crane that the town does not have: G, nearly full."""
    for name, east_km, now_pct, per_day_pct in (("A", 3, 95, 12), ("B", 4, 90, 6), ("C", 5, 10, 1)):
        town.add(name, east_km)
        town.fills(name, now_pct, per_day_pct)
    town.add("G", 6, waste_class=WasteClass.GLASS, model=make.crane_model(town.session))
    town.fills("G", 97, 5)
    return town


@pytest.fixture
def night(database, session, tenant_id, settings):
    """Compute and, where asked, store a night; nothing that it returns may break a rule."""

    def plan(**options) -> NightResult:
        session.flush()
        given = {"settings": settings, "origin_at": EVE, "stop": MaxIterations(30)} | options
        result = compute_night(database, tenant_id, given.pop("service_date", THURSDAY), **given)
        assert result.verdict.violations == ()
        return result

    return plan


@pytest.fixture
def stored(database, tenant_id, night):
    def store(**options) -> Plan:
        result = night(**options)
        with database.transaction(tenant_id) as own:
            return store_plan(own, result, attempt=1, origin=PlanOrigin.NIGHT)

    return store


def decision_of(session, plan: Plan, container) -> ContainerDecision:
    found = rows(session, plan)[container.id]
    assert found.reason
    return found


def rows(session, plan: Plan) -> dict[int, ContainerDecision]:
    return {row.container_id: row for row in list_decisions(session, plan.id)}


def test_the_full_one_is_driven_to_the_empty_one_is_not(session, busy, stored):
    plan = stored()

    found = {name: decision_of(session, plan, container).decision for name, container in busy.containers.items()}

    assert found["A"] is Decision.SERVED
    assert found["C"] is Decision.NOT_DUE
    assert found["G"] is Decision.UNSERVED


def sent_out(session, container, at) -> None:
    """Wednesday's plan is out, with a visit to the container that ends at that time."""
    out = make_plans.plan(session, THURSDAY - timedelta(days=1), status=PlanStatus.PUBLISHED)
    route = make_plans.route(session, out)
    session.add(make_plans.visit(route, 2, VisitKind.PICKUP, container_id=container.id, arrives_at=at, departs_at=at))
    session.flush()


def test_what_a_route_of_the_day_before_still_comes_for_is_not_sent_for_twice(session, busy, stored):
    """A is 95 % full on Wednesday evening, and Wednesday's truck comes in an hour: 12 % a day leave it far from full on Friday."""
    sent_out(session, busy.containers["A"], EVE + timedelta(hours=1))
    found = decision_of(session, stored(), busy.containers["A"])
    assert (found.decision, found.rule) == (Decision.NOT_DUE, "not_due")
    assert found.expected_fill_pct < 30
    assert found.reason.startswith("A route that is out already empties it on Wednesday 21:00, about ")


def test_what_a_route_has_passed_without_a_lift_is_sent_for(session, busy, stored):
    sent_out(session, busy.containers["A"], EVE - timedelta(hours=1))
    assert decision_of(session, stored(), busy.containers["A"]).decision is Decision.SERVED


def test_every_container_has_its_decision_also_those_out_of_service(session, busy, stored):
    busy.add("idle", 7, status="out_of_service")

    assert set(rows(session, stored())) == {container.id for container in busy.containers.values()}


def test_the_route_leaves_collects_unloads_and_comes_home(session, busy, stored):
    """3 km out, 7 km on to the facility, 10 km back: 20 km × 1.5; one container near 101 % of 143 kg."""
    for name in "BCG":
        busy.containers[name].status = "removed"
    plan = stored()

    detail = get_plan_detail(session, plan.id, with_paths=True)

    [route] = detail.routes
    visits = detail.visits[route.id]
    assert [visit.kind for visit in visits] == [VisitKind.DEPART, VisitKind.PICKUP, VisitKind.UNLOAD, VisitKind.RETURN]
    assert [visit.leg_distance_m for visit in visits] == [0, pytest.approx(4500, abs=2), pytest.approx(10_500, abs=2), ANY]
    assert route.distance_m == pytest.approx(30_000, abs=3) == sum(visit.leg_distance_m for visit in visits)
    assert visits[1].expected_kg == pytest.approx(1.43 * visits[1].expected_fill_pct, abs=1) == visits[1].load_after_kg
    assert visits[2].expected_kg == visits[1].load_after_kg
    assert (visits[2].load_after_kg, visits[3].load_after_kg) == (0, 0)
    assert visits[0].arrives_at == route.starts_at >= EVE + timedelta(hours=10)
    assert visits[3].arrives_at == route.ends_at
    assert route.path[0] == pytest.approx([at_km(0)["lon"], 50.0], abs=1e-5) == route.path[-1]
    assert set(route.costs) == {"fixed", "time", "distance"} == set(plan.summary["costs"])
    assert sum(route.costs.values()) == pytest.approx(float(route.cost), abs=0.02)
    assert (route.crew_id, route.depot_id) == (busy.crew.id, busy.depot.id)


def test_the_plan_says_what_it_stands_on_and_can_be_solved_again(session, busy, night, stored):
    plan = stored()

    problem, places = problem_from_json(unpack_problem(plan.problem)), places_from_json(unpack_problem(plan.problem))
    assert places is not None and places.shape == (problem.travel[0].size, 2)
    depot = places[problem.vehicles[0].start_location]
    assert depot.tolist() == [LAT, 8.0]  # latitude first
    assert problem_digest(problem) == plan.input_digest
    assert plan.roads_approximate
    assert plan.roads.startswith("great circle")
    assert plan.status is PlanStatus.DRAFT
    assert Decimal(0) < plan.lower_bound <= plan.cost
    assert plan.summary["served"] == sum(row.decision is Decision.SERVED for row in rows(session, plan).values())
    assert set(plan.summary["seconds"]) == {"read", "forecast", "choose", "travel times", "solve", "check"}
    assert plan.summary["km"] == pytest.approx(sum(route.distance_m for route in get_plan_detail(session, plan.id).routes) / 1000, abs=0.1)


def test_the_forecast_and_the_model_are_kept_with_the_plan(session, busy, stored):
    plan = stored()

    forecast = latest_forecast(session)

    assert forecast.run.id == plan.forecast_run_id
    assert forecast.run.origin_at == EVE
    assert forecast.container_ids.tolist() == sorted(container.id for container in busy.containers.values())
    assert session.scalars(select(ModelArtifact)).one().trained_until == EVE
    stored(origin_at=EVE + timedelta(hours=1))
    assert len(session.scalars(select(ModelArtifact)).all()) == 1


def test_same_seed_same_plan(busy, night):
    first, second = night(seed=3), night(seed=3)

    assert first.input_digest == second.input_digest
    assert plan_digest(first.plan) == plan_digest(second.plan)


def test_what_is_measured_later_changes_no_plan(busy, night):
    before = night()
    busy.fills("C", 100, 0, days=1, origin_at=EVE + timedelta(days=1, hours=4))

    assert night().input_digest == before.input_digest


def test_a_container_that_needs_a_crane_waits_for_a_truck_that_has_one(session, busy, stored):
    glass = busy.containers["G"]
    without = decision_of(session, stored(), glass)
    truck = make_assets.vehicle(session, depot_id=busy.depot.id, lift_kinds=["crane"], waste_classes=["glass"], compacts=False)
    make_assets.crew(session, depot_id=busy.depot.id, vehicle_id=truck.id)

    assert without.rule == Reason.NO_VEHICLE_FOR_NEEDS
    assert "needs a crane lift" in without.reason
    assert decision_of(session, stored(), glass).decision is Decision.SERVED


def test_an_absent_truck_has_no_route_and_its_crew_drives_another(session, busy, stored):
    spare = make_assets.vehicle(session, depot_id=busy.depot.id)
    make_assets.absence(session, vehicle_id=busy.truck.id, first_day=THURSDAY, last_day=THURSDAY)

    [route] = get_plan_detail(session, stored().id).routes

    assert (route.vehicle_id, route.crew_id) == (spare.id, busy.crew.id)


def test_without_any_truck_the_night_is_a_result_with_reasons(session, busy, stored):
    plan = stored(without_vehicles=[busy.truck.id])

    found = decision_of(session, plan, busy.containers["A"])
    assert (plan.cost, plan.lower_bound) == (0, None)
    assert (found.decision, found.rule) == (Decision.UNSERVED, Reason.NO_VEHICLE_FOR_CLASS)
    assert "no vehicle that takes residual is there" in found.reason


def test_without_any_crew_likewise(session, busy, stored):
    assert decision_of(session, stored(without_crews=[busy.crew.id]), busy.containers["A"]).decision is Decision.UNSERVED


def test_a_facility_closed_on_the_day_is_named(session, busy, stored):
    busy.facility.opening_hours = [{"weekdays": [0], "opens": "06:00", "closes": "16:00"}]
    busy.facility.name = "North tip"

    found = decision_of(session, stored(), busy.containers["A"])

    assert found.rule == Reason.NO_FACILITY_FOR_CLASS
    assert "(North tip closed)" in found.reason


def test_a_narrow_street_keeps_the_wide_truck_out(session, town, stored):
    town.add("A", 3, site={"max_vehicle_width_mm": 2_200})
    town.fills("A", 95, 12)

    found = decision_of(session, stored(), town.containers["A"])

    assert found.rule == Reason.NO_VEHICLE_FOR_NEEDS
    assert "a truck of at most 2.20 m width" in found.reason


def test_a_container_that_no_street_leads_to_is_unserved_with_the_reason(session, busy, stored):
    """A given matrix that knows every place but A's."""
    known = [(place.lon, place.lat) for place in (busy.depot, busy.facility)]
    known += [(at_km(east_km)["lon"], 50.0) for east_km in (4, 5, 6)]
    minutes = [[0 if i == j else 600 for j in range(5)] for i in range(5)]
    roads = GivenMatrixEngine(known, drive_s=minutes, distance_m=minutes)

    plan = stored(roads=roads)

    found = decision_of(session, plan, busy.containers["A"])
    assert found.rule == Reason.UNREACHABLE
    assert "not in the given matrix" in found.reason
    assert not plan.roads_approximate


def test_an_optional_container_goes_along_only_if_its_detour_is_cheaper_than_waiting(session, busy, stored):
    """B lies on the way to the facility: its lift costs a few euros. Far off, it would cost a hundred kilometres."""
    session.add(PlanningPolicy(must_serve_probability=0.95))
    on_the_way = decision_of(session, stored(), busy.containers["B"])
    site = make_assets.site(session, **at_km(-50))
    busy.containers["B"].site_id = site.id
    far_off = decision_of(session, stored(), busy.containers["B"])

    assert not on_the_way.mandatory
    assert (on_the_way.decision, far_off.decision) == (Decision.SERVED, Decision.NOT_WORTH_IT)
    assert on_the_way.detour_cost < on_the_way.cost_of_waiting == far_off.cost_of_waiting < far_off.detour_cost
    assert f"{far_off.detour_cost} EUR" in far_off.reason


def test_heavy_waste_makes_two_trips_by_weight(session, town, stored):
    """Two containers of about 1.1 m³ food at 340 kg/m³ weigh some 370 kg each: a payload of 500 kg holds one at a time."""
    town.truck.payload_kg = 500
    _put_full_ones(town, WasteClass.FOOD, "AB")

    [route] = get_plan_detail(session, stored().id).routes

    assert _unloads(session, route) == 2
    assert route.peak_volume_share < 0.1 < 0.7 < route.peak_weight_share <= 1


def test_light_waste_makes_two_trips_by_volume(session, town, stored):
    """Three of about 1.1 m³ plastic at 22 kg/m³ weigh 24 kg each; pressed to 120 kg/m³ they are 200 l each of a body of 500 l."""
    town.truck.body_volume_l = 500
    _put_full_ones(town, WasteClass.PLASTIC, "ABC")

    [route] = get_plan_detail(session, stored().id).routes

    assert _unloads(session, route) == 2
    assert route.peak_weight_share < 0.01 < 0.7 < route.peak_volume_share <= 1


def _put_full_ones(town, waste_class, names) -> None:
    for east_km, name in enumerate(names, start=3):
        town.add(name, east_km, waste_class=waste_class)
        town.fills(name, 97, 10)


def _unloads(session, route) -> int:
    visits = get_plan_detail(session, route.plan_id).visits[route.id]
    return sum(visit.kind is VisitKind.UNLOAD for visit in visits)


def test_the_crew_takes_its_break_and_the_route_sheet_shows_it(session, busy, stored):
    busy.crew.break_after_s, busy.crew.break_s = 1800, 900

    detail = get_plan_detail(session, stored().id)

    [route] = detail.routes
    [rest] = [visit for visit in detail.visits[route.id] if visit.kind is VisitKind.BREAK]
    assert rest.departs_at - rest.arrives_at == timedelta(seconds=900)
    assert rest.arrives_at - route.starts_at <= timedelta(seconds=1800)
    assert route.drive_s + route.service_s <= (route.ends_at - route.starts_at).total_seconds() - 900


def test_for_one_optional_container_no_truck_leaves_the_yard(session, busy, stored):
    """A day of the truck alone costs 220, many times what waiting does."""
    for name in "ACG":
        busy.containers[name].status = "removed"
    session.add(PlanningPolicy(must_serve_probability=0.99))

    plan = stored()

    found = decision_of(session, plan, busy.containers["B"])
    assert found.decision is Decision.NOT_WORTH_IT
    assert found.detour_cost > 220 > found.cost_of_waiting
    assert (plan.cost, plan.summary["routes"]) == (0, 0)


def test_steps_are_told_as_they_begin(busy, night):
    told = []

    night(progress=told.append)

    assert told == ["read", "forecast", "choose", "travel times", "solve", "check"]


def test_a_town_with_nothing_at_all_has_an_empty_plan(session, tenant_id, night):
    result = night()

    assert result.plan.routes == ()
    assert result.summary["served"] == 0


def test_reading_a_city_costs_as_many_queries_for_many_containers_as_for_few(session, busy, read):
    few = _queries(session, read)
    for number in range(8):
        busy.add(f"X{number}", 3)

    assert _queries(session, read) == few <= 20


def test_a_plans_detail_costs_as_many_queries_however_long_its_routes(session, busy, stored):
    plan = stored()
    session.expire_all()

    assert _queries(session, lambda: get_plan_detail(session, plan.id, with_paths=True)) <= 7


def test_the_plan_of_the_day_is_the_published_one_else_the_newest(session, busy, stored):
    first, second = stored(), stored()
    assert find_published_plan(session, THURSDAY) is None
    assert find_latest_plan(session, THURSDAY).id == second.id

    session.get(Plan, (first.tenant_id, first.id)).status = PlanStatus.PUBLISHED
    session.flush()

    a = busy.containers["A"].id
    assert find_published_plan(session, THURSDAY).id == find_latest_plan(session).id == first.id
    assert find_decision(session, a, THURSDAY).decision.decision is Decision.SERVED
    assert [found.plan.id for found in list_decisions_of(session, a)] == [first.id]
    assert find_decision(session, a, THURSDAY + timedelta(days=1)) is None


def _queries(session, read) -> int:
    statements = []
    connection = session.connection()

    def note(*arguments) -> None:
        if "set_config" not in arguments[2]:
            statements.append(arguments[2])

    event.listen(connection, "before_cursor_execute", note)
    read()
    event.remove(connection, "before_cursor_execute", note)
    return len(statements)


def test_the_great_circle_says_so(busy, night):
    assert night(roads=GreatCircleEngine(detour=1.2)).summary["roads"].startswith("great circle × 1.20")


def test_what_had_to_be_served_and_is_not_says_what_would_let_it_in(session, busy, stored):
    """A round of an hour is too short for the way there, to the facility and back: a longer one is what it asks."""
    busy.crew.max_duration_s = 3600
    found = decision_of(session, stored(), busy.containers["A"])
    assert found.decision is Decision.UNSERVED
    assert 1 <= len(found.ways_in) <= 3
    assert any(f"truck {busy.truck.code} out for" in way for way in found.ways_in)
