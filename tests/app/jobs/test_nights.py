"""All tenants' nights at once: four schedulers, dying workers, a cluster. Each date gets exactly one plan."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from app.config import Settings
from app.db import Database
from app.jobs.executor import LocalProcesses, make_executor
from app.jobs.nights import NightShift, keep_deadlines, run_due_nights, share_of_cores
from app.planning.models import JobStatus, PlanStatus
from app.planning.queries import find_job, select_plans
from app.provision import DatabaseUrls, owner_engine
from app.tenancy.operations import create_tenant
from tests.app.jobs.tasks import SHORT_LEASE_S, SUNDAY_EVENING, night_on_a_short_lease, simulated_night
from tests.factories.plans import MONDAY

ROOT = Path(__file__).parents[3]


@pytest.fixture
def database(committed: DatabaseUrls) -> Iterator[Database]:
    made = Database(committed.app, pool_size=2)
    yield made
    made.engine.dispose()


@pytest.fixture
def tenants(committed: DatabaseUrls) -> list[int]:
    owner = owner_engine(committed)
    return [create_tenant(owner, slug=f"town-{n}", name=f"Town {n}", timezone="Europe/Berlin") for n in range(6)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def outcomes(database: Database, tenants: list[int]) -> dict[int, tuple[JobStatus, int, list[PlanStatus]]]:
    """Of each tenant's Monday: how the job ended, its attempts, and its plans."""
    found = {}
    for tenant_id in tenants:
        with database.transaction(tenant_id) as session:
            job = find_job(session, MONDAY)
            assert job is not None
            found[tenant_id] = (job.status, job.attempt, [plan.status for plan in session.scalars(select_plans(session))])
    return found


ONCE = (JobStatus.DONE, 1, [PlanStatus.PUBLISHED])
AT_THE_SECOND_TRY = (JobStatus.DONE, 2, [PlanStatus.PUBLISHED])


def test_four_schedulers_plan_each_night_once(committed: DatabaseUrls, database: Database, tenants: list[int], tmp_path: Path):
    command = [sys.executable, "-m", "tests.app.jobs.tasks", committed.app, str(tmp_path)]
    racing = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in racing] == [0] * 4

    assert outcomes(database, tenants) == dict.fromkeys(tenants, ONCE)
    assert len(list(tmp_path.glob("began-*"))) == len(tenants), "nobody worked for nothing"


def test_one_tenants_trouble_is_its_own(database: Database, tenants: list[int], settings: Settings):
    (settings.data_dir / f"fails-{tenants[0]}").touch()
    with ThreadPoolExecutor(2) as executor:
        run_due_nights(database, settings, executor, at=SUNDAY_EVENING, task=simulated_night)
    ended = outcomes(database, tenants)
    assert ended.pop(tenants[0]) == (JobStatus.FAILED, 1, [])
    assert ended == dict.fromkeys(tenants[1:], ONCE)


def test_a_tenant_that_cannot_even_be_read_is_left_out_of_the_round(
    committed: DatabaseUrls, database: Database, tenants: list[int], settings: Settings
):
    with owner_engine(committed).begin() as connection:
        connection.execute(text("update tenant set timezone = 'Nowhere/Atlantis' where id = :id"), {"id": tenants[0]})
    with ThreadPoolExecutor(2) as executor:
        run_due_nights(database, settings, executor, at=SUNDAY_EVENING, task=simulated_night)
        keep_deadlines(database, settings, SUNDAY_EVENING)
    assert outcomes(database, tenants[1:]) == dict.fromkeys(tenants[1:], ONCE)


def test_a_killed_process_costs_its_night_a_second_try(database: Database, tenants: list[int], settings: Settings):
    (settings.data_dir / f"dies-{tenants[2]}").touch()
    with LocalProcesses(2) as executor:
        run_due_nights(database, settings, executor, at=SUNDAY_EVENING, task=simulated_night)
    assert outcomes(database, tenants) == dict.fromkeys(tenants, ONCE) | {tenants[2]: AT_THE_SECOND_TRY}


def test_a_night_is_handed_out_once_at_a_time(database: Database, tenants: list[int], settings: Settings):
    with ThreadPoolExecutor(1) as executor:
        run_due_nights(database, settings, ThreadPoolExecutor(1), at=SUNDAY_EVENING, task=lambda *_: None)
        shift = NightShift(database, settings, executor, simulated_night)
        assert shift.hand_out() == 6
        assert shift.hand_out() <= 6
        shift.finish()
    assert outcomes(database, tenants) == dict.fromkeys(tenants, ONCE)


@pytest.fixture
def dask_address(tmp_path: Path) -> Iterator[str]:
    """A Dask scheduler and two workers without nurses: a killed one stays dead."""
    address_file = tmp_path / "scheduler.json"
    found_by = ["--scheduler-file", str(address_file), "--no-dashboard"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *found_by]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", *found_by]
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen(command, **quiet) for command in (scheduler, worker, worker)]
    try:
        for _ in range(300):
            if address_file.exists() and address_file.stat().st_size:
                break
            time.sleep(0.1)
        yield json.loads(address_file.read_text())["address"]
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()


def test_on_a_cluster_it_is_the_same_once_the_lease_has_run_out(database: Database, tenants: list[int], dask_address: str, tmp_path: Path):
    settings = Settings(data_dir=tmp_path, cluster_address=dask_address)
    (tmp_path / f"dies-{tenants[3]}").touch()
    executor: Executor = make_executor(settings)
    with executor:
        run_due_nights(database, settings, executor, at=SUNDAY_EVENING, task=night_on_a_short_lease)
        assert outcomes(database, tenants)[tenants[3]][0] is JobStatus.RUNNING, "nobody sees that a worker elsewhere is dead"
        time.sleep(SHORT_LEASE_S)
        run_due_nights(database, settings, executor, at=SUNDAY_EVENING, task=night_on_a_short_lease)
    assert outcomes(database, tenants) == dict.fromkeys(tenants, ONCE) | {tenants[3]: AT_THE_SECOND_TRY}


@pytest.mark.parametrize(("workers", "nights", "share"), [(4, 1, 8), (4, 2, 4), (4, 3, 2), (4, 100, 2), (None, 1, 8), (16, 100, 1)])
def test_nights_that_are_worked_on_at_once_share_the_cores(tmp_path: Path, workers: int | None, nights: int, share: int):
    assert share_of_cores(Settings(tmp_path, solver_cores=8, workers=workers), nights) == share
