"""What containers say: devices, measurements, the state they add up to, lifts and forecasts."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import REAL, CheckConstraint, Index, LargeBinary, SmallInteger, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import CURRENT_TENANT, Id, TenantOwned, TenantRow, Versioned, enum_type, same_tenant
from forecasting.level import SAME_LIFT_S as SAME_LIFT_S

SAME_REPORTER_S = 1800


class LiftSource(StrEnum):
    """Who says that a container was emptied."""

    SENSOR = "sensor"
    DRIVER = "driver"
    LIFT_READER = "lift_reader"
    WEIGH_TICKET = "weigh_ticket"


class Device(TenantRow, Versioned):
    """A sensor, and the container it is mounted in now."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("tenant_id", "device_uid"),
        same_tenant("container_id", "container"),
        Index("ix_device_container", "tenant_id", "container_id"),
        CheckConstraint("reporting_interval_s > 0", name="reporting_interval_positive"),
    )

    device_uid: Mapped[str] = mapped_column(String(64))
    """As the device names itself: a DevEUI, a serial number."""
    kind: Mapped[str] = mapped_column(String(80), server_default="ultrasonic")
    container_id: Mapped[Id | None]
    reporting_interval_s: Mapped[int] = mapped_column(server_default="21600")
    last_seen_at: Mapped[datetime | None]
    battery_v: Mapped[float | None] = mapped_column(REAL)
    installed_at: Mapped[datetime | None]


class Measurement(TenantOwned):
    """One reading of one device. The first one of an instant stays; partitioned by month of `observed_at`."""

    __tablename__ = "measurement"
    __table_args__ = (
        Index("ix_measurement_container", "tenant_id", "container_id", "observed_at"),
        Index("ix_measurement_observed_brin", "observed_at", postgresql_using="brin", postgresql_with={"pages_per_range": 32}),
        {"postgresql_partition_by": "RANGE (observed_at)"},
    )

    # No foreign keys on this table: they would cost more than the row itself. Ingest looks the device up under the same tenant's
    # policy in the same transaction, the app may not delete devices, and a measurement never changes.
    tenant_id: Mapped[int] = mapped_column(primary_key=True, server_default=text(CURRENT_TENANT), sort_order=-2)
    device_id: Mapped[Id] = mapped_column(primary_key=True)
    observed_at: Mapped[datetime] = mapped_column(primary_key=True)
    """The device's clock."""
    gateway_at: Mapped[datetime | None]
    """The network's clock."""
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """Our clock."""
    container_id: Mapped[Id | None]
    """Where the device was mounted then."""
    distance_mm: Mapped[int | None]
    fill_pct: Mapped[float | None] = mapped_column(REAL)
    weight_kg: Mapped[float | None] = mapped_column(REAL)
    density_kg_m3: Mapped[float | None] = mapped_column(REAL)
    temperature_c: Mapped[float | None] = mapped_column(REAL)
    acceleration_g: Mapped[float | None] = mapped_column(REAL)
    """Largest acceleration since the last reading."""
    tilt_deg: Mapped[float | None] = mapped_column(REAL)
    battery_v: Mapped[float | None] = mapped_column(REAL)
    signal_dbm: Mapped[int | None] = mapped_column(SmallInteger)
    quality: Mapped[int] = mapped_column(SmallInteger)
    """How far the fill is to be trusted: 0 not at all … 4 fully."""
    flags: Mapped[list[str] | None] = mapped_column(ARRAY(String(40)))
    """Why the quality is below 4, in the operator's words."""


