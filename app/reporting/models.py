"""Roll-ups: a few small rows a day, so that a year of figures is read in milliseconds."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.assets.waste_classes import WasteClass
from app.db import Id, TenantOwned, TenantRow, enum_type, same_tenant


class RouteDay(TenantOwned):
    """What one driven route adds to the figures; dated by its plan's service date."""

    __tablename__ = "route_day"
    __table_args__ = (same_tenant("route_id", "route", ondelete="CASCADE"), Index("ix_route_day_date", "tenant_id", "service_date"))

    route_id: Mapped[Id] = mapped_column(primary_key=True)
    service_date: Mapped[date]
    vehicle_id: Mapped[Id]
    lifts: Mapped[int]
    skips: Mapped[int]
    collected_kg: Mapped[float]
    collected_l: Mapped[float]
    unloads: Mapped[int]
    body_l: Mapped[float]
    """Collected litres as the truck's body presses them."""
    permitted_kg: Mapped[int]
    """Payload, once for each unload."""
    permitted_l: Mapped[int]
    """The body's volume, once for each unload."""
    driven_m: Mapped[int]
    planned_m: Mapped[int]
    on_route_m: Mapped[int]
    """Between stops: the way out, hauls and the way home left out."""
    duty_s: Mapped[int]
    on_route_s: Mapped[int]
    cost: Mapped[float]
    co2e_kg: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AreaDay(TenantRow):
    """What happened in one zone and waste class on one local day: on one route, or (without a route) whoever did it.

    Class and zone are both null in the one row of a route that visited nobody, so that its distance is not lost.
    """

    __tablename__ = "area_day"
    __table_args__ = (
        same_tenant("route_id", "route", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "service_date", "zone_id", "waste_class", "route_id", postgresql_nulls_not_distinct=True),
        Index("ix_area_day_route", "tenant_id", "route_id"),
    )

    service_date: Mapped[date]
    zone_id: Mapped[Id | None]
    waste_class: Mapped[WasteClass | None] = mapped_column(enum_type(WasteClass))
    route_id: Mapped[Id | None]
    route_share: Mapped[float]
    """The part of the route's visits that was made here; its distance, time and cost count here by this part."""
    lifts: Mapped[int]
    skips: Mapped[int]
    fill_before_pct_sum: Mapped[float]
    fill_before_known: Mapped[int]
    """Lifts whose fill is known: what the average is taken over."""
    collected_l: Mapped[float]
    collected_kg: Mapped[float]
    excess_l: Mapped[float]
    """What had been above the full mark of lifted containers."""
    containers: Mapped[int]
    """In service; this and all that follows stands in the rows without a route."""
    volume_l: Mapped[int]
    """Of the containers in service, together."""
    measured: Mapped[int]
    """Containers that a usable reading has come from: overflow is a share of these."""
    overflow_onsets: Mapped[int]
    overflow_container_days: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
