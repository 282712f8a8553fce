"""Smallest valid rows of the register, flushed; what they stand on is made along with them unless it is given."""

from datetime import date, time
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from app.assets.models import (
    Absence,
    AbsenceReason,
    Container,
    ContainerModel,
    Crew,
    Depot,
    Facility,
    Holiday,
    LiftKind,
    Site,
    Vehicle,
    WasteClassSetting,
    Zone,
)
from app.assets.waste_classes import WasteClass
from app.db import TenantOwned, TenantSession

Row = TypeVar("Row", bound=TenantOwned)

_numbers = count(1)


def _code(kind: str) -> str:
    return f"{kind}-{next(_numbers)}"


def _added(session: TenantSession, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


def zone(session: TenantSession, **values: Any) -> Zone:
    return _added(session, Zone(**{"code": _code("Z"), "name": "Centro"} | values))


def depot(session: TenantSession, **values: Any) -> Depot:
    return _added(session, Depot(**{"code": _code("D"), "name": "Yard", "lat": -29.95, "lon": -71.34} | values))


def facility(session: TenantSession, **values: Any) -> Facility:
    """Accepts every class, always open."""
    plain = {"code": _code("F"), "name": "Transfer station", "lat": -29.99, "lon": -71.30, "accepts": [str(c) for c in WasteClass]}
    return _added(session, Facility(**plain | values))


def site(session: TenantSession, **values: Any) -> Site:
    return _added(session, Site(**{"code": _code("S"), "name": "Plaza", "lat": -29.90, "lon": -71.25} | values))


def container_model(session: TenantSession, **values: Any) -> ContainerModel:
    """An 1,100 l four-wheeler."""
    plain: dict[str, Any] = {"code": _code("M"), "name": "1,100 l", "volume_l": 1100, "max_load_kg": 440, "lift_kind": LiftKind.REAR}
    return _added(session, ContainerModel(**plain | {"empty_distance_mm": 1200, "full_distance_mm": 150} | values))


def container(session: TenantSession, *, model: ContainerModel | None = None, **values: Any) -> Container:
    """Residual waste, with the volume and distances of its model."""
    model = model or container_model(session)
    if "site_id" not in values:
        values["site_id"] = site(session).id
    plain: dict[str, Any] = {
        "code": _code("K"),
        "model_id": model.id,
        "waste_class": WasteClass.RESIDUAL,
        "volume_l": model.volume_l,
        "empty_distance_mm": model.empty_distance_mm,
        "full_distance_mm": model.full_distance_mm,
    }
    return _added(session, Container(**plain | values))


def vehicle(session: TenantSession, **values: Any) -> Vehicle:
    """A 26 t rear loader that takes every class."""
    if "depot_id" not in values:
        values["depot_id"] = depot(session).id
    plain: dict[str, Any] = {
        "code": _code("V"),
        "vehicle_type": "26 t rear loader",
        "payload_kg": 10_000,
        "body_volume_l": 21_000,
        "waste_classes": [str(c) for c in WasteClass],
        "lift_kinds": [str(LiftKind.REAR)],
        "height_mm": 3_600,
        "width_mm": 2_550,
        "length_mm": 9_800,
        "gross_weight_kg": 26_000,
        "cost_per_day": Decimal(220),
        "cost_per_h": Decimal(80),
        "cost_per_km": Decimal("1.40"),
    }
    return _added(session, Vehicle(**plain | values))


def crew(session: TenantSession, **values: Any) -> Crew:
    """A shift from six to two."""
    if "depot_id" not in values:
        values["depot_id"] = depot(session).id
    return _added(session, Crew(**{"code": _code("C"), "name": "Early", "shift_starts": time(6), "shift_ends": time(14)} | values))


def absence(session: TenantSession, **values: Any) -> Absence:
    """Of a new vehicle, unless somebody is named."""
    if not {"vehicle_id", "crew_id"} & set(values):
        values["vehicle_id"] = vehicle(session).id
    plain = {"first_day": date(2026, 11, 23), "last_day": date(2026, 11, 24), "reason": AbsenceReason.BREAKDOWN}
    return _added(session, Absence(**plain | values))


def holiday(session: TenantSession, day: date = date(2026, 12, 25), name: str = "Christmas Day") -> Holiday:
    return _added(session, Holiday(day=day, name=name))


def waste_class_setting(session: TenantSession, **values: Any) -> WasteClassSetting:
    return _added(session, WasteClassSetting(**{"waste_class": WasteClass.GLASS, "density_kg_m3": 280.0} | values))