class ContainerState(TenantOwned):
    """What is known of a container now; always what a replay of its measurements and lifts would give."""

    __tablename__ = "container_state"
    __table_args__ = (same_tenant("container_id", "container", ondelete="CASCADE"),)

    container_id: Mapped[Id] = mapped_column(primary_key=True)
    observed_at: Mapped[datetime | None]
    fill_pct: Mapped[float | None] = mapped_column(REAL)
    """The filtered level, not the last echo."""
    fill_spread_pct: Mapped[float | None] = mapped_column(REAL)
    quality: Mapped[int | None] = mapped_column(SmallInteger)
    temperature_c: Mapped[float | None] = mapped_column(REAL)
    battery_v: Mapped[float | None] = mapped_column(REAL)
    density_kg_m3: Mapped[float | None] = mapped_column(REAL)
    last_emptied_at: Mapped[datetime | None]
    level_filter: Mapped[dict[str, Any] | None] = mapped_column(JSONB, deferred=True)
    """The streaming filter's memory: kilobytes that only ingest reads."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Lift(TenantRow):
    """One container emptied once, whoever reported it."""

    __tablename__ = "lift"
    __table_args__ = (
        same_tenant("container_id", "container"),
        same_tenant("vehicle_id", "vehicle"),
        UniqueConstraint("tenant_id", "client_uid"),
        Index("ix_lift_container", "tenant_id", "container_id", "lifted_at"),
        Index("ix_lift_time", "tenant_id", "lifted_at"),
    )

    container_id: Mapped[Id]
    lifted_at: Mapped[datetime]
    source: Mapped[LiftSource] = mapped_column(enum_type(LiftSource))
    vehicle_id: Mapped[Id | None]
    fill_before_pct: Mapped[float | None] = mapped_column(REAL)
    weight_kg: Mapped[float | None] = mapped_column(REAL)
    weighed_by: Mapped[LiftSource | None] = mapped_column(enum_type(LiftSource, name="weighed_by"))
    """Whose weight it is: a reporter takes back its own, never another's."""
    client_uid: Mapped[UUID | None]
    """The reporter's own number for it, so that a repeat is not a second lift."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    def is_same_emptying(self, lifted_at: datetime, source: LiftSource) -> bool:
        """Whether a report means this lift: other reporters' clocks and delays differ by hours, one reporter's by minutes."""
        window_s = SAME_REPORTER_S if self.source is source else SAME_LIFT_S
        return abs((self.lifted_at - lifted_at).total_seconds()) <= window_s

    def confirm(
        self, lifted_at: datetime, source: LiftSource, *, vehicle_id: int | None, weight_kg: float | None, client_uid: UUID | None
    ) -> None:
        """Add what a report knows. Somebody who was there counts for more than a sensor, whose next reading comes hours later."""
        if self.source is LiftSource.SENSOR:
            self.source, self.lifted_at = source, lifted_at
        self.vehicle_id = self.vehicle_id or vehicle_id
        if self.weight_kg is None:
            self._weigh(weight_kg, source)
        self.client_uid = self.client_uid or client_uid

    def revise(
        self,
        lifted_at: datetime,
        source: LiftSource,
        vehicle_id: int | None,
        weight_kg: float | None,
        client_uid: UUID | None,
        repeats: frozenset[UUID],
    ) -> bool:
        """Take its reporter's own later word on it, unless that is only what was said before; whether its time has changed."""
        if self.source is not source or (client_uid == self.client_uid and not repeats):
            return False
        moved = lifted_at != self.lifted_at
        self.lifted_at, self.vehicle_id, self.client_uid = lifted_at, vehicle_id, client_uid
        if weight_kg is not None or self.weighed_by is source:
            self._weigh(weight_kg, source)
        return moved

    def _weigh(self, weight_kg: float | None, source: LiftSource) -> None:
        self.weight_kg, self.weighed_by = weight_kg, None if weight_kg is None else source


class ForecastRun(TenantRow):
    """One night's forecast of a tenant: which model, learned until when, and how well it did beside the naive one."""

    __tablename__ = "forecast_run"
    __table_args__ = (Index("ix_forecast_run_origin", "tenant_id", "origin_at"),)

    origin_at: Mapped[datetime]
    """Nothing observed later has been used."""
    method: Mapped[str] = mapped_column(String(60))
    model_version: Mapped[str] = mapped_column(String(80))
    horizons_h: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    evaluation: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ContainerForecast(TenantOwned):
    """Fill of one container at each hour ahead (percent), as quantiles, with the naive baseline beside it."""

    __tablename__ = "container_forecast"
    __table_args__ = (
        same_tenant("run_id", "forecast_run", ondelete="CASCADE"),
        same_tenant("container_id", "container", ondelete="CASCADE"),
        Index("ix_container_forecast_container", "tenant_id", "container_id"),
    )

    run_id: Mapped[Id] = mapped_column(primary_key=True)
    container_id: Mapped[Id] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(String(60))
    """The model, or the baseline where that has been better for this container."""
    q10_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    q50_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    q90_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    overflow_probability: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    naive_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))


class ModelArtifact(TenantRow):
    """A fitted forecast model, frozen. The newest one of a tenant is in use."""

    __tablename__ = "model_artifact"
    __table_args__ = (Index("ix_model_artifact_time", "tenant_id", "trained_until"),)

    method: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(80))
    trained_until: Mapped[datetime]
    evaluation: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
