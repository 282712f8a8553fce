"""The rest of a day whose trucks are under way: planned from where each of them is, with as little change as pays.

Who was where and did what is said by the caller (`DayUnderWay`): reports are the field's affair. What has been driven stays driven, each
truck goes on to where it is driving, and a container that changes its truck has a price (`routing.replan`).
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from app.assets.models import Crew, Vehicle
from app.config import Settings
from app.db import Database
from app.planning.city import City, load_city
from app.planning.cores import held_cores
from app.planning.from_plan import path_along_streets
from app.planning.models import ContainerDecision, Decision, RouteVisit, VisitKind
from app.planning.models import Route as RouteRow
from app.planning.night import MATRICES, NightResult, Progress, Steps, roads_engine
from app.planning.outlook import load_signals, predict_fill
from app.planning.reasons import case_of, detour_costs
from app.planning.select import Candidate, Choice, Standing, select_containers
from app.planning.to_problem import HOUR_S, MICRO, facility_key, match_crews, to_problem
from app.planning.travel import measure_travel
from app.planning.ways_in import FOR_SECONDS, find_ways_in, in_words, names_of
from routing import plan as kernel
from routing.bound import lower_bound
from routing.check import check
from routing.field import FieldState, TruckState
from routing.guarded import solve_in_subprocess
from routing.problem import Facility, Problem, Stop
from routing.replan import CHANGE_COST, ChangeKind, Replan, Search, replan
from routing.roads.engine import RoadEngine
from routing.solve import solve
from routing.stopping import MaxSeconds, StopCriterion

REPLAN_S = 5
"""Seconds at most, from the search to what is told of its plan: trucks are waiting."""
PROOF_S = 0.4
"""Of these, for how good the plan is at least."""
GRACE_S = 1
"""A search that is this much over is ended; the best that it has found counts."""
LISTED = {ChangeKind.MOVED, ChangeKind.ADDED, ChangeKind.DROPPED}
KG = 0


@dataclass(frozen=True, kw_only=True)
class Done:
    """One thing that a crew has done: a container emptied, an unload, a break."""

    kind: VisitKind
    at: datetime
    container_id: int | None = None
    facility_id: int | None = None
    weight_kg: float | None = None


@dataclass(frozen=True, kw_only=True)
class TruckOut:
    """A truck that has left the yard."""

    vehicle: Vehicle
    crew: Crew
    started_at: datetime
    done: tuple[Done, ...]
    """In order of time."""
    heading_to: RouteVisit | None
    home: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class DayUnderWay:
    """A service date of which something is driven already."""

    trucks: tuple[TruckOut, ...]
    routes: tuple[RouteRow, ...]
    """Of the plan that is out."""
    visits: Mapping[int, list[RouteVisit]]
    """Of these, by route."""
    planned: Mapping[int, RouteVisit]
    """The pickups of all of the day's plans, by container, those of the plan that is out before others."""
    decided: Mapping[int, ContainerDecision]
    """By the plan that is out."""
    passed_by: Mapping[int, str]
    """Why drivers could not empty a container, in words: the next night looks at it again."""

    @property
    def collected(self) -> dict[int, Done]:
        return {one.container_id: one for truck in self.trucks for one in truck.done if one.container_id is not None}

    @property
    def sent_to(self) -> set[int]:
        """Containers of the plan that is out."""
        return {visit.container_id for own in self.visits.values() for visit in own if visit.container_id is not None}


