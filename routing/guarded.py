"""Solving in a process of its own, which may hang, crash or eat memory without harm: there is a checked plan in the end.

A solver does not always honour its limits, and what it allocates is its own affair (a crash takes its process with it). So the search
runs in a child that is started anew, watched, and killed where it exceeds time or memory. Its best plan so far has been streamed
here by then; the fall-back goes on from that by insertion.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from routing.child import LENGTH_BYTES, Done, Failed, Task, write_message
from routing.plan import Plan
from routing.problem import Problem
from routing.solve import GREEDY, LONGEST_REASON, insert_only
from routing.stopping import NOTHING_YET, StopCriterion

CHILD = (sys.executable, "-c", "from routing.child import main; main()")
LOOK_EVERY_S = 0.1


def solve_in_subprocess(
    problem: Problem,
    *,
    stop: StopCriterion,
    seed: int = 0,
    hard_limit_s: float,
    memory_mb: int,
    on_improvement: Callable[[Plan], None] | None = None,
    warm_start: Plan | None = None,
    cores: int = 1,
) -> Plan:
    """`solve` in a child process, or what insertion makes of the child's last plan if that dies, hangs or takes too much.

    Parameters
    ----------
    stop
        As in `solve`, the child's start included. A criterion without a clock (`Cancelled`) is asked here: then the child is ended, and
        its best plan so far completed.
    hard_limit_s
        Wall-clock seconds until the child is killed; some seconds more than `stop` allows.
    memory_mb
        Resident memory of the child at most, looked at ten times a second. Resident, because OR-Tools and NumPy reserve far more address
        space than they use, which a limit on that would refuse. Held where there is a `/proc` (Linux).
    on_improvement
        Called in this process with each better plan.
    cores
        Seeds that the child searches at once; they share its memory.

    Returns
    -------
    Plan
        Always a checked one. `engine` says whose it is: the child's, or "insertion (why)".

    Raises
    ------
    EngineError
        As `solve`, should the fall-back itself be unsound.
    """
    watch = _Watch(problem, stop, on_improvement, time.monotonic() + hard_limit_s, memory_mb)
    with _child() as child:
        return watch.follow(child, _task(problem, stop, seed, warm_start, cores), hard_limit_s)


def _task(problem: Problem, stop: StopCriterion, seed: int, warm_start: Plan | None, cores: int) -> Task:
    stop(NOTHING_YET)  # the clock starts here
    deadline_s = None if stop.seconds is None else time.monotonic() + stop.seconds
    return Task(problem=problem, seed=seed, warm_start=warm_start, deadline_s=deadline_s, iterations=stop.iterations, cores=cores)


class _Watch:
    """What is known of one child, and when it has had enough."""

    def __init__(
        self, problem: Problem, stop: StopCriterion, on_improvement: Callable[[Plan], None] | None, ends_s: float, memory_mb: int
    ) -> None:
        self.problem, self.stop, self.on_improvement = problem, stop, on_improvement
        self.ends_s, self.memory_mb = ends_s, memory_mb
        self.best: Plan | None = None

    def follow(self, child: subprocess.Popen[bytes], task: Task, hard_limit_s: float) -> Plan:
        """Hear the child out, or end it."""
        assert child.stdin is not None and child.stdout is not None
        heard: queue.SimpleQueue[object] = queue.SimpleQueue()
        threading.Thread(target=_hand_over, args=(child.stdin, task), daemon=True).start()
        threading.Thread(target=_listen, args=(child.stdout, heard), daemon=True).start()
        while True:
            with suppress(queue.Empty):
                message = heard.get(timeout=LOOK_EVERY_S)
                if isinstance(message, Done):
                    return message.plan
                if isinstance(message, Failed):
                    return self._without(task, message.reason)
                if message is None:
                    return self._without(task, f"the solver's process ended with {child.wait()}")
                assert isinstance(message, Plan)
                self._improve(message)
            reason = self._enough(child.pid, hard_limit_s)
            if reason is not None:
                return self._without(task, reason)

    def _improve(self, plan: Plan) -> None:
        self.best = plan
        if self.on_improvement is not None:
            self.on_improvement(plan)

    def _enough(self, pid: int, hard_limit_s: float) -> str | None:
        if time.monotonic() > self.ends_s:
            return f"the solver was ended after {hard_limit_s:g} s"
        used_mb = _resident_mb(pid)
        if used_mb > self.memory_mb:
            return f"the solver was ended at {used_mb} MB of memory, {self.memory_mb} are allowed"
        cancelled = self.stop(NOTHING_YET) and self.stop.seconds != 0  # where time is up the child knows it as well
        return "the search was cancelled" if cancelled else None

    def _without(self, task: Task, reason: str) -> Plan:
        return insert_only(
            self.problem, engine=f"{GREEDY} ({reason[:LONGEST_REASON]})", seed=task.seed, warm_start=self.best or task.warm_start
        )


@contextmanager
def _child() -> Iterator[subprocess.Popen[bytes]]:
    """A child that does not outlive the block."""
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))}
    child = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603 - our own program
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()


def _hand_over(stream: IO[bytes], task: Task) -> None:
    with suppress(OSError, ValueError):  # a child that is gone says so at its other end
        write_message(stream, task)  # type: ignore[arg-type]


def _listen(stream: IO[bytes], heard: queue.SimpleQueue[object]) -> None:
    """Each message of the child, then None at its end."""
    with suppress(OSError, ValueError, EOFError, pickle.UnpicklingError):
        while length := stream.read(LENGTH_BYTES):
            heard.put(pickle.loads(stream.read(int.from_bytes(length, "big"))))  # noqa: S301 - our child wrote it
    heard.put(None)


def _resident_mb(pid: int) -> int:
    """0 where the process is gone, or the machine does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
