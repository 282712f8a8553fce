"""One tenant's service date, decided and routed: state → forecast → which containers → travel times → routes → independent check.

Reading is one short transaction; everything heavy happens outside any; `store_plan` writes within the publisher's short one. Claims,
publication and failure are `jobs.py`'s.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from app.config import Settings
from app.db import Database, TenantSession
from app.forecasts.operations import store_forecast
from app.maps.operations import open_engine
from app.planning.city import City, load_city
from app.planning.cores import held_cores
from app.planning.from_plan import (
    Line,
    money,
    pack_problem,
    path_along_streets,
    roads_of,
    route_row,
    summarise,
    violations_json,
    visit_rows,
)
from app.planning.models import Plan, PlanOrigin
from app.planning.outlook import Outlook, glance, load_signals, predict_fill
from app.planning.reasons import decisions, detour_costs
from app.planning.select import Choice, select_containers, select_given
from app.planning.to_problem import Task, match_crews, to_problem
from app.planning.travel import measure_travel
from app.planning.ways_in import find_ways_in
from routing import plan as kernel
from routing.bound import Bound, lower_bound
from routing.check import Verdict, check
from routing.given_order import NAME as GIVEN_ORDER
from routing.given_order import time_given_order
from routing.guarded import solve_in_subprocess
from routing.problem import Problem
from routing.roads.engine import RoadEngine
from routing.roads.great_circle import GreatCircleEngine
from routing.solve import solve
from routing.stopping import MaxSeconds, StopCriterion

Progress = Callable[[str], None]
MATRICES = "matrices"
PATIENCE_S = 30
"""A solver that is this much over its time is killed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NightResult:
    """A night before it is anybody's plan: nothing of it is stored yet."""

    city: City
    outlook: Outlook
    choice: Choice
    task: Task
    plan: kernel.Plan
    verdict: Verdict
    bound: Bound | None
    detours: dict[str, int]
    paths: dict[str, Line]
    """The line of each route, by its vehicle's key."""
    steps_s: dict[str, float]
    cores: int = 1
    """Seeds that were searched at once: with engine, seed and problem what the routes follow from."""
    ways_in: Mapping[str, list[str]] = field(default_factory=dict)
    """By stop that had to be served and is not: what would let it in."""
    changes: tuple[dict[str, Any], ...] = ()
    """Of a day that was under way: containers whose truck is another than before."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """More for the summary."""

    @property
    def feasible(self) -> bool:
        """Whether the independent check found nothing to say against it."""
        return self.verdict.feasible

    @property
    def input_digest(self) -> str:
        """Equal problems have equal digests, and with a seed and an iteration limit equal plans."""
        return self.plan.problem_digest

    @cached_property
    def summary(self) -> dict[str, Any]:
        told = summarise(self.city, self.choice, self.task, self.plan, self.bound, self.steps_s)
        return told | {"cores": self.cores, **self.told}


def compute_night(
    database: Database,
    tenant_id: int,
    service_date: date,
    *,
    settings: Settings,
    origin_at: datetime | None = None,
    seed: int = 1,
    stop: StopCriterion | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    without_vehicles: Collection[int] = (),
    without_crews: Collection[int] = (),
    roads: RoadEngine | None = None,
) -> NightResult:
    """Decide and route one service date as `origin_at` (by default now) knows it. Changes nothing.

    `stop` ends the search, which then runs in this process; by default the policy's seconds do, in a process of its own. `roads` takes the
    place of the tenant's own map.
    """
    origin_at = origin_at or datetime.now(UTC)
    steps = Steps(progress)
    with steps("read"), database.transaction(tenant_id) as session:
        absent = {"without_vehicles": without_vehicles, "without_crews": without_crews}
        city = load_city(session, service_date, origin_at=origin_at, **absent)
        signals = load_signals(session, origin_at)
    with steps("forecast"):
        outlook = predict_fill(city, signals)
    with steps("choose"):
        choice = select_containers(city, outlook)
    with steps("travel times"):
        task = to_problem(city, choice, measure_travel(city, roads or roads_engine(city, settings), settings.data_dir / MATRICES))
    with steps("solve"):
        if stop is not None:
            plan, cores = solve(task.problem, stop=stop, seed=seed, executor=executor), 1
        else:
            plan, cores = _solve_guarded(task.problem, city, settings, seed)
    return _checked(city, outlook, choice, task, plan, steps, cores=cores)


def _solve_guarded(problem: Problem, city: City, settings: Settings, seed: int) -> tuple[kernel.Plan, int]:
    """The policy's seconds of search, in a process that may crash or hang without harm to the night; and on how many cores that was."""
    with held_cores(settings, most=settings.cores_a_night) as cores:
        plan = solve_in_subprocess(
            problem,
            stop=MaxSeconds(city.policy.solve_s),
            seed=seed,
            hard_limit_s=city.policy.solve_s + PATIENCE_S,
            memory_mb=settings.solver_memory_mb,
            cores=cores,
        )
    return plan, cores


