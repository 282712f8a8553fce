"""Published routes in the field: what drivers did, how far they drove, what the scale said."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import REAL, BigInteger, CheckConstraint, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.assets.waste_classes import WasteClass
from app.db import Id, TenantOwned, TenantRow, enum_type, same_tenant


class ActionKind(StrEnum):
    """What a driver reports."""

    STARTED = "started"
    COLLECTED = "collected"
    SKIPPED = "skipped"
    UNLOADED = "unloaded"
    BREAK_TAKEN = "break_taken"
    FINISHED = "finished"


class SkipReason(StrEnum):
    """Why a container was not emptied, after the UK open waste-service standard."""

    NOT_PRESENTED = "not_presented"
    WRONGLY_PRESENTED = "wrongly_presented"
    TOO_HEAVY = "too_heavy"
    EXCESS_WASTE = "excess_waste"
    CONTAMINATED = "contaminated"
    INACCESSIBLE_STORE = "inaccessible_store"
    DAMAGED = "damaged"
    LOST_IN_VEHICLE = "lost_in_vehicle"
    NOT_ON_SCHEME = "not_on_scheme"
    ROAD_INACCESSIBLE = "road_inaccessible"
    ROAD_CLOSED = "road_closed"
    ROADWORKS = "roadworks"
    BLOCKED_BY_VEHICLES = "blocked_by_vehicles"
    GATE_LOCKED = "gate_locked"
    PART_ACCESS = "part_access"
    RISK_OF_INJURY = "risk_of_injury"
    ALARM_ACTIVATED = "alarm_activated"
    BREAKDOWN = "breakdown"
    STREET_COMPLETED = "street_completed"


class DriverAction(TenantRow):
    """One report from a cab. Comes late, in any order, and more than once; counts once."""

    __tablename__ = "driver_action"
    __table_args__ = (
        UniqueConstraint("tenant_id", "client_uid"),
        same_tenant("route_id", "route"),
        same_tenant("container_id", "container"),
        same_tenant("facility_id", "facility"),
        Index("ix_driver_action_route", "tenant_id", "route_id"),
        Index("ix_driver_action_time", "tenant_id", "occurred_at"),
        Index("ix_driver_action_container", "tenant_id", "container_id", "occurred_at"),
        CheckConstraint("(kind = 'skipped') = (skip_reason is not null)", name="skip_has_reason"),
        CheckConstraint("(kind in ('collected', 'skipped')) = (container_id is not null)", name="container_where_it_belongs"),
        CheckConstraint("kind <> 'unloaded' or facility_id is not null", name="unload_has_facility"),
    )

    client_uid: Mapped[UUID]
    """Chosen in the cab before sending."""
    route_id: Mapped[Id]
    kind: Mapped[ActionKind] = mapped_column(enum_type(ActionKind))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    container_id: Mapped[Id | None]
    facility_id: Mapped[Id | None]
    skip_reason: Mapped[SkipReason | None] = mapped_column(enum_type(SkipReason))
    weight_kg: Mapped[float | None] = mapped_column(REAL)
    ticket_number: Mapped[str | None] = mapped_column(String(60))
    waste_class: Mapped[WasteClass | None] = mapped_column(enum_type(WasteClass))
    odometer_m: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None] = mapped_column(String(500))


class RouteRun(TenantOwned):
    """How a published route was driven."""

    __tablename__ = "route_run"
    __table_args__ = (same_tenant("route_id", "route", ondelete="CASCADE"),)

    route_id: Mapped[Id] = mapped_column(primary_key=True)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    driven_m: Mapped[int | None]


class WeighTicket(TenantRow):
    """What a facility's scale said of one unload."""

    __tablename__ = "weigh_ticket"
    __table_args__ = (
        same_tenant("route_id", "route"),
        same_tenant("vehicle_id", "vehicle"),
        same_tenant("facility_id", "facility"),
        UniqueConstraint("tenant_id", "client_uid"),
        CheckConstraint("net_kg >= 0", name="net_not_negative"),
        Index("ix_weigh_ticket_time", "tenant_id", "weighed_at"),
    )

    route_id: Mapped[Id | None]
    vehicle_id: Mapped[Id]
    facility_id: Mapped[Id]
    waste_class: Mapped[WasteClass | None] = mapped_column(enum_type(WasteClass))
    weighed_at: Mapped[datetime]
    net_kg: Mapped[float] = mapped_column(REAL)
    ticket_number: Mapped[str | None] = mapped_column(String(60))
    client_uid: Mapped[UUID | None]