def compute_rest(
    database: Database,
    tenant_id: int,
    service_date: date,
    day: DayUnderWay,
    *,
    settings: Settings,
    origin_at: datetime | None = None,
    seed: int = 1,
    stop: StopCriterion | None = None,
    progress: Progress | None = None,
    roads: RoadEngine | None = None,
) -> NightResult:
    """Plan what is left of a day as `origin_at` (by default now) knows it. Changes nothing.

    `stop` ends the search, which then runs in this process; by default a few seconds do, in a process of its own.
    """
    origin_at = origin_at or datetime.now(UTC)
    steps = Steps(progress)
    with steps("read"), database.transaction(tenant_id) as session:
        present = replace(load_city(session, service_date, origin_at=origin_at), usual_vehicle={})
        signals = load_signals(session, origin_at)
    city, crew_of = with_trucks_out(present, day)
    with steps("forecast"):
        outlook = predict_fill(city, signals)
    with steps("choose"):
        choice = still_wanted(select_containers(city, outlook), city, day)
    with steps("travel times"):
        travel = measure_travel(city, roads or roads_engine(city, settings), settings.data_dir / MATRICES)
        morning = to_problem(city, _with_what_is_done(choice, city, day), travel, crew_of)
        morning = replace(morning, problem=_as_weighed(morning.problem, day))
    ends_s = time.monotonic() + REPLAN_S
    with steps("solve"), held_cores(settings, wait=False) as cores:
        rest = replan(
            morning.problem,
            published_plan(city, morning.problem, day),
            field_state(city, present, morning.problem, day),
            stop=stop or MaxSeconds(min(city.policy.solve_s, REPLAN_S - PROOF_S)),
            seed=seed,
            change_cost=round(city.policy.change_cost * MICRO) or CHANGE_COST,
            cores=1 if stop else cores,
            search=solve if stop else _guarded(settings),
        )
    task = replace(morning, problem=rest.problem)
    with steps("check"):
        verdict = check(rest.problem, rest.plan)
        bound = lower_bound(rest.problem, rest.plan.served) if rest.plan.routes else None
        paths = {route.vehicle: path_along_streets(task, route) for route in rest.plan.routes}
        detours = detour_costs(task, rest.plan)
    return NightResult(
        city=city,
        outlook=outlook,
        choice=choice,
        task=task,
        plan=rest.plan,
        verdict=verdict,
        bound=bound,
        detours=detours,
        paths=paths,
        steps_s=steps.seconds,
        cores=1 if stop else cores,
        ways_in=find_ways_in(city, task, rest.plan, for_s=FOR_SECONDS if stop else ends_s - time.monotonic()),
        changes=tuple(_changes(rest)),
        told=_told(city, rest),
    )


def _guarded(settings: Settings) -> Search:
    """The search in a process that may crash or hang: the trucks have their plan all the same, and soon."""
    return partial(solve_in_subprocess, hard_limit_s=REPLAN_S + GRACE_S, memory_mb=settings.solver_memory_mb)


def with_trucks_out(city: City, day: DayUnderWay) -> tuple[City, dict[int, Crew]]:
    """The city with the trucks that are out among its vehicles, broken ones too; and who drives what: crews stay on their trucks."""
    out = {truck.vehicle.id: truck for truck in day.trucks}
    in_yard = [vehicle for vehicle in city.vehicles if vehicle.id not in out]
    on_the_road = {truck.crew.id for truck in day.trucks}
    crew_of = {vehicle_id: truck.crew for vehicle_id, truck in out.items()}
    crew_of |= match_crews(in_yard, [crew for crew in city.crews if crew.id not in on_the_road])
    known = {vehicle.id for vehicle in city.vehicles}
    gone = tuple(truck.vehicle for truck in day.trucks if truck.vehicle.id not in known)
    return replace(city, vehicles=(*city.vehicles, *gone)), crew_of


def still_wanted(fresh: Choice, city: City, day: DayUnderWay) -> Choice:
    """What is known now, but for the containers that trucks are sent to: those stay, unless somebody has emptied them or given up."""
    standing = {one.container.id for one in city.containers}
    return Choice({key: _still(one, day) if key in standing else one for key, one in fresh.candidates.items()})


def _still(one: Candidate, day: DayUnderWay) -> Candidate:
    key = one.container_id
    if key in day.collected:
        words = one.reason if one.rule == "emptied_today" else "Emptied today."
        return replace(one, decision=Standing.NOT_DUE, rule="emptied_today", reason=words)
    if one.rule == "emptied_today":
        return one
    if key in day.passed_by:
        return replace(one, decision=Standing.BLOCKED, rule="passed_by", reason=f"A driver was there and left it: {day.passed_by[key]}.")
    return _as_sent(one, day) if key in day.sent_to else one


