"""What people do with nights and plans: ask for one, publish, withdraw, say who is missing, set the policy. None commits."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.assets.models import Absence, AbsenceReason, Crew, Vehicle
from app.assets.operations import create_row, require_mine
from app.assets.queries import list_holidays
from app.assets.service_days import LOOKED_AHEAD_DAYS, is_service_day, local_date, next_service_day
from app.db import TenantSession
from app.errors import Conflict, FieldProblem, NotFound, Rejected
from app.planning.models import Decision, JobStatus, Plan, PlanningJob, PlanningPolicy, PlanOrigin, PlanStatus
from app.planning.queries import (
    POLICY_DEFAULTS,
    count_decisions,
    find_job,
    find_latest_plan,
    find_own_policy,
    find_published_plan,
    hold_day,
    list_missing_of_plan,
    list_routes,
    lock_job,
    make_job,
    now_in_database,
)
from app.reading import LATEST
from app.tenancy.audit import changes, picture, record
from app.tenancy.queries import get_tenant

PUBLISHABLE = (PlanStatus.DRAFT, PlanStatus.WITHDRAWN)
COMPUTED = (PlanOrigin.NIGHT, PlanOrigin.REPLAN)


def next_service_date(session: TenantSession, *, at: datetime | None) -> date:
    """The first service day after the local date of `at` (None: now); Rejected where the calendar has none within a year."""
    tenant = get_tenant(session)
    today = local_date(tenant, at or datetime.now(UTC))
    holidays = list_holidays(session, today, today + timedelta(days=LOOKED_AHEAD_DAYS))
    found = next_service_day(tenant, holidays, today)
    if found is None:
        raise Rejected("The calendar has no service day within a year: look at the service weekdays and the holidays.")
    return found


def ask_for_night(session: TenantSession, service_date: date, *, again: bool = False) -> PlanningJob:
    """A person's request: Rejected where there is no service or the day is over; the audit log says who wanted it."""
    require_plannable(session, service_date)
    job = request_night(session, service_date, again=again)
    record(session, "night.requested", subject_kind="planning_job", after={"service_date": service_date, "again": again})
    return job


def require_plannable(session: TenantSession, service_date: date, *, at: datetime | None = None) -> None:
    """Rejected where the day is over at `at` (None: now), beyond what a night can look ahead from, or has no service."""
    tenant = get_tenant(session)
    if service_date < local_date(tenant, at or datetime.now(UTC)):
        raise _wrong_date(service_date, "is over", "Name today or a day to come.")
    if service_date >= LATEST.date():
        raise _wrong_date(service_date, "lies too far ahead", f"Name a day before {LATEST.date()}.")
    if not is_service_day(tenant, list_holidays(session, service_date, service_date), service_date):
        raise _wrong_date(service_date, "is a day without service", "Name a service day, or change the calendar.")


def request_night(session: TenantSession, service_date: date, *, again: bool = False) -> PlanningJob:
    """Have the date planned. Asking twice is asking once; with `again` a night that is done or has failed is queued once more."""
    make_job(session, service_date)
    job = _locked(session, service_date)
    if again and job.status in (JobStatus.DONE, JobStatus.FAILED):
        job.queue(now_in_database(session))
    session.flush()
    return job


def replan(session: TenantSession, service_date: date) -> PlanningJob:
    """Have the date planned from what is known now; a night that is under way starts over, for it knows less."""
    make_job(session, service_date)
    job = _locked(session, service_date)
    job.queue(now_in_database(session))
    session.flush()
    return job


def _locked(session: TenantSession, service_date: date) -> PlanningJob:
    job = lock_job(session, service_date)
    assert job is not None, "jobs are never deleted"
    return job


def mark_absent(
    session: TenantSession,
    service_date: date,
    *,
    reason: AbsenceReason,
    vehicle_id: int | None = None,
    crew_id: int | None = None,
    until: date | None = None,
    note: str | None = None,
) -> Absence:
    """A truck is broken or a crew is not there, from that morning until a day (by default only that one); the date is planned again.

    NotFound where nobody has planned the date yet: then an absence in the register is enough. The plan that is out stays out until
    the new one replaces it.
    """
    if find_job(session, service_date) is None and find_latest_plan(session, service_date) is None:
        raise NotFound(f"Nobody has planned {service_date} yet, so there is nothing to plan again.")
    require_mine(session, Vehicle, "vehicle_id", vehicle_id)
    require_mine(session, Crew, "crew_id", crew_id)
    if (vehicle_id is None) == (crew_id is None):
        raise _rejected("vehicle_id", "or crew_id has to be named, and not both", "Report two absences one by one.")
    if until is not None and until < service_date:
        raise _rejected("until", "lies before the day itself", "Leave it out for this one day.")
    values = {"vehicle_id": vehicle_id, "crew_id": crew_id, "reason": reason, "note": note}
    absence = create_row(session, Absence, values | {"first_day": service_date, "last_day": until or service_date})
    replan(session, service_date)
    return absence


