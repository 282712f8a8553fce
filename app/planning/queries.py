"""Reads of the planning room: what a night starts from, and what has come of nights."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import undefer

from app.assets.models import Absence, Container, ContainerStatus, Crew, Facility, Vehicle, VehicleStatus
from app.assets.queries import StandingContainer, list_standing
from app.db import TenantSession
from app.planning.models import (
    ContainerDecision,
    ContainerLoad,
    Decision,
    JobStatus,
    LoadLearning,
    Plan,
    PlanningJob,
    PlanningPolicy,
    PlanStatus,
    Round,
    RoundContainer,
    Route,
    RouteVisit,
    VisitKind,
)
from app.telemetry.models import ContainerState, Lift
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
    "unfair_cost_per_h": Decimal(0),
    "unfair_cost_per_100kg": Decimal(0),
    "change_cost": Decimal(0),
    "hours_rule": None,
    "overweight_probability": 0.05,
}
"""What the schema fills in; a tenant without a row of its own plans by these."""


HABITS_LAST = timedelta(days=60)
"""A truck that has not come for so long is nobody's usual one."""


def get_policy(session: TenantSession) -> PlanningPolicy:
    """The tenant's policy; where it has none, one with the defaults that is not in the session."""
    return find_own_policy(session) or PlanningPolicy(**POLICY_DEFAULTS)


def find_own_policy(session: TenantSession) -> PlanningPolicy | None:
    return session.scalars(rows_of(session, PlanningPolicy)).one_or_none()


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


def pickups_ahead(session: TenantSession, since: datetime, before: date) -> dict[int, datetime]:
    """When the published routes of days before a date will have emptied a container, of visits that are still to come at `since`."""
    visits = select(RouteVisit.container_id, func.min(RouteVisit.departs_at)).group_by(RouteVisit.container_id)
    of_route = and_(Route.tenant_id == RouteVisit.tenant_id, Route.id == RouteVisit.route_id)
    of_plan = and_(Plan.tenant_id == Route.tenant_id, Plan.id == Route.plan_id)
    ahead = (
        visits.join(Route, of_route)
        .join(Plan, of_plan)
        .where(
            Plan.tenant_id == visible_tenant_id(session),
            Plan.status == PlanStatus.PUBLISHED,
            Plan.service_date < before,
            RouteVisit.kind == VisitKind.PICKUP,
            RouteVisit.departs_at > since,
        )
    )
    return {container_id: departs_at for container_id, departs_at in session.execute(ahead) if container_id is not None}


def last_vehicles(session: TenantSession, before: date) -> dict[int, int]:
    """The truck that was sent to each container the last time, by the published plans of the weeks before a date."""
    newest = select(RouteVisit.container_id, Route.vehicle_id).ext(distinct_on(RouteVisit.container_id))
    of_route = and_(Route.tenant_id == RouteVisit.tenant_id, Route.id == RouteVisit.route_id)
    of_plan = and_(Plan.tenant_id == Route.tenant_id, Plan.id == Route.plan_id)
    mine = newest.join(Route, of_route).join(Plan, of_plan).where(Plan.tenant_id == visible_tenant_id(session))
    lately = mine.where(Plan.status == PlanStatus.PUBLISHED, Plan.service_date < before, Plan.service_date >= before - HABITS_LAST)
    found = session.execute(lately.where(RouteVisit.kind == VisitKind.PICKUP).order_by(RouteVisit.container_id, Plan.service_date.desc()))
    return {container_id: vehicle_id for container_id, vehicle_id in found if container_id is not None}


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


def list_visits(session: TenantSession, route_id: int) -> list[RouteVisit]:
    """One route's visits in order."""
    return list(session.scalars(rows_of(session, RouteVisit).where(RouteVisit.route_id == route_id).order_by(RouteVisit.sequence)))


def _visits_of(session: TenantSession, plan_id: int) -> Any:
    routes = rows_of(session, Route).where(Route.plan_id == plan_id).with_only_columns(Route.id)
    return rows_of(session, RouteVisit).where(RouteVisit.route_id.in_(routes)).order_by(RouteVisit.route_id, RouteVisit.sequence)


class DecisionOf(NamedTuple):
    """What a plan decided of one container."""

    plan: Plan
    decision: ContainerDecision


def list_decisions(
    session: TenantSession, plan_id: int, decision: Decision | None = None, *, after: int = 0, limit: int | None = None
) -> list[ContainerDecision]:
    """What the plan decided, container by container, from after that number on."""
    query = rows_of(session, ContainerDecision).where(ContainerDecision.plan_id == plan_id, ContainerDecision.container_id > after)
    query = query if decision is None else query.where(ContainerDecision.decision == decision)
    return list(session.scalars(query.order_by(ContainerDecision.container_id).limit(limit)))


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


