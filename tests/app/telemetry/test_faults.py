"""kill -9 of a web worker and of PostgreSQL under load: what was acknowledged is there, once; what was not can be sent again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.db import Database
from app.embedded_postgres import EmbeddedPostgres
from app.provision import DatabaseUrls, make_roles_and_database
from app.telemetry.levels import rebuild_states
from app.telemetry.models import ContainerState, Measurement
from migrations.run import upgrade
from tests.factories import telemetry as make
from tests.factories.tenancy import api_key, tenant

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
DEVICES, BATCHES = 5, 120
PATIENCE_S = 60
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def safe_server() -> Iterator[EmbeddedPostgres]:
    """A server with fsync on, as users have it."""
    root = Path(tempfile.mkdtemp(prefix="kerbside-faults-"))
    root.chmod(0o755)
    server = EmbeddedPostgres(root / "postgres").start()
    yield server
    server.stop_now()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def urls_of_safe(safe_server: EmbeddedPostgres) -> DatabaseUrls:
    made = make_roles_and_database(safe_server, "faults")
    upgrade(made.owner)
    return made


@pytest.fixture
def gunicorn(urls_of_safe: DatabaseUrls, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A real server process with two workers, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = {"DATABASE_URL": urls_of_safe.app, "KERBSIDE_SECRET_KEY": "only for tests", "KERBSIDE_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "gunicorn", "wsgi:application", "--workers=2", f"--bind=127.0.0.1:{port}", "--log-level=error"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=PROJECT, env=os.environ | known, **quiet) as process:
        yield process, port
        process.terminate()


class Sender(threading.Thread):
    """A network server that sends each batch until it is acknowledged."""

    def __init__(self, port: int, key: str, batches: list[list[dict[str, object]]]) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{port}/api/v1/measurements"
        self.key = key
        self.batches = batches
        self.acknowledged = 0
        self.failures = 0
        self.statuses: list[str] = []

    def run(self) -> None:
        for batch in self.batches:
            body = json.dumps({"measurements": batch}).encode()
            until = time.monotonic() + PATIENCE_S
            while (answer := self._send(body)) is None and time.monotonic() < until:
                self.failures += 1
                time.sleep(0.05)
            if answer is None:
                return
            self.statuses += [item["status"] for item in answer["items"]]
            self.acknowledged += 1

    def _send(self, body: bytes) -> dict[str, list[dict[str, str]]] | None:
        request = urllib.request.Request(self.url, body, {"Authorization": f"Bearer {self.key}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        return None

    def wait_for(self, acknowledged: int) -> None:
        until = time.monotonic() + PATIENCE_S
        while self.acknowledged < acknowledged and self.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        assert self.acknowledged >= acknowledged, f"{self.acknowledged} batches after {self.failures} failures"


def kill_a_worker(master: int) -> None:
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)


def kill_postgres(server: EmbeddedPostgres) -> None:
    pid_file = server.home / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)


def test_what_was_acknowledged_survives_and_counts_once(
    safe_server: EmbeddedPostgres, urls_of_safe: DatabaseUrls, gunicorn: tuple[subprocess.Popen[bytes], int]
):
    process, port = gunicorn
    owner, database = Database(urls_of_safe.owner), Database(urls_of_safe.app)
    tenant_id = tenant(owner)
    key = api_key(database, tenant_id)
    with database.transaction(tenant_id) as session:
        devices = [make.mounted(session) for _ in range(DEVICES)]
    batches = [[_reading(device.device_uid, hour) for device in devices] for hour in range(BATCHES)]
    sender = Sender(port, key, batches)
    sender.start()

    sender.wait_for(BATCHES // 4)
    kill_a_worker(process.pid)
    sender.wait_for(BATCHES // 2)
    kill_postgres(safe_server)
    acknowledged = sender.acknowledged
    safe_server.start()
    with database.transaction(tenant_id) as session:
        # even before anything is sent again
        survived = session.scalar(text("select count(*) from measurement"))
    sender.join(PATIENCE_S)

    assert survived >= acknowledged * DEVICES
    assert sender.acknowledged == BATCHES
    assert sender.failures > 0
    assert set(sender.statuses) <= {"stored", "duplicate"}
    with database.transaction(tenant_id) as session:
        stored = session.execute(select(Measurement.device_id, Measurement.observed_at)).all()
        assert len(stored) == len(set(stored)) == BATCHES * DEVICES
        before = _figures(database, tenant_id)
        rebuild_states(session, [device.container_id for device in devices])
    assert _figures(database, tenant_id) == before
    database.engine.dispose()
    owner.engine.dispose()


def _reading(device_uid: str, hour: int) -> dict[str, object]:
    return {"device": device_uid, "observed_at": (BEGIN + timedelta(hours=hour)).isoformat(), "distance_mm": 1200 - 8 * (hour % 100)}


def _figures(database: Database, tenant_id: int) -> list[tuple[object, ...]]:
    with database.transaction(tenant_id) as session:
        states = session.scalars(select(ContainerState).order_by(ContainerState.container_id))
        return [(s.container_id, s.fill_pct, s.observed_at, s.last_emptied_at, s.level_filter["level"][0]) for s in states]
