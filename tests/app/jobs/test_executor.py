"""Processes of this machine: a dead one costs its own task a second try, and nobody else anything."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import dask
import distributed  # noqa: F401 - brings its defaults along, which must be there before one is changed
import pytest

from app.config import Settings
from app.errors import SetupError
from app.jobs.executor import LocalProcesses, make_executor
from tests.app.jobs import chores


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalProcesses]:
    with LocalProcesses(2) as made:
        yield made


def test_tasks_run_in_other_processes_with_one_thread_each(executor: LocalProcesses):
    assert list(executor.map(chores.double, [1, 2, 3])) == [2, 4, 6]
    threads, pid = executor.submit(chores.threads_and_pid).result()
    assert threads == "1" and pid != os.getpid()


def test_a_task_that_raises_fails_alone(executor: LocalProcesses):
    failing, fine = executor.submit(chores.fail, "no trucks"), executor.submit(chores.double, 4)
    with pytest.raises(ValueError, match="no trucks"):
        failing.result()
    assert fine.result() == 8


def test_a_task_whose_worker_is_killed_is_run_again(executor: LocalProcesses, tmp_path: Path):
    killed, others = executor.submit(chores.die_unless_it_happened, tmp_path / "mark"), executor.map(chores.double, range(6))
    assert killed.result() > 0
    assert list(others) == [0, 2, 4, 6, 8, 10]


def test_a_task_that_kills_every_worker_is_given_up(executor: LocalProcesses, tmp_path: Path):
    with pytest.raises(BrokenProcessPool):
        executor.submit(chores.die, tmp_path).result()
    assert executor.submit(chores.double, 1).result() == 2


def test_stopping_ends_what_is_being_worked_on():
    executor = LocalProcesses(1)
    executor.submit(chores.double, 1).result()
    futures = [executor.submit(chores.sleep, 60), executor.submit(chores.double, 2)]
    while not futures[0].running():
        time.sleep(0.01)
    executor.shutdown(cancel_futures=True)
    assert isinstance(futures[0].exception(timeout=10), CancelledError)
    assert futures[1].cancelled()


def test_without_a_cluster_it_is_local_processes(tmp_path: Path):
    made = make_executor(Settings(data_dir=tmp_path, workers=1))
    assert isinstance(made, LocalProcesses)
    made.shutdown()


def test_a_cluster_that_does_not_answer_is_said_so(tmp_path: Path):
    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}), pytest.raises(SetupError, match="KERBSIDE_CLUSTER"):
        make_executor(Settings(data_dir=tmp_path, cluster_address="tcp://127.0.0.1:9"))
