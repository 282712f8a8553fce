"""A checked plan becomes rows and a summary: the way back from the kernel's integers to instants, kilograms and money."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from app.planning.city import City
from app.planning.models import Route, RouteVisit, VisitKind
from app.planning.select import Choice, Standing
from app.planning.to_problem import Task, facility_id_of
from app.planning.trip_weights import trips_told
from app.planning.weight_margin import densities_told
from routing import plan as kernel
from routing.bound import Bound, gap_pct
from routing.io import problem_to_json
from routing.problem import COST_UNITS_PER_CURRENCY, Vehicle

KG, LITRES = 0, 1
Line = list[list[float]]
DIGITS = 6
"""Of a degree: 0.1 m."""


def pack_problem(task: Task) -> bytes:
    """The problem as solved, and where its places lie; `unpack_problem` gives it back for `kerbside solve` and what-if."""
    places = np.array(task.points(range(len(task.places)))).reshape(-1, 2)[:, ::-1]
    return zlib.compress(json.dumps(problem_to_json(task.problem, places=places), separators=(",", ":")).encode())


def unpack_problem(packed: bytes) -> dict[str, Any]:
    """The routing problem's JSON (`routing.io.problem_from_json` reads it)."""
    found: dict[str, Any] = json.loads(zlib.decompress(packed))
    return found


def money(micro: int) -> Decimal:
    return (Decimal(micro) / COST_UNITS_PER_CURRENCY).quantize(Decimal("0.01"))


def costs_by_cause(*routes: kernel.Route) -> dict[str, float]:
    """What routes cost together, by cause; causes that cost nothing are left out."""
    totals = {one.name: sum(getattr(route.cost, one.name) for route in routes) for one in fields(kernel.RouteCost)}
    return {name: float(money(total)) for name, total in totals.items() if total}


def path_along_streets(task: Task, route: kernel.Route) -> Line:
    """The line to draw, from the depot over every visit and home."""
    vehicle = task.problem.vehicle_by_key[route.vehicle]
    locations = [vehicle.begins_at, *(visit.location for visit in route.visits), vehicle.end_location]
    moves = [locations[0], *(there for here, there in pairwise(locations) if there != here)]
    geometry = task.travel.engine.geometry(task.points(moves), task.travel.profiles[vehicle.travel_profile])
    return [point for leg in geometry.legs for point in leg.lon_lat.round(DIGITS).tolist()]


def route_row(city: City, task: Task, route: kernel.Route, path: Line) -> Route:
    """The route without its plan's number."""
    vehicle = task.problem.vehicle_by_key[route.vehicle]
    stops = [task.problem.stop_by_key[visit.key] for visit in route.pickups]
    vehicle_id = int(route.vehicle)
    return Route(
        vehicle_id=vehicle_id,
        crew_id=task.crew_of[vehicle_id].id,
        depot_id=task.places[vehicle.start_location][1],
        starts_at=city.instant(_leaves_s(vehicle, route)),
        ends_at=city.instant(route.end_s),
        distance_m=route.distance_m,
        drive_s=sum(drive_s for _, drive_s in _legs(task, route)),
        service_s=sum(visit.departure_s - visit.start_s for visit in route.visits if visit.kind is not kernel.VisitKind.BREAK),
        load_kg=sum(stop.load[KG] for stop in stops),
        load_l=sum(stop.load[LITRES] for stop in stops),
        peak_weight_share=_peak_share(route, vehicle.capacity, KG),
        peak_volume_share=_peak_share(route, vehicle.capacity, LITRES),
        cost=money(route.cost.total),
        costs=costs_by_cause(route),
        path=path,
    )


def _leaves_s(vehicle: Vehicle, route: kernel.Route) -> int:
    """When its first leg begins: of a truck that is under way the plan has only the rest."""
    return route.start_s if vehicle.under_way is None else vehicle.under_way.ready_s


def visit_rows(city: City, task: Task, choice: Choice, route: kernel.Route, route_id: int) -> Iterator[RouteVisit]:
    """Leaving the depot (unless the truck has long done so), every visit, and coming home; breaks are visits of no place."""
    out = task.problem.vehicle_by_key[route.vehicle].under_way
    load: Sequence[int] = (0,) * len(task.problem.dimensions) if out is None else out.load
    (home_m, home_s), legs = _legs(task, route)[-1], _legs(task, route)
    if out is None:
        yield _row(city, route_id, 0, VisitKind.DEPART, (route.start_s, route.start_s), (0, 0), load)
    for sequence, (visit, leg) in enumerate(zip(route.visits, legs, strict=False), start=1):
        row = _row(city, route_id, sequence, VisitKind(visit.kind), (visit.arrival_s, visit.departure_s), leg, visit.load_after)
        if visit.kind is kernel.VisitKind.PICKUP:
            row.container_id = int(visit.key)
            row.expected_kg = task.problem.stop_by_key[visit.key].load[KG]
            row.expected_fill_pct = choice.candidates[int(visit.key)].expected_fill_pct
        elif visit.kind is kernel.VisitKind.UNLOAD:
            row.facility_id = facility_id_of(visit.key)
            row.expected_kg = load[KG]
        load = visit.load_after
        yield row
    yield _row(city, route_id, len(route.visits) + 1, VisitKind.RETURN, (route.end_s, route.end_s), (home_m, home_s), load)