def publish_plan(session: TenantSession, plan: Plan, *, note: str | None = None) -> None:
    """Send the plan out in place of the one that is out. Conflict if it breaks a rule, or its trucks and crews are not there."""
    hold_day(session, plan.service_date)
    session.refresh(plan)
    _require_publishable(session, plan)
    standing = find_published_plan(session, plan.service_date)
    if standing is not None:
        standing.status = PlanStatus.SUPERSEDED
        session.flush()  # the index on published plans is asked row by row
        record(session, "plan.superseded", standing, note=f"by plan {plan.id}")
    before, now = {"status": plan.status}, now_in_database(session)
    plan.status, plan.withdrawn_at = PlanStatus.PUBLISHED, None
    plan.published_at, plan.published_by = now, session.info["actor"]
    session.flush()
    record(session, "plan.published", plan, before=before, after={"status": plan.status}, note=note)


def _require_publishable(session: TenantSession, plan: Plan) -> None:
    if plan.status not in PUBLISHABLE:
        raise Conflict(f"Plan {plan.id} is {plan.status}: only a draft, or a plan that was withdrawn, can be published.")
    if plan.violations:
        raise Conflict(f"Plan {plan.id} breaks {len(plan.violations)} rules, so nobody can drive it. Plan the date again.")
    missing = list_missing_of_plan(session, plan)
    if missing:
        raise Conflict(f"Plan {plan.id} needs {', '.join(missing)}, not available on {plan.service_date}. Plan the date again.")


def withdraw_plan(session: TenantSession, plan: Plan, *, note: str | None = None) -> None:
    """Take the plan back: nothing is out on its date then. Conflict if it is not out."""
    hold_day(session, plan.service_date)
    session.refresh(plan)
    if plan.status is not PlanStatus.PUBLISHED:
        raise Conflict(f"Plan {plan.id} is {plan.status}, not published.")
    plan.status, plan.withdrawn_at = PlanStatus.WITHDRAWN, now_in_database(session)
    session.flush()
    record(session, "plan.withdrawn", plan, before={"status": PlanStatus.PUBLISHED}, after={"status": plan.status}, note=note)


def why_not_to_publish(session: TenantSession, plan: Plan) -> str | None:
    """Why a night's new plan must not go out by itself, in words; None if nothing stands against it."""
    if plan.violations:
        return f"The plan breaks {len(plan.violations)} rules: {_in_words(plan.violations[0])}"
    left = count_decisions(session, plan.id, Decision.UNSERVED, mandatory=True)
    if left and not list_routes(session, plan.id):
        return f"No truck can drive, so {left} containers that have to be emptied are not: plan {plan.id} says why of each."
    missing = list_missing_of_plan(session, plan)
    return f"The plan needs {', '.join(missing)}, reported absent meanwhile." if missing else None


def _in_words(violation: Mapping[str, Any]) -> str:
    return str(violation.get("detail") or violation.get("message") or violation.get("rule") or violation)


def is_still_wanted(session: TenantSession, job: PlanningJob) -> bool:
    """Whether the night's plan may replace what is out: not if that went out after somebody asked for this one."""
    standing = find_published_plan(session, job.service_date)
    return standing is None or standing.published_at is None or standing.published_at <= job.requested_at


def change_policy(session: TenantSession, values: Mapping[str, Any]) -> PlanningPolicy:
    """New prices and habits, from the next night on; what is left out stays."""
    policy = find_own_policy(session)
    if policy is None:
        policy = PlanningPolicy(**POLICY_DEFAULTS)
        session.add(policy)
        session.flush()
    before = picture(policy)
    for key, value in values.items():
        setattr(policy, key, value)
    session.flush()
    seen, now = changes(before, picture(policy))
    record(session, "policy.changed", subject_kind="planning_policy", before=seen, after=now)
    return policy


def _wrong_date(service_date: date, problem: str, mend: str) -> Rejected:
    return Rejected(f"{service_date} {problem}.", fields=(FieldProblem("service_date", problem, mend),))


def _rejected(field: str, problem: str, mend: str) -> Rejected:
    return Rejected(f"{field} {problem}.", fields=(FieldProblem(field, problem, mend),))
