"""The one table of what is done without anybody asking, and when.

APScheduler is only the clock. Any number of processes may run this table: each job looks in the database what is left to do, and bears
being done twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy import Engine

from app.config import Settings
from app.db import Database
from app.dispatch.learning import learn_from_reports
from app.forecasts.operations import forget_old_forecasts
from app.jobs.nights import NightShift, ask_for_due_nights, for_each_tenant, keep_deadlines
from app.maps.matrix_cache import clean_up
from app.planning.night import MATRICES
from app.reporting.operations import roll_up_due
from app.telemetry.source_queries import forget_old_messages
from app.tenancy.queries import forget_old_attempts
from migrations.run import make_partitions_ahead

LATE_NEWS = timedelta(days=14)
"""Reports from cabs without a network come this late at most."""


@dataclass(frozen=True)
class Workshop:
    """What the jobs work with."""

    settings: Settings
    database: Database
    owner: Engine
    shift: NightShift


@dataclass(frozen=True)
class Job:
    """One line of the table: its name, APScheduler's trigger (in UTC), and what it does."""

    name: str
    trigger: str
    when: Mapping[str, Any]
    run: Callable[[Workshop], object]


def _begin_nights(shop: Workshop) -> None:
    ask_for_due_nights(shop.database, datetime.now(UTC))


def _hand_out_nights(shop: Workshop) -> None:
    shop.shift.hand_out()


def _keep_deadlines(shop: Workshop) -> None:
    keep_deadlines(shop.database, shop.settings, datetime.now(UTC))


def _roll_up(shop: Workshop) -> None:
    """Days that something was told of since they were last added up; later news is for `roll_up` by hand."""

    def of(tenant_id: int) -> None:
        with shop.database.transaction(tenant_id, actor="job:roll-up") as session:
            roll_up_due(session, since=datetime.now(UTC).date() - LATE_NEWS)

    for_each_tenant(shop.database, of)


def _learn(shop: Workshop) -> None:
    """Densities and seconds from reports, once a day for each tenant; whoever did it today is passed over at once."""
    for_each_tenant(shop.database, lambda tenant_id: learn_from_reports(shop.database, tenant_id, datetime.now(UTC)))


def _make_partitions(shop: Workshop) -> None:
    make_partitions_ahead(shop.owner)


def _forget_sign_in_attempts(shop: Workshop) -> None:
    with shop.database.transaction(None) as session:
        forget_old_attempts(session)


def _forget_old_forecasts(shop: Workshop) -> None:
    def of(tenant_id: int) -> None:
        with shop.database.transaction(tenant_id, actor="job:forecasts") as session:
            forget_old_forecasts(session, datetime.now(UTC))

    for_each_tenant(shop.database, of)


def _forget_old_messages(shop: Workshop) -> None:
    def of(tenant_id: int) -> None:
        with shop.database.transaction(tenant_id, actor="job:sources") as session:
            forget_old_messages(session, datetime.now(UTC))

    for_each_tenant(shop.database, of)


def _clean_matrix_cache(shop: Workshop) -> None:
    clean_up(shop.settings.data_dir / MATRICES)


TABLE: tuple[Job, ...] = (
    Job("begin the nights that are due", "interval", {"minutes": 1}, _begin_nights),
    Job("hand waiting nights to workers", "interval", {"seconds": 5}, _hand_out_nights),
    Job("keep the deadlines", "interval", {"minutes": 1}, _keep_deadlines),
    Job("add up days", "interval", {"minutes": 10}, _roll_up),
    Job("learn from reports", "interval", {"minutes": 30}, _learn),
    Job("make partitions ahead", "cron", {"hour": 2, "minute": 10}, _make_partitions),
    Job("forget old sign-in attempts", "interval", {"hours": 1}, _forget_sign_in_attempts),
    Job("forget old forecasts", "cron", {"hour": 3, "minute": 10}, _forget_old_forecasts),
    Job("forget old messages of sources", "cron", {"hour": 3, "minute": 25}, _forget_old_messages),
    Job("clean the matrix cache", "cron", {"hour": 2, "minute": 40}, _clean_matrix_cache),
)


def put_on(scheduler: BaseScheduler, shop: Workshop) -> None:
    """Every job of the table, now and then at its times; at most one run of each at a time in this process, late runs as one."""
    habits = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None, "next_run_time": datetime.now(UTC)}
    for job in TABLE:
        scheduler.add_job(job.run, job.trigger, [shop], id=job.name, name=job.name, **habits, **job.when)
