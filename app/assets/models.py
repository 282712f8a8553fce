"""The register: where containers stand, what they are, and who and what can empty them."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, Numeric, SmallInteger, String, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.assets.waste_classes import CLASS_DEFAULTS, WasteClass
from app.db import Id, TenantOwned, TenantRow, Versioned, enum_type, same_tenant


class LiftKind(StrEnum):
    """How a container is emptied, and so which vehicle can do it."""

    REAR = "rear"
    SIDE = "side"
    CRANE = "crane"


class ContainerStatus(StrEnum):
    """Where a container is in its life."""

    IN_SERVICE = "in_service"
    OUT_OF_SERVICE = "out_of_service"
    REMOVED = "removed"


class VehicleStatus(StrEnum):
    """Whether a vehicle is in the fleet at all; single days in the workshop are absences."""

    IN_FLEET = "in_fleet"
    RETIRED = "retired"


class AbsenceReason(StrEnum):
    """Why a vehicle or a crew is not there."""

    BREAKDOWN = "breakdown"
    WORKSHOP = "workshop"
    SICK = "sick"
    LEAVE = "leave"
    OTHER = "other"


def _place_is_on_earth() -> tuple[CheckConstraint, CheckConstraint]:
    return CheckConstraint("lat between -90 and 90", name="lat_on_earth"), CheckConstraint("lon between -180 and 180", name="lon_on_earth")


class Place(Versioned):
    """Mixin: something with a code, a name and a point (WGS 84)."""

    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    lat: Mapped[float]
    lon: Mapped[float]


class Zone(TenantRow, Versioned):
    """An area that figures are compared by, and crews are at home in."""

    __tablename__ = "zone"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), CheckConstraint("inhabitants >= 0", name="inhabitants_not_negative"))

    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    inhabitants: Mapped[int | None]
    area: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """GeoJSON Polygon or MultiPolygon."""


class Depot(TenantRow, Place):
    """Where vehicles start and end their day."""

    __tablename__ = "depot"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), *_place_is_on_earth())


class Facility(TenantRow, Place):
    """Where trucks unload: transfer station, sorting plant, incinerator, landfill."""

    __tablename__ = "facility"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        *_place_is_on_earth(),
        CheckConstraint("turnaround_s >= 0", name="turnaround_not_negative"),
        CheckConstraint("fee_per_t >= 0", name="fee_not_negative"),
    )

    accepts: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    opening_hours: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """`[{"weekdays": [0, …], "opens": "06:00", "closes": "15:00"}]`, local time, Monday 0; empty: always open."""
    turnaround_s: Mapped[int] = mapped_column(server_default="1200")
    fee_per_t: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")


class Site(TenantRow, Place):
    """A point where containers stand together."""

    __tablename__ = "site"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        *_place_is_on_earth(),
        CheckConstraint("setup_s >= 0", name="setup_not_negative"),
        same_tenant("zone_id", "zone"),
        Index("ix_site_zone", "tenant_id", "zone_id"),
    )

    address: Mapped[str | None] = mapped_column(String(300))
    zone_id: Mapped[Id | None]
    access_note: Mapped[str | None] = mapped_column(Text)
    """Gate codes and hazards: shown to the crew only."""
    time_windows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """When a truck may come; the form of `Facility.opening_hours`; empty: any time of the shift."""
    setup_s: Mapped[int] = mapped_column(server_default="120")
    """Time a crew needs here whatever it empties: parking, unlocking, walking."""
    max_vehicle_width_mm: Mapped[int | None]
    max_vehicle_weight_kg: Mapped[int | None]


class ContainerModel(TenantRow, Versioned):
    """A kind of container, as its maker sells it."""

    __tablename__ = "container_model"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        CheckConstraint("volume_l > 0", name="volume_positive"),
        CheckConstraint("max_load_kg > 0", name="max_load_positive"),
        CheckConstraint("empty_distance_mm > full_distance_mm", name="empty_below_full"),
    )

    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    volume_l: Mapped[int]
    max_load_kg: Mapped[int]
    tare_kg: Mapped[int | None]
    lift_kind: Mapped[LiftKind] = mapped_column(enum_type(LiftKind))
    lift_s: Mapped[int] = mapped_column(server_default="60")
    empty_distance_mm: Mapped[int]
    full_distance_mm: Mapped[int]
    shape: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """`{"kind": "tapered", "bottom_to_top": 0.8}` and the like; None: walls straight up, fill is height."""


class Container(TenantRow, Versioned):
    """One vessel for one waste class at a site. Its fill is known by the distance from the sensor down to the waste."""

    __tablename__ = "container"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        same_tenant("site_id", "site"),
        same_tenant("model_id", "container_model"),
        Index("ix_container_site", "tenant_id", "site_id"),
        CheckConstraint("volume_l > 0", name="volume_positive"),
        CheckConstraint("empty_distance_mm > full_distance_mm", name="empty_below_full"),
        CheckConstraint("density_kg_m3 > 0", name="density_positive"),
        CheckConstraint("max_interval_days > 0", name="max_interval_positive"),
    )

    code: Mapped[str] = mapped_column(String(60))
    site_id: Mapped[Id]
    model_id: Mapped[Id]
    waste_class: Mapped[WasteClass] = mapped_column(enum_type(WasteClass))
    volume_l: Mapped[int]
    empty_distance_mm: Mapped[int]
    full_distance_mm: Mapped[int]
    status: Mapped[ContainerStatus] = mapped_column(enum_type(ContainerStatus), server_default="in_service")
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(60)), server_default="{}")
    quality_flags: Mapped[list[str]] = mapped_column(ARRAY(String(60)), server_default="{}")
    """What is known to be wrong with it: `broken_lid`, `no_sensor_mount`, …"""
    density_kg_m3: Mapped[float | None]
    """What this container's waste weighs where it is known; else its class's density counts."""
    max_interval_days: Mapped[int | None]
    """Emptied at least this often whatever its fill (food waste, contracts)."""
    installed_on: Mapped[date | None]

    def fill_pct(self, distance_mm: int) -> float:
        """Fill by linear geometry; above 100 where waste stands higher than the full mark (overflow is news, not an error)."""
        return 100 * (self.empty_distance_mm - distance_mm) / (self.empty_distance_mm - self.full_distance_mm)

    def density_or_default_kg_m3(self) -> float:
        """Loose density of what lies in it."""
        return self.density_kg_m3 or CLASS_DEFAULTS[self.waste_class].density_kg_m3

    def load_kg(self, fill_pct: float) -> float:
        """Weight of its waste at a fill."""
        return self.volume_l / 1000 * fill_pct / 100 * self.density_or_default_kg_m3()

    def fits(self, model: ContainerModel) -> bool:
        """Whether it may be filled to the brim with its class: full, it weighs no more than its model can bear."""
        return self.load_kg(100) <= model.max_load_kg


class Vehicle(TenantRow, Versioned):
    """A collection truck: what it may carry, where it fits, what it costs."""

    __tablename__ = "vehicle"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        same_tenant("depot_id", "depot"),
        CheckConstraint("payload_kg > 0", name="payload_positive"),
        CheckConstraint("body_volume_l > 0", name="body_volume_positive"),
        CheckConstraint("cost_per_day >= 0 and cost_per_h >= 0 and cost_per_km >= 0", name="costs_not_negative"),
        CheckConstraint("overtime_after_s >= 0 and overtime_cost_per_h >= 0", name="overtime_not_negative"),
    )

    code: Mapped[str] = mapped_column(String(60))
    plate: Mapped[str | None] = mapped_column(String(20))
    vehicle_type: Mapped[str] = mapped_column(String(80))
    depot_id: Mapped[Id]
    status: Mapped[VehicleStatus] = mapped_column(enum_type(VehicleStatus), server_default="in_fleet")
    payload_kg: Mapped[int]
    body_volume_l: Mapped[int]
    compacts: Mapped[bool] = mapped_column(server_default="true")
    compacted_kg_m3: Mapped[dict[str, float]] = mapped_column(JSONB, server_default="{}")
    """Density reached in this body by class, where it differs from the class's default."""
    waste_classes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    lift_kinds: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    height_mm: Mapped[int]
    width_mm: Mapped[int]
    length_mm: Mapped[int]
    gross_weight_kg: Mapped[int]
    cost_per_day: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    cost_per_h: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    cost_per_km: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    overtime_after_s: Mapped[int | None]
    """What a round lasts longer than this costs `overtime_cost_per_h` more; None: there is no overtime."""
    overtime_cost_per_h: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")
    co2e_kg_per_km: Mapped[float] = mapped_column(server_default="1.0")
    co2e_kg_per_lift: Mapped[float] = mapped_column(server_default="0.08")
    co2e_kg_per_idle_h: Mapped[float] = mapped_column(server_default="8")

    def compacted_density_kg_m3(self, waste_class: WasteClass, loose_kg_m3: float) -> float:
        """Density of a class in this body; never below the loose density, which nothing needs to press."""
        if not self.compacts:
            return loose_kg_m3
        return max(loose_kg_m3, self.compacted_kg_m3.get(waste_class, CLASS_DEFAULTS[waste_class].compacted_kg_m3))