def summarise(city: City, choice: Choice, task: Task, plan: kernel.Plan, bound: Bound | None, steps_s: dict[str, float]) -> dict[str, Any]:
    """The night on one screen: what was due, what is driven, how full the trucks get, and how far from the best it can be."""
    stops = [task.problem.stop_by_key[key] for key in plan.served]
    served = [choice.candidates[int(stop.key)] for stop in stops]
    km, litres, kg = plan.distance_m / 1000, sum(s.load[LITRES] for s in stops), sum(s.load[KG] for s in stops)
    weight, volume = _utilisation(task, plan)
    duration_h = sum(route.duration_s for route in plan.routes) / 3600
    return {
        "in_service": len(city.containers),
        "must": choice.count(Standing.MUST),
        "may": choice.count(Standing.MAY),
        "not_due": choice.count(Standing.NOT_DUE),
        "blocked": choice.count(Standing.BLOCKED),
        "served": len(served),
        "served_must": sum(one.decision is Standing.MUST for one in served),
        "served_may": sum(one.decision is Standing.MAY for one in served),
        "unserved": _count_reasons(plan),
        "routes": len(plan.routes),
        "unloads": sum(route.unloads for route in plan.routes),
        "km": round(km, 1),
        "kg": kg,
        "litres": litres,
        "litres_per_km": round(litres / km, 1) if km else None,
        "kg_per_km": round(kg / km, 2) if km else None,
        "hours": round(duration_h, 2),
        "mean_fill_pct": _mean([one.expected_fill_pct for one in served if one.expected_fill_pct is not None]),
        "densities": densities_told(city, task.problem),
        "trips": trips_told(city, choice, task.problem, plan),
        "weight_utilisation": weight,
        "volume_utilisation": volume,
        "cost": float(money(plan.cost)),
        "costs": costs_by_cause(*plan.routes),
        "currency": city.tenant.currency,
        "lower_bound": None if bound is None else float(money(bound.cost)),
        "bound_kind": None if bound is None else bound.method,
        "gap_pct": None if bound is None else round(gap_pct(plan, bound), 1),
        "engine": plan.engine,
        "roads": roads_of(city, task),
        "roads_approximate": task.travel.approximate,
        "seconds": {step: round(seconds, 2) for step, seconds in steps_s.items()},
    }


def roads_of(city: City, task: Task) -> str:
    """Which travel times the plan stands on: the map, its build and the engine, or the engine alone where there is no map."""
    engine = task.travel.engine.name
    if task.travel.approximate or city.map_digest is None:
        return engine
    return f"{city.tenant.map_name} ({city.map_digest[:12]}), {engine}"


def violations_json(violations: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(violation) for violation in violations]


def _row(
    city: City, route_id: int, sequence: int, kind: VisitKind, seconds: tuple[int, int], leg: tuple[int, int], load: Sequence[int]
) -> RouteVisit:
    return RouteVisit(
        route_id=route_id,
        sequence=sequence,
        kind=kind,
        arrives_at=city.instant(seconds[0]),
        departs_at=city.instant(seconds[1]),
        leg_distance_m=leg[0],
        leg_drive_s=leg[1],
        expected_kg=0,
        load_after_kg=load[KG],
        load_after_l=load[LITRES],
    )


def _legs(task: Task, route: kernel.Route) -> list[tuple[int, int]]:
    """Metres and seconds of the way to each visit, and home."""
    vehicle = task.problem.vehicle_by_key[route.vehicle]
    travel = task.problem.travel_of(vehicle)
    path = [vehicle.begins_at, *(visit.location for visit in route.visits), vehicle.end_location]
    return [(travel.distance_rows[here][there], travel.drive_rows[here][there]) for here, there in pairwise(path)]


def _peak_share(route: kernel.Route, capacity: Sequence[int], entry: int) -> float:
    peak = max((visit.load_after[entry] for visit in route.visits), default=0)
    return peak / capacity[entry] if capacity[entry] else 0.0


def _utilisation(task: Task, plan: kernel.Plan) -> tuple[float | None, float | None]:
    """Mean over all unloads of the load then, as a share of the permitted weight and of the body."""
    shares: list[tuple[float, float]] = []
    for route in plan.routes:
        capacity = task.problem.vehicle_by_key[route.vehicle].capacity
        full = [trip[-1].load_after for trip in route.trips]
        shares += [(load[KG] / capacity[KG], load[LITRES] / capacity[LITRES]) for load in full]
    return _mean([weight for weight, _ in shares], digits=3), _mean([volume for _, volume in shares], digits=3)


def _count_reasons(plan: kernel.Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for left in plan.unserved:
        counts[str(left.reason)] = counts.get(str(left.reason), 0) + 1
    return counts


def _mean(values: Sequence[float], *, digits: int = 1) -> float | None:
    return round(sum(values) / len(values), digits) if values else None
