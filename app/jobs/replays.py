"""A replay in the terminal: arms in processes, their progress on a bar, and an end that keeps what is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING

from app.jobs.progress import Bar, say

if TYPE_CHECKING:  # solvers and forecasts take seconds to load: only a replay waits for them
    from app.planning.twin.kept import Desk
    from app.planning.twin.study import Study

LOOK_EVERY_S = 2.0


@contextmanager
def replaying(what: str, study: Study, arms: Sequence[str], cores: int | None, kept: Path | None) -> Iterator[tuple[Executor, Path]]:
    """Where the arms run, and the folder that outcomes are kept in: `kept`, or one that is gone afterwards."""
    from app.jobs.executor import LocalProcesses
    from app.planning.twin.kept import Desk

    with TemporaryDirectory() as passing, Bar(what) as bar:
        folder = kept or Path(passing)
        desk = Desk(folder, study.mark)
        desk.begin()
        done = Event()
        watch = Thread(target=_watch, args=(study, arms, desk, bar, done))
        executor = LocalProcesses(cores)
        watch.start()
        try:
            yield executor, folder
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            if kept is not None:
                say(f"stopped; what is done is kept in {kept}, and the same command goes on from it", error=True)
            raise
        finally:
            done.set()
            watch.join()
            executor.shutdown()


def _watch(study: Study, arms: Sequence[str], desk: Desk, bar: Bar, done: Event) -> None:
    from app.planning.twin.study import progress_of

    while not done.wait(LOOK_EVERY_S):
        bar.update_to(100 * progress_of(study, arms, desk), 100)
