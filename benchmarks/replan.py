"""A morning goes wrong: ten trucks are out with sixty stops each, one breaks down at nine, ten bins appear.

    python -m benchmarks.replan [--seconds 5]

The search runs in a process of its own, as in the app, and the seconds hold the proof of how good the plan is too. Measured against the
same state of the field: putting in greedily what is left over, and a search to which changes cost nothing. Beside it, at the desk: what
an edit, the price of every stop, and the ways in for a stop that is left out take.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from routing.bound import Bound, gap_pct, lower_bound
from routing.edits import Move, judge_edit
from routing.explain import explain
from routing.field import FieldState, as_published
from routing.guarded import solve_in_subprocess
from routing.plan import Plan, Reason, Unserved
from routing.problem import COST_UNITS_PER_CURRENCY, BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window
from routing.relaxations import find_relaxations
from routing.replan import Replan, replan
from routing.solve import solve
from routing.stopping import MaxIterations, MaxSeconds

H = 3600
TRUCKS, STOPS_EACH, NEW_BINS = 10, 60, 10
DETOUR, METRES_PER_S = 1.35, 8.0
GRACE_S, PROOF_S, MEMORY_MB = 1, 0.4, 2_000
"""As the app has it."""
Way = Callable[[Problem, Plan, FieldState, float], Replan]
GATE = (Window(5 * H, 15 * H),)


def morning(
    seed: int = 1, *, trucks: int = TRUCKS, stops: int = TRUCKS * STOPS_EACH, spare: int = NEW_BINS
) -> tuple[Problem, tuple[Stop, ...]]:
    """The morning's problem, and stops that nobody knows of yet; the matrix knows their places."""
    rng = np.random.default_rng(seed)
    edge = np.array([[0.0, 0.0], [5_500.0, 2_000.0], [-3_000.0, 5_000.0]])  # depot, transfer station, plant
    points = np.vstack((edge, rng.normal(0, 2_500, (stops + spare, 2))))
    metres = np.rint(DETOUR * np.hypot(*np.moveaxis(points[:, None] - points[None], -1, 0))).astype(np.int64)
    seconds = np.rint(metres / METRES_PER_S).astype(np.int64)
    every = [_stop(number, rng) for number in range(stops + spare)]
    problem = Problem(
        stops=tuple(every[:stops]),
        facilities=(
            Facility(
                key="transfer station", location=1, accepts=frozenset({"waste"}), windows=GATE, turnaround_s=1_200, fee_per_kg=_money(0.04)
            ),
            Facility(key="plant", location=2, accepts=frozenset({"waste"}), windows=GATE, turnaround_s=900, fee_per_kg=_money(0.05)),
        ),
        vehicles=tuple(_truck(number) for number in range(trucks)),
        travel=(Travel(seconds, metres),),
    )
    return problem, tuple(every[stops:])


def _stop(number: int, rng: np.random.Generator) -> Stop:
    """Every tenth opens at eight only."""
    windows = (Window(8 * H, 12 * H),) if number % 10 == 0 else ()
    load = int(rng.integers(60, 180)), int(rng.integers(500, 1_100))
    return Stop(key=f"bin {number}", location=3 + number, load=load, service_s=120, setup_s=30, windows=windows)


def _truck(number: int) -> Vehicle:
    return Vehicle(
        key=f"truck {number + 1}",
        start_location=0,
        end_location=0,
        capacity=(9_500, 21_000),
        shift=Window(6 * H, 14 * H),
        compacted_density_kg_m3={"waste": 450},
        fixed_cost=_money(150),
        cost_per_s=_money(58 / H),
        cost_per_m=_money(0.0011),
        breaks=(BreakRule(key="break", duration_s=1_800, after_work_s=6 * H),),
    )


def _money(amount: float) -> int:
    return round(amount * COST_UNITS_PER_CURRENCY)


