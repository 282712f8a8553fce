"""Reads of the field, and the few statements that must be one: who may see which route, locks, and actions written once."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, or_, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from app.assets.models import Container, Crew, Depot, Facility, Vehicle
from app.db import TenantSession
from app.dispatch.emptyings import SAME_EMPTYING, Collected
from app.dispatch.models import ActionKind, DriverAction, RouteRun
from app.errors import NotFound
from app.planning.models import Plan, PlanStatus, Route, RouteVisit
from app.tenancy.identity import Identity
from app.tenancy.models import Role
from app.tenancy.scope import rows_of, visible_tenant_id

REACH = 48 * SAME_EMPTYING
"""How far around a report others are looked at that may mean the same emptying."""


class FieldRoute(NamedTuple):
    """A route that went out, with what its crew needs to know of it."""

    route: Route
    plan: Plan
    vehicle: Vehicle
    crew: Crew | None
    depot: Depot


def list_field_routes(session: TenantSession, who: Identity, day: date | None) -> list[FieldRoute]:
    """Published routes of a day that somebody may drive; without a day, of all days (for a link, which opens only one)."""
    query = _field_routes(session, who).where(Plan.status == PlanStatus.PUBLISHED)
    query = query if day is None else query.where(Plan.service_date == day)
    return [FieldRoute(*row) for row in session.execute(query.order_by(Route.starts_at, Route.id))]


def get_field_route(session: TenantSession, who: Identity, route_id: int, *, with_path: bool = False) -> FieldRoute:
    """A route that is, or was, published; NotFound if there is none, or it is another crew's."""
    query = _field_routes(session, who).where(Route.id == route_id)
    row = session.execute(query.options(undefer(Route.path)) if with_path else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no route {route_id}.")
    return FieldRoute(*row)


def _field_routes(session: TenantSession, who: Identity) -> Select[Any]:
    query = select(Route, Plan, Vehicle, Crew, Depot).where(Route.tenant_id == visible_tenant_id(session))
    joined = (
        query.join(Plan, _same(Plan, Route.plan_id))
        .join(Vehicle, _same(Vehicle, Route.vehicle_id))
        .outerjoin(Crew, _same(Crew, Route.crew_id))
        .join(Depot, _same(Depot, Route.depot_id))
    )
    return cast(Select[Any], joined.where(_went_out(), _within_reach(session, who)))


def _same(model: Any, reference: Any) -> ColumnElement[bool]:
    return and_(model.tenant_id == Route.tenant_id, model.id == reference)


def _went_out() -> ColumnElement[bool]:
    return or_(Plan.status == PlanStatus.PUBLISHED, Plan.published_at.is_not(None))


def _within_reach(session: TenantSession, who: Identity) -> ColumnElement[bool]:
    """A link opens its route; a driver those of the own crew (without a crew: of the truck it usually drives); others all."""
    if who.route_id is not None:
        return Route.id == who.route_id
    if who.role is not Role.DRIVER:
        return true()
    mine = rows_of(session, Crew).where(Crew.user_id == who.user_id)
    usual = mine.where(Crew.vehicle_id.is_not(None)).with_only_columns(Crew.vehicle_id)
    return or_(Route.crew_id.in_(mine.with_only_columns(Crew.id)), and_(Route.crew_id.is_(None), Route.vehicle_id.in_(usual)))


def list_routes_ever_out(session: TenantSession, day: date) -> list[Route]:
    """Routes of all plans of a date that have been out, superseded and withdrawn ones too."""
    query = select(Route).where(Route.tenant_id == visible_tenant_id(session)).join(Plan, _same(Plan, Route.plan_id))
    return list(session.scalars(query.where(Plan.service_date == day, _went_out()).order_by(Route.id)))


class HeldRoute(NamedTuple):
    """What a report of a route is held against."""

    vehicle_id: int
    starts_at: datetime
    in_force: bool


def lock_routes(session: TenantSession, who: Identity, route_ids: Collection[int]) -> dict[int, HeldRoute]:
    """Those of the routes that somebody may report on. Until we commit nobody else reports on them."""
    query = select(Route.id, Route.vehicle_id, Route.starts_at, Plan.status == PlanStatus.PUBLISHED).join(Plan, _same(Plan, Route.plan_id))
    mine = query.where(Route.tenant_id == visible_tenant_id(session), Route.id.in_(route_ids), _went_out(), _within_reach(session, who))
    locked = mine.order_by(Route.id).with_for_update(key_share=True, of=Route)
    return {row[0]: HeldRoute(*row[1:]) for row in session.execute(locked)}


def lock_containers(session: TenantSession, container_ids: Collection[int]) -> set[int]:
    """Those that exist. Until we commit nobody else says that they were emptied."""
    if not container_ids:
        return set()
    query = rows_of(session, Container).where(Container.id.in_(container_ids)).order_by(Container.id)
    return set(session.scalars(query.with_for_update(key_share=True).with_only_columns(Container.id)))


def known_facilities(session: TenantSession, facility_ids: Collection[int]) -> set[int]:
    if not facility_ids:
        return set()
    return set(session.scalars(rows_of(session, Facility).where(Facility.id.in_(facility_ids)).with_only_columns(Facility.id)))


def planned_pairs(session: TenantSession, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of these (route, container) are on the plan."""
    if not pairs:
        return set()
    # two plain lists take the server a fraction of the time that a list of pairs does
    near = RouteVisit.route_id.in_({pair[0] for pair in pairs}), RouteVisit.container_id.in_({pair[1] for pair in pairs})
    query = rows_of(session, RouteVisit).where(*near).with_only_columns(RouteVisit.route_id, RouteVisit.container_id)
    on_plan = {tuple(row) for row in session.execute(query)}
    return {pair for pair in pairs if pair in on_plan}


def insert_actions(session: TenantSession, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Write those whose numbers are new, in one order everywhere so that no two batches wait for each other; the new numbers."""
    if not rows:
        return set()
    table = cast(Table, DriverAction.__table__)
    unless_there = insert(table).on_conflict_do_nothing(index_elements=["tenant_id", "client_uid"]).returning(table.c.client_uid)
    return set(session.scalars(unless_there, sorted(rows, key=lambda row: row["client_uid"])))


def actions_by_uid(session: TenantSession, uids: Collection[UUID]) -> dict[UUID, DriverAction]:
    if not uids:
        return {}
    query = rows_of(session, DriverAction).where(DriverAction.client_uid.in_(uids))
    return {action.client_uid: action for action in session.scalars(query)}


def collected_around(session: TenantSession, container_ids: Collection[int], since: datetime, until: datetime) -> list[Collected]:
    """All reports of these containers' emptyings in a time, and what may belong to them."""
    action = DriverAction
    columns: tuple[Any, ...] = (action.container_id, action.occurred_at, action.client_uid, Route.vehicle_id, action.weight_kg)
    query = select(*columns).join(Route, and_(Route.tenant_id == DriverAction.tenant_id, Route.id == DriverAction.route_id))
    mine = query.where(DriverAction.tenant_id == visible_tenant_id(session), DriverAction.kind == ActionKind.COLLECTED)
    near = mine.where(DriverAction.container_id.in_(container_ids), DriverAction.occurred_at.between(since - REACH, until + REACH))
    return [Collected(*row) for row in session.execute(near)]


def ends_of_routes(session: TenantSession, route_ids: Collection[int]) -> dict[int, list[DriverAction]]:
    """By route, the reports that say when it began and ended."""
    ends = (ActionKind.STARTED, ActionKind.FINISHED)
    return _by_route(session, route_ids, DriverAction.kind.in_(ends))


def actions_of_routes(session: TenantSession, route_ids: Collection[int]) -> dict[int, list[DriverAction]]:
    """By route, all that its crew has reported, in order of time."""
    return _by_route(session, route_ids, true())


def _by_route(session: TenantSession, route_ids: Collection[int], condition: ColumnElement[bool]) -> dict[int, list[DriverAction]]:
    query = rows_of(session, DriverAction).where(DriverAction.route_id.in_(route_ids), condition)
    found: dict[int, list[DriverAction]] = {route_id: [] for route_id in route_ids}
    for action in session.scalars(query.order_by(DriverAction.occurred_at, DriverAction.client_uid)):
        found[action.route_id].append(action)
    return found


def runs_by_route(session: TenantSession, route_ids: Collection[int]) -> dict[int, RouteRun]:
    return {run.route_id: run for run in session.scalars(rows_of(session, RouteRun).where(RouteRun.route_id.in_(route_ids)))}


def visits_of_routes(session: TenantSession, route_ids: Collection[int]) -> dict[int, list[RouteVisit]]:
    """By route, its visits in order."""
    query = rows_of(session, RouteVisit).where(RouteVisit.route_id.in_(route_ids))
    found: dict[int, list[RouteVisit]] = {route_id: [] for route_id in route_ids}
    for visit in session.scalars(query.order_by(RouteVisit.route_id, RouteVisit.sequence)):
        found[visit.route_id].append(visit)
    return found


def facilities_by_id(session: TenantSession, facility_ids: Iterable[int]) -> dict[int, Facility]:
    return {facility.id: facility for facility in session.scalars(rows_of(session, Facility).where(Facility.id.in_(set(facility_ids))))}
