"""Publishing, withdrawing, and saying who is missing."""

from datetime import UTC, date, datetime, time

import pytest

from app.assets.models import AbsenceReason, VehicleStatus
from app.db import Database, TenantSession
from app.errors import Conflict, NotFound, Rejected
from app.planning.models import JobStatus, Plan, PlanningPolicy, PlanStatus
from app.planning.operations import (
    ask_for_night,
    change_policy,
    mark_absent,
    next_service_date,
    publish_plan,
    request_night,
    withdraw_plan,
)
from app.planning.queries import find_job, find_published_plan, get_policy
from app.planning.timetable import find_deadline_day, list_due_nights
from app.tenancy.models import AuditEntry
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import plans as make
from tests.factories import tenancy as make_tenancy
from tests.factories.plans import MONDAY

BERLIN = "Europe/Berlin"
SUNDAY = date(2026, 11, 22)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def plan(session: TenantSession) -> Plan:
    """Monday's draft: one truck drives one container."""
    made = make.plan(session)
    make.route(session, made, container_ids=[make_assets.container(session).id])
    return made


def actions(session: TenantSession) -> list[str]:
    return [entry.action for entry in session.scalars(rows_of(session, AuditEntry).order_by(AuditEntry.id))]


def test_the_next_service_date_is_the_next_day_with_service(session: TenantSession):
    make_assets.holiday(session, MONDAY)
    assert next_service_date(session, at=utc(20, 12)) == date(2026, 11, 24)  # Friday noon: weekend, holiday, Tuesday


def test_the_next_service_date_counts_from_the_date_on_the_tenants_clocks(session: TenantSession):
    assert next_service_date(session, at=utc(23, 22, 59)) == date(2026, 11, 24)
    assert next_service_date(session, at=utc(23, 23)) == date(2026, 11, 25)  # midnight in Berlin


def test_publishing_replaces_what_is_out(session: TenantSession, plan: Plan):
    publish_plan(session, plan)
    newer = make.plan(session)
    publish_plan(session, newer, note="the dispatcher's own")

    assert (plan.status, newer.status) == (PlanStatus.SUPERSEDED, PlanStatus.PUBLISHED)
    assert newer.published_by == "test" and newer.published_at is not None
    assert find_published_plan(session, MONDAY) is newer
    assert actions(session) == ["plan.published", "plan.superseded", "plan.published"]


def test_plans_of_other_dates_stay_out(session: TenantSession, plan: Plan):
    tuesdays = make.plan(session, date(2026, 11, 24))
    publish_plan(session, tuesdays)
    publish_plan(session, plan)
    assert tuesdays.status is PlanStatus.PUBLISHED


def test_a_plan_that_breaks_a_rule_cannot_go_out(session: TenantSession):
    broken = make.plan(session, violations=[{"rule": "within_shift", "detail": "20 min late"}])
    with pytest.raises(Conflict, match="breaks 1 rules"):
        publish_plan(session, broken)


@pytest.mark.parametrize("status", [PlanStatus.PUBLISHED, PlanStatus.SUPERSEDED])
def test_what_is_out_or_was_replaced_cannot_be_published(session: TenantSession, status: PlanStatus):
    with pytest.raises(Conflict, match=status):
        publish_plan(session, make.plan(session, status=status))


def test_a_plan_whose_truck_broke_down_meanwhile_cannot_go_out(session: TenantSession):
    truck = make_assets.vehicle(session, code="V-broken")
    plan = make.plan(session)
    make.route(session, plan, vehicle=truck)
    make_assets.absence(session, vehicle_id=truck.id, first_day=MONDAY, last_day=MONDAY)
    with pytest.raises(Conflict, match="V-broken"):
        publish_plan(session, plan)


def test_nor_one_whose_crew_is_ill_or_whose_truck_was_sold(session: TenantSession):
    truck, crew = make_assets.vehicle(session, code="V-sold"), make_assets.crew(session, code="C-ill")
    plan = make.plan(session)
    make.route(session, plan, vehicle=truck, crew_id=crew.id)
    make_assets.absence(session, crew_id=crew.id, first_day=SUNDAY, last_day=MONDAY)
    truck.status = VehicleStatus.RETIRED
    session.flush()
    with pytest.raises(Conflict, match="V-sold, C-ill"):
        publish_plan(session, plan)


def test_a_withdrawn_plan_is_not_out_and_can_go_out_again(session: TenantSession, plan: Plan):
    publish_plan(session, plan)
    withdraw_plan(session, plan)
    assert find_published_plan(session, MONDAY) is None
    assert plan.withdrawn_at is not None
    publish_plan(session, plan)
    assert (plan.status, plan.withdrawn_at) == (PlanStatus.PUBLISHED, None)


def test_only_what_is_out_can_be_withdrawn(session: TenantSession, plan: Plan):
    with pytest.raises(Conflict, match="draft, not published"):
        withdraw_plan(session, plan)