def at_nine(problem: Problem, plan: Plan, new: tuple[Stop, ...], at_s: int = 9 * H) -> FieldState:
    """All goes as published until nine; then the truck with most still to do breaks down."""
    state = as_published(problem, plan, at_s)
    busiest = max(plan.routes, key=lambda route: sum(visit.arrival_s > at_s for visit in route.pickups)).vehicle
    trucks = tuple(replace(truck, broken=truck.vehicle == busiest) for truck in state.trucks)
    return replace(state, trucks=trucks, new_stops=new, not_coming=frozenset({busiest}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each replan")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    problem, new = morning(args.seed)
    plan = solve(problem, stop=MaxIterations(300), seed=args.seed)
    state = at_nine(problem, plan, new)
    ways = {"insertion only": insertion_only, "replan": replanned, "changes for nothing": for_nothing}
    rows = {name: timed(way, problem, plan, state, args.seconds) for name, way in ways.items()}
    print(f"{len(problem.stops)} stops on {len(plan.routes)} trucks; at nine {len(state.served)} are done, ", end="")
    print(f"one truck is out, {len(new)} bins are new")
    print(f"{'':<20} {'seconds':>8} {'moved':>6} {'of them free':>13} {'unserved':>9} {'cost':>10} {'to replan':>10} {'gap %':>6}")
    base = without_changes(rows["replan"][0])
    for name, (again, bound, seconds) in rows.items():
        moved, cost = again.moved, without_changes(again)
        forced = sum(change.from_vehicle in again.stranded or change.from_vehicle in state.not_coming for change in moved)
        money = cost / COST_UNITS_PER_CURRENCY
        print(f"{name:<20} {seconds:>8.2f} {len(moved):>6} {forced:>13} {len(again.plan.unserved):>9} {money:>10,.0f}", end="")
        print(f" {cost / base:>10.3f} {gap_pct(again.plan, bound):>6.1f}")
    at_the_desk(problem, plan, new)


def without_changes(again: Replan) -> int:
    """What the rest of the morning costs, the prices of changes set aside."""
    return again.plan.cost - sum(route.cost.changes for route in again.plan.routes)


def replanned(problem: Problem, plan: Plan, state: FieldState, seconds: float) -> Replan:
    search = partial(solve_in_subprocess, hard_limit_s=seconds + GRACE_S, memory_mb=MEMORY_MB)
    return replan(problem, plan, state, stop=MaxSeconds(seconds - PROOF_S), seed=1, search=search)


def for_nothing(problem: Problem, plan: Plan, state: FieldState, seconds: float) -> Replan:
    return replan(problem, plan, state, stop=MaxSeconds(seconds - PROOF_S), seed=1, change_cost=0)


def insertion_only(problem: Problem, plan: Plan, state: FieldState, seconds: float) -> Replan:  # noqa: ARG001 - every way has this shape
    return replan(problem, plan, state, stop=MaxSeconds(0.001), seed=1)


def timed(way: Way, problem: Problem, plan: Plan, state: FieldState, seconds: float) -> tuple[Replan, Bound, float]:
    began = time.perf_counter()
    again = way(problem, plan, state, seconds)
    bound = lower_bound(again.problem, again.plan.served)
    return again, bound, time.perf_counter() - began


def at_the_desk(problem: Problem, plan: Plan, new: tuple[Stop, ...]) -> None:
    """Milliseconds of processor time for what a dispatcher asks."""
    one, other = plan.routes[0], plan.routes[1]
    move = Move(one.pickups[5].key, other.vehicle, 4)
    print(f"an edit {_ms(lambda: judge_edit(problem, plan, move), 20):.1f} ms, ", end="")
    print(f"the price of every stop {_ms(lambda: explain(problem, plan), 3):.0f} ms, ", end="")
    full, left = filled(problem, plan, new)
    keys = [stop.key for stop in new]
    print(f"the ways in for a stop {_ms(lambda: find_relaxations(full, left, keys), 1) / len(keys):.0f} ms")


def filled(problem: Problem, plan: Plan, new: tuple[Stop, ...]) -> tuple[Problem, Plan]:
    """Every truck's shift ends when its round does, so that the new stops have no place."""
    ends_s = {route.vehicle: route.end_s for route in plan.routes}
    trucks = tuple(replace(one, shift=Window(one.shift.open_s, ends_s[one.key])) for one in problem.vehicles if one.key in ends_s)
    left = tuple(Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="") for one in new)
    return replace(problem, stops=problem.stops + new, vehicles=trucks), replace(plan, unserved=left)


def _ms(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return 1_000 * (time.process_time() - began) / times


if __name__ == "__main__":
    main()
