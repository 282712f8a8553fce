"""Whatever becomes of the solver's process, there is a checked plan, and it says whose it is."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from routing import guarded
from routing.guarded import solve_in_subprocess
from routing.io import plan_digest
from routing.plan import Plan
from routing.solve import solve
from routing.stopping import Cancelled, FirstOf, MaxIterations, MaxSeconds
from tests.routing.ascii_city import ascii_city, stop, truck
from tests.routing.plans import checked

CITY = ascii_city("D----A----B----C----U")
PROBLEM = CITY.problem(truck(capacity_l=30), load={f"{n}{i}": stop(10, 10, prize=90_000) for n in "ABC" for i in range(3)})
STREAM_ONE = (
    "import sys, time; from routing.child import *; from routing.solve import insert_only;"
    "task = read_task(sys.stdin.buffer); plan = insert_only(task.problem, engine='streamed');"
    "write_message(sys.stdout.buffer, plan);"
)


@pytest.fixture
def child_says(monkeypatch):
    """Put a program in the place of the solver's."""
    return lambda program: monkeypatch.setattr(guarded, "CHILD", (sys.executable, "-c", program))


FIFTY = MaxIterations(50)


def guarded_plan(stop=FIFTY, hard_limit_s=60.0, memory_mb=2_000, **more) -> Plan:
    plan = solve_in_subprocess(PROBLEM, stop=stop, seed=3, hard_limit_s=hard_limit_s, memory_mb=memory_mb, **more)
    checked(PROBLEM, plan)
    assert len(plan.served) == 9
    return plan


def test_the_child_finds_what_the_search_here_finds_and_streams_it():
    seen: list[Plan] = []
    plan = guarded_plan(on_improvement=seen.append)
    assert plan_digest(plan) == plan_digest(solve(PROBLEM, stop=MaxIterations(50), seed=3))
    assert seen and all(checked(PROBLEM, one) for one in seen)


def test_the_time_of_the_child_includes_its_start():
    """However little it is, the plan is there."""
    assert guarded_plan(stop=MaxSeconds(0.05)).served


def test_a_child_that_hangs_is_ended(child_says):
    child_says("import time; time.sleep(600)")
    assert guarded_plan(hard_limit_s=0.3).engine == "insertion (the solver was ended after 0.3 s)"


def test_a_child_that_is_killed_is_named(child_says):
    child_says(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    assert guarded_plan().engine == "insertion (the solver's process ended with -9)"


def test_a_child_killed_from_outside_leaves_its_best_plan_so_far(child_says, monkeypatch):
    """The streamed plan is the warm start of the fall-back, which has nothing to add to it."""
    child_says(STREAM_ONE + "time.sleep(600)")
    started, pids = guarded.subprocess.Popen, []

    def start(*given, **more):
        child = started(*given, **more)
        pids.append(child.pid)
        return child

    monkeypatch.setattr(guarded.subprocess, "Popen", start)
    seen: list[Plan] = []
    plan = guarded_plan(on_improvement=lambda better: (seen.append(better), os.kill(pids[0], signal.SIGKILL)))
    assert plan.engine == "insertion (the solver's process ended with -9)"
    assert seen[0].engine == "streamed"
    assert plan.cost <= seen[0].cost


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is watched through /proc")
def test_a_child_that_eats_memory_is_ended(child_says):
    child_says("import time; eaten = bytearray(b'x') * (200 << 20); time.sleep(600)")
    assert guarded_plan(memory_mb=100).engine.endswith("100 are allowed)")


def test_a_child_that_raises_says_what(child_says):
    child_says(STREAM_ONE + "write_message(sys.stdout.buffer, Failed('MemoryError: no more'))")
    assert guarded_plan().engine == "insertion (MemoryError: no more)"


def test_a_long_story_is_cut_short(child_says):
    child_says(STREAM_ONE + "write_message(sys.stdout.buffer, Failed('x' * 500))")
    assert guarded_plan().engine == f"insertion ({'x' * 60})"


def test_a_child_that_breaks_off_in_the_middle_of_a_message_is_no_plan(child_says):
    child_says("import sys; sys.stdout.buffer.write(bytes([0, 0, 1, 0, 128]))")
    assert guarded_plan().engine == "insertion (the solver's process ended with 0)"


def test_a_search_is_cancelled_from_here(child_says):
    child_says(STREAM_ONE + "time.sleep(600)")
    seen: list[Plan] = []
    plan = guarded_plan(stop=FirstOf((Cancelled(lambda: bool(seen)), MaxSeconds(60))), on_improvement=seen.append)
    assert plan.engine == "insertion (the search was cancelled)"


def test_a_night_without_anything_is_a_plan_as_well():
    nothing = replace(PROBLEM, stops=())
    assert solve_in_subprocess(nothing, stop=MaxIterations(1), hard_limit_s=60, memory_mb=2_000).routes == ()
