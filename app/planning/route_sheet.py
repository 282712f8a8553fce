"""What is printed of a route: every stop in order with where, what, how much and what to mind, in the tenant's local time."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.assets.models import Crew, Depot, Facility, Site, Vehicle
from app.assets.queries import StandingContainer, list_standing
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.planning.models import Plan, Route, RouteVisit, VisitKind
from app.planning.queries import list_visits
from app.tenancy.models import Tenant
from app.tenancy.queries import get_tenant
from app.tenancy.scope import find_row, get_row, rows_of


@dataclass(frozen=True)
class SheetLine:
    """One line of the sheet."""

    visit: RouteVisit
    place: Depot | Facility | Site | None
    """None: a break, taken wherever the truck is."""
    container: StandingContainer | None
    zone: ZoneInfo

    @property
    def arrives(self) -> datetime:
        return self.visit.arrives_at.astimezone(self.zone)

    @property
    def departs(self) -> datetime:
        return self.visit.departs_at.astimezone(self.zone)

    @property
    def address(self) -> str | None:
        """The street address where it is known, else the place's name."""
        if self.place is None:
            return None
        return (self.place.address or self.place.name) if isinstance(self.place, Site) else self.place.name

    @property
    def access_note(self) -> str | None:
        """Gate codes and hazards: for the crew's eyes."""
        return self.place.access_note if isinstance(self.place, Site) else None

    @property
    def waste_class(self) -> WasteClass | None:
        return self.container.container.waste_class if self.container else None


@dataclass(frozen=True)
class RouteSheet:
    """A route as a crew can take it along on paper."""

    tenant: Tenant
    plan: Plan
    route: Route
    vehicle: Vehicle
    crew: Crew | None
    lines: tuple[SheetLine, ...]

    @property
    def pickups(self) -> int:
        return sum(line.visit.kind is VisitKind.PICKUP for line in self.lines)

    @property
    def expected_kg(self) -> int:
        return sum(line.visit.expected_kg for line in self.lines if line.visit.kind is VisitKind.PICKUP)


def get_route_sheet(session: TenantSession, route_id: int) -> RouteSheet:
    """The sheet of a route of any plan, in eight queries however long it is."""
    route, tenant = get_row(session, Route, route_id), get_tenant(session)
    visits = list_visits(session, route_id)
    containers = {one.container.id: one for one in list_standing(session, {visit.container_id for visit in visits if visit.container_id})}
    wanted = {visit.facility_id for visit in visits if visit.facility_id}
    facilities = {facility.id: facility for facility in session.scalars(rows_of(session, Facility).where(Facility.id.in_(wanted)))}
    depot, zone = get_row(session, Depot, route.depot_id), ZoneInfo(tenant.timezone)

    def line(visit: RouteVisit) -> SheetLine:
        container = containers.get(visit.container_id or 0)
        places: dict[VisitKind, Depot | Facility | Site | None] = {
            VisitKind.DEPART: depot,
            VisitKind.RETURN: depot,
            VisitKind.PICKUP: container.site if container else None,
            VisitKind.UNLOAD: facilities.get(visit.facility_id or 0),
        }
        return SheetLine(visit, places.get(visit.kind), container, zone)

    return RouteSheet(
        tenant=tenant,
        plan=get_row(session, Plan, route.plan_id),
        route=route,
        vehicle=get_row(session, Vehicle, route.vehicle_id),
        crew=find_row(session, Crew, route.crew_id),
        lines=tuple(line(visit) for visit in visits),
    )
