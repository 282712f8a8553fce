"""Claims, leases and fences: whatever workers do, a date has one plan per attempt, and only the newest attempt publishes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.config import Settings
from app.db import Database, TenantSession
from app.errors import Rejected
from app.planning import jobs
from app.planning.jobs import ClaimedNight, Overtaken, claim_night, plan_night, run_night
from app.planning.models import JobStatus, Plan, PlanningJob, PlanningPolicy, PlanOrigin, PlanStatus
from app.planning.operations import publish_plan, replan, request_night, withdraw_plan
from app.planning.queries import find_job, find_published_plan, now_in_database, select_plans
from tests.factories import plans as make
from tests.factories.plans import MONDAY

Run = Callable[..., Plan | None]


@pytest.fixture
def job(session: TenantSession) -> PlanningJob:
    """Monday's night, asked for."""
    made = request_night(session, MONDAY)
    session.commit()
    return made


@pytest.fixture
def run(database: Database, tenant_id: int, settings: Settings) -> Run:
    def run_monday(compute: Callable[..., Any] | None = None, **values: Any) -> Plan | None:
        result = compute or make.computed(**values)
        return run_night(database, tenant_id, MONDAY, settings=settings, compute=result, store=make.stored)

    return run_monday


def now(session: TenantSession, job: PlanningJob) -> PlanningJob:
    session.expire_all()
    found = find_job(session, MONDAY)
    assert found is not None
    return found


def plans(session: TenantSession) -> list[Plan]:
    session.expire_all()
    return list(session.scalars(select_plans(session).order_by(Plan.id)))


def let_lease_run_out(session: TenantSession, job: PlanningJob) -> None:
    session.refresh(job)
    job.lease_until = now_in_database(session) - timedelta(seconds=1)
    session.commit()


def claimed(night: ClaimedNight | None) -> ClaimedNight:
    assert night is not None
    return night


def test_asking_twice_is_asking_once(session: TenantSession):
    request_night(session, MONDAY)
    request_night(session, MONDAY)
    assert now(session, find_job(session, MONDAY)).status is JobStatus.QUEUED
    assert session.query(PlanningJob).count() == 1


def test_a_night_runs_and_its_plan_goes_out(session: TenantSession, job: PlanningJob, run: Run):
    plan = run()

    assert plan is not None and plan.status is PlanStatus.PUBLISHED and plan.origin is PlanOrigin.NIGHT
    assert plan.published_by == "job:night"
    done = now(session, job)
    assert (done.status, done.attempt, done.error, done.lease_until) == (JobStatus.DONE, 1, None, None)
    assert done.finished_at >= done.started_at


def test_a_night_that_is_done_is_not_run_again_unless_asked(session: TenantSession, job: PlanningJob, run: Run):
    first = run()
    assert run() is None

    request_night(session, MONDAY, again=True)
    session.commit()
    second = run()

    assert [(p.status, p.origin, p.attempt) for p in plans(session)] == [
        (PlanStatus.SUPERSEDED, PlanOrigin.NIGHT, 1),
        (PlanStatus.PUBLISHED, PlanOrigin.REPLAN, 2),
    ]
    assert first.id != second.id


def test_nobody_else_gets_a_night_that_somebody_works_on(database: Database, tenant_id: int, session: TenantSession, job: PlanningJob):
    assert claim_night(database, tenant_id, MONDAY) is not None
    assert claim_night(database, tenant_id, MONDAY) is None
    request_night(session, MONDAY, again=True)  # asking again meanwhile changes nothing
    session.commit()
    assert claim_night(database, tenant_id, MONDAY) is None


def test_a_night_whose_lease_ran_out_is_taken_over(database: Database, tenant_id: int, session: TenantSession, job: PlanningJob):
    claim_night(database, tenant_id, MONDAY)
    let_lease_run_out(session, job)
    assert claimed(claim_night(database, tenant_id, MONDAY)).attempt == 2


def test_a_dead_process_of_this_machine_keeps_no_lease(
    database: Database, tenant_id: int, session: TenantSession, job: PlanningJob, monkeypatch: pytest.MonkeyPatch
):
    claim_night(database, tenant_id, MONDAY)
    assert claim_night(database, tenant_id, MONDAY) is None
    monkeypatch.setattr(jobs, "is_gone", lambda worker: worker == jobs.this_worker())
    assert claimed(claim_night(database, tenant_id, MONDAY)).attempt == 2


def test_only_processes_beside_ours_are_known_to_be_gone():
    beside = jobs.this_worker().rpartition(":")[0]
    assert jobs.is_gone(f"{beside}:4194305")  # more than Linux gives out
    assert not jobs.is_gone(jobs.this_worker())
    assert not jobs.is_gone(f"another-{beside}:4194305")
    assert not jobs.is_gone(f"{beside.partition('/')[0]}/another-boot.1:4194305")
    assert not jobs.is_gone(None)


