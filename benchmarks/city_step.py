"""One step of `city_night`, in a process of its own; facts come as one JSON line: `matrix`, `search` or `bound`."""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.city import city_night, draw_places
from benchmarks.watched import Facts
from routing import stopping
from routing.bound import lower_bound
from routing.check import check
from routing.io import plan_to_json
from routing.problem import COST_UNITS_PER_CURRENCY, Problem, Travel
from routing.roads.build import build_graph_from_pbf
from routing.roads.cch import street_engine
from routing.roads.graph import StreetGraph
from routing.roads.profile import TRUCK_26T
from routing.solve import solve
from routing.stopping import MaxSeconds


def matrix(args: argparse.Namespace) -> Facts:
    """Graph, order and matrix, each timed; graph and order are kept beside the matrix, as a city keeps them."""
    graph_s = _timed(lambda: _graph(args).save(args.kept / "graph.npz"))
    graph = StreetGraph.load(args.kept / "graph.npz")
    order_s = _timed(lambda: street_engine(graph, topology_dir=args.kept / "order"))
    engine = street_engine(graph, topology_dir=args.kept / "order")
    points = draw_places(graph, args.containers, args.seed)
    began_s, before_s = time.perf_counter(), _cpu_s()
    travel = engine.matrix(points, TRUCK_26T)
    facts = {"wall_s": time.perf_counter() - began_s, "cpu_s": _cpu_s() - before_s}
    for name in ("drive_s", "distance_m"):
        np.save(_file(args, name), getattr(travel, name))
    facts |= {"mib": (travel.drive_s.nbytes + travel.distance_m.nbytes) / 2**20, "graph_s": graph_s, "order_s": order_s}
    return facts | {"locations": len(points), "unreachable": len(travel.unreachable), "edges": graph.edges, "engine": travel.engine}


def _graph(args: argparse.Namespace) -> StreetGraph:
    kept = args.kept / "graph.npz"
    return StreetGraph.load(kept) if kept.exists() else build_graph_from_pbf(args.map)


def search(args: argparse.Namespace) -> Facts:
    """The night searched, and its plan checked; the plan is kept for `bound`."""
    problem = _problem(args)
    if args.clock == "cpu":
        _count_cpu_seconds(args.cores)
    began_s, before_s = time.perf_counter(), _cpu_s()
    plan = solve(problem, stop=MaxSeconds(args.seconds), seed=args.seed, cores=args.cores)
    facts = {"seconds": args.seconds, "wall_s": time.perf_counter() - began_s, "cpu_s": _cpu_s() - before_s}
    verdict = check(problem, plan)
    _plan_file(args).write_text(json.dumps(plan_to_json(plan)))
    optional = len(plan.unserved) - len(verdict.mandatory_unserved)
    return facts | {
        "cost": verdict.cost / COST_UNITS_PER_CURRENCY,
        "passed_up": verdict.lost_prizes / COST_UNITS_PER_CURRENCY,
        "owed_out": len(verdict.mandatory_unserved),
        "optional_out": optional,
        "served": verdict.served,
        "trucks": len(plan.routes),
        "km": verdict.distance_m / 1_000,
        "violations": len(verdict.violations),
        "engine": plan.engine,
    }


def bound(args: argparse.Namespace) -> Facts:
    """A certified bound on cost plus prizes passed up, whatever is served."""
    problem = _problem(args)
    began_s, before_s = time.perf_counter(), _cpu_s()
    found = lower_bound(problem)
    facts = {"wall_s": time.perf_counter() - began_s, "cpu_s": _cpu_s() - before_s}
    return facts | {"bound": found.cost / COST_UNITS_PER_CURRENCY, "method": found.method}


def _count_cpu_seconds(cores: int) -> None:
    """From now on a second of a search's limit is over when `cores` threads could have had it, however busy the machine is."""
    began_s, before_s = time.monotonic(), time.process_time()
    vars(stopping)["time"] = SimpleNamespace(monotonic=lambda: began_s + (time.process_time() - before_s) / cores)


def _problem(args: argparse.Namespace) -> Problem:
    # Mapped, not read: the matrices are in memory once, however many processes look into them.
    travel = Travel(*(np.load(_file(args, name), mmap_mode="r") for name in ("drive_s", "distance_m")))
    return city_night(travel, args.trucks, args.seed)


def _file(args: argparse.Namespace, name: str) -> Path:
    return Path(args.kept / f"{name}-{args.containers}-{args.seed}.npy")


def _plan_file(args: argparse.Namespace) -> Path:
    return Path(args.kept / f"plan-{args.containers}-{args.trucks}-{args.seed}-{args.seconds:g}.json")


def _timed(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


STEPS: dict[str, Callable[[argparse.Namespace], Facts]] = {"matrix": matrix, "search": search, "bound": bound}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--map", type=Path)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    for name, kind in (("containers", int), ("trucks", int), ("seed", int), ("cores", int), ("seconds", float)):
        parser.add_argument(f"--{name}", type=kind, default=1)
    args = parser.parse_args()
    print(json.dumps(STEPS[args.step](args)))


if __name__ == "__main__":
    main()
