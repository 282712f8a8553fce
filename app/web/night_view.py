"""What the dispatcher's page shows of one service date, read once and put in order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.assets.models import Absence, Crew, Depot, Facility, Site, Vehicle
from app.assets.queries import StandingContainer, list_by_id, list_containers_in_service, list_facilities, list_standing, select_rows
from app.assets.service_days import local_date
from app.db import TenantSession
from app.dispatch.progress import Progress
from app.dispatch.sheet import list_progress
from app.planning.models import ContainerDecision, Decision, JobStatus, Plan, PlanningJob, RouteVisit
from app.planning.models import Route as RouteRow
from app.planning.operations import PUBLISHABLE, next_service_date
from app.planning.queries import (
    find_job,
    find_latest_plan,
    get_plan_detail,
    list_decisions,
    list_open_jobs,
    select_plans,
    states_by_container,
)
from app.telemetry.models import ContainerState
from app.tenancy.identity import Identity
from app.tenancy.queries import get_tenant
from app.tenancy.scope import get_row

OPEN_JOB = (JobStatus.QUEUED, JobStatus.RUNNING)
DECISIONS_A_PAGE = 200
UNSERVED_FIRST = {Decision.UNSERVED: 0, Decision.SERVED: 1, Decision.NOT_WORTH_IT: 2, Decision.NOT_DUE: 3}


@dataclass(frozen=True)
class RouteView:
    """A truck's day with everything in it by name; `number` is what map and list call it."""

    number: int
    route: RouteRow
    vehicle: Vehicle
    crew: Crew | None
    depot: Depot
    visits: list[RouteVisit]

    @property
    def lifts(self) -> int:
        return sum(visit.container_id is not None for visit in self.visits)

    @property
    def unloads(self) -> int:
        return sum(visit.facility_id is not None for visit in self.visits)

    @property
    def colour(self) -> int:
        """Eight colours tell trucks apart; a ninth truck shares the first one's, and has its own number."""
        return (self.number - 1) % 8


@dataclass(frozen=True)
class PlanView:
    """A plan with its routes and the names of what they lead to."""

    plan: Plan
    routes: list[RouteView]
    containers: dict[int, StandingContainer]
    facilities: dict[int, Facility]

    def route_of(self, container_id: int) -> RouteView | None:
        return next((one for one in self.routes if any(visit.container_id == container_id for visit in one.visits)), None)

    @property
    def can_be_published(self) -> bool:
        return self.plan.status in PUBLISHABLE and not self.plan.violations


@dataclass(frozen=True)
class ContainerView:
    """A container with what is known of it and what was decided."""

    standing: StandingContainer
    state: ContainerState | None
    decision: ContainerDecision | None
    route: RouteView | None

    def matches(self, wanted: str) -> bool:
        """Whether a word stands in its code, class, reason or place."""
        site = self.standing.site
        told = self.decision.reason if self.decision else ""
        where = f"{self.standing.container.code} {site.code} {site.name} {site.address or ''} {self.standing.container.waste_class} {told}"
        return all(word in where.casefold() for word in wanted.casefold().split())


@dataclass(frozen=True)
class NightView:
    """A service date: its job, its plans, and the one that is looked at."""

    service_date: date
    job: PlanningJob | None
    plans: list[Plan]
    shown: PlanView | None
    containers: list[ContainerView]
    decisions: Counter[Decision]
    why_served: list[tuple[str, int]]
    """Rules that put containers on a route, the most frequent first."""
    today: date
    """On the tenant's clocks."""

    @property
    def is_over(self) -> bool:
        return self.service_date < self.today

    @property
    def is_under_way(self) -> bool:
        return self.job is not None and self.job.status in OPEN_JOB

    @property
    def has_failed(self) -> bool:
        return self.job is not None and self.job.status is JobStatus.FAILED

    @property
    def standing_plan(self) -> Plan | None:
        """The one that crews drive."""
        return next((plan for plan in self.plans if plan.status == "published"), None)

    @property
    def unserved(self) -> list[ContainerView]:
        return [one for one in self.containers if one.decision is not None and one.decision.decision is Decision.UNSERVED]

    @property
    def newer_draft(self) -> Plan | None:
        """A newer plan than the one that is looked at, that waits to be published."""
        newest = self.plans[0] if self.plans else None
        return newest if newest and self.shown and newest.id > self.shown.plan.id and newest.status == "draft" else None


def service_date_to_show(session: TenantSession) -> date:
    """The latest date that anybody has planned or asked for; else the next service day."""
    latest = find_latest_plan(session)
    asked = [job.service_date for job in list_open_jobs(session)] + ([latest.service_date] if latest else [])
    return max(asked) if asked else next_service_date(session, at=None)


