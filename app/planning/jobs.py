"""Nights as jobs: however many workers and schedulers there are, each date is planned once, and only the newest attempt publishes.

A worker claims a waiting night under a lease and renews it while it works; a dead worker's lease runs out and another takes over.
Solving happens outside any transaction. Claim, note, publish and failure are short ones, and each asks whether the attempt still
counts: a worker that was thought dead finds on its return that nobody waits for its result (docs/decisions/0007-jobs.md).
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from app.config import Settings
from app.db import Database, TenantSession
from app.errors import KerbsideError
from app.planning.models import JobStatus, Plan, PlanningJob, PlanOrigin
from app.planning.night import compute_night, store_plan
from app.planning.operations import is_still_wanted, publish_plan, request_night, why_not_to_publish
from app.planning.queries import find_job, find_latest_plan, get_policy, has_published, list_open_jobs, lock_job, now_in_database
from app.planning.timetable import list_due_nights

Progress = Callable[[str], None]

LEASE_S = 180.0
"""Renewed three times within; long enough for a worker that is busy in a solver's own code."""
MOST_TRIES = 3
ACTOR = "job:night"
_log = logging.getLogger(__name__)


class Overtaken(Exception):
    """The attempt no longer counts: its lease ran out and another worker took over, or the date was asked for once more."""


def this_worker() -> str:
    return f"{socket.gethostname()}/{_process_table()}:{os.getpid()}"


@cache
def _process_table() -> str:
    """Which table our process number is of: the machine's boot and, in a container, its namespace. Empty where nobody can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{boot}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def is_gone(worker: str | None) -> bool:
    """Whether a worker was a process beside ours that is no more. Only a short cut: in doubt its lease has to run out."""
    beside, _, pid = (worker or "").rpartition(":")
    if not _process_table() or beside != this_worker().rpartition(":")[0]:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, so alive
    return False


def plan_night(
    database: Database,
    tenant_id: int,
    service_date: date,
    *,
    settings: Settings,
    executor: Executor | None = None,
    seed: int = 1,
    again: bool = False,
    origin_at: datetime | None = None,
    progress: Progress | None = None,
    compute: Callable[..., Any] = compute_night,
) -> Plan | None:
    """Ask for a date and plan it here and now. Safe to call again: a date that is done keeps its plan, unless `again`.

    None if another worker is at it, or the night failed; the job says which, and why.
    """
    with database.transaction(tenant_id, actor=ACTOR) as session:
        known = find_job(session, service_date)
        request_night(session, service_date, again=again or (known is not None and known.status is JobStatus.FAILED))
    how: dict[str, Any] = {"executor": executor, "seed": seed, "origin_at": origin_at}
    plan = run_night(database, tenant_id, service_date, settings=settings, progress=progress, compute=compute, **how)
    return plan or find_finished(database, tenant_id, service_date)


def run_night(
    database: Database,
    tenant_id: int,
    service_date: date,
    *,
    settings: Settings,
    lease_s: float = LEASE_S,
    progress: Progress | None = None,
    compute: Callable[..., Any] = compute_night,
    store: Callable[..., Plan] = store_plan,
    **how: Any,
) -> Plan | None:
    """Decide, route, check and publish a night that waits. None: there is nothing to do, it failed, or the attempt was overtaken."""
    night = claim_night(database, tenant_id, service_date, lease_s=lease_s, progress=progress)
    if night is None:
        return None
    began = monotonic()
    try:
        with night.kept():
            result = compute(database, tenant_id, service_date, settings=settings, progress=night.note, **how)
        plan = night.publish(result, store)
    except Overtaken as error:
        _log.warning("night %s of tenant %d, attempt %d: %s", service_date, tenant_id, night.attempt, error)
        return None
    except Exception as error:  # whatever it was, it is this tenant's own and must stop nobody else's night
        _log.exception("night %s of tenant %d, attempt %d failed", service_date, tenant_id, night.attempt)
        night.fail(in_words(error))
        return None
    outcome = "is not published" if plan is None else f"plan {plan.id} is {plan.status}"
    _log.info("night %s of tenant %d, attempt %d: %s, %.1f s", service_date, tenant_id, night.attempt, outcome, monotonic() - began)
    return plan


def claim_night(
    database: Database, tenant_id: int, service_date: date, *, lease_s: float = LEASE_S, progress: Progress | None = None
) -> "ClaimedNight | None":
    """Take a night that waits; None if nobody has asked for it, it is done, or another worker has it."""
    with database.transaction(tenant_id, actor=ACTOR) as session:
        job = lock_job(session, service_date, skip_locked=True)
        now = now_in_database(session)
        if job is None or not may_be_taken(job, now):
            return None
        if job.tries >= MOST_TRIES:
            job.finish(now, error=f"Given up: {job.tries} workers in a row died over it, the last one at the step '{job.progress}'.")
            return None
        attempt = job.claim(this_worker(), now, lease=timedelta(seconds=lease_s))
    return ClaimedNight(database, tenant_id, service_date, attempt, lease_s, progress)


def list_waiting_nights(database: Database, tenant_id: int) -> list[date]:
    """Service dates of a tenant that a worker could claim now."""
    with database.transaction(tenant_id, actor=ACTOR) as session:
        now = now_in_database(session)
        return [job.service_date for job in list_open_jobs(session) if may_be_taken(job, now)]


def request_due_nights(database: Database, tenant_id: int, at: datetime) -> list[date]:
    """Put down the nights that have begun by the tenant's own clocks. However often and wherever it is called, each is asked for once."""
    with database.transaction(tenant_id, actor=ACTOR) as session:
        due = [day for day in list_due_nights(session, at) if find_job(session, day) is None]
        for day in due:
            request_night(session, day)
        return due


