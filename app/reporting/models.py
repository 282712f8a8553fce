"""Roll-ups: one small row a day, so that a year of figures is read in milliseconds."""

from datetime import date, datetime

from sqlalchemy import REAL, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.assets.waste_classes import WasteClass
from app.db import Id, TenantOwned, TenantRow, enum_type, same_tenant


class RouteDay(TenantOwned):
    """What one driven route adds to the figures."""

    __tablename__ = "route_day"
    __table_args__ = (same_tenant("route_id", "route", ondelete="CASCADE"), Index("ix_route_day_date", "tenant_id", "service_date"))

    route_id: Mapped[Id] = mapped_column(primary_key=True)
    service_date: Mapped[date]
    vehicle_id: Mapped[Id]
    lifts: Mapped[int]
    skips: Mapped[int]
    collected_kg: Mapped[float] = mapped_column(REAL)
    collected_l: Mapped[float] = mapped_column(REAL)
    driven_m: Mapped[int]
    planned_m: Mapped[int]
    on_route_m: Mapped[int]
    """Between the first and the last stop, hauls left out."""
    duty_s: Mapped[int]
    on_route_s: Mapped[int]
    cost: Mapped[float]
    co2e_kg: Mapped[float] = mapped_column(REAL)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AreaDay(TenantRow):
    """What one zone and waste class did on one day."""

    __tablename__ = "area_day"
    __table_args__ = (UniqueConstraint("tenant_id", "service_date", "zone_id", "waste_class", postgresql_nulls_not_distinct=True),)

    service_date: Mapped[date]
    zone_id: Mapped[Id | None]
    waste_class: Mapped[WasteClass] = mapped_column(enum_type(WasteClass))
    containers: Mapped[int]
    lifts: Mapped[int]
    skips: Mapped[int]
    fill_before_pct_sum: Mapped[float] = mapped_column(REAL)
    fill_before_known: Mapped[int]
    """Lifts whose fill is known: what the average is taken over."""
    collected_l: Mapped[float] = mapped_column(REAL)
    collected_kg: Mapped[float] = mapped_column(REAL)
    overflow_onsets: Mapped[int]
    overflow_container_days: Mapped[int]
