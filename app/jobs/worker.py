"""The worker: the clock and the hands of everything that is done without anybody asking."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from app.config import Settings
from app.db import Database
from app.jobs.executor import make_executor
from app.jobs.nights import NightShift
from app.jobs.schedule import TABLE, Workshop, put_on
from app.provision import locate_database, owner_engine

_log = logging.getLogger(__name__)


def run_worker(settings: Settings, *, once: bool = False) -> None:
    """Plan nights, keep deadlines and clean up until SIGTERM or SIGINT; with `once` do what is due, and leave.

    Any number may run, on any number of machines. A night that is interrupted is taken up by the next worker.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    with told_to_stop() as stop, _workshop(settings) as shop:
        if once:
            _run_once(shop)
        else:
            _run_until(stop, shop)


def _run_once(shop: Workshop) -> None:
    for job in TABLE:
        job.run(shop)
    shop.shift.finish()


def _run_until(stop: threading.Event, shop: Workshop) -> None:
    scheduler = BackgroundScheduler(timezone="UTC")
    put_on(scheduler, shop)
    scheduler.start()
    _log.info("the worker has begun")
    stop.wait()
    scheduler.shutdown()
    _log.info("the worker ends; nights under way: %d", len(shop.shift.handed_out))


@contextmanager
def _workshop(settings: Settings) -> Iterator[Workshop]:
    urls = locate_database(settings)
    database, owner, executor = Database(urls.app), owner_engine(urls), make_executor(settings)
    try:
        yield Workshop(settings, database, owner, NightShift(database, settings, executor))
    finally:
        # what is still under way ends here: its lease lapses, and whoever comes next takes it up
        executor.shutdown(wait=True, cancel_futures=True)
        database.engine.dispose()
        owner.dispose()


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, in place of what they did before."""
    stop = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