def _as_sent(one: Candidate, day: DayUnderWay) -> Candidate:
    """As the plan that is out expects it to be."""
    before, visit = day.decided.get(one.container_id), day.planned[one.container_id]
    if before is None:
        return replace(one, decision=Standing.MUST, expected_fill_pct=visit.expected_fill_pct or 0.0)
    is_mandatory = before.mandatory or one.decision is Standing.MUST
    waiting = one.cost_of_waiting if before.cost_of_waiting is None else float(before.cost_of_waiting)
    return replace(
        one,
        decision=Standing.MUST if is_mandatory else Standing.MAY,
        rule=before.rule if before.decision is Decision.SERVED else one.rule,
        reason=case_of(before.reason) if before.decision is Decision.SERVED else one.reason,
        expected_fill_pct=visit.expected_fill_pct or 0.0,
        cost_of_waiting=waiting,
    )


def _with_what_is_done(choice: Choice, city: City, day: DayUnderWay) -> Choice:
    """For the router, which has to know what is on board: what was collected counts as offered."""
    known = {one.container.id for one in city.containers}
    done = {}
    for key in day.collected.keys() & known:
        one, visit = choice.candidates[key], day.planned.get(key)
        fill_pct = visit.expected_fill_pct if visit is not None else one.fill_now_pct
        done[key] = replace(one, decision=Standing.MUST, expected_fill_pct=fill_pct or 0.0)
    return Choice({**choice.candidates, **done})


def _as_weighed(problem: Problem, day: DayUnderWay) -> Problem:
    """Where a lift was weighed, that weight."""
    kg = {str(key): one.weight_kg for key, one in day.collected.items() if one.weight_kg is not None}
    return replace(problem, stops=tuple(_weighing(stop, kg[stop.key]) if stop.key in kg else stop for stop in problem.stops))


def _weighing(stop: Stop, load_kg: float) -> Stop:
    return replace(stop, load=(round(load_kg), *stop.load[KG + 1 :]))


def field_state(city: City, present: City, problem: Problem, day: DayUnderWay) -> FieldState:
    """Where everybody is, as reported; a truck whose driver has said nothing for long is not where it was then."""
    vehicles, crews = {one.id for one in present.vehicles}, {one.id for one in present.crews}
    trucks = tuple(
        _truck_state(city, problem, truck, broken=truck.vehicle.id not in vehicles or truck.crew.id not in crews) for truck in day.trucks
    )
    return FieldState(at_s=_now_s(city), trucks=trucks)


def _truck_state(city: City, problem: Problem, truck: TruckOut, *, broken: bool) -> TruckState:
    key = str(truck.vehicle.id)
    vehicle = problem.vehicle_by_key[key]
    started_s = max(0, _seconds(city, truck.started_at))
    done = tuple(_visits_done(city, problem, truck))
    here, left_s = (done[-1].location, done[-1].departure_s) if done else (vehicle.start_location, started_s)
    heading_to = None if truck.heading_to is None else _place(problem, truck.heading_to)
    there = vehicle.end_location if heading_to is None else heading_to[1]
    drive_s = max(0, problem.travel_of(vehicle).drive_rows[here][there])
    return TruckState(
        vehicle=key,
        started_s=started_s,
        done=done,
        location=here,
        ready_s=max(left_s, started_s, _now_s(city) - drive_s),
        heading_to=None if heading_to is None else heading_to[0],
        broken=broken and not truck.home,
        home=truck.home,
    )


def _visits_done(city: City, problem: Problem, truck: TruckOut) -> Iterator[kernel.Visit]:
    vehicle = problem.vehicle_by_key[str(truck.vehicle.id)]
    here, left_s = vehicle.start_location, max(0, _seconds(city, truck.started_at))
    for one in truck.done:
        key, there, work_s = _work(problem, vehicle.breaks[0].key if vehicle.breaks else "break", one, here)
        leaves_s = max(left_s, _seconds(city, one.at))
        arrives_s = max(left_s, leaves_s - work_s)
        if key is not None:
            kind = kernel.VisitKind(one.kind)
            yield kernel.Visit(
                kind=kind, key=key, location=there, arrival_s=arrives_s, start_s=arrives_s, departure_s=leaves_s, load_after=()
            )
            here, left_s = there, leaves_s


