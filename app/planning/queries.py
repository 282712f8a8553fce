"""Reads of the planning room: what a night starts from, and what has come of nights."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import undefer

from app.assets.models import Container, ContainerStatus, Facility, Vehicle
from app.assets.queries import StandingContainer, list_standing
from app.db import TenantSession
from app.planning.models import ContainerDecision, Decision, Plan, PlanningPolicy, PlanStatus, Route, RouteVisit
from app.telemetry.models import ContainerState, Lift, ModelArtifact
from app.tenancy.scope import get_row, rows_of, visible_tenant_id

POLICY_DEFAULTS: dict[str, Any] = {
    "overflow_cost_per_onset": Decimal(40),
    "overflow_cost_per_day": Decimal(25),
    "must_serve_probability": 0.5,
    "optional_probability": 0.02,
    "solve_s": 30,
    "plan_at": time(20),
    "publish_by": time(5, 15),
    "auto_publish": True,
}
"""What the schema fills in; a tenant without a row of its own plans by these."""


def get_policy(session: TenantSession) -> PlanningPolicy:
    """The tenant's policy; where it has none, one with the defaults that is not in the session."""
    return session.scalars(rows_of(session, PlanningPolicy)).one_or_none() or PlanningPolicy(**POLICY_DEFAULTS)


def list_idle_containers(session: TenantSession) -> list[StandingContainer]:
    """Containers that stand in town but are out of service now."""
    idle = rows_of(session, Container).where(Container.status == ContainerStatus.OUT_OF_SERVICE).with_only_columns(Container.id)
    return list_standing(session, session.scalars(idle).all())


def states_by_container(session: TenantSession) -> dict[int, ContainerState]:
    return {state.container_id: state for state in session.scalars(rows_of(session, ContainerState))}


def last_lifts(session: TenantSession, until: datetime) -> dict[int, datetime]:
    """When each container was last emptied, as far as `until` knew."""
    query = select(Lift.container_id, func.max(Lift.lifted_at)).group_by(Lift.container_id)
    mine = query.where(Lift.tenant_id == visible_tenant_id(session), Lift.lifted_at <= until)
    return {container_id: lifted_at for container_id, lifted_at in session.execute(mine)}  # noqa: C416 - rows are not pairs to dict()


def find_artifact(session: TenantSession, *, until: datetime) -> ModelArtifact | None:
    """The newest fitted model that had learned nothing later than `until`."""
    query = rows_of(session, ModelArtifact).where(ModelArtifact.trained_until <= until)
    return session.scalars(query.order_by(ModelArtifact.trained_until.desc(), ModelArtifact.id.desc()).limit(1)).one_or_none()


def find_published_plan(session: TenantSession, service_date: date) -> Plan | None:
    """The plan that the crews drive on that day."""
    return session.scalars(
        rows_of(session, Plan).where(Plan.service_date == service_date, Plan.status == PlanStatus.PUBLISHED)
    ).one_or_none()


def find_latest_plan(session: TenantSession, service_date: date | None = None) -> Plan | None:
    """The published plan, else the newest one, of a day; without a day, of the latest day that has any."""
    query = rows_of(session, Plan) if service_date is None else rows_of(session, Plan).where(Plan.service_date == service_date)
    published_first = (Plan.status == PlanStatus.PUBLISHED).desc()
    return session.scalars(query.order_by(Plan.service_date.desc(), published_first, Plan.id.desc()).limit(1)).one_or_none()


class PlanDetail(NamedTuple):
    """A plan with all that a page or a route sheet shows of it; visits by route, in order."""

    plan: Plan
    routes: list[Route]
    visits: dict[int, list[RouteVisit]]
    vehicles: dict[int, Vehicle]
    containers: dict[int, StandingContainer]
    facilities: dict[int, Facility]


def get_plan_detail(session: TenantSession, plan_id: int, *, with_paths: bool = False) -> PlanDetail:
    """Routes, visits and the places they lead to, in six queries however large the plan is."""
    plan = get_row(session, Plan, plan_id)
    routes = list_routes(session, plan_id, with_paths=with_paths)
    visits: dict[int, list[RouteVisit]] = {route.id: [] for route in routes}
    for visit in session.scalars(_visits_of(session, plan_id)):
        visits[visit.route_id].append(visit)
    vehicles = {v.id: v for v in session.scalars(rows_of(session, Vehicle).where(Vehicle.id.in_([r.vehicle_id for r in routes])))}
    visited = [visit for own in visits.values() for visit in own]
    lifted = {visit.container_id for visit in visited if visit.container_id is not None}
    containers = {standing.container.id: standing for standing in list_standing(session, lifted)}
    wanted = {visit.facility_id for visit in visited if visit.facility_id is not None}
    facilities = {f.id: f for f in session.scalars(rows_of(session, Facility).where(Facility.id.in_(wanted)))}
    return PlanDetail(plan, routes, visits, vehicles, containers, facilities)


def list_routes(session: TenantSession, plan_id: int, *, with_paths: bool = False) -> list[Route]:
    query = rows_of(session, Route).where(Route.plan_id == plan_id).order_by(Route.id)
    return list(session.scalars(query.options(undefer(Route.path)) if with_paths else query))


def _visits_of(session: TenantSession, plan_id: int) -> Any:
    routes = rows_of(session, Route).where(Route.plan_id == plan_id).with_only_columns(Route.id)
    return rows_of(session, RouteVisit).where(RouteVisit.route_id.in_(routes)).order_by(RouteVisit.route_id, RouteVisit.sequence)


class DecisionOf(NamedTuple):
    """What a plan decided of one container."""

    plan: Plan
    decision: ContainerDecision


def list_decisions(session: TenantSession, plan_id: int, decision: Decision | None = None) -> list[ContainerDecision]:
    """What the plan decided, container by container."""
    query = rows_of(session, ContainerDecision).where(ContainerDecision.plan_id == plan_id).order_by(ContainerDecision.container_id)
    return list(session.scalars(query if decision is None else query.where(ContainerDecision.decision == decision)))


def find_decision(session: TenantSession, container_id: int, service_date: date) -> DecisionOf | None:
    """Why the container is, or is not, on the day's published (else newest) plan."""
    plan = find_latest_plan(session, service_date)
    if plan is None:
        return None
    query = rows_of(session, ContainerDecision).where(ContainerDecision.plan_id == plan.id, ContainerDecision.container_id == container_id)
    found = session.scalars(query).one_or_none()
    return None if found is None else DecisionOf(plan, found)


def list_decisions_of(session: TenantSession, container_id: int, *, limit: int = 30) -> list[DecisionOf]:
    """What became of one container on its latest days, the newest first: one entry a day, of the plan that was driven."""
    same_plan = and_(Plan.tenant_id == ContainerDecision.tenant_id, Plan.id == ContainerDecision.plan_id)
    query = select(Plan, ContainerDecision).join(ContainerDecision, same_plan).where(Plan.tenant_id == visible_tenant_id(session))
    own = query.where(ContainerDecision.container_id == container_id, Plan.status == PlanStatus.PUBLISHED)
    return [DecisionOf(*row) for row in session.execute(own.order_by(Plan.service_date.desc()).limit(limit))]
