"""The machine's cores, shared by the searches of all its processes: no two ever search on the same one.

A core is a locked file, so that whoever dies gives his back. A night that finds none free waits for one (each search ends within the
policy's seconds); who may not wait, a re-plan while trucks are standing, goes on with one all the same.
"""

import fcntl
import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.config import Settings

LOOK_EVERY_S = 0.2


@contextmanager
def held_cores(settings: Settings, *, most: int | None = None, wait: bool = True) -> Iterator[int]:
    """How many cores the block may search on, at least one: what is free of `settings.cores`, at most `most`."""
    cores = settings.cores
    places = settings.data_dir / "cores" / (platform.node() or "here")
    places.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        count = _take(held, places, cores, most or cores)
        while count == 0 and wait:
            time.sleep(LOOK_EVERY_S)
            count = _take(held, places, cores, most or cores)
        yield max(count, 1)


def _take(held: ExitStack, places: Path, cores: int, most: int) -> int:
    """Lock free cores until the stack is unwound; how many were there to lock."""
    taken = 0
    for number in range(cores):
        if taken == most:
            break
        file = _locked(places / str(number))
        if file is not None:
            held.enter_context(file)
            taken += 1
    return taken


def _locked(path: Path) -> BinaryIO | None:
    """The file, locked until it is closed; None if another search has it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    file.close()
    return None
