"""Small tasks for other processes, apart from the nights so that those start quickly."""

import os
import signal
import time
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def fail(words: str) -> None:
    raise ValueError(words)


def threads_and_pid() -> tuple[str | None, int]:
    return os.environ.get("OMP_NUM_THREADS"), os.getpid()


def die_unless_it_happened(mark: Path) -> int:
    """The first one to come dies without a word."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def die(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float) -> None:
    time.sleep(seconds)
