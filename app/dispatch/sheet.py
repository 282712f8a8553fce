"""What a crew needs to know of its route, put together from the plan, the register and what it has reported."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from app.assets.models import Depot, Facility, Site
from app.assets.queries import StandingContainer, list_standing
from app.assets.service_days import local_date, windows_utc
from app.db import TenantSession
from app.dispatch import queries
from app.dispatch.models import RouteRun
from app.dispatch.progress import Progress, RouteState, VisitNow, VisitState, follow
from app.dispatch.queries import FieldRoute
from app.planning.models import RouteVisit, VisitKind
from app.tenancy.identity import Identity
from app.tenancy.models import Tenant
from app.tenancy.queries import get_tenant


@dataclass(frozen=True)
class Stop:
    """One visit as the crew sees it; None where a visit has no place (a break) or no container."""

    now: VisitNow
    place: Depot | Facility | Site | None
    container: StandingContainer | None
    open_windows: list[tuple[datetime, datetime]] | None
    """When the place lets trucks in on that day, local time; None: always."""
    zone: ZoneInfo

    @property
    def visit(self) -> RouteVisit:
        return self.now.visit

    @property
    def arrives_local(self) -> datetime:
        return self.visit.arrives_at.astimezone(self.zone)

    @property
    def links(self) -> dict[str, str] | None:
        return None if self.place is None else navigation(self.place)


def navigation(place: Depot | Facility | Site) -> dict[str, str]:
    """Links that open the place in the phone's own navigation."""
    point = f"{place.lat:.6f},{place.lon:.6f}"
    return {
        "geo": f"geo:{point}?q={point}({quote(place.name)})",
        "google": f"https://www.google.com/maps/dir/?api=1&destination={point}&travelmode=driving",
        "waze": f"https://waze.com/ul?ll={point}&navigate=yes",
    }


@dataclass(frozen=True)
class RouteSheet:
    """A route with its stops and how far it is."""

    of: FieldRoute
    tenant: Tenant
    stops: list[Stop]
    progress: Progress
    run: RouteRun | None
    tip_at: Facility | None
    """Where the truck unloads next, if the plan says."""


def get_sheet(session: TenantSession, who: Identity, route_id: int, *, with_path: bool = False, now: datetime) -> RouteSheet:
    """A route that somebody may drive, in nine queries however long it is."""
    found = queries.get_field_route(session, who, route_id, with_path=with_path)
    tenant = get_tenant(session)
    visits = queries.visits_of_routes(session, [route_id])[route_id]
    actions = queries.actions_of_routes(session, [route_id])[route_id]
    progress = follow(visits, actions, payload_kg=found.vehicle.payload_kg, now=now)
    places = _Places(session, tenant, found, visits)
    unload = progress.find_next(VisitKind.UNLOAD)
    return RouteSheet(
        of=found,
        tenant=tenant,
        stops=[places.stop(one) for one in progress.visits],
        progress=progress,
        run=queries.runs_by_route(session, [route_id]).get(route_id),
        tip_at=places.facilities.get(unload.visit.facility_id or 0) if unload else None,
    )


class _Places:
    """Where the visits of a route lead to."""

    def __init__(self, session: TenantSession, tenant: Tenant, found: FieldRoute, visits: Iterable[RouteVisit]) -> None:
        visits = list(visits)
        self.tenant, self.found, self.zone = tenant, found, ZoneInfo(tenant.timezone)
        lifted = {visit.container_id for visit in visits if visit.container_id is not None}
        self.containers = {standing.container.id: standing for standing in list_standing(session, lifted)}
        self.facilities = queries.facilities_by_id(session, {visit.facility_id for visit in visits if visit.facility_id is not None})

    def stop(self, now: VisitNow) -> Stop:
        visit = now.visit
        container = self.containers.get(visit.container_id or 0)
        place = self._place(visit, container)
        return Stop(now, place, container, self._windows(place, local_date(self.tenant, visit.arrives_at)), self.zone)

    def _place(self, visit: RouteVisit, container: StandingContainer | None) -> Depot | Facility | Site | None:
        match visit.kind:
            case VisitKind.PICKUP:
                return container.site if container else None
            case VisitKind.UNLOAD:
                return self.facilities.get(visit.facility_id or 0)
            case VisitKind.DEPART | VisitKind.RETURN:
                return self.found.depot
        return None

    def _windows(self, place: Depot | Facility | Site | None, day: date) -> list[tuple[datetime, datetime]] | None:
        if place is None or isinstance(place, Depot):
            return None
        hours = place.opening_hours if isinstance(place, Facility) else place.time_windows
        windows = windows_utc(self.tenant, hours, day)
        return [(one.opens_at.astimezone(self.zone), one.closes_at.astimezone(self.zone)) for one in windows] if hours else None


@dataclass(frozen=True)
class RouteProgress:
    """A route in a list."""

    of: FieldRoute
    tenant: Tenant
    progress: Progress
    run: RouteRun | None


def list_progress(session: TenantSession, who: Identity, day: date | None, *, now: datetime) -> list[RouteProgress]:
    """The day's published routes (None: today's; a link's own whatever its day), in five queries however many there are."""
    tenant = get_tenant(session)
    if day is None and who.route_id is None:
        day = local_date(tenant, now)
    routes = queries.list_field_routes(session, who, day)
    route_ids = [found.route.id for found in routes]
    visits, actions = queries.visits_of_routes(session, route_ids), queries.actions_of_routes(session, route_ids)
    runs = queries.runs_by_route(session, route_ids)
    return [
        RouteProgress(
            of=found,
            tenant=tenant,
            progress=follow(visits[found.route.id], actions[found.route.id], payload_kg=found.vehicle.payload_kg, now=now),
            run=runs.get(found.route.id),
        )
        for found in routes
    ]


def total(routes: Sequence[RouteProgress]) -> dict[str, int]:
    """The day on one line."""
    counts = {state: sum(one.progress.pickups[state] for one in routes) for state in VisitState}
    return {
        "routes": len(routes),
        "finished": sum(one.progress.state is RouteState.FINISHED for one in routes),
        "under_way": sum(one.progress.state is RouteState.UNDER_WAY for one in routes),
        "done": counts[VisitState.DONE],
        "skipped": counts[VisitState.SKIPPED],
        "remaining": counts[VisitState.OPEN],
    }


def today(session: TenantSession, *, now: datetime) -> date:
    """The date on the tenant's clocks."""
    return local_date(get_tenant(session), now)