def now_in_database(session: TenantSession) -> datetime:
    """The one clock that workers on several machines share."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now


def hold_day(session: TenantSession, service_date: date) -> None:
    """Wait until nobody else publishes or withdraws plans of that date, and keep them waiting until this transaction ends."""
    key = f"plans of {visible_tenant_id(session)} on {service_date}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def find_job(session: TenantSession, service_date: date) -> PlanningJob | None:
    """How far the night of that date is; None where nobody has asked for it."""
    return session.scalars(_job(session, service_date)).one_or_none()


def lock_job(session: TenantSession, service_date: date, *, skip_locked: bool = False) -> PlanningJob | None:
    """The night's job as it stands now, kept from others until the transaction ends; with `skip_locked` None if somebody has it."""
    locked = _job(session, service_date).with_for_update(skip_locked=skip_locked).execution_options(populate_existing=True)
    return session.scalars(locked).one_or_none()


def make_job(session: TenantSession, service_date: date, status: JobStatus = JobStatus.QUEUED) -> bool:
    """Put the night down, if nobody has yet; whether it is new."""
    new = insert(PlanningJob).values(service_date=service_date, status=status).on_conflict_do_nothing()
    return session.execute(new.returning(PlanningJob.service_date)).one_or_none() is not None


def list_open_jobs(session: TenantSession) -> list[PlanningJob]:
    """Nights that wait or are under way, the earliest date first."""
    open_ = rows_of(session, PlanningJob).where(PlanningJob.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]))
    return list(session.scalars(open_.order_by(PlanningJob.service_date)))


def list_jobs(session: TenantSession, *, before: date | None = None, limit: int) -> list[PlanningJob]:
    """Nights, the latest date first."""
    query = rows_of(session, PlanningJob) if before is None else rows_of(session, PlanningJob).where(PlanningJob.service_date < before)
    return list(session.scalars(query.order_by(PlanningJob.service_date.desc()).limit(limit)))


def _job(session: TenantSession, service_date: date) -> Select[PlanningJob]:
    return rows_of(session, PlanningJob).where(PlanningJob.service_date == service_date)


def select_plans(session: TenantSession, *, service_date: date | None = None, status: PlanStatus | None = None) -> Select[Plan]:
    query = rows_of(session, Plan)
    if service_date is not None:
        query = query.where(Plan.service_date == service_date)
    return query if status is None else query.where(Plan.status == status)


def has_published(session: TenantSession, service_date: date) -> bool:
    """Whether a plan of that date has ever gone out."""
    query = rows_of(session, Plan).where(Plan.service_date == service_date, Plan.published_at.is_not(None))
    return session.scalars(query.limit(1)).first() is not None


def find_last_driven_plan(session: TenantSession, before: date) -> Plan | None:
    """The published plan of the latest earlier date that has one with a route."""
    routed = exists().where(Route.tenant_id == Plan.tenant_id, Route.plan_id == Plan.id)
    query = rows_of(session, Plan).where(Plan.status == PlanStatus.PUBLISHED, Plan.service_date < before, routed)
    return session.scalars(query.order_by(Plan.service_date.desc()).limit(1)).one_or_none()


def orders_of_plan(session: TenantSession, plan_id: int) -> dict[int, list[int]]:
    """The containers that a plan collects, in order, by vehicle."""
    of_route = and_(Route.tenant_id == RouteVisit.tenant_id, Route.id == RouteVisit.route_id)
    query = select(Route.vehicle_id, RouteVisit.container_id).join(Route, of_route).order_by(Route.id, RouteVisit.sequence)
    mine = RouteVisit.tenant_id == visible_tenant_id(session)
    return _grouped(session, query.where(mine, Route.plan_id == plan_id, RouteVisit.kind == VisitKind.PICKUP))


def orders_of_rounds(session: TenantSession, weekday: int) -> dict[int, list[int]]:
    """The containers in service on the rounds of a weekday, in order, by vehicle; rounds of one vehicle follow each other by code."""
    of_round = and_(Round.tenant_id == RoundContainer.tenant_id, Round.id == RoundContainer.round_id)
    standing = and_(Container.tenant_id == RoundContainer.tenant_id, Container.id == RoundContainer.container_id)
    query = select(Round.vehicle_id, RoundContainer.container_id).join(Round, of_round).join(Container, standing)
    mine = query.where(Round.tenant_id == visible_tenant_id(session), Container.status == ContainerStatus.IN_SERVICE)
    runs = mine.where(Round.active, Round.weekdays.contains([weekday]))
    return _grouped(session, runs.order_by(Round.code, RoundContainer.sequence))


