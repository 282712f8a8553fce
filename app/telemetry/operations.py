"""The verbs of telemetry beside ingest: devices that come, move and go quiet."""

from datetime import UTC, datetime
from typing import Any

from app.assets.models import Container
from app.db import TenantSession
from app.errors import FieldProblem, Rejected
from app.telemetry.models import Device
from app.telemetry.sources import require_model
from app.tenancy import audit
from app.tenancy.scope import find_row


def create_device(session: TenantSession, values: dict[str, Any]) -> Device:
    """Register a sensor; `container_id` says where it hangs."""
    require_container(session, values.get("container_id"))
    require_model(session, values.get("model"), field="model")
    device = Device(**values)
    session.add(device)
    audit.record(session, "device.create", device, after=values)
    session.flush()
    session.refresh(device)
    return device


def change_device(session: TenantSession, device: Device, values: dict[str, Any]) -> Device:
    """Change what is known of a sensor. Where it is moved, what it said before stays with the container that it hung in."""
    require_container(session, values.get("container_id"))
    require_model(session, values.get("model"), field="model")
    before = audit.picture(device)
    if values.get("container_id", device.container_id) != device.container_id:
        values = {"installed_at": datetime.now(UTC)} | values
    for name, value in values.items():
        setattr(device, name, value)
    session.flush()
    was, is_now = audit.changes(before, audit.picture(device))
    audit.record(session, "device.change", device, before=was, after=is_now)
    return device


def require_container(session: TenantSession, container_id: int | None) -> None:
    if container_id is not None and find_row(session, Container, container_id) is None:
        problem = FieldProblem("container_id", "names no container", "GET /api/v1/containers lists them.")
        raise Rejected(f"There is no container {container_id}.", fields=(problem,))
