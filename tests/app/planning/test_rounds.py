"""Fixed rounds, and what goes out by itself when nobody has published."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.config import Settings
from app.db import Database, TenantSession
from app.errors import Conflict, Rejected
from app.planning import deadline
from app.planning.deadline import keep_deadline, publish_fallback
from app.planning.jobs import run_night
from app.planning.models import JobStatus, Plan, PlanningPolicy, PlanOrigin, PlanStatus, Round
from app.planning.operations import publish_plan, request_night, withdraw_plan
from app.planning.queries import containers_by_round, find_job, find_published_plan, orders_of_plan, select_plans
from app.planning.rounds import change_round, create_round, delete_round, orders_for, plan_rounds
from app.tenancy.models import AuditEntry
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import plans as make
from tests.factories.planning import THURSDAY, Town

DEADLINE = datetime(2026, 11, 19, 4, 15, tzinfo=UTC)
"""Thursday, 05:15 in Berlin."""
LAST_THURSDAY = date(2026, 11, 12)


@pytest.fixture
def town(town: Town) -> Town:
    """The truck passes C, A and B on its way from the depot at 0 km to the facility at 10 km."""
    for name, east_km in (("A", 2), ("B", 3), ("C", 1)):
        town.add(name, east_km)
    town.session.commit()
    return town


@pytest.fixture
def fixed(town: Town) -> Round:
    """Thursdays: A, B, C in this order."""
    made = create_round(
        town.session, code="R1", name="Round 1", vehicle_id=town.truck.id, weekdays=[3], container_ids=town.ids("A", "B", "C")
    )
    town.session.commit()
    return made


def current(session: TenantSession, day: date = THURSDAY) -> Plan | None:
    session.expire_all()
    return find_published_plan(session, day)


def notes(session: TenantSession, action: str) -> list[str | None]:
    return [entry.note for entry in session.scalars(rows_of(session, AuditEntry).where(AuditEntry.action == action))]


def test_a_round_keeps_its_order(session: TenantSession, town: Town, fixed: Round):
    assert containers_by_round(session, [fixed.id]) == {fixed.id: town.ids("A", "B", "C")}
    change_round(session, fixed, {"container_ids": town.ids("C", "A")})
    assert containers_by_round(session, [fixed.id]) == {fixed.id: town.ids("C", "A")}
    assert fixed.row_version == 2


def test_a_round_runs_on_its_weekdays_with_what_is_in_service(session: TenantSession, town: Town, fixed: Round):
    town.containers["B"].status = "out_of_service"
    session.flush()
    assert orders_for(session, THURSDAY) == {town.truck.id: town.ids("A", "C")}
    assert orders_for(session, THURSDAY + timedelta(days=1)) == {}
    make_assets.holiday(session, THURSDAY)
    assert orders_for(session, THURSDAY) == {}


def test_rounds_of_one_truck_follow_each_other_and_inactive_ones_rest(session: TenantSession, town: Town, fixed: Round):
    second = create_round(session, code="R0", name="First", vehicle_id=town.truck.id, weekdays=[3, 4], container_ids=town.ids("C"))
    change_round(session, fixed, {"container_ids": town.ids("A", "B")})
    assert orders_for(session, THURSDAY) == {town.truck.id: town.ids("C", "A", "B")}
    change_round(session, second, {"active": False})
    assert orders_for(session, THURSDAY) == {town.truck.id: town.ids("A", "B")}


def test_a_round_names_what_is_ours_and_what_its_truck_takes(
    session: TenantSession, town: Town, fixed: Round, database: Database, other_tenant_id: int
):
    with database.transaction(other_tenant_id) as theirs:
        foreign = make_assets.container(theirs).id
        foreign_truck = make_assets.vehicle(theirs).id
    glass = make_assets.vehicle(session, waste_classes=["glass"])
    values: dict[str, Any] = {"code": "R2", "name": "Round 2", "vehicle_id": town.truck.id, "weekdays": [0], "container_ids": []}
    with pytest.raises(Rejected) as refused:
        create_round(session, **values | {"container_ids": [*town.ids("A"), foreign]})
    assert [problem.field for problem in refused.value.fields] == ["container_ids.1"]
    with pytest.raises(Rejected, match="there is no vehicle"):
        create_round(session, **values | {"vehicle_id": foreign_truck})
    with pytest.raises(Rejected) as refused:
        create_round(session, **values | {"vehicle_id": glass.id, "container_ids": town.ids("A")})
    assert "does not take" in refused.value.fields[0].problem
    with pytest.raises(Conflict, match="R1"):
        create_round(session, **values | {"code": "R1"})


def test_a_deleted_round_runs_no_more(session: TenantSession, town: Town, fixed: Round):
    delete_round(session, fixed)
    assert orders_for(session, THURSDAY) == {}
    assert notes(session, "round.deleted") == [None]


def test_rounds_of_a_past_day_are_published_as_they_were_driven(
    database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round
):
    """The demo's past: the shift of a day that is over is still whole."""
    plan = plan_rounds(database, tenant_id, LAST_THURSDAY, settings=settings)
    assert plan is not None and (plan.status, plan.origin) == (PlanStatus.PUBLISHED, PlanOrigin.FIXED_ROUND)
    assert orders_of_plan(town.session, plan.id) == {town.truck.id: town.ids("A", "B", "C")}
    assert plan.violations == []
    assert find_job(town.session, LAST_THURSDAY) is None