def _grouped(session: TenantSession, query: Select[int, Any]) -> dict[int, list[int]]:
    orders: dict[int, list[int]] = {}
    for vehicle_id, container_id in session.execute(query):
        orders.setdefault(vehicle_id, []).append(container_id)
    return orders


def find_round_by_code(session: TenantSession, code: str) -> Round | None:
    return session.scalars(rows_of(session, Round).where(Round.code == code)).one_or_none()


def list_places(session: TenantSession, round_id: int) -> list[RoundContainer]:
    """A round's containers in order, as rows."""
    return list(
        session.scalars(rows_of(session, RoundContainer).where(RoundContainer.round_id == round_id).order_by(RoundContainer.sequence))
    )


def containers_by_round(session: TenantSession, round_ids: list[int]) -> dict[int, list[int]]:
    """The containers of rounds, in order."""
    query = rows_of(session, RoundContainer).where(RoundContainer.round_id.in_(round_ids))
    found: dict[int, list[int]] = {round_id: [] for round_id in round_ids}
    for place in session.scalars(query.order_by(RoundContainer.round_id, RoundContainer.sequence)):
        found[place.round_id].append(place.container_id)
    return found


def list_missing_of_plan(session: TenantSession, plan: Plan) -> list[str]:
    """Codes of the plan's vehicles and crews that are not there on its date."""
    return [*_missing(session, plan, Vehicle, Route.vehicle_id), *_missing(session, plan, Crew, Route.crew_id)]


def _missing(session: TenantSession, plan: Plan, kind: type[Vehicle | Crew], driven: Any) -> list[str]:
    absent_id = Absence.vehicle_id if kind is Vehicle else Absence.crew_id
    on_the_day = (Absence.first_day <= plan.service_date) & (Absence.last_day >= plan.service_date)
    absent = exists().where(Absence.tenant_id == kind.tenant_id, absent_id == kind.id, on_the_day)
    gone = or_(absent, Vehicle.status != VehicleStatus.IN_FLEET) if kind is Vehicle else absent
    used = rows_of(session, Route).where(Route.plan_id == plan.id).with_only_columns(driven)
    return list(session.scalars(rows_of(session, kind).where(kind.id.in_(used), gone).order_by(kind.code).with_only_columns(kind.code)))


def count_decisions(session: TenantSession, plan_id: int, decision: Decision, *, mandatory: bool | None = None) -> int:
    query = select(func.count()).where(ContainerDecision.tenant_id == visible_tenant_id(session), ContainerDecision.plan_id == plan_id)
    query = query.where(ContainerDecision.decision == decision)
    return session.scalars(query if mandatory is None else query.where(ContainerDecision.mandatory == mandatory)).one()


def find_load_learning(session: TenantSession, *, until: datetime) -> LoadLearning | None:
    """The newest learning from tickets that used nothing later than `until`."""
    query = rows_of(session, LoadLearning).where(LoadLearning.learned_until <= until)
    return session.scalars(query.order_by(LoadLearning.learned_until.desc(), LoadLearning.id.desc()).limit(1)).one_or_none()


class LoadFigures(NamedTuple):
    """A container's learned figures, as `ContainerLoad` explains them."""

    density_kg_m3: float
    class_sd: float
    zone_sd: float
    own_sd: float
    day_sd: float
    single_sd: float
    tickets: int
    lift_s: float
    setup_s: float
    visits: int


def loads_by_container(session: TenantSession, learning_id: int) -> dict[int, LoadFigures]:
    """A learning's figures; none once a newer one has taken their place. A city has too many for rows that can be edited."""
    columns = ContainerLoad.__table__.c
    mine = rows_of(session, ContainerLoad).where(columns.learning_id == learning_id)
    found = session.execute(mine.with_only_columns(columns.container_id, *(columns[name] for name in LoadFigures._fields)))
    return {container_id: LoadFigures(*figures) for container_id, *figures in found}


def replace_container_loads(session: TenantSession, learning_id: int, rows: list[dict[str, Any]]) -> None:
    """Write every container's figures, in the place of those that it had."""
    if not rows:
        return
    statement = insert(ContainerLoad)
    columns = {name: statement.excluded[name] for name in (*rows[0], "learning_id") if name != "container_id"}
    upsert = statement.on_conflict_do_update(index_elements=["tenant_id", "container_id"], set_=columns)
    session.execute(upsert, [row | {"learning_id": learning_id} for row in rows])
