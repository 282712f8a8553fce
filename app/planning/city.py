"""All that a night needs to know of a tenant, read once in a short transaction and not changed after."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from app.assets.models import Container, Crew, Depot, Facility, Site, Vehicle
from app.assets.queries import (
    StandingContainer,
    densities_kg_m3,
    list_available_crews,
    list_available_vehicles,
    list_containers_in_service,
    list_facilities,
    list_holidays,
    max_intervals_days,
)
from app.assets.service_days import utc_of
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.maps.queries import find_map_of_tenant
from app.planning.learned_loads import LearnedLoads, find_learned_loads
from app.planning.models import PlanningPolicy
from app.planning.queries import get_policy, last_lifts, last_vehicles, list_idle_containers, pickups_ahead, states_by_container
from app.telemetry.models import ContainerState
from app.tenancy.models import Tenant
from app.tenancy.queries import get_tenant
from app.tenancy.scope import rows_of

HOLIDAYS_KNOWN = timedelta(days=400)
USUAL_SHIFT = (time(6), time(14))
"""Counts where there is no crew at all: something has to be said of a visit that nobody can make."""


@dataclass(frozen=True, kw_only=True, eq=False)
class City:
    """A tenant as one service date finds it. Rows are read-only here and belong to no session."""

    tenant: Tenant
    service_date: date
    origin_at: datetime
    """Nothing known later has any say."""
    policy: PlanningPolicy
    holidays: frozenset[date]
    containers: tuple[StandingContainer, ...]
    """In service, by number."""
    idle: tuple[StandingContainer, ...]
    """Standing there, but out of service."""
    states: Mapping[int, ContainerState]
    last_lifted_at: Mapping[int, datetime]
    coming_at: Mapping[int, datetime]
    """When a route of an earlier day that is out and not yet driven comes for a container: today's, for a night that is planned by day."""
    usual_vehicle: Mapping[int, int]
    """The truck that emptied a container the last time, where the policy has a price for another one's coming."""
    class_density_kg_m3: Mapping[WasteClass, float]
    class_max_interval_days: Mapping[WasteClass, int]
    loads: LearnedLoads
    sites: tuple[Site, ...]
    depots: tuple[Depot, ...]
    facilities: tuple[Facility, ...]
    vehicles: tuple[Vehicle, ...]
    """Those that are there on the day."""
    crews: tuple[Crew, ...]
    map_digest: str | None
    """None: no street map, so travel is great circle and says so."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tenant.timezone)

    @cached_property
    def midnight(self) -> datetime:
        """The local midnight that begins the service date: second 0 of its routes."""
        return utc_of(self.tenant, self.service_date, time())

    def seconds(self, at: time) -> int:
        """A local time of the service date in elapsed seconds: 06:00 is 5, 6 or 7 hours after midnight."""
        return int((utc_of(self.tenant, self.service_date, at) - self.midnight).total_seconds())

    def instant(self, seconds: int) -> datetime:
        return self.midnight + timedelta(seconds=seconds)

    @cached_property
    def usual_visit(self) -> time:
        """Local time at which a container is visited before anybody knows the routes: the middle of the shifts."""
        begins = min((crew.shift_starts for crew in self.crews), default=USUAL_SHIFT[0])
        ends = max((crew.shift_ends for crew in self.crews), default=USUAL_SHIFT[1])
        minutes = (begins.hour + ends.hour) * 30 + (begins.minute + ends.minute) // 2
        return time(minutes // 60, minutes % 60)

    @cached_property
    def visit_at(self) -> datetime:
        """The usual visit on the service date, or an hour from now where that is over already."""
        return max(utc_of(self.tenant, self.service_date, self.usual_visit), self.origin_at + timedelta(hours=1))

    def density_kg_m3(self, container: Container) -> float:
        """What tickets have taught of it; without them the container's own density, else the tenant's for the class, else the default."""
        learned = self.loads.of(container)
        return learned.density_kg_m3 if learned else container.density_kg_m3 or self.class_density_kg_m3[container.waste_class]

    def service_s(self, standing: StandingContainer) -> tuple[int, int]:
        """Seconds of the site's setup and of one lift: as crews report them, else the register's."""
        learned = self.loads.seconds_of(standing.container)
        if learned is None:
            return standing.site.setup_s, standing.model.lift_s
        return round(learned.setup_s), round(learned.lift_s)

    def max_interval_days(self, container: Container) -> int | None:
        """The longest time that it may go without a lift, whatever its fill: its own contract, else its class's rule."""
        return container.max_interval_days or self.class_max_interval_days.get(container.waste_class)


def load_city(
    session: TenantSession,
    service_date: date,
    *,
    origin_at: datetime,
    without_vehicles: Collection[int] = (),
    without_crews: Collection[int] = (),
) -> City:
    """Read the tenant for one service date, in as many queries for four containers as for four thousand."""
    street_map, policy = find_map_of_tenant(session), get_policy(session)
    return City(
        tenant=get_tenant(session),
        service_date=service_date,
        origin_at=origin_at,
        policy=policy,
        holidays=list_holidays(session, service_date - HOLIDAYS_KNOWN, service_date + HOLIDAYS_KNOWN),
        containers=tuple(list_containers_in_service(session)),
        idle=tuple(list_idle_containers(session)),
        states=states_by_container(session),
        last_lifted_at=last_lifts(session, origin_at),
        coming_at=pickups_ahead(session, origin_at, service_date),
        usual_vehicle=last_vehicles(session, service_date) if policy.change_cost else {},
        class_density_kg_m3=densities_kg_m3(session),
        class_max_interval_days=max_intervals_days(session),
        loads=find_learned_loads(session, origin_at),
        sites=tuple(session.scalars(rows_of(session, Site).order_by(Site.id))),
        depots=tuple(session.scalars(rows_of(session, Depot).order_by(Depot.id))),
        facilities=tuple(list_facilities(session)),
        vehicles=tuple(v for v in list_available_vehicles(session, service_date) if v.id not in without_vehicles),
        crews=tuple(c for c in list_available_crews(session, service_date) if c.id not in without_crews),
        map_digest=street_map.digest if street_map else None,
    )