def _work(problem: Problem, rest: str, one: Done, here: int) -> tuple[str | None, int, int]:
    """What it is to the router, where, and how long it takes; no key for what it does not know."""
    if one.kind is VisitKind.BREAK:
        return rest, here, HOUR_S // 2
    if one.kind is VisitKind.PICKUP:
        stop = problem.stop_by_key.get(str(one.container_id))
        return (None, here, 0) if stop is None else (stop.key, stop.location, stop.service_s + stop.setup_s)
    facility = problem.facility_by_key.get(facility_key(one.facility_id or 0))
    return (facility_key(one.facility_id or 0), here, 0) if facility is None else (facility.key, facility.location, facility.turnaround_s)


def _place(problem: Problem, visit: RouteVisit) -> tuple[str, int] | None:
    found: Stop | Facility | None = problem.stop_by_key.get(str(visit.container_id))
    if visit.kind is VisitKind.UNLOAD:
        found = problem.facility_by_key.get(facility_key(visit.facility_id or 0))
    return None if found is None else (found.key, found.location)


def published_plan(city: City, problem: Problem, day: DayUnderWay) -> kernel.Plan:
    """The plan that is out as the router had it: what its trucks did before it, then its visits."""
    trucks = {truck.vehicle.id: truck for truck in day.trucks}
    routes = tuple(_published(city, problem, row, day.visits[row.id], trucks.get(row.vehicle_id)) for row in day.routes)
    return kernel.Plan(routes=routes, unserved=(), engine="", seed=0, problem_digest="")


def _published(city: City, problem: Problem, row: RouteRow, visits: list[RouteVisit], truck: TruckOut | None) -> kernel.Route:
    planned = {visit.container_id for visit in visits}
    is_rest = visits[0].kind is not VisitKind.DEPART if visits else False
    before = [
        visit
        for visit in (_visits_done(city, problem, truck) if truck is not None and is_rest else ())
        if visit.departure_s <= _seconds(city, row.starts_at)
        and (visit.kind is not kernel.VisitKind.PICKUP or int(visit.key) not in planned)
    ]
    places = [(visit, place) for visit in visits if visit.container_id or visit.facility_id if (place := _place(problem, visit))]
    after = [
        kernel.Visit(
            kind=kernel.VisitKind(visit.kind),
            key=key,
            location=location,
            arrival_s=_seconds(city, visit.arrives_at),
            start_s=_seconds(city, visit.arrives_at),
            departure_s=_seconds(city, visit.departs_at),
            load_after=(),
        )
        for visit, (key, location) in places
    ]
    return kernel.Route(
        vehicle=str(row.vehicle_id),
        start_s=_seconds(city, row.starts_at),
        end_s=_seconds(city, row.ends_at),
        distance_m=row.distance_m,
        cost=kernel.RouteCost(),
        visits=(*before, *after),
    )


def _changes(rest: Replan) -> Iterator[dict[str, Any]]:
    for change in rest.changes:
        if change.kind in LISTED:
            vehicles = {"from_vehicle_id": _number(change.from_vehicle), "to_vehicle_id": _number(change.to_vehicle)}
            yield {"container_id": int(change.stop), "kind": str(change.kind)} | vehicles


def _number(key: str | None) -> int | None:
    return None if key is None else int(key)


def _told(city: City, rest: Replan) -> dict[str, Any]:
    """What else the dispatcher has to know: what stands on broken trucks, and what could not be helped."""
    code, names = {str(vehicle.id): vehicle.code for vehicle in city.vehicles}, names_of(city)
    return {
        "moved": len(rest.moved),
        "stranded_kg": {code[key]: load[KG] for key, load in rest.stranded.items() if load[KG]},
        "granted": [in_words(ask, names) for ask in rest.reliefs],
    }


def _seconds(city: City, at: datetime) -> int:
    return int((at - city.midnight).total_seconds())


def _now_s(city: City) -> int:
    return _seconds(city, city.origin_at)
