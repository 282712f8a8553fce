"""Whose rows telemetry's endpoints touch."""

from datetime import UTC, datetime
from typing import Any

from app.db import Database
from app.telemetry.ingest import ingest
from app.telemetry.lifts import record_lift
from app.telemetry.models import LiftSource
from tests.api.isolation import Owned
from tests.factories import telemetry as make

NOW = datetime.now(UTC).replace(microsecond=0)


def a_device(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        return {"device_id": make.mounted(session).id}


def a_measured_container(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        device = make.mounted(session)
        ingest(session, [make.reading(device.device_uid, NOW)], now=NOW)
        record_lift(session, device.container_id, NOW, LiftSource.DRIVER)
        return {"container_id": device.container_id}


def a_mount(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        return {"container_id": make.container(session).id}


def a_new_device(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"device_uid": f"new-{tenant_id}"} | a_mount(database, tenant_id)


def a_batch(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        device = make.mounted(session)
    return {"measurements": [{"device": device.device_uid, "observed_at": NOW.isoformat(), "distance_mm": 700}]}


OWNED = (
    Owned("telemetry.Measurements", a_device, a_batch),
    Owned("telemetry.Devices", a_device, a_new_device),
    Owned("telemetry.DeviceById", a_device, a_mount),
    Owned("telemetry.ContainerMeasurements", a_measured_container),
    Owned("telemetry.ContainerStates", a_measured_container),
    Owned("telemetry.Lifts", a_measured_container),
)
