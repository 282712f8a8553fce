"""A real server on a committed database, and Debian's chromium to look at it with."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from uuid import uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db import APP_ROLE
from app.embedded_postgres import EmbeddedPostgres
from app.provision import OWNER_ROLE, DatabaseUrls
from tests.e2e.browser import CHROMIUM, Browsing, open_browser
from tests.e2e.town import SeededTown, seed_town
from tests.factories.databases import copy_template

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line that says what was not tried."""
    if not CHROMIUM.exists():
        terminalreporter.write_line(f"not tried: the pages in a browser, because there is no {CHROMIUM}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"not tried: the pages in a browser, because there is no {CHROMIUM}")
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def town(browser: Any, cluster: EmbeddedPostgres, urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> SeededTown:
    """Committed, because another process serves it; the cluster goes with the run, and this database with it."""
    name = f"e2e_{uuid4().hex[:12]}"
    superuser = create_engine(cluster.url(database="postgres", user="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        copy_template(connection, name)
    own = DatabaseUrls(app=cluster.url(database=name, user=APP_ROLE), owner=cluster.url(database=name, user=OWNER_ROLE), server=cluster)
    return seed_town(own, tmp_path_factory.mktemp("e2e"))


@pytest.fixture(scope="session")
def address(town: SeededTown) -> Iterator[str]:
    """Where the server listens."""
    with serving(town) as where:
        yield where


@contextmanager
def serving(town: SeededTown) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {
        "DATABASE_URL": town.urls.app,
        "DATABASE_OWNER_URL": town.urls.owner,
        "KERBSIDE_DATA": str(town.settings.data_dir),
        "KERBSIDE_SECRET_KEY": "only for tests",
    }
    command = [sys.executable, "-m", "app.jobs.cli", "serve", "--port", str(port), "--workers", "1", "--no-worker", "--quiet"]
    log = town.settings.data_dir / "server.log"
    with log.open("w") as said:
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said)
        try:
            _wait_until_well(f"http://127.0.0.1:{port}/healthz", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_until_well(health: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the server did not come up: {log.read_text()[-2000:]}")


@pytest.fixture
def browsing(browser: Any, address: str) -> Iterator[Browsing]:
    """Opens pages; fails the test on a console error, or on a request to anybody else."""
    watched = Browsing(browser, address)
    yield watched
    watched.close()
