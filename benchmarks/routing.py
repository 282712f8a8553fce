"""Routing: cost against the bound, stops served and seconds on generated nights; the gap to the best known on classic instances.

    python -m benchmarks.routing [--seconds 20] [--instances FOLDER]

FOLDER holds CVRPLIB's `X-n101-k25.vrp` and `X-n200-k36.vrp` with their `.sol`; what is missing is skipped, and said.
"""

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.nights import town_night
from routing.bound import lower_bound
from routing.io import read_problem
from routing.plan import Plan
from routing.problem import COST_UNITS_PER_CURRENCY, Problem
from routing.solve import insert_only, objective, solve
from routing.stopping import MaxSeconds

INSTANCES = ("X-n101-k25", "X-n200-k36")
NIGHTS = ((150, 90), (400, 200))
"""Stops offered, and how many of them are mandatory; the second is about half more than six trucks can do."""
ROW = "{:<26} {:>9} {:>12} {:>12} {:>12} {:>7} {:>8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each search")
    parser.add_argument("--instances", type=Path, default=Path("data/cvrp"))
    args = parser.parse_args()
    print(ROW.format("problem", "served", "insertion", "solved", "bound/best", "gap %", "seconds"))
    for offered, mandatory in NIGHTS:
        print(night_row(f"night {offered}, {mandatory} mandatory", town_night(offered, mandatory), args.seconds))
    for name in INSTANCES:
        for line in instance_rows(args.instances / f"{name}.vrp", args.seconds):
            print(line)


def night_row(label: str, problem: Problem, limit_s: float) -> str:
    """Cost plus prizes passed up, in currency, against the bound over all choices of stops."""
    plan, seconds = timed(problem, limit_s)
    bound = lower_bound(problem).cost
    return row(label, problem, plan, bound, seconds, COST_UNITS_PER_CURRENCY)


def instance_rows(path: Path, limit_s: float) -> Iterator[str]:
    """Length against the best known, which stands at the end of the `.sol`."""
    solution = path.with_suffix(".sol")
    if not (path.exists() and solution.exists()):
        yield f"{path.stem:<26} skipped: {path} or its .sol is not there"
        return
    problem = read_problem(path)
    (best,) = re.findall(r"^Cost\s+(\d+)", solution.read_text(), re.MULTILINE)
    plan, seconds = timed(problem, limit_s)
    yield row(path.stem, problem, plan, int(best), seconds, 1)


def timed(problem: Problem, limit_s: float) -> tuple[Plan, float]:
    began = time.perf_counter()
    plan = solve(problem, stop=MaxSeconds(limit_s), seed=1)
    return plan, time.perf_counter() - began


def row(label: str, problem: Problem, plan: Plan, reference: int, seconds: float, unit: int) -> str:
    found, inserted = objective(problem, plan), objective(problem, insert_only(problem))
    gap_pct = 100 * (found - reference) / reference
    served = f"{len(plan.served)}/{len(problem.stops)}"
    money = (f"{one / unit:,.0f}" for one in (inserted, found, reference))
    return ROW.format(label, served, *money, f"{gap_pct:.1f}", f"{seconds:.1f}")


if __name__ == "__main__":
    main()