def test_where_no_round_runs_nothing_is_done(database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round):
    assert plan_rounds(database, tenant_id, THURSDAY + timedelta(days=1), settings=settings) is None
    assert plan_rounds(database, tenant_id, date(2026, 11, 22), settings=settings) is None  # a Sunday
    assert list(town.session.scalars(select_plans(town.session))) == []


def test_at_the_deadline_the_fixed_rounds_go_out_by_themselves(
    database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round
):
    assert keep_deadline(database, tenant_id, DEADLINE - timedelta(seconds=1), settings=settings) is None
    plan = keep_deadline(database, tenant_id, DEADLINE, settings=settings)

    assert plan is not None and (plan.status, plan.origin) == (PlanStatus.PUBLISHED, PlanOrigin.FIXED_ROUND)
    assert plan.published_by == "job:deadline"
    assert "the fixed rounds of Thursday went out by themselves" in plan.summary["note"]
    assert notes(town.session, "deadline.passed") == [plan.summary["note"]]
    assert find_job(town.session, THURSDAY).error == plan.summary["note"]
    assert orders_of_plan(town.session, plan.id) == {town.truck.id: town.ids("A", "B", "C")}


def test_the_deadline_is_kept_once(database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round):
    plan = keep_deadline(database, tenant_id, DEADLINE, settings=settings)
    with database.transaction(tenant_id, actor="user:1") as session:
        withdraw_plan(session, session.merge(plan))
    assert keep_deadline(database, tenant_id, DEADLINE + timedelta(minutes=1), settings=settings) is None
    assert current(town.session) is None, "whoever withdrew it meant it"


def test_a_plan_that_is_out_is_left_alone(database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round):
    out = make.plan(town.session, THURSDAY)
    publish_plan(town.session, out)
    town.session.commit()
    assert keep_deadline(database, tenant_id, DEADLINE, settings=settings) is None
    assert current(town.session).id == out.id
    assert find_job(town.session, THURSDAY).status is JobStatus.DONE, "nobody is to plan it because of the deadline"


def test_without_rounds_the_last_routes_are_driven_again(database: Database, tenant_id: int, settings: Settings, town: Town):
    earlier = make.plan(town.session, LAST_THURSDAY)
    make.route(town.session, earlier, vehicle=town.truck, container_ids=town.ids("B", "A"))
    publish_plan(town.session, earlier)
    publish_plan(town.session, make.plan(town.session, date(2026, 11, 13)))  # nothing was driven on it
    town.session.commit()

    plan = keep_deadline(database, tenant_id, DEADLINE, settings=settings)

    assert plan is not None and plan.origin is PlanOrigin.LAST_PLAN
    assert orders_of_plan(town.session, plan.id) == {town.truck.id: town.ids("B", "A")}
    assert f"the routes of {LAST_THURSDAY} (plan {earlier.id}) went out" in plan.summary["note"]


def test_with_nothing_to_fall_back_on_the_night_says_so(database: Database, tenant_id: int, settings: Settings, town: Town):
    assert keep_deadline(database, tenant_id, DEADLINE, settings=settings) is None
    job = find_job(town.session, THURSDAY)
    assert job.status is JobStatus.FAILED
    assert job.error == deadline.NOTHING_LEFT + "no fixed round and no earlier plan."
    assert keep_deadline(database, tenant_id, DEADLINE, settings=settings) is None
    assert len(notes(town.session, "deadline.passed")) == 1


def test_rounds_without_a_truck_are_no_fallback(database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round):
    make_assets.absence(town.session, vehicle_id=town.truck.id, first_day=THURSDAY, last_day=THURSDAY)
    town.session.commit()
    assert publish_fallback(database, tenant_id, THURSDAY, settings=settings, at=DEADLINE) is None
    assert "the fixed rounds of Thursday: no truck with a crew can drive any of it" in find_job(town.session, THURSDAY).error


def test_a_night_that_comes_after_the_deadline_does_not_replace_the_fallback(
    database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round
):
    request_night(town.session, THURSDAY)
    town.session.commit()
    fallback = keep_deadline(database, tenant_id, DEADLINE, settings=settings)
    assert find_job(town.session, THURSDAY).status is JobStatus.QUEUED

    late = run_night(database, tenant_id, THURSDAY, settings=settings, compute=make.computed(service_date=THURSDAY), store=make.stored)
    assert late.status is PlanStatus.DRAFT
    assert current(town.session).id == fallback.id


def test_the_deadline_follows_the_policy(database: Database, tenant_id: int, settings: Settings, town: Town, fixed: Round):
    town.session.add(PlanningPolicy(publish_by="04:00"))
    town.session.commit()
    assert keep_deadline(database, tenant_id, DEADLINE - timedelta(hours=1), settings=settings) is not None
