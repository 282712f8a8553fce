"""The morning from the night on, with nothing faked: planned, driven in part, a truck breaks down, planned again."""

from datetime import UTC, datetime, timedelta

import pytest

from app.assets.models import AbsenceReason, Vehicle
from app.config import Settings
from app.db import Database, TenantSession
from app.planning.jobs import plan_night, run_night
from app.planning.models import Decision, JobStatus, Plan, PlanningPolicy, PlanOrigin, PlanStatus
from app.planning.operations import mark_absent
from app.planning.queries import find_decision, find_job, find_published_plan, list_routes, orders_of_plan
from app.telemetry.lifts import record_lift
from app.telemetry.models import LiftSource
from routing.stopping import MaxIterations
from tests.factories import assets as make_assets
from tests.factories.planning import EVE, THURSDAY, Town

SEVEN = datetime(2026, 11, 19, 6, tzinfo=UTC)
"""Thursday, 07:00 in Berlin."""


@pytest.fixture
def spare(town: Town) -> Vehicle:
    """A second truck with a crew of its own, dearer than the first."""
    truck = make_assets.vehicle(town.session, depot_id=town.depot.id, compacted_kg_m3={}, cost_per_day=400)
    make_assets.crew(town.session, depot_id=town.depot.id, vehicle_id=truck.id)
    return truck


@pytest.fixture
def night(database: Database, tenant_id: int, settings: Settings, town: Town, spare: Vehicle) -> Plan:
    """A and B are full, C is empty: the cheaper truck empties A and B."""
    for name, east_km, now_pct in (("A", 2, 105), ("B", 3, 110), ("C", 4, 5)):
        town.add(name, east_km)
        town.fills(name, now_pct, 0)
    town.session.add(PlanningPolicy(solve_s=1))
    town.session.commit()
    told: list[str] = []
    plan = plan_night(database, tenant_id, THURSDAY, settings=settings, origin_at=EVE, progress=told.append)
    assert told == ["read", "forecast", "choose", "travel times", "solve", "check"]
    assert plan is not None
    return plan


def emptied(session: TenantSession, plan: Plan) -> set[int]:
    return {container_id for order in orders_of_plan(session, plan.id).values() for container_id in order}


def test_the_night_goes_out_checked_and_says_why_of_each(session: TenantSession, town: Town, night: Plan):
    assert (night.status, night.origin, night.violations) == (PlanStatus.PUBLISHED, PlanOrigin.NIGHT, [])
    assert emptied(session, night) == set(town.ids("A", "B"))
    assert [route.vehicle_id for route in list_routes(session, night.id)] == [town.truck.id]
    left = find_decision(session, town.containers["C"].id, THURSDAY)
    assert left is not None and left.decision.decision is Decision.NOT_DUE
    assert find_job(session, THURSDAY).status is JobStatus.DONE


def test_the_broken_truck_has_no_route_in_the_new_plan_and_what_is_emptied_stays_out(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, town: Town, spare: Vehicle, night: Plan
):
    """At seven the first truck has emptied A and breaks down: the spare one empties B, on the same date."""
    record_lift(session, town.containers["A"].id, SEVEN - timedelta(minutes=5), LiftSource.DRIVER, vehicle_id=town.truck.id)
    mark_absent(session, THURSDAY, vehicle_id=town.truck.id, reason=AbsenceReason.BREAKDOWN)
    session.commit()

    new = run_night(database, tenant_id, THURSDAY, settings=settings, origin_at=SEVEN, stop=MaxIterations(50))

    assert new is not None and (new.status, new.origin) == (PlanStatus.PUBLISHED, PlanOrigin.REPLAN)
    assert {route.vehicle_id for route in list_routes(session, new.id)} == {spare.id}
    assert emptied(session, new) == set(town.ids("B"))
    assert min(route.starts_at for route in list_routes(session, new.id)) >= SEVEN
    session.expire_all()
    assert find_published_plan(session, THURSDAY).id == new.id
    assert session.get_one(Plan, (tenant_id, night.id)).status is PlanStatus.SUPERSEDED


def test_what_has_to_go_daily_is_not_emptied_twice_on_one_date(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, town: Town, night: Plan
):
    """B must be emptied every day. It was, this morning: planning again at seven leaves it alone although tomorrow is a holiday."""
    make_assets.holiday(session, THURSDAY + timedelta(days=1))
    town.containers["B"].max_interval_days = 1
    for name in "AB":
        record_lift(session, town.containers[name].id, SEVEN - timedelta(minutes=5), LiftSource.DRIVER)
    session.commit()
    new = plan_night(database, tenant_id, THURSDAY, settings=settings, origin_at=SEVEN, again=True)
    assert new is not None
    assert emptied(session, new) == set()


def test_without_any_truck_the_plan_stays_a_draft_and_the_old_one_stands(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, town: Town, spare: Vehicle, night: Plan
):
    for truck in (town.truck, spare):
        mark_absent(session, THURSDAY, vehicle_id=truck.id, reason=AbsenceReason.BREAKDOWN)
    session.commit()
    assert run_night(database, tenant_id, THURSDAY, settings=settings, origin_at=SEVEN, stop=MaxIterations(10)) is None
    job = find_job(session, THURSDAY)
    session.refresh(job)
    assert job.status is JobStatus.FAILED
    assert job.error is not None and "No truck can drive, so 2 containers that have to be emptied are not" in job.error
    assert find_published_plan(session, THURSDAY).id == night.id
