"""One search of one contender, in a process of its own, so that its seconds and its memory are its own: prints one line of JSON.

    python -m benchmarks.one_search CONTENDER CASE --seconds 60 [--cores 2] [--seed 1] [--data FOLDER]

Whoever reads the instance for itself, or counts its costs for itself, is a peer; the portfolio's plans are those that our checker has seen.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.routing_sets import DATA, load
from routing.bound import lower_bound
from routing.check import check
from routing.instances import Instance
from routing.portfolio import Engine
from routing.problem import Problem
from routing.solve import solve
from routing.stopping import MaxSeconds

ROUNDING = {"CVRP": "round", "VRPTW": "dimacs", "PCVRPTW": "dimacs", "MTVRPTWR": "dimacs"}
"""How PyVRP is to read a dialect; all others "exact"."""


@dataclass(frozen=True)
class Task:
    """What is to be searched, and for how long."""

    instance: Instance
    path: Path
    seconds: float
    cores: int
    seed: int


@dataclass(frozen=True)
class Found:
    """What came of it, in the problem's cost units."""

    cost: float
    feasible: bool
    routes: int


class NotForThis(Exception):
    """The contender is not installed, or cannot read such an instance."""


def ours(task: Task) -> Found:
    """The portfolio on all cores."""
    return _ours(task, Engine.AUTO, task.cores)


def ortools(task: Task) -> Found:
    """OR-Tools alone, as this package asks it."""
    return _ours(task, Engine.ORTOOLS, 1)


def pyvrp(task: Task) -> Found:
    """PyVRP as it comes, where it can read the instance or where that has no rules of its own; else as this package asks it."""
    import pyvrp
    from pyvrp.stop import MaxRuntime

    if task.path.suffix == ".vrp":
        data = pyvrp.read(task.path, ROUNDING.get(task.instance.dialect, "exact"))
    elif task.instance.dialect == "VRPTW":
        data = plain_data(task.instance.problem)
    else:
        return _ours(task, Engine.PYVRP, 1)
    found = pyvrp.solve(data, stop=MaxRuntime(task.seconds), seed=task.seed, display=False)
    # Prizes passed up are part of its cost, as in print; a solution that breaks a rule has none.
    return Found(found.cost(), found.is_feasible(), found.best.num_routes())


def plain_data(problem: Problem) -> Any:
    """A problem of one depot, one kind of vehicle and one window a stop, as PyVRP's documentation would put it."""
    import pyvrp

    travel, truck = problem.travel[0], problem.vehicles[0]
    metres, seconds = travel.distance_m.astype(np.int64), travel.drive_s.astype(np.int64)
    depot = pyvrp.Depot(truck.start_location, truck.shift.open_s, truck.shift.close_s)
    clients = [
        pyvrp.Client(
            stop.location,
            delivery=list(stop.load),
            service_duration=stop.service_s,
            tw_early=stop.windows[0].open_s,
            tw_late=stop.windows[0].close_s,
        )
        for stop in problem.stops
    ]
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0)] * travel.size,
        clients=clients,
        depots=[depot],
        vehicle_types=[pyvrp.VehicleType(len(problem.vehicles), list(truck.capacity))],
        distance_matrices=[metres],  # type: ignore[list-item]
        duration_matrices=[seconds],  # type: ignore[list-item]
    )


