"""What workers do in these tests: they find it by its name, in processes of their own."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.config import Settings
from app.db import Database
from app.jobs.nights import run_due_nights
from app.planning.jobs import LEASE_S, run_night
from tests.factories import plans as make

SUNDAY_EVENING = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
"""20:30 in Berlin: Monday's night has begun."""
SHORT_LEASE_S = 3.0


def simulated_night(settings: Settings, tenant_id: int, service_date: date, *, lease_s: float = LEASE_S) -> int | None:
    """A night of a tenth of a second, through the real claims and fences. `dies-N` in the data folder kills the first worker over N."""
    assert settings.database_url is not None
    database = Database(settings.database_url, pool_size=2)

    def compute(*_: Any, **__: Any) -> dict[str, Any]:
        time.sleep(0.1)
        (settings.data_dir / f"began-{tenant_id}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if (settings.data_dir / f"fails-{tenant_id}").exists():
            raise ValueError("this tenant's own trouble")
        mark = settings.data_dir / f"dies-{tenant_id}"
        if mark.exists():
            mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"service_date": service_date}

    try:
        plan = run_night(database, tenant_id, service_date, settings=settings, lease_s=lease_s, compute=compute, store=make.stored)
    finally:
        database.engine.dispose()
    return None if plan is None else plan.id


def night_on_a_short_lease(settings: Settings, tenant_id: int, service_date: date) -> int | None:
    return simulated_night(settings, tenant_id, service_date, lease_s=SHORT_LEASE_S)


def one_scheduler(url: str, data_dir: str) -> None:
    """A whole process of its own that begins and works on what is due."""
    database = Database(url, pool_size=2)
    with ThreadPoolExecutor(1) as executor:
        run_due_nights(database, Settings(data_dir=Path(data_dir)), executor, at=SUNDAY_EVENING, task=simulated_night)


if __name__ == "__main__":
    one_scheduler(*sys.argv[1:])
