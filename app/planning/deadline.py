"""The deadline: if nobody has published a plan by then, the fixed or the last round goes out by itself."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from app.config import Settings
from app.db import Database, TenantSession
from app.errors import KerbsideError
from app.planning.models import JobStatus, Plan, PlanningJob, PlanOrigin
from app.planning.night import NightResult, compute_fixed
from app.planning.queries import (
    find_job,
    find_last_driven_plan,
    find_published_plan,
    hold_day,
    lock_job,
    make_job,
    now_in_database,
    orders_of_plan,
)
from app.planning.rounds import Orders, orders_for, store_and_publish
from app.planning.timetable import find_deadline_day
from app.tenancy.audit import record

ACTOR = "job:deadline"
NOTHING_LEFT = "Nothing was published by the deadline, and there is nothing to fall back on: "
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fallback:
    """Something to drive when there is no plan."""

    origin: PlanOrigin
    orders: Orders
    words: str


def keep_deadline(database: Database, tenant_id: int, at: datetime, *, settings: Settings) -> Plan | None:
    """Once a service day: where its deadline has passed and nothing is out, publish the fall-back. The plan, if this call sent one out."""
    with database.transaction(tenant_id, actor=ACTOR) as session:
        day = find_deadline_day(session, at)
        if day is None or _was_kept(find_job(session, day)):
            return None
    return publish_fallback(database, tenant_id, day, settings=settings, at=at)


def publish_fallback(
    database: Database, tenant_id: int, service_date: date, *, settings: Settings, at: datetime | None = None
) -> Plan | None:
    """The weekday's fixed rounds or, if none can be driven, the last plan's routes, timed and checked for the date (seen at `at`).

    None where something is out already, or there is nothing to fall back on: then the night's job says so. Several processes may race:
    one plan goes out.
    """
    with database.transaction(tenant_id, actor=ACTOR) as session:
        is_out = find_published_plan(session, service_date) is not None
        fallbacks = [] if is_out else list(_fallbacks(session, service_date))
    problems = []
    for fallback in fallbacks:
        result, problem = _timed(database, tenant_id, service_date, fallback, settings, at)
        if result is not None:
            return _send_out(database, tenant_id, service_date, result, fallback)
        problems.append(f"{fallback.words}: {problem}")
    if not is_out:
        _log.warning("tenant %d has nothing to drive on %s", tenant_id, service_date)
    with database.transaction(tenant_id, actor=ACTOR) as session:
        _close(
            session, service_date, None if is_out else NOTHING_LEFT + ("; ".join(problems) or "no fixed round and no earlier plan") + "."
        )
    return None


def _fallbacks(session: TenantSession, service_date: date) -> Iterator[Fallback]:
    """What could be driven, the best first."""
    rounds = orders_for(session, service_date)
    if rounds:
        yield Fallback(PlanOrigin.FIXED_ROUND, rounds, f"the fixed rounds of {service_date:%A}")
    last = find_last_driven_plan(session, service_date)
    if last is not None:
        yield Fallback(PlanOrigin.LAST_PLAN, orders_of_plan(session, last.id), f"the routes of {last.service_date} (plan {last.id})")


def _timed(
    database: Database, tenant_id: int, service_date: date, fallback: Fallback, settings: Settings, at: datetime | None
) -> tuple[NightResult | None, str]:
    """The fall-back on the date, or why it cannot be driven."""
    try:
        result = compute_fixed(database, tenant_id, service_date, fallback.orders, settings=settings, origin_at=at)
    except KerbsideError as error:
        return None, error.detail
    if not result.plan.routes:
        return None, "no truck with a crew can drive any of it"
    return (result, "") if result.feasible else (None, f"the check found {len(result.verdict.violations)} broken rules")


def _send_out(database: Database, tenant_id: int, service_date: date, result: NightResult, fallback: Fallback) -> Plan | None:
    with database.transaction(tenant_id, actor=ACTOR) as session:
        make_job(session, service_date, JobStatus.FAILED)
        job = lock_job(session, service_date)
        hold_day(session, service_date)
        if _was_kept(job) or find_published_plan(session, service_date) is not None:
            return None  # somebody was faster
        note = f"Nothing was published by the deadline, so {fallback.words} went out by themselves."
        plan = store_and_publish(session, result, origin=fallback.origin, note=note)
        _close(session, service_date, note)
    _log.warning("tenant %d, %s: %s", tenant_id, service_date, note)
    return plan


def _close(session: TenantSession, service_date: date, note: str | None) -> None:
    """The deadline has been kept, or cannot be: nobody looks again. The night's row says what happened, if nothing else is under way."""
    make_job(session, service_date, JobStatus.DONE if note is None else JobStatus.FAILED)
    job = lock_job(session, service_date)
    assert job is not None, "made above"
    if _was_kept(job):
        return
    job.deadline_kept_at = now_in_database(session)
    if note is not None:
        if job.status is JobStatus.FAILED:
            job.error = f"{job.error} {note}" if job.error else note
        record(session, "deadline.passed", subject_kind="planning_job", after={"service_date": service_date}, note=note)
    session.flush()


def _was_kept(job: PlanningJob | None) -> bool:
    return job is not None and job.deadline_kept_at is not None