def test_a_broken_truck_is_absent_and_the_date_is_planned_again(session: TenantSession, plan: Plan):
    request_night(session, MONDAY).finish(utc(22, 20))
    publish_plan(session, plan)
    truck = make_assets.vehicle(session)
    absence = mark_absent(
        session, MONDAY, vehicle_id=truck.id, reason=AbsenceReason.BREAKDOWN, until=date(2026, 11, 25), note="no oil pressure"
    )

    assert (absence.first_day, absence.last_day) == (MONDAY, date(2026, 11, 25))
    assert find_job(session, MONDAY).status is JobStatus.QUEUED
    assert plan.status is PlanStatus.PUBLISHED, "it stands until the new one is there"


def test_a_night_under_way_starts_over_when_somebody_is_missing(session: TenantSession):
    job = request_night(session, MONDAY)
    attempt = job.claim("w", utc(22, 20), lease=utc(22, 21) - utc(22, 20))
    mark_absent(session, MONDAY, crew_id=make_assets.crew(session).id, reason=AbsenceReason.SICK)
    assert find_job(session, MONDAY).status is JobStatus.QUEUED
    assert not find_job(session, MONDAY).is_held_by(attempt)


def test_an_absence_is_of_one_thing_of_ours_on_days_in_order(session: TenantSession, database: Database, other_tenant_id: int):
    request_night(session, MONDAY)
    with pytest.raises(Rejected, match="not both"):
        mark_absent(session, MONDAY, reason=AbsenceReason.OTHER)
    with pytest.raises(Rejected, match="before the day"):
        mark_absent(session, MONDAY, vehicle_id=make_assets.vehicle(session).id, reason=AbsenceReason.OTHER, until=SUNDAY)
    with database.transaction(other_tenant_id) as theirs:
        foreign = make_assets.vehicle(theirs).id
    with pytest.raises(Rejected, match="there is no vehicle"):
        mark_absent(session, MONDAY, vehicle_id=foreign, reason=AbsenceReason.OTHER)


def test_without_a_night_there_is_nothing_to_plan_again(session: TenantSession):
    with pytest.raises(NotFound, match="Nobody has planned"):
        mark_absent(session, MONDAY, vehicle_id=make_assets.vehicle(session).id, reason=AbsenceReason.OTHER)


def test_nobody_can_ask_for_a_day_that_is_over_or_without_service(session: TenantSession):
    with pytest.raises(Rejected, match="is over"):
        ask_for_night(session, date(2020, 1, 6))
    with pytest.raises(Rejected, match="without service"):
        ask_for_night(session, date(2099, 1, 3))  # a Saturday
    assert ask_for_night(session, date(2099, 1, 5)).status is JobStatus.QUEUED
    assert actions(session) == ["night.requested"]


def test_a_policy_is_made_from_the_defaults_when_it_is_first_changed(session: TenantSession):
    assert get_policy(session).solve_s == 30
    change_policy(session, {"solve_s": 5})
    change_policy(session, {"publish_by": time(4)})
    policy = get_policy(session)
    assert (policy.solve_s, policy.publish_by, policy.plan_at) == (5, time(4), time(20))
    assert actions(session) == ["policy.changed", "policy.changed"]


# Monday in Berlin (UTC+1): plan_at 20:00 on Sunday is 19:00 UTC, publish_by 05:15 on Monday is 04:15 UTC.


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (utc(22, 18, 59), []),
        (utc(22, 19, 0), [MONDAY]),
        (utc(23, 4, 14), [MONDAY]),
        (utc(23, 4, 15), []),
        (utc(21, 19, 0), []),  # Saturday evening: Sunday has no service
    ],
)
def test_a_night_is_due_from_the_eve_until_the_deadline(session: TenantSession, at: datetime, due: list[date]):
    assert list_due_nights(session, at) == due


def test_a_night_of_the_small_hours_is_due_on_its_own_date(session: TenantSession):
    session.add(PlanningPolicy(plan_at=time(2)))
    session.flush()
    assert list_due_nights(session, utc(23, 0, 59)) == []
    assert list_due_nights(session, utc(23, 1)) == [MONDAY]


def test_a_holiday_has_neither_night_nor_deadline(session: TenantSession):
    make_assets.holiday(session, MONDAY)
    assert list_due_nights(session, utc(22, 20)) == []
    assert find_deadline_day(session, utc(23, 6)) is None


def test_the_deadline_is_on_the_tenants_clocks(database: Database):
    tenant_id = make_tenancy.tenant(database, timezone="America/Santiago")  # UTC-3: 05:15 is 08:15 UTC
    with database.transaction(tenant_id) as session:
        assert find_deadline_day(session, utc(23, 8, 14)) is None
        assert find_deadline_day(session, utc(23, 8, 15)) == MONDAY
        assert find_deadline_day(session, utc(24, 2, 59)) == MONDAY
