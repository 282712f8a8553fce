"""The worker as a process: it does what is due, and ends cleanly when it is told to."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from app.config import Settings
from app.db import Database
from app.jobs.schedule import TABLE, put_on
from app.jobs.worker import run_worker, told_to_stop
from app.planning.models import JobStatus
from app.planning.operations import request_night
from app.planning.queries import find_job
from app.provision import DatabaseUrls, owner_engine
from app.tenancy.operations import create_tenant
from tests.factories.plans import MONDAY

ROOT = Path(__file__).parents[3]


def test_every_job_has_a_name_of_its_own_and_a_time():
    assert len({job.name for job in TABLE}) == len(TABLE)
    scheduler = BackgroundScheduler(timezone="UTC")
    put_on(scheduler, None)  # type: ignore[arg-type]
    scheduler.start(paused=True)
    try:
        assert {job.id for job in scheduler.get_jobs()} == {job.name for job in TABLE}
        assert all(job.next_run_time <= datetime.now(UTC) for job in scheduler.get_jobs()), "the first time is now"
    finally:
        scheduler.shutdown()


def test_signals_set_the_event_and_are_put_back_after():
    before = signal.getsignal(signal.SIGTERM)
    with told_to_stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) == before


def test_once_does_what_is_due_and_leaves(committed: DatabaseUrls, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A night that waits is planned by the real thing; the tenant owns nothing yet, so the plan is an empty one."""
    tenant_id = create_tenant(owner_engine(committed), slug="town", name="Town", timezone="Europe/Berlin")
    database = Database(committed.app)
    with database.transaction(tenant_id) as session:
        request_night(session, MONDAY)
    settings = Settings(data_dir=tmp_path, database_url=committed.app, database_owner_url=committed.owner, workers=1)
    with caplog.at_level(logging.INFO):
        run_worker(settings, once=True)
    with database.transaction(tenant_id) as session:
        job = find_job(session, MONDAY)
        assert job is not None and (job.status, job.attempt, job.error) == (JobStatus.DONE, 1, None)
    database.engine.dispose()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_cleanly(committed: DatabaseUrls, tmp_path: Path, number: signal.Signals):
    env = os.environ | {"DATABASE_URL": committed.app, "DATABASE_OWNER_URL": committed.owner, "KERBSIDE_DATA": str(tmp_path)}
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.jobs.cli", "worker"], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert worker.stderr is not None
    watchdog = threading.Timer(60, worker.kill)
    watchdog.start()
    try:
        while "the worker has begun" not in (line := worker.stderr.readline()):
            assert line, "it ended before it began"
        time.sleep(0.2)
        worker.send_signal(number)
        said = worker.stderr.read()
        assert worker.wait(30) == 0, said
        assert "the worker ends" in said and "Traceback" not in said
    finally:
        watchdog.cancel()
        worker.kill()
        worker.wait()
        worker.stderr.close()
