"""A date planned again: from where its trucks are if crews have reported something, else from the depots like any night."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from app.assets.models import Crew, Vehicle
from app.assets.queries import list_by_id
from app.config import Settings
from app.db import Database, TenantSession
from app.dispatch import queries
from app.dispatch.models import ActionKind, DriverAction, SkipReason
from app.dispatch.progress import SETTLES, VisitState, follow
from app.dispatch.skip_reasons import LABELS
from app.planning.models import Route, RouteVisit, VisitKind
from app.planning.night import NightResult, compute_night
from app.planning.queries import find_published_plan, list_decisions, list_routes
from app.planning.under_way import DayUnderWay, Done, TruckOut, compute_rest

DONE = (ActionKind.COLLECTED, ActionKind.UNLOADED, ActionKind.BREAK_TAKEN)
WITHOUT_A_NIGHT = ("executor",)


def compute_day(
    database: Database, tenant_id: int, service_date: date, *, settings: Settings, origin_at: datetime | None = None, **how: Any
) -> NightResult:
    """What `compute_night` is before anybody drives, and `compute_rest` from then on. Changes nothing."""
    with database.transaction(tenant_id) as session:
        day = find_day_under_way(session, service_date, until=origin_at)
    if day is None:
        return compute_night(database, tenant_id, service_date, settings=settings, origin_at=origin_at, **how)
    how = {name: value for name, value in how.items() if name not in WITHOUT_A_NIGHT}
    return compute_rest(database, tenant_id, service_date, day, settings=settings, origin_at=origin_at, **how)


def find_day_under_way(session: TenantSession, service_date: date, *, until: datetime | None = None) -> DayUnderWay | None:
    """The day as its crews have reported it (up to a moment); None where nothing is out, or nobody has reported anything."""
    plan = find_published_plan(session, service_date)
    if plan is None:
        return None
    ever = {route.id: route for route in queries.list_routes_ever_out(session, service_date)}
    reports = queries.actions_of_routes(session, ever)
    actions = [one for own in reports.values() for one in own if until is None or one.occurred_at <= until]
    if not actions:
        return None
    routes, visits = list_routes(session, plan.id), queries.visits_of_routes(session, ever)
    newest_last = sorted(ever.values(), key=lambda route: (route.plan_id == plan.id, route.id))
    own_visits = {route.id: visits[route.id] for route in routes}
    vehicles, crews = list_by_id(session, Vehicle), list_by_id(session, Crew)
    by_vehicle: dict[int, list[DriverAction]] = {}
    for action in sorted(actions, key=lambda one: (one.occurred_at, one.client_uid)):
        by_vehicle.setdefault(ever[action.route_id].vehicle_id, []).append(action)
    trucks = []
    for vehicle_id, told in by_vehicle.items():
        mine = [route for route in newest_last if route.vehicle_id == vehicle_id]
        latest = mine[-1]
        if latest.crew_id is not None:
            out = own_visits.get(latest.id, [])
            trucks.append(_truck(vehicles[vehicle_id], crews[latest.crew_id], latest, out, told))
    collected = {one.container_id for one in actions if one.kind is ActionKind.COLLECTED}
    return DayUnderWay(
        trucks=tuple(trucks),
        routes=tuple(routes),
        visits=own_visits,
        planned={visit.container_id: visit for route in newest_last for visit in visits[route.id] if visit.container_id is not None},
        decided={row.container_id: row for row in list_decisions(session, plan.id)},
        passed_by=_passed_by([one for one in actions if one.container_id not in collected]),
    )


def _truck(vehicle: Vehicle, crew: Crew, route: Route, visits: Sequence[RouteVisit], told: Sequence[DriverAction]) -> TruckOut:
    started = next((one.occurred_at for one in told if one.kind is ActionKind.STARTED), min(told[0].occurred_at, route.starts_at))
    since = None if not visits or visits[0].kind is VisitKind.DEPART else route.starts_at
    lately = [one for one in told if since is None or one.occurred_at > since]
    return TruckOut(
        vehicle=vehicle,
        crew=crew,
        started_at=min(started, told[0].occurred_at),
        done=tuple(_done(told)),
        heading_to=_heading_to(visits, lately, vehicle),
        home=any(one.kind is ActionKind.FINISHED for one in told),
    )


def _done(told: Sequence[DriverAction]) -> list[Done]:
    """What was done, in order of time; a container that was reported twice once."""
    done, seen = [], set()
    for one in told:
        if one.kind in DONE and (one.kind is not ActionKind.COLLECTED or one.container_id not in seen):
            seen.add(one.container_id)
            done.append(
                Done(
                    kind=SETTLES[one.kind],
                    at=one.occurred_at,
                    container_id=one.container_id,
                    facility_id=one.facility_id,
                    weight_kg=one.weight_kg if one.kind is ActionKind.COLLECTED else None,
                )
            )
    return done


def _heading_to(visits: Sequence[RouteVisit], told: Sequence[DriverAction], vehicle: Vehicle) -> RouteVisit | None:
    """The place that the plan sends the truck to after the last one that it has reported."""
    if not visits:
        return None
    now = follow(visits, told, payload_kg=vehicle.payload_kg, now=visits[0].arrives_at).visits
    last = max((number for number, one in enumerate(now) if one.action is not None), default=-1)
    places = (VisitKind.PICKUP, VisitKind.UNLOAD)
    return next((one.visit for one in now[last + 1 :] if one.state is VisitState.OPEN and one.visit.kind in places), None)


def _passed_by(actions: Sequence[DriverAction]) -> dict[int, str]:
    """Why a driver left a container; not where it was the truck that failed, for another can come."""
    skipped = [one for one in actions if one.kind is ActionKind.SKIPPED and one.skip_reason is not SkipReason.BREAKDOWN]
    return {one.container_id: LABELS[one.skip_reason].lower() for one in skipped if one.container_id and one.skip_reason}