def load_night(session: TenantSession, service_date: date, *, plan_id: int | None = None, with_paths: bool = False) -> NightView:
    """The date's published plan (else its newest one), or the plan that is asked for."""
    plans = list(session.scalars(select_plans(session, service_date=service_date).order_by(Plan.id.desc())))
    wanted = get_row(session, Plan, plan_id) if plan_id is not None else find_latest_plan(session, service_date)
    shown = None if wanted is None else load_plan(session, wanted, with_paths=with_paths)
    decided = [] if wanted is None else list_decisions(session, wanted.id)
    served = Counter(row.rule for row in decided if row.decision is Decision.SERVED)
    return NightView(
        service_date=service_date,
        job=find_job(session, service_date),
        plans=plans,
        shown=shown,
        containers=_containers(session, shown, {row.container_id: row for row in decided}),
        decisions=Counter(row.decision for row in decided),
        why_served=served.most_common(),
        today=local_date(get_tenant(session), datetime.now(UTC)),
    )


def load_plan(session: TenantSession, plan: Plan, *, with_paths: bool = False) -> PlanView:
    detail = get_plan_detail(session, plan.id, with_paths=with_paths)
    crews, depots = list_by_id(session, Crew), list_by_id(session, Depot)
    routes = [
        RouteView(
            number=number,
            route=route,
            vehicle=detail.vehicles[route.vehicle_id],
            crew=None if route.crew_id is None else crews[route.crew_id],
            depot=depots[route.depot_id],
            visits=detail.visits[route.id],
        )
        for number, route in enumerate(detail.routes, start=1)
    ]
    return PlanView(plan, routes, detail.containers, detail.facilities)


def load_progress(session: TenantSession, who: Identity, night: NightView) -> dict[int, Progress]:
    """How far each route is that is out today, or was; nothing is driven on a date to come."""
    if night.service_date > night.today or night.standing_plan is None:
        return {}
    return {one.of.route.id: one.progress for one in list_progress(session, who, night.service_date, now=datetime.now(UTC))}


def _containers(session: TenantSession, shown: PlanView | None, decided: dict[int, ContainerDecision]) -> list[ContainerView]:
    """All that stand in service, and those that the plan knew; the unserved first, then by code."""
    standing = {one.container.id: one for one in list_containers_in_service(session)}
    standing |= {one.container.id: one for one in list_standing(session, decided.keys() - standing.keys())}
    states = states_by_container(session)
    route_of = {visit.container_id: route for route in (shown.routes if shown else []) for visit in route.visits}
    views = [ContainerView(one, states.get(key), decided.get(key), route_of.get(key)) for key, one in standing.items()]
    return sorted(views, key=_order)


def _order(one: ContainerView) -> tuple[int, str]:
    return UNSERVED_FIRST[one.decision.decision] if one.decision else len(UNSERVED_FIRST), one.standing.container.code


@dataclass(frozen=True)
class Filtered:
    """One page of what a search has found."""

    rows: Sequence[ContainerView]
    found: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // DECISIONS_A_PAGE))


def filter_containers(rows: Iterable[ContainerView], *, wanted: str, decision: str, page: int) -> Filtered:
    """Those that match the words and the decision."""
    found = [one for one in rows if (not wanted or one.matches(wanted)) and (not decision or _decided(one) == decision)]
    page = min(max(page, 1), max(1, -(-len(found) // DECISIONS_A_PAGE)))
    return Filtered(found[(page - 1) * DECISIONS_A_PAGE : page * DECISIONS_A_PAGE], len(found), page)


def _decided(one: ContainerView) -> str:
    return str(one.decision.decision) if one.decision else ""


@dataclass(frozen=True)
class Workforce:
    """Who can be reported absent on a day, and who is."""

    vehicles: list[Vehicle]
    crews: list[Crew]
    absences: list[tuple[Absence, str]]
    """With the code of the truck or crew."""


def load_workforce(session: TenantSession, day: date) -> Workforce:
    vehicles, crews = list_by_id(session, Vehicle), list_by_id(session, Crew)
    absent = list(session.scalars(select_rows(session, Absence, {"day": day}).order_by(Absence.id)))
    gone_vehicles, gone_crews = {row.vehicle_id for row in absent}, {row.crew_id for row in absent}
    return Workforce(
        vehicles=[one for one in vehicles.values() if one.id not in gone_vehicles and one.status == "in_fleet"],
        crews=[one for one in crews.values() if one.id not in gone_crews],
        absences=[(row, _name(vehicles, crews, row)) for row in absent],
    )


def _name(vehicles: dict[int, Vehicle], crews: dict[int, Crew], row: Absence) -> str:
    if row.vehicle_id is not None:
        return f"truck {vehicles[row.vehicle_id].code}"
    return f"crew {crews[row.crew_id].code}" if row.crew_id is not None else ""


def neighbours(service_date: date) -> tuple[date, date]:
    return service_date - timedelta(days=1), service_date + timedelta(days=1)


def list_places(session: TenantSession) -> list[tuple[str, Depot | Facility]]:
    depots = [("depot", depot) for depot in list_by_id(session, Depot).values()]
    return [*depots, *(("facility", facility) for facility in list_facilities(session))]


def summary_of(plan: Plan) -> dict[str, Any]:
    """The plan's figures; None for one that it does not have."""
    return defaultdict(lambda: None, plan.summary or {})


def point_of(site: Site | Depot | Facility) -> list[float]:
    return [round(site.lon, 6), round(site.lat, 6)]
