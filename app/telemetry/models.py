"""What containers say: devices, measurements, the state they add up to, lifts and forecasts."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import REAL, CheckConstraint, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint, func, text
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


class SourceKind(StrEnum):
    """Who sends a source's messages, and so in which form they come."""

    KERBSIDE_JSON = "kerbside_json"
    TTS = "tts"
    CHIRPSTACK = "chirpstack"
    THINGPARK = "thingpark"
    SIGFOX = "sigfox"
    NGSI_LD = "ngsi_ld"
    NGSI_V2 = "ngsi_v2"


class MessageOutcome(StrEnum):
    """What became of one message of a source."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    REFUSED = "refused"


class Device(TenantRow, Versioned):
    """A sensor, and the container it is mounted in now."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("tenant_id", "device_uid"),
        same_tenant("container_id", "container"),
        Index("ix_device_container", "tenant_id", "container_id"),
        CheckConstraint("reporting_interval_s > 0", name="reporting_interval_positive"),
        CheckConstraint("nearest_mm >= 0", name="nearest_not_negative"),
    )

    device_uid: Mapped[str] = mapped_column(String(64))
    """As the device names itself: a DevEUI, a serial number."""
    kind: Mapped[str] = mapped_column(String(80), server_default="ultrasonic")
    container_id: Mapped[Id | None]
    reporting_interval_s: Mapped[int] = mapped_column(server_default="21600")
    last_seen_at: Mapped[datetime | None]
    battery_v: Mapped[float | None] = mapped_column(REAL)
    battery_pct: Mapped[float | None] = mapped_column(REAL)
    """Where the device tells what is left instead of a voltage; neither is ever worked out from the other."""
    installed_at: Mapped[datetime | None]
    model: Mapped[str | None] = mapped_column(String(80))
    """As its maker writes it, or the name of a device profile: says how its payload is read."""
    offset_mm: Mapped[float | None] = mapped_column(REAL)
    """Added to what it reports: positive where its face hangs below the point that the container's distances start from."""
    nearest_mm: Mapped[float | None] = mapped_column(REAL)
    """Its blind zone: nearer than this it cannot measure."""
    assumed_c: Mapped[float | None] = mapped_column(REAL)
    """Temperature at which it takes the speed of sound; None: it corrects for the temperature itself."""


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
    battery_pct: Mapped[float | None] = mapped_column(REAL)
    """What is left, where the device says it so."""
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


class DeviceProfile(TenantRow, Versioned):
    """A tenant's own description of a device that no decoder knows: where its figures lie in the payload."""

    __tablename__ = "device_profile"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str] = mapped_column(String(80))
    """The document's; `Device.model` and `Source.default_model` refer to it."""
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Source(TenantRow, Versioned):
    """A network server or context broker that sends us messages, and how far we trust it."""

    __tablename__ = "source"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        UniqueConstraint("source_key"),
        CheckConstraint("max_age_s > 0 and max_ahead_s >= 0", name="window_possible"),
    )

    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[SourceKind] = mapped_column(enum_type(SourceKind))
    source_key: Mapped[str] = mapped_column(String(40))
    """Names it in the address that it sends to. No secret."""
    secret_hash: Mapped[str] = mapped_column(String(64))
    sealed_as_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """ThingPark's key, sealed: tokens are made with it, so a digest would not do."""
    allowed_networks: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    """Addresses (CIDR) that may send; empty: any."""
    allowed_devices: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    """Devices that it may speak for; empty: all of the tenant's."""
    max_age_s: Mapped[int] = mapped_column(server_default="172800")
    """The replay window: a message that the network heard longer ago is refused."""
    max_ahead_s: Mapped[int] = mapped_column(server_default="600")
    sigfox_template: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What a Sigfox callback calls its fields; None: as Sigfox's own documentation does."""
    default_model: Mapped[str | None] = mapped_column(String(80))
    """Of devices whose own `model` is not said."""
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    knocked_at: Mapped[datetime | None]
    """When somebody last came with a wrong secret, to the minute."""

    @property
    def has_as_key(self) -> bool:
        return self.sealed_as_key is not None


class SourceMessage(TenantRow):
    """One of the last messages of a source, and what became of it."""

    __tablename__ = "source_message"
    __table_args__ = (
        same_tenant("source_id", "source", ondelete="CASCADE"),
        Index("ix_source_message_source", "tenant_id", "source_id", "id"),
    )

    source_id: Mapped[Id]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    device_uid: Mapped[str] = mapped_column(String(80), server_default="")
    outcome: Mapped[MessageOutcome] = mapped_column(enum_type(MessageOutcome))
    field: Mapped[str] = mapped_column(String(120), server_default="")
    """Where in the message the fault lies."""
    reason: Mapped[str] = mapped_column(String(400), server_default="")
    mend: Mapped[str] = mapped_column(String(400), server_default="")
    body: Mapped[str] = mapped_column(Text, server_default="")
    """As it came, cut off after some lines."""


class UplinkReceipt(TenantOwned):
    """A message that has been taken: its repeats within the replay window change nothing."""

    __tablename__ = "uplink_receipt"
    __table_args__ = (
        same_tenant("source_id", "source", ondelete="CASCADE"),
        Index("ix_uplink_receipt_forget_at", "tenant_id", "forget_at"),
    )

    source_id: Mapped[Id] = mapped_column(primary_key=True)
    message_key: Mapped[UUID] = mapped_column(primary_key=True)
    """Digest of the envelope's key."""
    forget_at: Mapped[datetime]