def test_the_result_of_a_worker_that_was_thought_dead_is_dropped(
    database: Database, tenant_id: int, session: TenantSession, job: PlanningJob
):
    zombie = claimed(claim_night(database, tenant_id, MONDAY))
    let_lease_run_out(session, job)
    successor = claimed(claim_night(database, tenant_id, MONDAY))

    with pytest.raises(Overtaken):
        zombie.publish({"engine": "zombie"}, make.stored)
    assert plans(session) == []
    successor.publish({"engine": "successor"}, make.stored)
    with pytest.raises(Overtaken):
        zombie.publish({"engine": "zombie"}, make.stored)
    zombie.fail("what a dead worker has to say")

    assert [plan.engine for plan in plans(session)] == ["successor"]
    assert now(session, job).status is JobStatus.DONE


def test_a_worker_that_was_overtaken_stops_at_its_next_step(
    database: Database, tenant_id: int, session: TenantSession, job: PlanningJob, run: Run
):
    steps = []

    def compute(*_: Any, progress: Callable[[str], None], **__: Any) -> dict[str, Any]:
        progress("forecast")
        steps.append("forecast")
        with database.transaction(tenant_id) as other:
            replan(other, MONDAY)
        progress("solve")
        steps.append("solve")
        return {}

    assert run(compute) is None
    assert steps == ["forecast"]
    assert now(session, job).status is JobStatus.QUEUED, "the date waits for whoever plans it with what is known now"
    assert run() is not None


def test_what_is_being_done_is_on_the_row_and_renews_the_lease(
    database: Database, tenant_id: int, session: TenantSession, job: PlanningJob
):
    told: list[str] = []
    night = claimed(claim_night(database, tenant_id, MONDAY, lease_s=60, progress=told.append))
    before = now(session, job).lease_until
    night.lease_s = 600
    night.note("travel times")

    after = now(session, job)
    assert (after.status, after.progress, told) == (JobStatus.RUNNING, "travel times", ["travel times"])
    assert after.lease_until - before > timedelta(seconds=500)


def test_a_failed_night_says_why_and_leaves_the_last_plan_standing(session: TenantSession, job: PlanningJob, run: Run):
    standing = run()
    request_night(session, MONDAY, again=True)
    session.commit()

    def fail(*_: Any, **__: Any) -> None:
        raise Rejected("The calendar has no service day within a year.")

    assert run(fail) is None
    failed = now(session, job)
    assert (failed.status, failed.error) == (JobStatus.FAILED, "The calendar has no service day within a year.")
    assert find_published_plan(session, MONDAY).id == standing.id


def test_what_nobody_expected_is_said_in_words_too(session: TenantSession, job: PlanningJob, run: Run):
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("division by zero")

    run(fail)
    assert "ZeroDivisionError: division by zero" in now(session, job).error


def test_a_night_that_takes_its_workers_down_is_given_up(database: Database, tenant_id: int, session: TenantSession, job: PlanningJob):
    for attempt in (1, 2, 3):
        assert claimed(claim_night(database, tenant_id, MONDAY)).attempt == attempt
        let_lease_run_out(session, job)
    assert claim_night(database, tenant_id, MONDAY) is None
    assert now(session, job).status is JobStatus.FAILED
    assert "3 workers" in now(session, job).error

    request_night(session, MONDAY, again=True)
    session.commit()
    assert claimed(claim_night(database, tenant_id, MONDAY)).attempt == 4


def test_a_plan_that_breaks_a_rule_stays_a_draft_and_the_night_has_failed(session: TenantSession, job: PlanningJob, run: Run):
    broken = {"rule": "load_within_capacity", "vehicle": "7", "stop": "3", "over": [0, 700], "detail": "700 litres above capacity"}
    assert run(violations=[broken]) is None
    assert [plan.status for plan in plans(session)] == [PlanStatus.DRAFT]
    assert "700 litres above capacity" in now(session, job).error


def test_without_auto_publish_a_person_decides(session: TenantSession, job: PlanningJob, run: Run):
    session.add(PlanningPolicy(auto_publish=False))
    session.commit()
    assert run().status is PlanStatus.DRAFT
    assert now(session, job).status is JobStatus.DONE


def test_what_somebody_published_meanwhile_stays_out(session: TenantSession, job: PlanningJob, run: Run):
    by_hand = make.plan(session)
    publish_plan(session, by_hand)
    session.commit()
    assert run().status is PlanStatus.DRAFT
    assert find_published_plan(session, MONDAY).id == by_hand.id


def test_a_plan_that_was_asked_for_afterwards_replaces_it(session: TenantSession, job: PlanningJob, run: Run):
    by_hand = make.plan(session)
    publish_plan(session, by_hand)
    replan(session, MONDAY)
    session.commit()
    assert run().status is PlanStatus.PUBLISHED
    assert find_published_plan(session, MONDAY).id != by_hand.id


def test_a_withdrawn_plan_leaves_room_for_the_next(session: TenantSession, job: PlanningJob, run: Run):
    withdraw_plan(session, session.merge(run()))
    request_night(session, MONDAY, again=True)
    session.commit()
    assert run().origin is PlanOrigin.REPLAN


def test_plan_night_keeps_a_plan_that_is_there_and_tries_a_failed_night_again(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, run: Run, job: PlanningJob
):
    standing = run()
    assert plan_night(database, tenant_id, MONDAY, settings=settings).id == standing.id
    assert now(session, job).attempt == 1
