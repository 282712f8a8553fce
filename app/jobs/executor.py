"""Fan-out: one executor for nights of tenants, depots and twin runs, on processes of this machine or on a Dask cluster.

Tasks are module-level functions of small values (settings, numbers, dates): they read from the database and write to it themselves. A
task whose worker dies is run again, so it must bear that; a task that raises fails alone.
"""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from app.config import Settings
from app.errors import SetupError

T = TypeVar("T")

MOST_RUNS = 3
"""Of one task, the first and those after its worker died."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""As many processes as cores, each with threads as many as cores, would only be in each other's way."""


def make_executor(settings: Settings) -> Executor:
    """A Dask cluster where the settings name one, else processes of this machine. Shut it down after use."""
    return Cluster(settings.cluster_address) if settings.cluster_address else LocalProcesses(settings.workers)


class LocalProcesses(Executor):
    """Worker processes that are started when first needed.

    One pool of one process behind each thread: the death of a worker breaks its own task only, which is then run again.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._threads = ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="fan-out")
        self._own = threading.local()
        self._pools: set[ProcessPoolExecutor] = set()
        self._closed = threading.Event()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        return self._threads.submit(self._run, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """With `cancel_futures` also what is being worked on ends now: its workers are killed."""
        if cancel_futures:
            self._closed.set()
            for pool in tuple(self._pools):
                _kill_workers(pool)
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for pool in tuple(self._pools):
            pool.shutdown(wait=wait)

    def _run(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        """In a thread of ours: have the thread's process do it."""
        for run in range(1, MOST_RUNS + 1):
            if self._closed.is_set():
                raise CancelledError
            try:
                return self._pool().submit(fn, *args, **kwargs).result()
            except BrokenProcessPool:
                self._forget_pool()
                if run == MOST_RUNS:
                    raise
        raise AssertionError("the last run has returned or raised")

    def _pool(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            # spawned, not forked: a fork would share the parent's connections and its threads' locks
            pool = self._own.pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_become_worker)
            self._pools.add(pool)
        return pool

    def _forget_pool(self) -> None:
        self._pools.discard(self._own.pool)
        self._own.pool.shutdown(wait=False)
        self._own.pool = None


def _kill_workers(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()


def _become_worker() -> None:
    """Ctrl-C is the parent's to handle, and nobody survives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(ONE_THREAD)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Cluster(Executor):
    """Workers of a Dask cluster; its scheduler runs a task again whose worker died."""

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError as error:
            raise SetupError("KERBSIDE_CLUSTER is set, but Dask is not installed: pip install 'kerbside[cluster]'.") from error
        connect: Any = distributed.Client
        try:
            self._client = connect(address, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise SetupError(f"No Dask scheduler answers at {address} (KERBSIDE_CLUSTER).") from error
        self._tasks = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        future: Future[T] = self._tasks.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._tasks.shutdown(wait=wait and not cancel_futures)
        self._client.close()
