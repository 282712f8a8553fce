"""The far side of `guarded.solve_in_subprocess`: one problem in on standard input, plans out on standard output, then the end.

A message is four bytes of length (big-endian), then a pickle. In comes one `Task`; out come a `Plan` for each improvement and,
last, a `Done` or a `Failed`. Both ends are this package on one machine: nothing of another origin is ever unpickled.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
import traceback
from dataclasses import dataclass
from typing import BinaryIO

from routing.plan import Plan
from routing.problem import Problem
from routing.solve import solve
from routing.stopping import FirstOf, MaxIterations, MaxSeconds, StopCriterion

LENGTH_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the child is to solve. `deadline_s` is a moment of `time.monotonic`, which processes of one machine share."""

    problem: Problem
    seed: int
    warm_start: Plan | None
    deadline_s: float | None
    iterations: int | None
    cores: int = 1

    @property
    def stop(self) -> StopCriterion:
        seconds = () if self.deadline_s is None else (MaxSeconds(max(0.001, self.deadline_s - time.monotonic())),)
        iterations = () if self.iterations is None else (MaxIterations(self.iterations),)
        return FirstOf((*seconds, *iterations))


@dataclass(frozen=True)
class Done:
    """The checked plan."""

    plan: Plan


@dataclass(frozen=True)
class Failed:
    """What was raised, in words."""

    reason: str


def write_message(stream: BinaryIO, message: object) -> None:
    """Length and pickle, at once."""
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    stream.flush()


def read_task(stream: BinaryIO) -> Task:
    length = int.from_bytes(stream.read(LENGTH_BYTES), "big")
    task = pickle.loads(stream.read(length))  # noqa: S301 - our parent wrote it
    assert isinstance(task, Task)
    return task


def main() -> None:
    """Solve what the parent says, and tell it."""
    # Whatever a solver's library prints goes to the log: standard output is for messages alone.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    task = read_task(sys.stdin.buffer)
    try:
        plan = solve(
            task.problem,
            stop=task.stop,
            seed=task.seed,
            warm_start=task.warm_start,
            cores=task.cores,
            on_improvement=lambda better: write_message(answers, better),
        )
    except Exception as error:  # whatever it is, the parent has a plan to make
        traceback.print_exc()
        write_message(answers, Failed(f"{type(error).__name__}: {error}"))
    else:
        write_message(answers, Done(plan))
