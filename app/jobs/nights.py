"""All tenants' nights and deadlines: each tenant on its own, so that what becomes of one is no other's business."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from app.config import Settings
from app.db import Database
from app.dispatch.replan import compute_day
from app.planning.deadline import keep_deadline
from app.planning.jobs import MOST_TRIES, list_waiting_nights, request_due_nights, run_night
from app.tenancy.queries import list_scheduled_tenants

_log = logging.getLogger(__name__)

Night = tuple[int, date]
"""Tenant and service date."""
Task = Callable[[Settings, int, date], Any]


def plan_one(settings: Settings, tenant_id: int, service_date: date) -> int | None:
    """What a worker does: one night, from claim to publication. The plan's number, or None (the job says why)."""
    assert settings.database_url is not None, "whoever fans out names the database"
    database = Database(settings.database_url, pool_size=2)
    try:
        plan = run_night(database, tenant_id, service_date, settings=settings, compute=compute_day)
    finally:
        database.engine.dispose()
    return None if plan is None else plan.id


def run_due_nights(
    database: Database, settings: Settings, executor: Executor, *, at: datetime | None = None, task: Task = plan_one
) -> None:
    """Ask for the nights that have begun, and work on all that wait until none does. Any number of processes may do so at once."""
    ask_for_due_nights(database, at or datetime.now(UTC))
    NightShift(database, settings, executor, task).finish()


def ask_for_due_nights(database: Database, at: datetime) -> None:
    for_each_tenant(database, lambda tenant_id: request_due_nights(database, tenant_id, at))


def keep_deadlines(database: Database, settings: Settings, at: datetime) -> None:
    """Let something go out wherever the deadline has passed and nothing has."""
    for_each_tenant(database, lambda tenant_id: keep_deadline(database, tenant_id, at, settings=settings))


def for_each_tenant(database: Database, do: Callable[[int], object]) -> None:
    """Do something for every tenant; where it fails for one, the others go on."""
    for tenant_id in _tenants(database):
        with _on_its_own(tenant_id):
            do(tenant_id)


@dataclass
class NightShift:
    """The nights that this process has handed to its executor, so that it hands out none that is on its way already."""

    database: Database
    settings: Settings
    executor: Executor
    task: Task = plan_one
    handed_out: "dict[Night, Future[Any]]" = field(default_factory=dict)

    def hand_out(self) -> int:
        """Hand every waiting night of every tenant to the executor, and return at once; how many are on their way now."""
        self._take_back()
        # workers connect to the database that is there, and need no key to sign with
        settings = replace(self.settings, database_url=self.database.url, secret_key=None)
        new = [night for night in self._waiting() if night not in self.handed_out]
        settings = replace(settings, cores_a_night=share_of_cores(settings, len(self.handed_out) + len(new)))
        for night in new:
            self.handed_out[night] = self.executor.submit(self.task, settings, *night)
        return len(self.handed_out)

    def finish(self) -> None:
        """Hand out what waits, and wait for it; again where a worker died over a night, until that has been given up."""
        for _ in range(MOST_TRIES + 1):
            if not self.hand_out():
                return
            for future in tuple(self.handed_out.values()):
                future.exception()
        self._take_back()

    def _waiting(self) -> Iterator[Night]:
        for tenant_id in _tenants(self.database):
            with _on_its_own(tenant_id):
                for day in list_waiting_nights(self.database, tenant_id):
                    yield tenant_id, day

    def _take_back(self) -> None:
        for night, future in tuple(self.handed_out.items()):
            if future.done():
                del self.handed_out[night]
                if not future.cancelled() and (error := future.exception()):
                    _log.error("night %s of tenant %d: its worker failed: %s", night[1], night[0], error)


def share_of_cores(settings: Settings, nights: int) -> int:
    """How many cores each of so many nights may search on, as many at once as there are workers."""
    at_once = min(nights, settings.workers or os.cpu_count() or 1)
    return max(1, settings.cores // max(1, at_once))


def _tenants(database: Database) -> list[int]:
    return [tenant.tenant_id for tenant in list_scheduled_tenants(database)]


@contextmanager
def _on_its_own(tenant_id: int) -> Iterator[None]:
    """One tenant's trouble is written down, and the others go on."""
    try:
        yield
    except Exception:
        _log.exception("tenant %d had to be left out this time", tenant_id)
