"""Whose rows the register's endpoints touch."""

from collections.abc import Callable
from typing import Any

from app.assets.api import RESOURCES
from app.assets.resource import Resource
from app.db import Database, TenantRow, TenantSession
from tests.api.isolation import Owned
from tests.factories import assets as make

Body = Callable[[TenantSession], dict[str, Any]]

PLACE = {"name": "Plaza", "lat": -29.9, "lon": -71.25}
KEYS_OF_THEIR_OWN = {"holiday": "2026-12-25", "waste_class_setting": "glass"}


def _container(session: TenantSession) -> dict[str, Any]:
    ids = {"site_id": make.site(session).id, "model_id": make.container_model(session).id}
    return {"code": "new", "waste_class": "residual"} | ids


def _crew(session: TenantSession) -> dict[str, Any]:
    ids = {"depot_id": make.depot(session).id, "vehicle_id": make.vehicle(session).id}
    return {"code": "new", "name": "Early", "shift_starts": "06:00", "shift_ends": "14:00"} | ids


def _absence(session: TenantSession) -> dict[str, Any]:
    return {"vehicle_id": make.vehicle(session).id, "first_day": "2026-11-23", "last_day": "2026-11-23", "reason": "sick"}


MODEL = {"volume_l": 240, "max_load_kg": 96, "lift_kind": "rear", "empty_distance_mm": 950, "full_distance_mm": 100}

BODIES: dict[str, Body] = {
    "zone": lambda _: {"code": "new", "name": "Centro"},
    "depot": lambda _: {"code": "new"} | PLACE,
    "facility": lambda _: {"code": "new", "accepts": ["glass"]} | PLACE,
    "site": lambda session: {"code": "new", "zone_id": make.zone(session).id} | PLACE,
    "container_model": lambda _: {"code": "new", "name": "240 l"} | MODEL,
    "container": _container,
    "vehicle": lambda session: {"code": "new", "vehicle_type": "rear_loader_26t", "depot_id": make.depot(session).id},
    "crew": _crew,
    "absence": _absence,
    "holiday": lambda _: {"day": "2026-12-25", "name": "Christmas Day"},
    "waste_class_setting": lambda _: {"waste_class": "glass", "density_kg_m3": 280},
}
"""The smallest valid body of each kind, standing on rows of the session's tenant."""


def valid_body(session: TenantSession, singular: str) -> dict[str, Any]:
    return BODIES[singular](session)


def _make(resource: Resource, *, in_url: bool) -> Callable[[Database, int], dict[str, Any]]:
    def made(database: Database, tenant_id: int) -> dict[str, Any]:
        with database.transaction(tenant_id) as session:
            row = getattr(make, resource.singular)(session)
            known_by = row.id if isinstance(row, TenantRow) else KEYS_OF_THEIR_OWN[resource.singular]
        return {resource.key or f"{resource.singular}_id": known_by} if in_url else {}

    return made


def _body(resource: Resource) -> Callable[[Database, int], dict[str, Any]]:
    def body(database: Database, tenant_id: int) -> dict[str, Any]:
        with database.transaction(tenant_id) as session:
            return valid_body(session, resource.singular)

    return body


def _owned(resource: Resource) -> tuple[Owned, ...]:
    make_in_list, make_in_url, body = _make(resource, in_url=False), _make(resource, in_url=True), _body(resource)
    return (
        Owned(f"assets.{resource.endpoint}", make=make_in_list, body=body),
        Owned(f"assets.{resource.item_endpoint}", make=make_in_url, body=body, methods=("PUT", "PATCH")),
        Owned(f"assets.{resource.item_endpoint}", make=make_in_url, methods=("GET", "DELETE")),
    )


OWNED = tuple(owned for resource in RESOURCES for owned in _owned(resource))
OWNS_NOTHING = {
    "assets.Presets": "it adds the same public presets to whoever asks, and names no row",
    "assets.Imports": "rows come in by code, and codes are looked up among the asker's own; test_register.py asks for a stranger's code",
}