def compute_fixed(
    database: Database,
    tenant_id: int,
    service_date: date,
    orders: Mapping[int, Sequence[int]],
    *,
    settings: Settings,
    origin_at: datetime | None = None,
    progress: Progress | None = None,
    roads: RoadEngine | None = None,
) -> NightResult:
    """Time fixed rounds (containers in order, by vehicle) on a date, with the unload trips that they need. Changes nothing.

    Nothing is forecast or searched: fills are taken from the containers' states, and the order is driven as it stands.
    """
    origin_at = origin_at or datetime.now(UTC)
    steps = Steps(progress)
    with steps("read"), database.transaction(tenant_id) as session:
        city = load_city(session, service_date, origin_at=origin_at)
    with steps("choose"):
        outlook = glance(city)
        choice = select_given(city, outlook, *_rounds_in_words(city, orders))
    with steps("travel times"):
        task = to_problem(city, choice, measure_travel(city, roads or roads_engine(city, settings), settings.data_dir / MATRICES))
    with steps("solve"):
        keyed = {str(vehicle_id): [str(container_id) for container_id in order] for vehicle_id, order in orders.items()}
        plan = time_given_order(task.problem, keyed)
    return _checked(city, outlook, choice, task, plan, steps)


def store_plan(session: TenantSession, result: NightResult, *, attempt: int, origin: PlanOrigin) -> Plan:
    """Write the result as a draft plan with its routes, visits, decisions and forecast; the caller publishes and commits."""
    run = store_forecast(session, result.outlook)
    plan = Plan(**_plan_values(result), origin=origin, attempt=attempt, forecast_run_id=None if run is None else run.id)
    session.add(plan)
    session.flush()
    routes = [route_row(result.city, result.task, route, result.paths[route.vehicle]) for route in result.plan.routes]
    for row in routes:
        row.plan_id = plan.id
    session.add_all(routes)
    session.flush()
    for row, route in zip(routes, result.plan.routes, strict=True):
        session.add_all(visit_rows(result.city, result.task, result.choice, route, row.id))
    for decision in decisions(result.choice, result.task, result.plan, result.detours, result.city.tenant.currency):
        decision.plan_id = plan.id
        decision.ways_in = result.ways_in.get(str(decision.container_id), [])
        session.add(decision)
    session.flush()
    return plan


def _plan_values(result: NightResult) -> dict[str, Any]:
    bound = result.bound
    return {
        "service_date": result.city.service_date,
        "engine": result.plan.engine,
        "seed": result.plan.seed,
        "roads": roads_of(result.city, result.task),
        "roads_approximate": result.task.travel.approximate,
        "input_digest": result.input_digest,
        "problem": pack_problem(result.task),
        "cost": money(result.plan.cost),
        "lower_bound": None if bound is None else min(money(bound.cost), money(result.plan.cost)),
        "bound_kind": None if bound is None else bound.method,
        "violations": violations_json(result.verdict.violations),
        "summary": result.summary,
        "changes": list(result.changes),
    }


def _checked(city: City, outlook: Outlook, choice: Choice, task: Task, plan: kernel.Plan, steps: "Steps", *, cores: int = 1) -> NightResult:
    """Judge the plan, draw its lines, and (unless its order was given, which nobody sought the best of) say how good it is."""
    with steps("check"):
        verdict = check(task.problem, plan)
        paths = {route.vehicle: path_along_streets(task, route) for route in plan.routes}
        sought = plan.engine != GIVEN_ORDER
        bound = lower_bound(task.problem, plan.served) if sought and plan.routes else None
        detours = detour_costs(task, plan) if sought else {}
    return NightResult(
        city=city,
        outlook=outlook,
        choice=choice,
        task=task,
        plan=plan,
        verdict=verdict,
        bound=bound,
        detours=detours,
        paths=paths,
        steps_s=steps.seconds,
        cores=cores,
        ways_in=find_ways_in(city, task, plan) if sought and verdict.feasible else {},
    )


def roads_engine(city: City, settings: Settings) -> RoadEngine:
    return open_engine(settings.data_dir, city.map_digest) if city.map_digest else GreatCircleEngine()


def _rounds_in_words(city: City, orders: Mapping[int, Sequence[int]]) -> tuple[dict[int, str], dict[int, str]]:
    """On which round each container is, and why nobody drives it."""
    present = {vehicle.id: vehicle for vehicle in city.vehicles}
    crew_of = match_crews(city.vehicles, city.crews)
    rounds, blocked = {}, {}
    for vehicle_id, order in orders.items():
        vehicle = present.get(vehicle_id)
        name = "On a fixed round" if vehicle is None else f"On the fixed round of {vehicle.code}"
        rounds.update(dict.fromkeys(order, name))
        if vehicle_id not in crew_of:
            why = "its truck is not there on the day" if vehicle is None else "that truck has no crew on the day"
            blocked.update(dict.fromkeys(order, why))
    return rounds, blocked


class Steps:
    """Says which step begins, and keeps how long each took."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._tell = progress or (lambda _step: None)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._tell(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