class Crew(TenantRow, Versioned):
    """The people of one truck, and their shift (local time)."""

    __tablename__ = "crew"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        same_tenant("depot_id", "depot"),
        same_tenant("vehicle_id", "vehicle"),
        same_tenant("user_id", "user_account"),
        CheckConstraint("shift_ends > shift_starts", name="shift_ends_after_start"),
    )

    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    depot_id: Mapped[Id]
    vehicle_id: Mapped[Id | None]
    """The truck it usually drives."""
    user_id: Mapped[Id | None]
    """The driver's account."""
    shift_starts: Mapped[time]
    shift_ends: Mapped[time]
    max_duration_s: Mapped[int] = mapped_column(server_default="28800")
    break_s: Mapped[int] = mapped_column(server_default="1800")
    break_after_s: Mapped[int] = mapped_column(server_default="21600")
    """A break of `break_s` has been taken before this much work."""


class Absence(TenantRow, Versioned):
    """A vehicle or a crew that is not there on some days: the truck is broken, the driver is ill."""

    __tablename__ = "absence"
    __table_args__ = (
        same_tenant("vehicle_id", "vehicle", ondelete="CASCADE"),
        same_tenant("crew_id", "crew", ondelete="CASCADE"),
        CheckConstraint("num_nonnulls(vehicle_id, crew_id) = 1", name="of_one_thing"),
        CheckConstraint("last_day >= first_day", name="ends_after_start"),
        Index("ix_absence_days", "tenant_id", "last_day"),
    )

    vehicle_id: Mapped[Id | None]
    crew_id: Mapped[Id | None]
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[AbsenceReason] = mapped_column(enum_type(AbsenceReason))
    note: Mapped[str | None] = mapped_column(String(300))
    reported_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Holiday(TenantOwned, Versioned):
    """A day without service."""

    __tablename__ = "holiday"

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))


class WasteClassSetting(TenantOwned, Versioned):
    """A tenant's own figures for a class, in place of the defaults."""

    __tablename__ = "waste_class_setting"
    __table_args__ = (CheckConstraint("density_kg_m3 > 0", name="density_positive"),)

    waste_class: Mapped[WasteClass] = mapped_column(enum_type(WasteClass), primary_key=True)
    density_kg_m3: Mapped[float | None]
    max_interval_days: Mapped[int | None] = mapped_column(SmallInteger)