def hgs(task: Task) -> Found:
    """HGS-CVRP by the wheel `hygese`: the CVRP without limits of length."""
    problem = task.instance.problem
    if task.instance.dialect != "CVRP" or any(vehicle.max_distance_m is not None for vehicle in problem.vehicles):
        raise NotForThis("–")
    hygese = _imported("hygese")
    data = {
        "distance_matrix": problem.travel[0].distance_m,
        "demands": _by_location(problem, [stop.load[0] for stop in problem.stops]),
        "service_times": np.zeros(problem.travel[0].size),
        "vehicle_capacity": problem.vehicles[0].capacity[0],
        "num_vehicles": len(problem.vehicles),
        "depot": 0,
    }
    if problem.vehicles[0].start_location != 0:
        raise NotForThis("–")
    if task.instance.xy is not None and task.instance.xy.min() >= 0:
        data |= {"x_coordinates": task.instance.xy[:, 0], "y_coordinates": task.instance.xy[:, 1]}
    parameters = hygese.AlgorithmParameters(timeLimit=task.seconds, seed=task.seed)
    found = hygese.Solver(parameters=parameters, verbose=False).solve_cvrp(data)
    return Found(found.cost, bool(found.routes), len(found.routes))


def vroom(task: Task) -> Found:
    """VROOM at its deepest level by the wheel `pyvroom`, CVRP and VRPTW; it ends when it has done, whatever the seconds."""
    problem = task.instance.problem
    if task.instance.dialect not in ("CVRP", "VRPTW"):
        raise NotForThis("–")
    module = _imported("vroom")
    given = module.Input()
    given.set_durations_matrix(profile="car", matrix_input=problem.travel[0].drive_s.astype(np.uint32))
    for number, truck in enumerate(problem.vehicles):
        hours = module.TimeWindow(truck.shift.open_s, truck.shift.close_s)
        places = {"start": truck.start_location, "end": truck.end_location}
        given.add_vehicle(module.Vehicle(number, capacity=list(truck.capacity), time_window=hours, **places))
    for stop in problem.stops:
        hours = [module.TimeWindow(window.open_s, window.close_s) for window in stop.windows] or None
        given.add_job(module.Job(stop.location, location=stop.location, pickup=list(stop.load), service=stop.service_s, time_windows=hours))
    found = given.solve(exploration_level=5, nb_threads=1)
    return Found(found.summary.cost, found.summary.unassigned == 0, found.routes["vehicle_id"].nunique())


CONTENDERS: dict[str, Callable[[Task], Found]] = {"ours": ours, "ortools": ortools, "pyvrp": pyvrp, "hgs": hgs, "vroom": vroom}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("case")
    parser.add_argument("--seconds", type=float, required=True, help="of wall-clock time")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    task = Task(load(args.case, args.data), args.data / args.case, args.seconds, args.cores, args.seed)
    print(json.dumps(measured(args.contender, task)))


def measured(contender: str, task: Task) -> dict[str, Any]:
    """What was found and what it took; the bound is worked out afterwards, and belongs to nobody's seconds."""
    before_s, began_s = _cpu_s(), time.perf_counter()
    try:
        found = CONTENDERS[contender](task)
    except NotForThis as reason:
        return {"not_tried": str(reason)}
    facts = {
        "seconds": time.perf_counter() - began_s,
        "cpu_s": _cpu_s() - before_s,
        "rss_mib": _rss_mib(),
        "cost": task.instance.in_print(round(found.cost)) if found.feasible else None,
        "feasible": found.feasible,
        "routes": found.routes,
    }
    if contender == "ours":
        facts["bound"] = task.instance.in_print(lower_bound(task.instance.problem).cost)
    return facts


def _ours(task: Task, engine: Engine, cores: int) -> Found:
    problem = task.instance.problem
    plan = solve(problem, stop=MaxSeconds(task.seconds), seed=task.seed, engine=engine, cores=cores)
    verdict = check(problem, plan)
    return Found(verdict.objective, verdict.feasible and not verdict.mandatory_unserved, len(plan.routes))


def _by_location(problem: Problem, values: list[int]) -> list[int]:
    by_location = [0] * problem.travel[0].size
    for stop, value in zip(problem.stops, values, strict=True):
        by_location[stop.location] = value
    return by_location


def _imported(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotForThis("not installed") from error


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _rss_mib() -> float:
    """Of this process and the largest of its children."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1_024


if __name__ == "__main__":
    main()