def may_be_taken(job: PlanningJob, now: datetime) -> bool:
    return job.is_free(now) or (job.status is JobStatus.RUNNING and is_gone(job.worker))


@dataclass(eq=False)
class ClaimedNight:
    """A night that this process holds the lease of."""

    database: Database
    tenant_id: int
    service_date: date
    attempt: int
    lease_s: float = LEASE_S
    progress: Progress | None = None

    def note(self, step: str) -> None:
        """Say what is being done, to pages and to the caller. Raises Overtaken, so that a lost attempt wastes no more time."""
        self._renew(step)
        if self.progress:
            self.progress(step)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease in the background until the block ends."""
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(done,), name=f"lease-{self.tenant_id}-{self.service_date}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _keep(self, done: threading.Event) -> None:
        while not done.wait(self.lease_s / 3):
            try:
                self._renew()
            except Overtaken:
                return  # the next step's note, or publish, will say so to the one that works
            except Exception:
                _log.exception("the lease of night %s of tenant %d could not be renewed now", self.service_date, self.tenant_id)

    def _renew(self, step: str | None = None) -> None:
        with self.mine() as (session, job):
            job.lease_until = now_in_database(session) + timedelta(seconds=self.lease_s)
            job.progress = step or job.progress

    def publish(self, result: Any, store: Callable[..., Plan] = store_plan) -> Plan | None:
        """Store the plan, and send it out if policy and checks let it. Raises Overtaken: then nothing of it is kept.

        None where it must not go out: it stays a draft to look at, the job says why, and what was out stays out.
        """
        with self.mine() as (session, job):
            origin = PlanOrigin.REPLAN if has_published(session, self.service_date) else PlanOrigin.NIGHT
            plan = store(session, result, attempt=self.attempt, origin=origin)
            session.flush()
            problem = why_not_to_publish(session, plan)
            if problem is None and get_policy(session).auto_publish and is_still_wanted(session, job):
                publish_plan(session, plan)
            job.finish(now_in_database(session), error=problem)
        return plan if problem is None else None

    def fail(self, words: str) -> None:
        """Write down why there is no plan; nothing else changes. A lost attempt has nothing to say any more."""
        try:
            with self.mine() as (session, job):
                job.finish(now_in_database(session), error=words)
        except Overtaken:
            _log.warning("night %s of tenant %d: another attempt has taken over already", self.service_date, self.tenant_id)

    @contextmanager
    def mine(self) -> Iterator[tuple[TenantSession, PlanningJob]]:
        """One transaction with the job locked. Raises Overtaken if another attempt has it, or nobody."""
        with self.database.transaction(self.tenant_id, actor=ACTOR) as session:
            job = lock_job(session, self.service_date)
            if job is None or not job.is_held_by(self.attempt):
                raise Overtaken(f"attempt {self.attempt} is not the one that counts any more")
            yield session, job


def find_finished(database: Database, tenant_id: int, service_date: date) -> Plan | None:
    """The plan of a night that is done; None while it waits, runs, or has failed."""
    with database.transaction(tenant_id, actor=ACTOR) as session:
        job = find_job(session, service_date)
        return find_latest_plan(session, service_date) if job is not None and job.status is JobStatus.DONE else None


def in_words(error: Exception) -> str:
    """What a dispatcher reads of a night that failed."""
    if isinstance(error, KerbsideError):
        return error.detail
    return f"Something went wrong on our side ({type(error).__name__}: {error}). The plan that is out stays out; ask for the night again."
