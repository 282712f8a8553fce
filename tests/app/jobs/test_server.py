"""`kerbside serve` as a process: it finds a port, answers, and leaves nothing behind when it is told to stop."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from app.embedded_postgres import EmbeddedPostgres
from app.errors import SetupError
from app.jobs.server import free_port

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A fresh installation's folder, which the database's account can enter."""
    root = Path(tempfile.mkdtemp(prefix="kerbside-serve-"))
    root.chmod(0o755)
    yield root
    EmbeddedPostgres(root / "postgres").stop_now()
    shutil.rmtree(root)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_taken_port_is_passed_over(taken: int):
    assert free_port("127.0.0.1", taken) > taken


def test_where_all_ports_are_taken_the_mend_is_named(taken: int):
    with pytest.raises(SetupError, match="name a free one with --port"):
        free_port("127.0.0.1", taken, tries=1)


def test_serving_names_its_port_and_stops_with_all_that_it_started(data_dir: Path, taken: int):
    process = subprocess.Popen(
        [sys.executable, "-m", "app.jobs.cli", "serve", "--port", str(taken), "--workers", "1", "--quiet"],
        cwd=ROOT,
        env=os.environ | {"KERBSIDE_DATA": str(data_dir), "KERBSIDE_WORKERS": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Port {taken} is taken; using ")
        address = process.stdout.readline().split()[1]
        assert wait_for(lambda: answers(address))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        process.stdout.close()
    assert process.returncode == 0
    assert wait_for(lambda: not alive(process.pid)), "a process of its session is left"
    assert not (EmbeddedPostgres(data_dir / "postgres").home / "data" / "postmaster.pid").exists(), "the database server is left"


def answers(address: str) -> bool:
    try:
        with urlopen(address + "healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def alive(session_id: int) -> bool:
    """Whether anybody of the process group still lives."""
    try:
        os.killpg(session_id, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
